package room

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"alcove/auth"
)

// seeds are the openings that the fuzzer starts from: bytes that dealer turns into commands.
var seeds = [][]byte{
	{},
	[]byte("\x00\x00\x00\x00\x01\x12\x02\x05"),
	[]byte("join a host, wait, admit, lock, drop, resume, remove, end, and all of it again"),
	slices.Repeat([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}, 8),
	slices.Repeat([]byte{0, 9, 1, 0, 2, 2, 4, 0, 0, 13, 1, 1, 7, 3, 3}, 20),
}

func TestSeedsExist(t *testing.T) {
	if len(seeds) < 5 {
		t.Fatal("the fuzzer starts from nothing")
	}
	for _, seed := range seeds {
		play(t, seed)
	}
}

func FuzzDecide(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) { play(t, data) })
}

// TestRandomSessions plays many sessions from a fixed start, so that every run of the tests covers long ones.
func TestRandomSessions(t *testing.T) {
	for n := range uint64(40) {
		x := n*0x9e3779b97f4a7c15 + 1
		data := make([]byte, 0, 1600)
		for len(data) < 1600 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			data = binary.LittleEndian.AppendUint64(data, x)
		}
		play(t, data)
	}
}

// A dealer turns bytes into commands.
type dealer struct {
	data []byte
	n    int // seats named so far
}

func (d *dealer) next(n int) int {
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return int(b) % n
}

func (d *dealer) seat() ParticipantID { return ParticipantID(fmt.Sprint("s", d.next(max(d.n, 1)))) }

func (d *dealer) source() Source { return []Source{Microphone, Camera, Screen, "smell"}[d.next(4)] }

func (d *dealer) flag() bool { return d.next(2) == 0 }

func (d *dealer) join() Join {
	role := []auth.Role{auth.Host, auth.Cohost, auth.Participant, auth.Participant, auth.Observer, "admin"}[d.next(6)]
	c := joinAs(fmt.Sprint("s", d.n), fmt.Sprint("p", d.next(12)), role)
	c.DisplayName = []string{"", "Ann", "\u202e"}[d.next(3)]
	d.n++
	return c
}

func (d *dealer) publish() Publish {
	c := Publish{By: d.seat(), Generation: uint32(d.next(4))}
	for i := range d.next(4) {
		c.Sources = append(c.Sources, Publication{ID: PublicationID(fmt.Sprint(len(d.data), "-", i)), Source: d.source()})
	}
	return c
}

func (d *dealer) command(now time.Time) Command {
	switch d.next(26) {
	case 1:
		id := d.seat()
		return Resume{Participant: id, Secret: hash(string(id)), Next: hash(string(id))}
	case 2:
		return Confirm{By: d.seat()}
	case 3:
		return Disconnect{By: d.seat()}
	case 4:
		return Leave{By: d.seat()}
	case 5:
		return Admit{By: d.seat(), All: true}
	case 6:
		return Admit{By: d.seat(), Targets: ids(d.seat(), d.seat())}
	case 7:
		return Deny{By: d.seat(), Target: d.seat()}
	case 8:
		return SendBack{By: d.seat(), Target: d.seat()}
	case 9:
		return Remove{By: d.seat(), Target: d.seat()}
	case 10:
		return Lift{By: d.seat(), Target: d.seat()}
	case 11:
		return Lock{By: d.seat()}
	case 12:
		return Unlock{By: d.seat()}
	case 13:
		if d.next(8) > 0 { // an end is the end: rarely
			return Tick{Now: now}
		}
		return End{By: d.seat()}
	case 14, 15:
		return d.publish()
	case 16:
		return SetMuted{By: d.seat(), Source: d.source(), Muted: d.flag()}
	case 17:
		return Mute{By: d.seat(), Target: d.seat(), Source: d.source()}
	case 18:
		return AskUnmute{By: d.seat(), Target: d.seat(), Source: d.source()}
	case 19:
		return SetPermission{By: d.seat(), Target: d.seat(), Source: d.source(), Allowed: d.flag()}
	case 20:
		return AskScreen{By: d.seat()}
	case 21:
		return SetHand{By: d.seat(), Raised: d.flag()}
	case 22:
		return Message{By: d.seat(), Target: d.seat(), Text: "words"}
	case 23:
		return Tick{Now: now}
	}
	return d.join()
}

// play plays a session and holds every step against the invariants.
func play(t *testing.T, data []byte) {
	t.Helper()
	d := &dealer{data: data}
	s := newScript(t).s
	s.Policy.ScreenForAll = d.flag()
	now := start
	ended := map[ParticipantID]bool{}
	for len(d.data) > 0 {
		now = now.Add(time.Duration(d.next(20)) * time.Second)
		c := d.command(now)
		before := deepCopy(s)
		dec, err := Decide(now, s, c)
		again, err2 := Decide(now, before, c)
		if !reflect.DeepEqual(dec, again) || codeOf(err) != codeOf(err2) {
			t.Fatalf("%T: equal inputs, two answers:\n%+v %v\n%+v %v", c, dec, err, again, err2)
		}
		if err != nil && (codeOf(err) == "" || dec.Events != nil || dec.Effects != nil) {
			t.Fatalf("%T: refused with %v and consequences %+v", c, err, dec)
		}
		next := s
		for _, e := range dec.Events {
			if e, ok := e.(SeatEnded); ok {
				if ended[e.ID] {
					t.Fatalf("%T: seat %s ends twice", c, e.ID)
				}
				ended[e.ID] = true
			}
			next = Apply(next, e)
		}
		if !reflect.DeepEqual(s, before) {
			t.Fatalf("%T: Apply changed its input from\n%+v to\n%+v", c, before, s)
		}
		checkState(t, next)
		checkStep(t, s, next, c, dec)
		s = next
	}
}

// checkState holds what is true of every state.
func checkState(t *testing.T, s State) {
	t.Helper()
	in := map[ParticipantID]bool{}
	csrcs := map[uint32]bool{}
	for _, p := range s.Participants {
		in[p.ID] = p.Access == Admitted
		if s.barred(p.Person) {
			t.Fatalf("%s is barred and has a seat", p.ID)
		}
		if p.Access == Waiting && (p.Publications != nil || p.Role.Hosts()) {
			t.Fatalf("one who waits: %+v", p)
		}
		for _, pub := range p.Publications {
			if csrcs[pub.CSRC] || pub.CSRC == 0 || pub.CSRC > s.LastCSRC {
				t.Fatalf("CSRC %d of %s", pub.CSRC, pub.ID)
			}
			csrcs[pub.CSRC] = true
		}
	}
	if n := s.count(Admitted); n > s.Policy.MaxParticipants+hostReserve || s.count(Waiting) > s.Policy.MaxWaiting+s.Policy.MaxParticipants {
		t.Fatalf("%d admitted, %d waiting", n, s.count(Waiting))
	}
	for _, seat := range PlanOf(s).Seats {
		if !in[seat.Participant] {
			t.Fatalf("%s is in the plan, unadmitted", seat.Participant)
		}
		for _, id := range seat.Hears {
			if !in[id] || id == seat.Participant {
				t.Fatalf("%s hears %s", seat.Participant, id)
			}
		}
		for _, pub := range seat.Sends {
			p, _ := s.seat(seat.Participant)
			if !pub.Muted && !may(s, p, pub.Source.act()) {
				t.Fatalf("%s sends %+v", p.Role, pub)
			}
		}
	}
	for _, p := range s.Participants {
		checkView(t, s, p, in)
	}
}

func checkView(t *testing.T, s State, p Participant, in map[ParticipantID]bool) {
	t.Helper()
	v := ViewOf(s, p.ID)
	if p.Access == Waiting {
		if want := (View{Self: Self{ID: p.ID, Role: p.Role, Access: Waiting, Generation: p.Generation}}); !reflect.DeepEqual(v, want) {
			t.Fatalf("one who waits sees %+v", v)
		}
		return
	}
	if !p.Role.Hosts() && (v.Waiting != nil || v.Barred != nil) {
		t.Fatalf("%s sees the door: %+v", p.Role, v)
	}
	for _, row := range v.Roster {
		if !in[row.ID] {
			t.Fatalf("%s is in a roster, unadmitted", row.ID)
		}
	}
}

// checkStep holds what is true of every step.
func checkStep(t *testing.T, s, next State, c Command, d Decision) {
	t.Helper()
	closed := map[ParticipantID]bool{}
	for _, e := range d.Effects {
		if e, ok := e.(Closing); ok {
			closed[e.To] = true
		}
	}
	for _, p := range s.Participants {
		if _, still := next.seat(p.ID); still == closed[p.ID] {
			t.Fatalf("%T: %s: seated %v, told the end %v", c, p.ID, still, closed[p.ID])
		}
	}
	for _, p := range next.Participants {
		old, was := s.seat(p.ID)
		if p.Access != Admitted || was && old.Access == Admitted {
			continue
		}
		if s.Locked && !p.Role.Hosts() && !old.Returning {
			t.Fatalf("%T: %s entered a locked room", c, p.ID)
		}
		if !next.known(p.Person) {
			t.Fatalf("%T: %s entered and is not known", c, p.ID)
		}
	}
	if next.LastCSRC < s.LastCSRC {
		t.Fatalf("%T: CSRCs go back", c)
	}
}

func deepCopy(s State) State {
	s.Participants = slices.Clone(s.Participants)
	for i := range s.Participants {
		s.Participants[i].Publications = slices.Clone(s.Participants[i].Publications)
	}
	s.Known, s.Barred = slices.Clone(s.Known), slices.Clone(s.Barred)
	return s
}
