// Package room is the policy of a session: pure, without clock, network, goroutine or log.
//
//	command ──► Decide(now, state, actor, command) ──► events, effects, or an Error
//	                                             │
//	state ◄── Apply(state, event) ◄──────────────┘
//	state ──► View(state, participant)   what this person may see: the only place that says so
//	state ──► PlanOf(state)              what the media plane must do: the only place that says so
//	state ──► NextDeadline(state)        when a Tick is due
//	before, events ──► EntriesOf, ConsentsOf, Opens    what is written of a decision, and whether before it is done
//
// A participant is notified of the difference between two Views and of nothing else, and a packet passes only by a Plan: admission is
// checked in one place, admit.go, and once more in PlanOf. Equal inputs give equal outputs. The actor that owns a running room is
// room/live.
//
// One file holds one rule: agreement, consent, requirements (passcode, identity, login, schedule), permission, sideroom, revoke,
// timeouts. What follows from a decision whatever the command was is in invariants.
//
// Invariants, fuzzed: who is not Admitted sees no roster, is in no Plan, and nobody hears of them but hosts; nobody is in a
// Plan who has not acknowledged what the policy asks; nothing is recorded without a standing consent of its owner, nor
// anything of a side room; a locked room admits nobody but hosts, resumed seats and returning people; a removed person is
// barred until lifted; a person has one seat in the group at most; every seat ends at most once.
package room
