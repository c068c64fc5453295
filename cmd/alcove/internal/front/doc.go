// Package front takes TCP connections in:
//
//	listener ─► ConnLimiters ─► TLS (files or ACME) ─► Demux, by the first byte ─► HTTP
//	                                                                            └► TURN
//
// It knows neither rooms nor media. A connection that sends nothing delays no other one, and TURN connections have half of all places, so
// that they keep nobody from the page.
package front
