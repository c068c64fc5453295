// Package room is the policy of a session: pure, without clock, network, goroutine or log.
//
//	command ──► Decide(now, state, actor, command) ──► events, effects, or an Error
//	                                             │
//	state ◄── Apply(state, event) ◄──────────────┘
//	state ──► ViewOf(state, participant) what this participant may see, decided only there
//	state ──► PlanOf(state)              what the media plane must do, decided only there
//	state ──► NextDeadline(state)        when a Tick is due
//	before, events ──► EntriesOf, ConsentsOf, Opens    the audit entries of a decision, and whether they are written before it applies
//
// A participant is notified of the difference between two Views and of nothing else, and a packet passes only by a Plan: admission is
// checked in one place, admit.go, and once more in PlanOf. Equal inputs give equal outputs. The actor that owns a running room is
// room/live.
//
// Each rule has a file of its own: agreement, consent, requirements (passcode, identity, login, schedule), permission, sideroom,
// revoke, timeouts. Consequences that any command can have are in invariants.
//
// Fuzzed invariants: a participant who is not Admitted sees no roster, is in no Plan, and is visible to hosts only; a Plan contains only
// participants who acknowledged the policy's texts; nothing is recorded without consent of its owner in force, and nothing of a side
// room; a locked room admits only hosts, resumed seats and returning people; a removed person is barred until unbarred; a person has
// at most one seat in the group; every seat ends at most once.
package room
