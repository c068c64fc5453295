package opening

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
)

var (
	deadline = time.Date(2026, 3, 2, 9, 0, 2, 0, time.UTC)
	errNo    = &room.Error{Code: room.RoomLocked, Detail: "nobody new enters"}
	errDisk  = errors.New("disk full")
	errOver  = &room.Error{Code: room.RoomEnded, Detail: "the session is over"}
)

// entries makes one entry per act.
func entries(acts ...string) []room.Entry {
	var list []room.Entry
	for _, act := range acts {
		list = append(list, room.Entry{Act: act})
	}
	return list
}

// opens is a verdict that lets in the people it names.
func opens(acts ...string) Verdict {
	return Verdict{Decision: decision(acts...), Opens: true, Entries: entries(acts...), Openings: entries(acts...)}
}

// closes is a verdict that opens nothing.
func closes(acts ...string) Verdict {
	return Verdict{Decision: decision(acts...), Entries: entries(acts...)}
}

func decision(acts ...string) room.Decision {
	var d room.Decision
	for _, act := range acts {
		d.Events = append(d.Events, room.SessionEnded{Reason: act})
	}
	return d
}

var no = Verdict{Err: errNo}

// A script is the life of one act: what happens to it, and what the actor has to do at each point.
type script struct {
	name    string
	must    bool
	verdict Verdict
	journal Journal
	first   Step
	states  []State // after New, and after each input
	inputs  []input
}

type input struct {
	do   func(*Act) Step
	want Step
}

func turn(v Verdict) func(*Act) Step { return func(a *Act) Step { return a.Turn(v) } }
func written(v Verdict, err error) func(*Act) Step {
	return func(a *Act) Step { return a.Written(v, err) }
}
func expire(v Verdict) func(*Act) Step  { return func(a *Act) Step { return a.Expire(v) } }
func abandon(err error) func(*Act) Step { return func(a *Act) Step { return a.Abandon(err) } }
func fail(err error) func(*Act) Step    { return func(a *Act) Step { return a.Fail(err) } }

var unavailable = Step{Action: Refuse, Err: &room.Error{Code: room.Unavailable, Detail: "it cannot be recorded now"}}

func write(v Verdict, add ...string) Step {
	return Step{Action: Write, Decision: v.Decision, Entries: entries(add...)}
}

func carry(v Verdict, recorded, undone []room.Entry) Step {
	return Step{Action: CarryOut, Decision: v.Decision, Entries: recorded, Undone: undone}
}

func refuse(err error, undone []room.Entry) Step {
	return Step{Action: Refuse, Err: err, Undone: undone}
}

var scripts = []script{
	{name: "refused by policy", verdict: no, journal: Free, first: refuse(errNo, nil), states: []State{Refused}},
	{name: "no journal", verdict: opens("a"), journal: Absent, first: carry(opens("a"), nil, nil), states: []State{Unrecorded}},
	{name: "closes", verdict: closes("a"), journal: Failing, first: carry(closes("a"), nil, nil), states: []State{Unrecorded}},
	{name: "journal fails", verdict: opens("a"), journal: Failing, first: unavailable, states: []State{Refused}},
	{name: "journal fails, must", must: true, verdict: closes("a"), journal: Failing, first: carry(closes("a"), nil, nil), states: []State{Unrecorded}},
	{
		name: "persisted at once", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"), states: []State{Persisting, Persisted},
		inputs: []input{{written(opens("a"), nil), carry(opens("a"), entries("a"), nil)}},
	},
	{
		name: "waits for its turn", verdict: opens("a"), journal: Busy, first: Step{Action: Queue}, states: []State{Decided, Persisting, Persisted},
		inputs: []input{{turn(opens("b")), write(opens("b"), "b")}, {written(opens("b"), nil), carry(opens("b"), entries("b"), nil)}},
	},
	{
		name: "must is recorded although it opens nothing", must: true, verdict: closes("a"), journal: Busy,
		first: Step{Action: Queue}, states: []State{Decided, Persisting, Persisted},
		inputs: []input{{turn(closes("a")), write(closes("a"), "a")}, {written(closes("a"), nil), carry(closes("a"), entries("a"), nil)}},
	},
	{
		name: "refused at its turn", verdict: opens("a"), journal: Busy, first: Step{Action: Queue}, states: []State{Decided, Refused},
		inputs: []input{{turn(no), refuse(errNo, nil)}},
	},
	{
		name: "opens nothing at its turn", verdict: opens("a"), journal: Busy, first: Step{Action: Queue}, states: []State{Decided, Unrecorded},
		inputs: []input{{turn(closes()), carry(closes(), nil, nil)}},
	},
	{
		name: "refused after its record", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"), states: []State{Persisting, Refused},
		inputs: []input{{written(no, nil), refuse(errNo, entries("a"))}},
	},
	{
		name: "less than its record", verdict: opens("a", "b"), journal: Free, first: write(opens("a", "b"), "a", "b"), states: []State{Persisting, Persisted},
		inputs: []input{{written(opens("b"), nil), carry(opens("b"), entries("b"), entries("a"))}},
	},
	{
		name: "closes more than its record", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"), states: []State{Persisting, Persisted},
		inputs: []input{{
			written(Verdict{Decision: decision("a", "z"), Opens: true, Entries: entries("a", "z"), Openings: entries("a")}, nil),
			carry(opens("a", "z"), entries("a"), nil),
		}},
	},
	{
		name: "opens more than its record", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"),
		states: []State{Persisting, Decided, Persisting, Persisted},
		inputs: []input{
			{written(opens("a", "b"), nil), Step{Action: Requeue}},
			{turn(opens("a", "b")), write(opens("a", "b"), "b")},
			{written(opens("a", "b"), nil), carry(opens("a", "b"), entries("a", "b"), nil)},
		},
	},
	{
		name: "refused after the first of two records", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"),
		states: []State{Persisting, Decided, Refused},
		inputs: []input{{written(opens("a", "b"), nil), Step{Action: Requeue}}, {turn(no), refuse(errNo, entries("a"))}},
	},
	{
		name: "the second record fails", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"),
		states: []State{Persisting, Decided, Persisting, Refused},
		inputs: []input{
			{written(opens("a", "b"), nil), Step{Action: Requeue}},
			{turn(opens("a", "b")), write(opens("a", "b"), "b")},
			{written(opens("a", "b"), errDisk), refuse(unavailable.Err, entries("a"))},
		},
	},
	{
		name: "the record fails", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"), states: []State{Persisting, Refused},
		inputs: []input{{written(opens("a"), errDisk), unavailable}},
	},
	{
		name: "the record fails, must", must: true, verdict: opens("a"), journal: Free, first: write(opens("a"), "a"), states: []State{Persisting, Unrecorded},
		inputs: []input{{written(opens("a"), errDisk), carry(opens("a"), nil, nil)}},
	},
	{
		name: "the record fails, must, refused by policy", must: true, verdict: opens("a"), journal: Free, first: write(opens("a"), "a"),
		states: []State{Persisting, Refused},
		inputs: []input{{written(no, errDisk), refuse(errNo, nil)}},
	},
	{
		name: "expires in the queue", verdict: opens("a"), journal: Busy, first: Step{Action: Queue}, states: []State{Decided, Expired},
		inputs: []input{{expire(opens("a")), unavailable}},
	},
	{
		name: "expires while its record is under way", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"),
		states: []State{Persisting, Expired, Expired},
		inputs: []input{{expire(opens("a")), unavailable}, {written(opens("a"), nil), Step{Undone: entries("a")}}},
	},
	{
		name: "expires, and its record fails", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"),
		states: []State{Persisting, Expired, Expired},
		inputs: []input{{expire(opens("a")), unavailable}, {written(opens("a"), errDisk), Step{}}},
	},
	{
		name: "must is carried out beside its record", must: true, verdict: opens("a"), journal: Free, first: write(opens("a"), "a"),
		states: []State{Persisting, Expired, Expired},
		inputs: []input{{expire(opens("a")), carry(opens("a"), nil, nil)}, {written(no, nil), Step{Undone: entries("a")}}},
	},
	{
		name: "expires between two records", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"),
		states: []State{Persisting, Decided, Persisting, Expired, Expired},
		inputs: []input{
			{written(opens("a", "b"), nil), Step{Action: Requeue}},
			{turn(opens("a", "b")), write(opens("a", "b"), "b")},
			{expire(opens("a", "b")), refuse(unavailable.Err, entries("a"))},
			{written(opens("a", "b"), nil), Step{Undone: entries("b")}},
		},
	},
	{
		name: "the room ends while it waits", verdict: opens("a"), journal: Busy, first: Step{Action: Queue}, states: []State{Decided, Refused},
		inputs: []input{{abandon(errOver), refuse(errOver, nil)}},
	},
	{
		name: "the room ends while its record is under way", must: true, verdict: opens("a"), journal: Free, first: write(opens("a"), "a"),
		states: []State{Persisting, Expired, Expired},
		inputs: []input{{abandon(errOver), refuse(errOver, nil)}, {written(no, nil), Step{Undone: entries("a")}}},
	},
	{
		name: "cannot be carried out", verdict: opens("a"), journal: Free, first: write(opens("a"), "a"), states: []State{Persisting, Persisted, Refused},
		inputs: []input{{written(opens("a"), nil), carry(opens("a"), entries("a"), nil)}, {fail(errOver), refuse(errOver, entries("a"))}},
	},
	{
		name: "cannot be carried out beside its record", must: true, verdict: opens("a"), journal: Free, first: write(opens("a"), "a"),
		states: []State{Persisting, Expired, Expired, Expired},
		inputs: []input{
			{expire(opens("a")), carry(opens("a"), nil, nil)}, {fail(errOver), refuse(errOver, nil)},
			{written(no, nil), Step{Undone: entries("a")}},
		},
	},
}

func TestScripts(t *testing.T) {
	reached := map[State]bool{}
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			a, got := New(s.verdict, s.must, s.journal, deadline)
			check := func(i int, want Step) {
				t.Helper()
				if !sameStep(got, want) {
					t.Fatalf("step %d is\n%+v, want\n%+v", i, got, want)
				}
				if a.State() != s.states[i] {
					t.Fatalf("%v after step %d, want %v", a.State(), i, s.states[i])
				}
				reached[a.State()] = true
				at, waits := a.Deadline()
				if open := a.State() == Decided || a.State() == Persisting; waits != open || !at.Equal(deadline) {
					t.Fatalf("%v: deadline %v, %v", a.State(), at, waits)
				}
			}
			check(0, s.first)
			for i, in := range s.inputs {
				got = in.do(a)
				check(i+1, in.want)
			}
			if len(s.states) != len(s.inputs)+1 {
				t.Fatalf("%d states for %d steps", len(s.states), len(s.inputs)+1)
			}
		})
	}
	for state := Decided; state <= Expired; state++ {
		if !reached[state] {
			t.Errorf("no script reaches %v", state)
		}
	}
}

func sameStep(a, b Step) bool {
	return a.Action == b.Action && reflect.DeepEqual(a.Err, b.Err) && reflect.DeepEqual(a.Decision, b.Decision) &&
		slices.Equal(a.Entries, b.Entries) && slices.Equal(a.Undone, b.Undone)
}

// TestInvariants plays random inputs: an act is answered once, and what records hold is true or undone, once.
func TestInvariants(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	verdicts := []Verdict{no, closes(), closes("z"), opens("a"), opens("b"), opens("a", "b"), opens("a", "b", "c")}
	pick := func() Verdict { return verdicts[dice.IntN(len(verdicts))] }
	for run := range 20_000 {
		must := dice.IntN(3) == 0
		a, step := New(pick(), must, Journal(dice.IntN(4)), deadline)
		durable, pending, answers := map[string]int{}, []room.Entry(nil), 0
		writing := false
		for range 12 {
			for _, e := range step.Undone {
				durable[e.Act]--
			}
			switch step.Action {
			case Write:
				writing, pending = true, step.Entries
			case CarryOut, Refuse:
				answers++
				if step.Action == CarryOut {
					for _, e := range step.Entries {
						durable[e.Act]-- // accounted for: it came true
					}
				}
			}
			if answers > 1 {
				t.Fatalf("run %d: answered twice, in state %v", run, a.State())
			}
			_, waits := a.Deadline()
			switch {
			case writing && dice.IntN(3) > 0:
				err := []error{nil, errDisk}[dice.IntN(2)]
				if err == nil {
					for _, e := range pending {
						durable[e.Act]++
					}
				}
				writing, pending = false, nil
				step = a.Written(pick(), err)
				continue
			case waits && dice.IntN(4) == 0:
				step = a.Expire(pick())
				continue
			case waits && dice.IntN(6) == 0:
				step = a.Abandon(errOver)
				continue
			case !writing && a.State() == Decided:
				step = a.Turn(pick())
				continue
			}
			step = Step{}
		}
		if _, waits := a.Deadline(); writing || waits {
			continue
		}
		if answers != 1 {
			t.Fatalf("run %d: %d answers, in state %v", run, answers, a.State())
		}
		for act, n := range durable {
			if n != 0 {
				t.Fatalf("run %d: the log holds %s %d times too often, in state %v", run, act, n, a.State())
			}
		}
	}
}

// TestJudge asks the policy itself.
func TestJudge(t *testing.T) {
	now := deadline
	s := room.State{Name: "g", Policy: room.Policy{Name: "default", MaxParticipants: 5, MaxWaiting: 5}}
	join := room.Join{Participant: "host", Grant: auth.Grant{Room: "g", Person: "host", Role: auth.Host}}
	v := Decide(room.EntryContext{Session: "key", At: now, By: "host"}, s, join, false)
	if !v.Opens || len(v.Openings) == 0 || v.Entries[0].By != "host" || v.Entries[0].Act != room.ActAdmitted {
		t.Fatalf("the first host: %+v", v)
	}
	s = room.ApplyAll(s, v.Decision.Events)
	leave := room.Leave{}
	if v := Decide(room.EntryContext{At: now, By: "host"}, s, leave, false); v.Err != nil || v.Opens || v.Entries != nil {
		t.Fatalf("a leave: %+v", v)
	}
	if v := Decide(room.EntryContext{At: now, By: "host"}, s, leave, true); len(v.Entries) == 0 || len(v.Openings) != 0 {
		t.Fatalf("a leave with its entries: %+v", v)
	}
	if v := Decide(room.EntryContext{At: now, By: "x"}, s, leave, true); v.Err == nil || v.Entries != nil {
		t.Fatalf("a leave of nobody: %+v", v)
	}
}
