// Package bwe estimates how many bits a second the path to one receiver takes, from transport-wide feedback
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). It is pure: time is a parameter, equal inputs give equal estimates.
//
// The worker of a receiver that negotiated such feedback calls it: it allocates by the estimate, sends the probes and paces what is near it.
// For all others forward.BandwidthEstimate estimates from receiver reports.
//
//	Sent(now, size) ─► number ─► ring ◄─ Feedback(now, reports) ◄─ Reader ◄─ RTCP of the receiver, every 50 ms
//	                              ├─► groups of 5 ms ─► trend of the delay ┐
//	                              ├─► delay above its floor: the queue     ├─► decrease, hold or increase ─► Rate
//	                              ├─► acknowledged rate                    │
//	                              ├─► loss                                 │
//	                              └─► probe                                ┘
//	Probe(now, demand) ─► what to send to find out more        Tick(now) ─► feedback that does not come
//
// Delay shows congestion before loss does, but jitter looks like congestion. What tells them apart is how the delay ends: a queue
// drains only as fast as less is sent than the line takes. A delay that ends sooner was jitter; the decrease that it caused is
// undone, and the next delay has to be larger to count.
//
// Invariants, fuzzed: the rate is between minRate and maxRate, and never above 1.5 times the most that was acknowledged within 5 s or
// what a probe or an acknowledged rate proved since the last decrease; reports of packets that were not sent, of packets that were
// reported before, and of packets older than the ring change nothing; nothing is allocated after New.
package bwe
