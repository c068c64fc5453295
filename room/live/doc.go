// Package live runs rooms: one goroutine owns one room.
//
//	signaling ──► Registry.Join / Resume ──► Seat ──► Seat.Do(command) ─┐ mailbox
//	media events ──────────────────────────────────────────────────────┤
//	timer ─────────────────────────────────────────────────────────────┤
//	                                                     room.Decide, room.Apply
//	                                                       │            │
//	                       Client.Deliver(what changed in the View)   Media.Obey(Plan), then the answer
//
// The actor never waits for a socket, the media plane or a disk: Deliver and Obey do not block, and an answer that has to
// wait for the media plane is sent from its callback. The mailbox is bounded; when it is full the caller hears
// "unavailable".
package live
