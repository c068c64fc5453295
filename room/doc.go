// Package room is the policy of a session: pure, without clock, network, goroutine or log.
//
//	command ──► Decide(now, state, command) ──► events, effects, or an Error
//	                                             │
//	state ◄── Apply(state, event) ◄──────────────┘
//	state ──► View(state, participant)   what this person may see: the only place that says so
//	state ──► PlanOf(state)              what the media plane must do: the only place that says so
//	state ──► NextDeadline(state)        when a Tick is due
//
// Nobody is told anything but the difference between two Views, and no packet flows but by a Plan: admission has one gate, in
// admit.go, and one shadow of it in the media plane. Equal inputs give equal outputs. The actor that owns a running room is
// room/live.
//
// Invariants, fuzzed: who is not Admitted sees no roster, is in no Plan, and nobody hears of them but hosts; a locked
// room admits nobody but hosts, resumed seats and returning people; a removed person is barred until lifted; every seat
// ends at most once.
package room
