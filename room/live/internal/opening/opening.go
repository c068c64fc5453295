// Package opening is the state machine of an act that opens something: an admission, an unlock, a permission, a consent. Such an act is
// carried out only after its record is durable, and only if policy still allows it then.
//
//	New ──► Decided ──Turn──► Persisting ──Written──► Persisted    carried out
//	           ▲                  │  │
//	           └── opens more ────┘  │
//	                                 ├── policy or the journal refuses ──► Refused
//	                                 └── the deadline passes ────────────► Expired
//
// The package is pure: no clock, no goroutine, no journal. Every input returns a Step, which the actor of the room executes.
//
// Invariants: an act is answered once, by CarryOut or by Refuse; an entry in a record that did not take effect is returned in Undone
// once; without a durable record nothing is carried out, unless it opens nothing or must is set.
package opening

import (
	"slices"
	"time"

	"alcove/room"
)

// A State is the progress of an act.
type State int

// The closed list of states. All but the first two are final.
const (
	Decided    State = iota // policy allows it; it waits for its turn in the journal
	Persisting              // the journal is writing its record
	Persisted               // carried out, and its record was durable before
	Unrecorded              // carried out without a record of its own: it opens nothing, or must is set and the journal fails
	Refused                 // by policy, by the journal, or because the room ended
	Expired                 // answered at its deadline; a record in flight then is undone once it is durable
)

func (s State) String() string {
	return [...]string{"decided", "persisting", "persisted", "unrecorded", "refused", "expired"}[s]
}

// A Journal is the current condition of the journal.
type Journal int

// The closed list of conditions.
const (
	Absent  Journal = iota // nothing is recorded
	Free                   // it accepts a record now
	Busy                   // it is writing another record, or other acts wait for it
	Failing                // no record would be durable before the deadline
)

// A Verdict is the decision of policy on an act, for the current state of the room.
type Verdict struct {
	Decision room.Decision
	Err      error        // refuses the act; the other fields are empty then
	Opens    bool         // room.Opens of the decision
	Entries  []room.Entry // room.EntriesOf the decision
	Openings []room.Entry // room.OpeningEntriesOf the decision
}

// Decide applies policy to a command of t.By. The entries of a decision that opens nothing are left out unless all is set.
func Decide(t room.EntryContext, s room.State, c room.Command, all bool) Verdict {
	d, err := room.Decide(t.At, s, t.By, c)
	if err != nil {
		return Verdict{Err: err}
	}
	v := Verdict{Decision: d, Opens: room.Opens(s, d.Events)}
	if v.Opens || all {
		v.Entries, v.Openings = room.EntriesOf(t, s, d.Events), room.OpeningEntriesOf(t, s, d.Events)
	}
	return v
}

// An Action is what the actor has to do.
type Action int

// The closed list of actions.
const (
	Wait     Action = iota // nothing: the act was answered before
	Queue                  // append the act to the queue
	Requeue                // put the act at the head of the queue
	Write                  // pass the journal a record of the Decision, with Entries
	CarryOut               // carry the Decision out and answer
	Refuse                 // answer Err
)

// A Step is what the actor executes: it adds Undone to the audit log, then performs Action.
type Step struct {
	Action   Action
	Decision room.Decision
	Err      error
	Entries  []room.Entry // of Write: the entries that the record adds; of CarryOut: those in earlier records
	Undone   []room.Entry // entries in records that did not take effect
}

// An Act is one act that opens something. Use New to create one.
type Act struct {
	state    State
	must     bool
	deadline time.Time
	recorded []room.Entry // its entries in durable records
	pending  []room.Entry // its entries in the record in flight
}

// New creates an act. With must it is carried out even if its record cannot be written in time, so that the session continues. The
// deadline applies if the act has to wait for the journal.
func New(v Verdict, must bool, j Journal, deadline time.Time) (*Act, Step) {
	a := &Act{state: Decided, must: must, deadline: deadline}
	switch {
	case v.Err != nil:
		return a, a.refuse(v.Err)
	case j == Absent || !must && !v.Opens:
		return a, a.carryOut(v)
	case j == Failing:
		return a, a.unwritten(v)
	case j == Free:
		return a, a.Turn(v)
	}
	return a, Step{Action: Queue}
}

// State returns the state of the act.
func (a *Act) State() State { return a.state }

// Deadline returns when Expire is due, and whether the act still waits for its answer.
func (a *Act) Deadline() (time.Time, bool) {
	return a.deadline, a.state == Decided || a.state == Persisting
}

// Turn reports that the journal accepts the record of a Decided act now. The room may have changed since, so v is a new verdict.
func (a *Act) Turn(v Verdict) Step {
	switch {
	case v.Err != nil:
		return a.refuse(v.Err)
	case !a.must && !v.Opens:
		return a.carryOut(v)
	}
	a.state, a.pending = Persisting, Missing(v.Entries, a.recorded)
	return Step{Action: Write, Decision: v.Decision, Entries: a.pending}
}

// Written reports that the record is durable, or failed with err. The room may have changed meanwhile, so v is a new verdict.
func (a *Act) Written(v Verdict, err error) Step {
	if err == nil { // records are atomic
		a.recorded = append(a.recorded, a.pending...)
	}
	a.pending = nil
	switch {
	case a.state == Expired:
		return Step{Undone: a.undo()}
	case err != nil:
		return a.unwritten(v)
	case v.Err != nil:
		return a.refuse(v.Err)
	case len(Missing(v.Openings, a.recorded)) > 0:
		a.state = Decided
		return Step{Action: Requeue}
	}
	a.state = Persisted
	undone := Missing(a.recorded, v.Entries)
	a.recorded = Missing(a.recorded, undone)
	return Step{Action: CarryOut, Decision: v.Decision, Entries: a.recorded, Undone: undone}
}

// Expire answers an act whose deadline passed: it is refused, or carried out if it must be.
func (a *Act) Expire(v Verdict) Step {
	step := a.unwritten(v)
	a.state = Expired
	return step
}

// Abandon refuses an act because its room stopped. A record in flight is undone once it is durable.
func (a *Act) Abandon(err error) Step {
	writing := a.state == Persisting
	step := a.refuse(err)
	if writing {
		a.state = Expired
	}
	return step
}

// Fail refuses an act that could not be carried out.
func (a *Act) Fail(err error) Step {
	if a.state == Expired {
		return Step{Action: Refuse, Err: err}
	}
	return a.refuse(err)
}

// unwritten ends an act whose record is not durable in time.
func (a *Act) unwritten(v Verdict) Step {
	switch {
	case !a.must:
		return a.refuse(&room.Error{Code: room.Unavailable, Detail: "it cannot be recorded now"})
	case v.Err != nil:
		return a.refuse(v.Err)
	}
	return a.carryOut(v)
}

func (a *Act) refuse(err error) Step {
	a.state = Refused
	return Step{Action: Refuse, Err: err, Undone: a.undo()}
}

// carryOut carries an act out without a record of its own. Entries in earlier records belong to other decisions, so they are undone.
func (a *Act) carryOut(v Verdict) Step {
	a.state = Unrecorded
	return Step{Action: CarryOut, Decision: v.Decision, Undone: a.undo()}
}

func (a *Act) undo() []room.Entry {
	undone := a.recorded
	a.recorded = nil
	return undone
}

// Missing returns the entries that recorded does not contain, ignoring times.
func Missing(entries, recorded []room.Entry) []room.Entry {
	var list []room.Entry
	for _, e := range entries {
		same := func(old room.Entry) bool {
			old.At = e.At
			return old == e
		}
		if !slices.ContainsFunc(recorded, same) {
			list = append(list, e)
		}
	}
	return list
}
