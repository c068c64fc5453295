// Package session serves one connection of alcove.v1: it reads requests, passes them to the seat and writes answers and events.
// It bounds what a client can cost; the room decides what a client may do.
//
//	socket ─► reader: bounded frame ─► wire.ParseRequest ─► rate limits ─► idempotency cache ─► live.Seat ─┐ waits until in force
//	                                                                                                       ▼
//	socket ◄─ writer ◄────────────────── outbox (bounded) ◄───────────────────── answer ───────────────────┘
//	                                        ▲
//	room's actor ─► Deliver, End: event ────┘ never blocks
//
// A Service holds what all connections share: the attempts of hello that may be repeated (hello_retry.go) and the answers of
// each session (idempotency.go), which outlive a connection.
//
// Invariants, tested: a connection has two goroutines and, before hello, a fixed budget of memory; every frame gets an answer or
// a documented close code; an answer comes after the act is in force, the answer to hello before every event; a request ID is
// handled once, also across a resume; a panic costs the connection in which it happened; no token, name, address, SDP or room
// name reaches the log.
package session
