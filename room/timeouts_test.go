package room

import (
	"reflect"
	"testing"
	"time"

	"alcove/auth"
)

// wait advances time as the actor does, with a Tick at each deadline. It returns the last effects.
func (r *script) wait(d time.Duration) []Effect {
	r.t.Helper()
	var told []Effect
	end := r.now.Add(d)
	for range 100 {
		due, ok := NextDeadline(r.s)
		if !ok || due.After(end) {
			r.now = end
			return told
		}
		r.now = due
		dec, err := decide(r.now, r.s, Tick{Now: r.now})
		if err != nil || len(dec.Events) == 0 {
			r.t.Fatalf("a deadline at %s where nothing happens: %v", r.now, err)
		}
		r.s = ApplyAll(r.s, dec.Events)
		told = append(told, dec.Effects...)
	}
	r.t.Fatal("deadlines without end")
	return nil
}

func newTimedScript(t *testing.T, change func(*Policy)) *script {
	t.Helper()
	r := newScript(t)
	change(&r.s.Policy)
	r.seatOf("host", auth.Host)
	r.seatOf("ann", auth.Participant)
	return r
}

func (r *script) wantEnded(reason string) {
	r.t.Helper()
	if r.s.EndedFor != reason {
		r.t.Fatalf("ended for %q, want %q", r.s.EndedFor, reason)
	}
}

func TestAbsoluteLimit(t *testing.T) {
	r := newTimedScript(t, func(p *Policy) { p.SessionLimit = 30 * time.Minute })
	end := r.s.StartedAt.Add(30 * time.Minute)
	if v := ViewOf(r.s, "ann").Room; !v.EndsAt.Equal(end) || v.EndsFor != "limit" {
		t.Fatalf("ends at %s for %q", v.EndsAt, v.EndsFor)
	}
	r.do(joinAs("wait", "wait", auth.Participant))
	both := func(minutes int) []Effect { return []Effect{Warning{"host", minutes}, Warning{"ann", minutes}} }
	if told := r.wait(end.Add(-9 * time.Minute).Sub(r.now)); !reflect.DeepEqual(told, both(10)) {
		t.Fatalf("told %+v", told)
	}
	if told := r.wait(5 * time.Minute); !reflect.DeepEqual(told, both(5)) {
		t.Fatalf("told %+v", told)
	}
	r.refused(as("ann", Extend{Minutes: 10}), Forbidden)
	r.refused(as("host", Extend{}), BadRequest)
	r.refused(as("host", Extend{Minutes: 61}), BadRequest)
	r.do(as("host", Extend{Minutes: 4})) // 8 minutes are left: the next warning is at 5
	if told := r.wait(4 * time.Minute); !reflect.DeepEqual(told, both(5)) {
		t.Fatalf("told %+v", told)
	}
	if told := r.wait(3*time.Minute + 30*time.Second); !reflect.DeepEqual(told, both(1)) {
		t.Fatalf("told %+v", told)
	}
	r.wait(time.Minute)
	r.wantEnded("limit")
}

func TestLateTickWarnsOnce(t *testing.T) {
	r := newTimedScript(t, func(p *Policy) { p.SessionLimit = 30 * time.Minute })
	r.now = r.s.EndsAt.Add(-4*time.Minute - time.Second)
	d := r.do(Tick{Now: r.now})
	if !reflect.DeepEqual(d.Effects, []Effect{Warning{"host", 5}, Warning{"ann", 5}}) {
		t.Fatalf("told %+v", d.Effects)
	}
	if d := r.do(Tick{Now: r.now}); d.Effects != nil {
		t.Fatalf("told twice: %+v", d.Effects)
	}
}

func TestExtendIsBounded(t *testing.T) {
	r := newTimedScript(t, func(*Policy) {})
	r.refused(as("host", Extend{Minutes: 10}), InvalidState)
	r.s.EndsAt = r.s.StartedAt.Add(maxSession - time.Minute)
	r.do(as("host", Extend{Minutes: 10}))
	r.refused(as("host", Extend{Minutes: 10}), InvalidState)
}

func TestSchedule(t *testing.T) {
	at := func(c Join, from, to time.Duration) Join {
		c.NotBefore, c.NotAfter = start.Add(from), start.Add(to)
		return c
	}
	r := newScript(t)
	r.s.Policy.EarlyEntry, r.s.Policy.SessionLimit = 15*time.Minute, 2*time.Hour
	early := at(joinAs("ann", "ann", auth.Participant), 20*time.Minute, time.Hour)
	r.refused(early, RoomNotStarted)
	r.now = start.Add(6 * time.Minute)
	r.do(early)
	r.do(joinAs("host", "host", auth.Host)) // may come early, and finds the schedule of the first token
	r.refused(as("host", Admit{All: true}), RoomNotStarted)
	r.now = start.Add(20 * time.Minute)
	r.do(as("host", Admit{All: true}))
	if end := ViewOf(r.s, "ann").Room.EndsAt; !end.Equal(start.Add(time.Hour)) {
		t.Fatalf("ends at %s", end)
	}
	r.refused(as("host", Extend{Minutes: 60}), InvalidState) // not beyond the schedule
	if told := r.wait(35 * time.Minute); len(told) != 4 {
		t.Fatalf("told %+v", told)
	}
	r.wait(5 * time.Minute)
	r.wantEnded("limit")

	r = newScript(t)
	r.s.Policy.NotBefore, r.s.Policy.NotAfter = start.Add(-time.Hour), start.Add(-time.Minute)
	r.refused(joinAs("host", "host", auth.Host), RoomEnded)
	r.refused(joinAs("ann", "ann", auth.Participant), RoomEnded)
}

func TestWaitingLimit(t *testing.T) {
	r := newTimedScript(t, func(p *Policy) { p.WaitingLimit = 10 * time.Minute })
	r.do(joinAs("ben", "ben", auth.Participant))
	told := r.wait(10 * time.Minute)
	if want := []Effect{Closing{To: "ben", Access: Left, Reason: "timeout"}}; !reflect.DeepEqual(told, want) {
		t.Fatalf("told %+v", told)
	}
	r.wantAccess("ann", Admitted)
	r.do(as("host", SendBack{Target: "ann"})) // waits from now on
	r.wait(9 * time.Minute)
	r.wantAccess("ann", Waiting)
}

func TestIdleLimit(t *testing.T) {
	r := newTimedScript(t, func(p *Policy) { p.IdleLimit = 20 * time.Minute })
	r.wait(time.Hour)
	r.do(as("ann", Leave{}))
	r.wait(19 * time.Minute)
	r.seatOf("ben", auth.Participant)
	r.wait(time.Hour)
	r.do(as("ben", Leave{}))
	r.wait(20 * time.Minute)
	r.wantEnded("idle")
}

func TestWaitingForTheHostIsNotIdle(t *testing.T) {
	r := newScript(t)
	r.s.Policy.IdleLimit = time.Minute
	r.do(joinAs("ann", "ann", auth.Participant))
	r.wait(time.Hour)
	r.wantEnded("")
}

func TestLastHostLeaves(t *testing.T) {
	grace := func(p *Policy) { p.HostGrace = 5 * time.Minute }
	r := newTimedScript(t, grace)
	r.do(joinAs("wait", "wait", auth.Participant))
	r.do(as("host", Leave{}))
	v := ViewOf(r.s, "ann").Room
	if !v.Locked || !v.AbsenceLock || !v.HostAbsent || !v.EndsAt.Equal(r.now.Add(5*time.Minute)) || v.EndsFor != "absent" {
		t.Fatalf("the group sees %+v", v)
	}
	r.refused(joinAs("new", "new", auth.Participant), RoomLocked)
	r.wait(4 * time.Minute)
	r.do(joinAs("host2", "host", auth.Host)) // always gets in
	if v := ViewOf(r.s, "ann").Room; v.Locked || v.AbsenceLock || v.HostAbsent || !v.EndsAt.IsZero() || v.EndsFor != "" {
		t.Fatalf("the group sees %+v", v)
	}
	r.do(as("host2", Admit{All: true}))
	r.do(as("host2", Leave{}))
	r.wait(5 * time.Minute)
	r.wantEnded("absent")

	r = newTimedScript(t, grace)
	r.do(as("host", Lock{}))
	r.do(as("host", Leave{}))
	r.do(joinAs("host2", "host", auth.Host))
	if v := ViewOf(r.s, "ann").Room; !v.Locked || v.AbsenceLock {
		t.Fatalf("a host's lock was lifted by a return: %+v", v)
	}

	r = newTimedScript(t, grace)
	r.do(as("host", Disconnect{}))
	if r.s.Locked {
		t.Fatal("locked while the host's seat waits")
	}
	r.wait(time.Minute) // the window
	if !r.s.AbsenceLock {
		t.Fatal("open without a host")
	}
	r.wait(5 * time.Minute)
	r.wantEnded("absent")

	r = newTimedScript(t, func(*Policy) {})
	r.do(as("host", Leave{}))
	r.wait(time.Hour)
	r.wantEnded("") // no grace period is no end
}
