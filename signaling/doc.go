// Package signaling speaks the protocol alcove.v1 (PROTOCOL.md) over WebSocket, and serves the page and the health of the
// daemon over HTTP. It translates and bounds; it decides nothing: who may do what is the room's.
//
//	public listener                                               admin listener
//	  GET /            the page, under a strict CSP                 /livez /readyz /metrics
//	  GET /v1/page.json
//	  GET /v1/rtc ─► Origin, subprotocol, strangers' quota ─► one connection, two goroutines:
//
//	  socket ─► reader: bounded frame ─► parse ─► table of requests ─► Seat.Do / Seat.Offer ─┐ waits until in force
//	                                                                                         ▼
//	  socket ◄─ writer ◄─────────────────── outbox (bounded) ◄─────────────── answer ────────┘
//	                                            ▲
//	  room's actor ─► Deliver, End: event ──────┘ never blocks
//
// Invariants, tested: a stranger costs a fixed budget of memory and goroutines; every frame gets an answer or a documented
// close code; an answer comes after the act is in force, the hello's answer before every event; the same request id does
// nothing twice, also across a resume; a panic costs the connection it happened in; no token, name, address, SDP or name of
// a room reaches the log.
package signaling
