// Package live runs rooms: one goroutine owns one room.
//
//	signaling ──► Registry.Join / Resume ──► Seat ──► Seat.Do(command) ─┐ mailbox
//	media events ──────────────────────────────────────────────────────┤
//	timer ─────────────────────────────────────────────────────────────┤
//	                                                     room.Decide, room.Apply
//	                                                       │            │
//	                       Client.Deliver(what changed in the View)   Media.Obey(Plan), then the answer
//
// The actor (roomActor) never waits for a socket, the media plane or a disk: Deliver, Obey and Journal.Write do not block, and an
// answer that has to wait for one of them is sent from its callback. The mailbox is bounded; when it is full the answer is
// "unavailable".
//
// A command that opens something (an admission, an unlock, a grant) goes through the journal first: package opening decides at each
// point what happens to it, and proposal.go executes that. A command that closes something is carried out first and written after.
package live
