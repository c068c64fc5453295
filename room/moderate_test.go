package room

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"alcove/auth"
)

func TestRemove(t *testing.T) {
	tests := map[string]struct {
		before []Command
		remove Command
		code   Code
	}{
		"participant":                   {remove: as("host", Remove{Target: "ann"})},
		"one who waits":                 {remove: as("cohost", Remove{Target: "wait"})},
		"cohost by host":                {remove: as("host", Remove{Target: "cohost"})},
		"cohost by cohost":              {before: []Command{joinAs("co2", "co2", auth.Cohost)}, remove: as("co2", Remove{Target: "cohost"}), code: Forbidden},
		"host by cohost":                {remove: as("cohost", Remove{Target: "host"}), code: Forbidden},
		"host by host":                  {before: []Command{joinAs("h2", "h2", auth.Host)}, remove: as("h2", Remove{Target: "host"}), code: Forbidden},
		"a host's seat as participant":  {before: []Command{joinAs("h2", "host", auth.Participant)}, remove: as("cohost", Remove{Target: "h2"}), code: Forbidden},
		"oneself":                       {remove: as("host", Remove{Target: "host"}), code: InvalidState},
		"oneself, second seat":          {before: []Command{joinAs("co2", "cohost", auth.Participant)}, remove: as("cohost", Remove{Target: "co2"}), code: InvalidState},
		"nobody":                        {remove: as("host", Remove{Target: "nobody"}), code: TargetNotFound},
		"one removed already":           {remove: as("host", Remove{Target: "gone"}), code: TargetNotFound},
		"no target":                     {remove: as("host", Remove{}), code: BadRequest},
		"by a participant":              {remove: as("ann", Remove{Target: "ben"}), code: Forbidden},
		"by one who waits":              {remove: as("wait", Remove{Target: "ann"}), code: NotAdmitted},
		"by one who is gone":            {remove: as("gone", Remove{Target: "ann"}), code: InvalidState},
		"with too many words beside it": {remove: as("host", Remove{Target: "ann", Message: strings.Repeat("x", 1001)}), code: BadRequest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := group(t)
			p, _ := r.s.seat(tt.remove.(act).Command.(Remove).Target)
			d, ok := r.doAfter(tt.before, tt.remove, tt.code)
			if !ok {
				return
			}
			if got := closing(d, p.ID); got.Access != Removed || got.Reason != "removed" {
				t.Fatalf("told %+v", got)
			}
			r.refused(joinAs("again", string(p.Person), p.Role), BarredPerson)
			r.refused(Resume{Participant: p.ID, Secret: hash(string(p.ID)), Next: hash("x")}, ResumeExpired)
		})
	}
}

func TestRemoveEndsAllSeatsOfThePerson(t *testing.T) {
	r := group(t)
	r.do(joinAs("ann2", "ann", auth.Participant))
	d := r.do(as("host", Remove{Target: "ann2"}))
	for _, id := range ids("ann", "ann2") {
		if got := closing(d, id); got.Access != Removed {
			t.Fatalf("%s got %+v", id, got)
		}
	}
}

func TestUnbar(t *testing.T) {
	r := group(t)
	r.refused(as("host", Unbar{Target: "ann"}), TargetNotFound)
	r.refused(as("ann", Unbar{Target: "gone"}), Forbidden)
	r.do(as("cohost", Unbar{Target: "gone"}))
	r.refused(as("host", Unbar{Target: "gone"}), TargetNotFound)
	r.do(joinAs("gone2", "gone", auth.Participant))
}

func TestEnd(t *testing.T) {
	r := group(t)
	r.refused(as("cohost", End{}), Forbidden)
	r.refused(End{}, BadRequest)
	everyone := len(r.s.Participants)
	d := r.do(as("host", End{Reason: "empty"}))
	if r.s.EndedFor != "host" || len(d.Effects) != everyone {
		t.Fatalf("ended for %q, %d told of %d", r.s.EndedFor, len(d.Effects), everyone)
	}
	if got := closing(d, "wait"); got.Access != Ended || got.Reason != "ended" {
		t.Fatalf("one who waited got %+v", got)
	}
	if len(PlanOf(r.s).Entries) != 0 {
		t.Fatal("a plan after the end")
	}
	r = group(t)
	r.do(End{Reason: "draining"})
	if r.s.EndedFor != "draining" {
		t.Fatalf("ended for %q", r.s.EndedFor)
	}
}

func TestScreen(t *testing.T) {
	r := group(t)
	sends := func() Publication {
		for _, seat := range PlanOf(r.s).Entries {
			for _, pub := range seat.Sends {
				if seat.Participant == "ann" && pub.Source == Screen {
					return pub
				}
			}
		}
		return Publication{}
	}
	if pub := sends(); !pub.Muted || pub.CSRC == 0 {
		t.Fatalf("a screen that may be granted later is in the plan, muted; got %+v", pub)
	}
	r.refused(as("ann", SetMuted{Source: Screen}), Forbidden)
	if d := r.do(as("ann", AskScreen{})); !reflect.DeepEqual(d.Effects, []Effect{ScreenRequested{"host", "ann"}, ScreenRequested{"cohost", "ann"}}) {
		t.Fatalf("asked %+v", d.Effects)
	}
	r.do(as("cohost", SetPermission{Target: "ann", Source: Screen, Allowed: true}))
	r.refused(as("ann", AskScreen{}), InvalidState)
	r.do(as("ann", SetMuted{Source: Screen}))
	if sends().Muted {
		t.Fatal("a granted screen is muted")
	}
	r.do(as("host", SetPermission{Target: "ann", Source: Screen, Allowed: false}))
	if p, _ := r.s.seat("ann"); !sends().Muted || !p.Publications[2].Muted {
		t.Fatal("the grant is gone, the screen is not")
	}
	r.refused(as("ann", SetMuted{Source: Screen}), Forbidden)
	r.refused(as("host", SetPermission{Target: "obs", Source: Screen, Allowed: true}), InvalidState)
	r.refused(as("host", SetPermission{Target: "wait", Source: Screen, Allowed: true}), TargetNotFound)
	r.refused(as("obs", AskScreen{}), Forbidden)
	r.refused(as("host", AskScreen{}), Forbidden)
	r.s.Policy.ScreenForAll = true
	r.do(as("ann", SetMuted{Source: Screen}))
}

func TestPublish(t *testing.T) {
	r := group(t)
	r.refused(offer("wait", 1), NotAdmitted)
	r.refused(offer("ann", 0), BadRequest)
	r.refused(as("ann", Publish{Generation: 2, Sources: []Publication{{ID: "a", Source: "smell"}}}), BadRequest)
	r.refused(as("ann", Publish{Generation: 2, Sources: []Publication{{Source: Camera}}}), BadRequest)
	r.refused(as("ann", Publish{Generation: 2, Sources: []Publication{{ID: "a", Source: Camera}, {ID: "b", Source: Camera}}}), BadRequest)
	first, _ := r.s.seat("ann")
	r.do(offer("ann", 1))
	if again, _ := r.s.seat("ann"); !reflect.DeepEqual(again, first) {
		t.Fatalf("a renegotiation changed %+v to %+v", first.Publications, again.Publications)
	}
	r.do(as("host", Mute{Target: "ann", Source: Microphone}))
	r.do(offer("ann", 2))
	second, _ := r.s.seat("ann")
	for i, pub := range second.Publications {
		if pub.CSRC <= first.Publications[2].CSRC {
			t.Fatalf("publication %d has an old CSRC: %+v", i, pub)
		}
	}
	if got := second.Publications; !got[0].Muted || got[1].Muted || !got[2].Muted {
		t.Fatalf("a new connection: %+v; a muted microphone stays muted, a screen starts so", got)
	}
	r.refused(offer("ann", 1), StaleGeneration)
	r.do(as("ann", Publish{Generation: 2, Sources: []Publication{{ID: "c", Source: Camera}}}))
	if p, _ := r.s.seat("ann"); len(p.Publications) != 1 || p.Publications[0] != second.Publications[1] {
		t.Fatalf("what is not offered any more is gone: %+v", p.Publications)
	}
	if p, _ := r.s.seat("obs"); p.Publications != nil || p.Generation != 1 {
		t.Fatalf("an observer publishes %+v", p.Publications)
	}
	r.s.LastCSRC = 1<<32 - 1
	r.refused(offer("ann", 3), Unavailable)
}

func TestMute(t *testing.T) {
	r := group(t)
	r.do(as("cohost", Mute{Target: "ann", Source: Microphone}))
	if p, _ := r.s.seat("ann"); !p.Publications[0].Muted {
		t.Fatal("not muted")
	}
	if d := r.do(as("host", Mute{Target: "ann", Source: Microphone})); d.Events != nil {
		t.Fatalf("muted twice: %+v", d.Events)
	}
	r.refused(as("ann", Mute{Target: "ben", Source: Microphone}), Forbidden)
	r.refused(as("host", Mute{Target: "host", Source: Microphone}), InvalidState)
	r.refused(as("host", Mute{Target: "ann", Source: "smell"}), BadRequest)
	r.refused(as("host", Mute{Target: "obs", Source: Camera}), InvalidState)
	r.refused(as("host", Mute{Target: "wait", Source: Camera}), TargetNotFound)
	if d := r.do(as("host", AskUnmute{Target: "ann", Source: Microphone})); !reflect.DeepEqual(d.Effects, []Effect{UnmuteAsked{"ann", Microphone}}) {
		t.Fatalf("asked %+v", d.Effects)
	}
	r.refused(as("host", AskUnmute{Target: "ann", Source: Camera}), InvalidState)
	r.refused(as("host", AskUnmute{Target: "ann", Source: Screen}), InvalidState)
	r.refused(as("host", AskUnmute{Target: "ann", Source: ""}), BadRequest)
	r.do(as("ann", SetMuted{Source: Microphone}))
	r.refused(as("ann", SetMuted{Source: ""}), BadRequest)
	r.refused(as("obs", SetMuted{Source: Camera}), Forbidden)
	r.refused(as("wait", SetMuted{Source: Camera}), NotAdmitted)
}

func TestMessage(t *testing.T) {
	r := group(t)
	d := r.do(as("wait", Message{Text: "hello"}))
	if want := []Effect{MessageSent{"host", false, "wait", "hello"}, MessageSent{"cohost", false, "wait", "hello"}}; !reflect.DeepEqual(d.Effects, want) {
		t.Fatalf("said %+v", d.Effects)
	}
	d = r.do(as("cohost", Message{Target: "wait", Text: "soon"}))
	want := []Effect{MessageSent{"wait", true, "wait", "soon"}, MessageSent{"host", true, "wait", "soon"}, MessageSent{"cohost", true, "wait", "soon"}}
	if !reflect.DeepEqual(d.Effects, want) || d.Events != nil {
		t.Fatalf("said %+v", d)
	}
	r.refused(as("wait", Message{Target: "ann", Text: "psst"}), NotAdmitted)
	r.refused(as("ann", Message{Target: "wait", Text: "psst"}), Forbidden)
	r.refused(as("host", Message{Target: "ann", Text: "psst"}), TargetNotFound)
	r.refused(as("host", Message{Text: "psst"}), BadRequest)
	r.refused(as("gone", Message{Text: "psst"}), InvalidState)
	r.refused(as("wait", Message{Text: " "}), BadRequest)
	r.refused(as("wait", Message{Text: strings.Repeat("é", 1001)}), BadRequest)
	r.do(as("wait", Message{Text: strings.Repeat("é", 1000)}))
}

func TestHand(t *testing.T) {
	r := group(t)
	for _, id := range ids("host", "cohost", "ann", "obs") {
		r.do(as(id, SetHand{Raised: true}))
		if d := r.do(as(id, SetHand{Raised: true})); d.Events != nil {
			t.Fatalf("raised twice: %+v", d.Events)
		}
	}
	r.refused(as("wait", SetHand{Raised: true}), NotAdmitted)
}

// TestHandsInOrder checks that the roster says when each hand was raised, and that nothing of a lowered hand stays.
func TestHandsInOrder(t *testing.T) {
	r := group(t)
	raised := func() map[ParticipantID]time.Time {
		at := map[ParticipantID]time.Time{}
		for _, p := range ViewOf(r.s, "ann").Roster {
			if p.HandRaised != !p.HandRaisedAt.IsZero() {
				t.Fatalf("%s: raised %v at %v", p.ID, p.HandRaised, p.HandRaisedAt)
			}
			if p.HandRaised {
				at[p.ID] = p.HandRaisedAt
			}
		}
		return at
	}
	r.do(as("ben", SetHand{Raised: true}))
	first := raised()["ben"]
	r.do(as("ann", SetHand{Raised: true}))
	r.do(as("ben", SetHand{Raised: true})) // again: it keeps its place
	if got := raised(); len(got) != 2 || !got["ben"].Equal(first) || !got["ann"].After(first) {
		t.Fatalf("raised %v", got)
	}
	r.do(as("cohost", LowerHands{Targets: ids("ben", "obs")})) // whose hand is down anyway is no fault
	if got := raised(); len(got) != 1 || got["ann"].IsZero() {
		t.Fatalf("raised %v", got)
	}
	r.do(as("ben", SetHand{Raised: true}))
	r.do(as("host", LowerHands{All: true}))
	if got := raised(); len(got) != 0 {
		t.Fatalf("raised %v", got)
	}
	r.refused(as("host", LowerHands{Targets: ids("ann", "wait")}), TargetNotFound)
	r.do(as("ann", SetHand{Raised: true}))
	r.do(as("host", SendBack{Target: "ann"}))
	r.do(as("host", Admit{Targets: ids("ann")}))
	if got := raised(); len(got) != 0 {
		t.Fatalf("sent back, raised %v", got)
	}
}

// TestMuteAll checks that everybody is muted except who leads, and that a side room and its hands are left alone.
func TestMuteAll(t *testing.T) {
	r := group(t)
	live := func(source Source) (list []ParticipantID) {
		for _, p := range r.s.Participants {
			if pub, ok := p.publication(source); ok && !pub.Muted {
				list = append(list, p.ID)
			}
		}
		return list
	}
	if got := live(Microphone); !slices.Equal(got, ids("host", "cohost", "ann", "ben")) {
		t.Fatalf("live %v", got)
	}
	r.refused(as("host", MuteAll{Source: "smell"}), BadRequest)
	r.do(as("host", MuteAll{Source: Microphone}))
	if got := live(Microphone); !slices.Equal(got, ids("host", "cohost")) {
		t.Fatalf("live %v", got)
	}
	if got := live(Camera); !slices.Equal(got, ids("host", "cohost", "ann", "ben")) {
		t.Fatalf("cameras %v", got)
	}
	if d := r.do(as("cohost", MuteAll{Source: Microphone})); d.Events != nil {
		t.Fatalf("muted twice: %+v", d.Events)
	}
	r.do(as("ann", SetMuted{Source: Microphone})) // only the owner unmutes, and may
	r.do(as("ben", SetMuted{Source: Microphone}))
	r.do(as("ann", SetHand{Raised: true}))
	r.do(as("cohost", OpenSideRoom{Target: "ann"}))
	r.do(as("host", MuteAll{Source: Microphone}))
	r.do(as("host", LowerHands{All: true}))
	if got := live(Microphone); !slices.Equal(got, ids("host", "cohost", "ann")) {
		t.Fatalf("in the side room, live %v", got)
	}
	if p, _ := r.s.seat("ann"); !p.HandRaised {
		t.Fatal("a hand that the host does not see was lowered")
	}
	r.do(as("cohost", MuteAll{Source: Microphone}))
	if got := live(Microphone); !slices.Equal(got, ids("host", "cohost")) {
		t.Fatalf("live %v", got)
	}
}

// TestRateExceeded checks that hosts are notified of a publication above its limits, that a withheld one is muted until its owner
// unmutes it, and that replaced or muted publications are ignored.
func TestRateExceeded(t *testing.T) {
	r := group(t)
	published := r.do(as("ann", Publish{Generation: 9, Sources: []Publication{{ID: "m", Source: Microphone}, {ID: "c", Source: Camera}}}))
	if len(published.Events) != 1 {
		t.Fatal("nothing was published")
	}
	told := func(d Decision) map[ParticipantID]QualityWarned {
		all := map[ParticipantID]QualityWarned{}
		for _, e := range d.Effects {
			w := e.(QualityWarned)
			all[w.To] = w
		}
		return all
	}
	for _, c := range []struct {
		publication PublicationID
		source      Source
		withheld    bool
	}{{"c", Camera, false}, {"m", Microphone, false}, {"m", Microphone, true}} {
		d := r.do(RateExceeded{Target: "ann", Publication: c.publication, Withheld: c.withheld})
		all := told(d)
		want := QualityWarned{To: "host", Participant: "ann", Source: c.source, Withheld: c.withheld}
		if owner, ok := all["ann"]; len(all) != map[bool]int{false: 2, true: 3}[c.withheld] || all["host"] != want || all["cohost"].Source != c.source ||
			ok != c.withheld || owner.Withheld != c.withheld {
			t.Fatalf("%+v: told %+v", c, d.Effects)
		}
		if muted := (MutedSet{ID: "ann", Source: Microphone, Muted: true}); c.withheld != slices.Contains(d.Events, Event(muted)) {
			t.Fatalf("%+v: %+v", c, d.Events)
		}
	}
	for name, c := range map[string]RateExceeded{
		"muted":           {Target: "ann", Publication: "m", Withheld: true},
		"replaced":        {Target: "ann", Publication: "before", Withheld: true},
		"one who waits":   {Target: "wait", Publication: "m"},
		"one who is gone": {Target: "gone", Publication: "m"},
	} {
		if d := r.do(c); d.Events != nil || d.Effects != nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
	r.do(as("ann", SetMuted{Source: Microphone}))
	if p, _ := r.s.seat("ann"); p.Publications[0].Muted {
		t.Fatal("the owner cannot unmute it")
	}
}

// TestSecondWithholdTakesPermission checks that a participant whose microphone is withheld twice in a session cannot use it until a host
// allows it again. Hosts and cohosts are only muted.
func TestSecondWithholdTakesPermission(t *testing.T) {
	r := group(t)
	generation := uint32(8)
	withhold := func(id ParticipantID) Decision {
		generation++
		r.do(as(id, Publish{Generation: generation, Sources: []Publication{{ID: PublicationID("m" + string(id)), Source: Microphone}}}))
		if p, _ := r.s.seat(id); p.Publications[0].Muted {
			r.do(as(id, SetMuted{Source: Microphone}))
		}
		return r.do(RateExceeded{Target: id, Publication: PublicationID("m" + string(id)), Withheld: true})
	}
	taken := func(d Decision, id ParticipantID) bool {
		p, _ := r.s.seat(id)
		for _, e := range d.Effects {
			if w := e.(QualityWarned); w.Taken == may(r.s, p, actPublishMicrophone) {
				t.Fatalf("%s may: %v, and %s is told %+v", id, !w.Taken, w.To, w)
			}
		}
		if !p.Publications[0].Muted || len(d.Effects) == 0 {
			t.Fatalf("%s is not muted, or nobody is told", id)
		}
		return !may(r.s, p, actPublishMicrophone)
	}
	if taken(withhold("ann"), "ann") {
		t.Fatal("taken away the first time")
	}
	if !taken(withhold("ann"), "ann") {
		t.Fatal("the second time it is only muted")
	}
	r.refused(as("ann", SetMuted{Source: Microphone}), Forbidden)
	r.do(as("host", SetPermission{Target: "ann", Source: Microphone, Allowed: true}))
	if !taken(withhold("ann"), "ann") {
		t.Fatal("given back once, it is given for good")
	}
	for range 3 {
		if taken(withhold("cohost"), "cohost") {
			t.Fatal("taken away from one who leads, to whom nobody can give it back")
		}
	}
	if back, err := DecodeState(EncodeState(r.s)); err != nil || !slices.Equal(back.Withheld, r.s.Withheld) || len(back.Withheld) != 1 {
		t.Fatalf("after a restart: %v, %v", back.Withheld, err)
	}
}
