// Package signaling serves the page, the WebSockets of the protocol alcove.v1 (PROTOCOL.md), health, metrics and the HTTP API
// over HTTP. It checks where a connection comes from and how many there are; the packages below it do the rest.
//
//	public listener                                                    admin listener
//	  GET /             the page, under a strict CSP                     /livez /readyz /metrics
//	  GET /v1/page.json                                                  /v1/ ─► api: the HTTP API for clinics
//	  GET /v1/rtc ─► Origin, subprotocol ─► limit before hello ─► session ─► live.Seat
//
//	conns    limits TCP connections, so that strangers cannot take those of people
//	session  serves one connection: reader, writer, rate limits, idempotency, repeated hello
//	wire     encodes and decodes messages: pure functions
//	api      the HTTP API for clinics
//	web      the page: TypeScript, embedded
//
// Invariants, tested: a forwarding header counts only from a trusted proxy; a foreign page cannot open a connection; a
// connection without hello has a fixed budget of memory and goroutines; a panic costs the request or the connection in which it
// happened; no token, name, address, SDP or room name reaches the log.
package signaling
