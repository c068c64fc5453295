package room

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"alcove/auth"
)

// seeds are the seed corpus of the fuzzer: bytes that generator turns into commands.
var seeds = [][]byte{
	{},
	[]byte("\x00\x00\x00\x00\x01\x12\x02\x05"),
	[]byte("join a host, wait, admit, lock, drop, resume, remove, end, and all of it again"),
	slices.Repeat([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}, 8),
	slices.Repeat([]byte{7, 0, 0, 2, 2, 24, 1, 5, 3, 27, 0, 29, 1, 28, 2, 30, 3, 31, 32, 33, 34, 35, 36, 37}, 12),
	slices.Repeat([]byte{0, 9, 1, 0, 2, 2, 4, 0, 0, 13, 1, 1, 7, 3, 3}, 20),
}

func TestSeedsExist(t *testing.T) {
	if len(seeds) < 6 {
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

// sessions is the number of random sessions in each test run; it takes seconds, also under the race detector.
const sessions = 28

// TestRandomSessions runs many sessions from a fixed seed, so that every test run covers long ones.
func TestRandomSessions(t *testing.T) {
	reached := map[string]int{}
	for n := range uint64(sessions) {
		for what := range play(t, randomBytes(n, 1600)) {
			reached[what]++
		}
	}
	for _, what := range []string{"recording", "side room", "locked", "absent", "sent back", "help", "warned", "extended", "group", "key package"} {
		if reached[what] == 0 {
			t.Errorf("no session comes to: %s (%v)", what, reached)
		}
	}
}

// stateFeatures names the features of a state that the random sessions have to reach.
func stateFeatures(s State) map[string]bool {
	return map[string]bool{
		"group":       s.Groups.main().ID != "",
		"key package": slices.ContainsFunc(s.Participants, func(p Participant) bool { return p.KeyPackage != KeyPackage{} }),
		"recording":   len(Recordable(s)) > 0, "side room": len(s.SideRooms) > 0, "locked": s.Locked, "warned": s.Warned > 0,
		"absent": !s.AbsentSince.IsZero(), "extended": s.EndsAt.After(s.StartedAt.Add(s.Policy.SessionLimit)),
		"help":      slices.ContainsFunc(s.Participants, func(p Participant) bool { return p.HelpRaised }),
		"sent back": slices.ContainsFunc(s.Participants, func(p Participant) bool { return p.Returning }),
	}
}

// A generator turns bytes into commands.
type generator struct {
	data []byte
	n    int // seats named so far
	s    State
}

func (d *generator) next(n int) int {
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return int(b) % n
}

// seat picks a participant, mostly one that has a seat.
func (d *generator) seat() ParticipantID {
	if n := len(d.s.Participants); n > 0 && d.next(8) > 0 {
		return d.s.Participants[d.next(n)].ID
	}
	return ParticipantID(fmt.Sprint("s", d.next(max(d.n, 1))))
}

// by picks an actor, mostly a host.
func (d *generator) by() ParticipantID {
	if list := hosts(d.s); len(list) > 0 && d.next(4) > 0 {
		return list[d.next(len(list))]
	}
	return d.seat()
}

func (d *generator) source() Source { return []Source{Microphone, Camera, Screen, "smell"}[d.next(4)] }

func (d *generator) flag() bool { return d.next(2) == 0 }

func (d *generator) join() Join {
	role := []auth.Role{auth.Host, auth.Cohost, auth.Participant, auth.Participant, auth.Observer, "admin"}[d.next(6)]
	c := joinAs(fmt.Sprint("s", d.n), fmt.Sprint("p", d.next(24)), role)
	c.DisplayName = []string{"", "Ann", "\u202e"}[d.next(3)]
	c.E2EE = d.next(8) > 0
	d.n++
	return c
}

func (d *generator) publish() Command {
	by, c := d.by(), Publish{Generation: uint32(d.next(4))}
	for i := range d.next(4) {
		c.Sources = append(c.Sources, Publication{ID: PublicationID(fmt.Sprint(len(d.data), "-", i)), Source: d.source()})
	}
	return as(by, c)
}

func (d *generator) command(now time.Time) Command {
	if len(d.s.Participants) < 3 && d.flag() {
		return d.join()
	}
	switch d.next(52) {
	case 0, 24, 25:
		return d.join()
	case 1:
		id := d.seat()
		return Resume{Participant: id, Secret: hash(string(id)), Next: hash(string(id)), E2EE: d.next(8) > 0}
	case 2:
		return as(d.seat(), Confirm{})
	case 3:
		return as(d.seat(), Disconnect{})
	case 4:
		return as(d.seat(), Leave{AloneMinutes: d.next(20)})
	case 5:
		return as(d.by(), Admit{All: true})
	case 6:
		return as(d.by(), Admit{Targets: ids(d.seat(), d.seat()), Verify: d.flag()})
	case 7:
		return as(d.by(), Deny{Target: d.seat()})
	case 8:
		return as(d.by(), SendBack{Target: d.seat()})
	case 9:
		return as(d.by(), Remove{Target: d.seat()})
	case 10:
		return as(d.by(), Unbar{Target: d.seat()})
	case 11:
		return as(d.by(), Lock{})
	case 12:
		return as(d.by(), Unlock{})
	case 13:
		if d.next(8) > 0 { // an end is the end: rarely
			return Tick{Now: now}
		}
		return as(d.by(), End{})
	case 14, 15:
		return d.publish()
	case 16:
		return as(d.seat(), SetMuted{Source: d.source(), Muted: d.flag()})
	case 17:
		if d.next(4) == 0 {
			return as(d.by(), MuteAll{Source: d.source()})
		}
		return as(d.by(), Mute{Target: d.seat(), Source: d.source()})
	case 18:
		return as(d.by(), AskUnmute{Target: d.seat(), Source: d.source()})
	case 19:
		return as(d.by(), SetPermission{Target: d.seat(), Source: d.source(), Allowed: d.flag()})
	case 20:
		return as(d.seat(), AskScreen{})
	case 21:
		if d.next(4) == 0 {
			return as(d.by(), LowerHands{Targets: []ParticipantID{d.seat()}, All: d.flag()})
		}
		return as(d.seat(), SetHand{Raised: d.flag()})
	case 22:
		return as(d.by(), Message{Target: d.seat(), Text: "words"})
	case 23:
		return Tick{Now: now}
	case 26, 27, 28, 29, 30, 31, 32, 33:
		return d.groupCommand()
	}
	return d.otherCommand()
}

// play runs a session, checks the invariants after every step, and returns the features that it reached.
func play(t *testing.T, data []byte) map[string]bool {
	t.Helper()
	reached := map[string]bool{}
	d := &generator{data: data}
	s := newScript(t).s
	s.Policy = d.policy()
	d.s = s
	now := start
	ended := map[ParticipantID]bool{}
	for len(d.data) > 0 {
		if s.EndedFor != "" && d.next(4) == 0 { // and on to the next one
			s = State{Name: s.Name, Policy: d.policy()}
		}
		d.s = s
		now = now.Add(time.Duration(d.next(6)) * time.Second)
		c := d.command(now)
		before := deepCopy(s)
		dec, err := decide(now, s, c)
		again, err2 := decide(now, before, c)
		if !reflect.DeepEqual(dec, again) || codeOf(err) != codeOf(err2) {
			t.Fatalf("%s: equal inputs, two answers:\n%+v %v\n%+v %v", commandName(c), dec, err, again, err2)
		}
		if err != nil && (codeOf(err) == "" || dec.Events != nil || dec.Effects != nil) {
			t.Fatalf("%s: refused with %v and consequences %+v", commandName(c), err, dec)
		}
		next := s
		for _, e := range dec.Events {
			if e, ok := e.(SeatEnded); ok {
				if ended[e.ID] {
					t.Fatalf("%s: seat %s ends twice", commandName(c), e.ID)
				}
				ended[e.ID] = true
			}
			next = Apply(next, e)
		}
		if !reflect.DeepEqual(s, before) {
			t.Fatalf("%s: Apply changed its input from\n%+v to\n%+v", commandName(c), before, s)
		}
		if next.EndedFor == "" && len(d.data)%16 == 0 {
			checkStateRoundTrip(t, next)
		}
		checkState(t, next)
		checkStep(t, s, next, c, dec)
		s = next
		for what, is := range stateFeatures(s) {
			if is {
				reached[what] = true
			}
		}
	}
	return reached
}

// checkState checks the invariants of every state.
func checkState(t *testing.T, s State) {
	t.Helper()
	in := map[ParticipantID]bool{}
	csrcs := map[uint32]bool{}
	for _, p := range s.Participants {
		in[p.ID] = p.Access == Admitted
		if s.isBarred(p.Person) {
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
	persons := map[PersonID]bool{}
	for _, p := range s.Participants {
		if p.Access == Admitted && persons[p.Person] {
			t.Fatalf("%s has two seats in the group", p.Person)
		}
		persons[p.Person] = persons[p.Person] || p.Access == Admitted
	}
	if n := s.count(Admitted); n > s.Policy.MaxParticipants+hostReserve || s.count(Waiting) > s.Policy.MaxWaiting+s.Policy.MaxParticipants {
		t.Fatalf("%d admitted, %d waiting", n, s.count(Waiting))
	}
	for _, seat := range PlanOf(s).Entries {
		p, _ := s.seat(seat.Participant)
		if !in[seat.Participant] || !p.Role.Hosts() && !acknowledgedAll(s, p) || s.EndedFor != "" {
			t.Fatalf("%s is in the plan, unadmitted or unasked", seat.Participant)
		}
		for _, id := range seat.Receives {
			if !in[id] || id == seat.Participant || !CanHear(s, id, seat.Participant) {
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
	checkRecording(t, s)
}

// acknowledgedAll reimplements the rule independently: the person acknowledged a text of each ID in the policy.
func acknowledgedAll(s State, p Participant) bool {
	done := map[string]bool{}
	for _, text := range s.Policy.Agreement {
		done[text.ID] = done[text.ID] || slices.Contains(s.Acknowledged, Acknowledgement{p.Person, text.Hash})
	}
	for _, ok := range done {
		if !ok {
			return false
		}
	}
	return true
}

// checkRecording checks that nothing is recorded without consent in force, and nothing of a side room.
func checkRecording(t *testing.T, s State) {
	t.Helper()
	owners := map[PublicationID]Participant{}
	for _, p := range s.Participants {
		for _, pub := range p.Publications {
			owners[pub.ID] = p
		}
	}
	for _, rec := range PlanOf(s).Record {
		id := rec.Publication
		p := owners[id]
		if rec.Person != p.Person || rec.Participant != p.ID {
			t.Fatalf("%s is recorded as %+v", p.ID, rec)
		}
		scope, texts := RecordingVideo, s.Policy.Consents[1].Texts
		if pub, _ := p.publication(Microphone); pub.ID == id {
			scope, texts = RecordingAudio, s.Policy.Consents[0].Texts
		}
		granted := false
		for _, c := range s.Consents {
			granted = granted || c.Person == p.Person && c.Scope == scope && c.Answer == Granted && c.TextHash == texts[0].Hash
		}
		if s.Policy.E2EE == E2EERequired && !slices.Contains(p.Released, scope) {
			t.Fatalf("%s is recorded and gave no keys", id)
		}
		aside := slices.ContainsFunc(s.SideRooms, func(r SideRoom) bool { return r.Host == p.ID || r.Guest == p.ID })
		if !granted || aside || p.Access != Admitted || s.Policy.Recording == NoRecording || !slices.Contains(s.Asked, scope) {
			t.Fatalf("%s is recorded: consent %v, aside %v, %s", id, granted, aside, p.Access)
		}
		for _, other := range s.Participants {
			if s.Policy.Recording == WithEveryone && other.Access == Admitted && !hasConsent(s, other.Person, scope) {
				t.Fatalf("%s is recorded although %s has not consented", id, other.ID)
			}
		}
	}
}

// checkStateRoundTrip checks that a state survives encoding, except for its policy.
func checkStateRoundTrip(t *testing.T, s State) {
	t.Helper()
	back, err := DecodeState(EncodeState(s))
	back.Policy = s.Policy
	if err != nil || !bytes.Equal(EncodeState(back), EncodeState(s)) {
		t.Fatalf("kept %v:\n%+v\n%+v", err, back, s)
	}
}

func checkView(t *testing.T, s State, p Participant, in map[ParticipantID]bool) {
	t.Helper()
	v := ViewOf(s, p.ID)
	if p.Access == Waiting {
		self := v.Self
		v.Self = Self{}
		foreign := slices.ContainsFunc(self.Consents, func(c ConsentView) bool { return !hasConsent(s, p.Person, c.Scope) })
		if self.ID != p.ID || self.Permissions != nil || foreign || self.SideRoom != "" || !reflect.DeepEqual(v, View{}) {
			t.Fatalf("one who waits sees %+v", v)
		}
		return
	}
	for _, row := range v.Roster {
		if !p.Role.Hosts() && (row.HelpRaised || row.VerifiedName != "") {
			t.Fatalf("%s sees what is for hosts: %+v", p.Role, row)
		}
	}
	if !p.Role.Hosts() && (v.Waiting != nil || v.Barred != nil) {
		t.Fatalf("%s sees the door: %+v", p.Role, v)
	}
	for _, row := range v.Roster {
		if !in[row.ID] && (row.ID != RecorderID || !RecordingOf(s).Records()) {
			t.Fatalf("%s is in a roster, unadmitted", row.ID)
		}
	}
}

// checkStep checks the invariants of every step.
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
			t.Fatalf("%s: %s: seated %v, told the end %v", commandName(c), p.ID, still, closed[p.ID])
		}
	}
	for _, p := range next.Participants {
		old, was := s.seat(p.ID)
		if p.Access != Admitted || was && old.Access == Admitted {
			continue
		}
		if s.Locked && !p.Role.Hosts() && !old.Returning {
			t.Fatalf("%s: %s entered a locked room", commandName(c), p.ID)
		}
		if !p.Role.Hosts() && checkRequirements(next, p) != nil {
			t.Fatalf("%s: %s entered and does not qualify", commandName(c), p.ID)
		}
		if !next.wasAdmitted(p.Person) {
			t.Fatalf("%s: %s entered and is not known", commandName(c), p.ID)
		}
	}
	csrcs := map[PublicationID]uint32{}
	for _, p := range s.Participants {
		for _, pub := range p.Publications {
			csrcs[pub.ID] = pub.CSRC
		}
	}
	for _, p := range next.Participants {
		for _, pub := range p.Publications {
			if was, there := csrcs[pub.ID]; there && was != pub.CSRC {
				t.Fatalf("%s: publication %s has another CSRC", commandName(c), pub.ID)
			}
		}
	}
	checkGroups(t, s, next, c, d)
	if next.LastCSRC < s.LastCSRC {
		t.Fatalf("%s: CSRCs go back", commandName(c))
	}
}

func deepCopy(s State) State {
	s.Participants = slices.Clone(s.Participants)
	for i := range s.Participants {
		s.Participants[i].Publications = slices.Clone(s.Participants[i].Publications)
	}
	s.Known, s.Barred = slices.Clone(s.Known), slices.Clone(s.Barred)
	s.Acknowledged, s.Consents = slices.Clone(s.Acknowledged), slices.Clone(s.Consents)
	s.Asked, s.SideRooms = slices.Clone(s.Asked), slices.Clone(s.SideRooms)
	s.Groups.List, s.Groups.Log = slices.Clone(s.Groups.List), slices.Clone(s.Groups.Log)
	return s
}

// randomBytes returns bytes that a number fixes (Marsaglia, Xorshift RNGs, 2003).
func randomBytes(n uint64, size int) (data []byte) {
	x := n*0x9e3779b97f4a7c15 + 1
	for len(data) < size {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		data = binary.LittleEndian.AppendUint64(data, x)
	}
	return data
}
