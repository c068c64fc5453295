// Package bwetest simulates receivers behind a line, in virtual time, for the tests of bwe.
//
//	audio, video of an allocation ─► pacer ─► line (capacity, queue, loss) ─► delay, jitter ─► receiver
//	        ▲                                  ▲                                                  │
//	     Estimator                        a TCP download                                   feedback every 50 ms
//
// All chance comes from the seed of a trace: equal traces give equal results.
package bwetest
