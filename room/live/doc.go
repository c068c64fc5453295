// Package live runs rooms: one goroutine owns one room.
//
//	signaling ──► Registry.Join / Resume ──► Seat ──► Seat.Do(command) ─┐ mailbox
//	media events ──────────────────────────────────────────────────────┤
//	timer ─────────────────────────────────────────────────────────────┤
//	                                                     room.Decide, room.Apply
//	                                                       │            │
//	                       Client.Deliver(changes of the View)   MediaRoom.ApplyPlan(Plan), then the answer
//
// The actor (roomActor) never waits for a socket, the media plane or a disk: Deliver, ApplyPlan and Journal.Write do not block, and an
// answer that depends on one of them is sent from its callback. The mailbox is bounded; requests beyond it are answered "unavailable".
//
// diff.go is pure: equal views give equal notices. It has no package of its own, because its results are the notices of Client: a package
// would have to hold those too, under another name, and every user would see the seam.
//
// A command that opens something (an admission, an unlock, a permission) is written to the journal first: package opening decides each
// step, and proposal.go executes it. A command that closes something is carried out first and then written.
package live
