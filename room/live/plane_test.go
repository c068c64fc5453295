package live

import (
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"alcove/auth"
	"alcove/room"
)

func TestAnswerAfterPlanApplied(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		h.do(host, room.Admit{All: true})
		h.media.set(func() { h.media.holds = true })
		media := h.media.rooms[0]
		answers := make(chan error, 3)
		remove := func() {
			_, err := host.Do(t.Context(), room.Remove{Target: ann.ID()})
			answers <- err
		}
		lock := func() {
			_, err := host.Do(t.Context(), room.Lock{})
			answers <- err
		}
		go remove()
		synctest.Wait()
		go lock() // many may be pending, and none is answered before what came before it
		h.wantEnd(ann, room.Removed, "removed")
		if len(answers) != 0 {
			t.Fatal("answered before the media plane applied the plan")
		}
		if plan := media.plans[len(media.plans)-1]; len(plan.Entries) != 1 {
			t.Fatalf("plan %+v", plan)
		}
		media.release()
		synctest.Wait()
		if len(answers) != 2 || <-answers != nil || <-answers != nil {
			t.Fatal("no answers although the media plane applied the plan")
		}
		h.media.set(func() { h.media.holds = false })
	})
}

func TestSlowMediaDoesNotStallTheRoom(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		ben := h.join("g", "ben", auth.Participant)
		h.do(host, room.Admit{All: true})
		h.media.set(func() { h.media.holds = true })
		h.notices(ben)
		ctx, cancel := shortContext(h)
		defer cancel()
		_, err := host.Do(ctx, room.Remove{Target: ann.ID()})
		h.wantCode(err, room.Unavailable)
		h.wantKinds(h.notices(ben), "PersonLeft")
		h.do(ben, room.SetHand{Raised: true}) // not an act of the media plane
		h.join("g", "carl", auth.Participant)
		h.do(ben, room.Leave{})
		h.wantEnd(ben, room.Left, "left")
		h.media.set(func() { h.media.holds = false })
	})
}

func TestOffer(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		offer := Offer{Participant: host.ID(), Generation: 1, SDP: "offer", Tracks: []Track{{"0", room.Microphone}, {"1", room.Camera}}}
		_, err := ann.Offer(t.Context(), offer)
		h.wantCode(err, room.NotAdmitted)
		media := h.media.rooms[0]
		if media.offers != nil {
			t.Fatal("an offer passed the door")
		}
		h.do(host, room.Admit{All: true})
		a, err := ann.Offer(t.Context(), offer)
		if err != nil || a.SDP != "answer" || media.offers[0].Participant != ann.ID() {
			t.Fatalf("answer %+v %v to %+v", a, err, media.offers)
		}
		plan := media.plans[len(media.plans)-1]
		if sends := plan.Entries[1].Sends; len(sends) != 2 || sends[0].CSRC == 0 || sends[0].ID == sends[1].ID {
			t.Fatalf("plan %+v", plan)
		}
		offer.Generation = 0
		_, err = ann.Offer(t.Context(), offer)
		h.wantCode(err, room.BadRequest)
		for want, cause := range map[room.Code]error{
			SDPInvalid:       &room.Error{Code: SDPInvalid},
			room.Unavailable: errors.New("no port"),
		} {
			h.media.set(func() { h.media.answer = cause })
			offer.Generation = 2
			_, err = ann.Offer(t.Context(), offer)
			h.wantCode(err, want)
		}
	})
}

// TestRefusedOfferChangesNothing checks that an offer that cannot be answered keeps the connection, its generation and publications.
func TestRefusedOfferChangesNothing(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		media := h.media.rooms[0]
		offer := Offer{Generation: 1, SDP: "offer", Tracks: []Track{{"0", room.Microphone}, {"1", room.Camera}}}
		if _, err := host.Offer(t.Context(), offer); err != nil {
			t.Fatal(err)
		}
		h.notices(host)
		before, plans := room.ViewOf(host.room.state, host.ID()), len(media.plans)
		for _, cause := range []error{&room.Error{Code: SDPInvalid}, &room.Error{Code: CodecUnsupported}, errors.New("no port")} {
			h.media.set(func() { h.media.answer = cause })
			for _, generation := range []uint32{1, 2, 7} {
				if _, err := host.Offer(t.Context(), Offer{Generation: generation, Tracks: []Track{{"0", room.Screen}}}); err == nil {
					t.Fatal("not refused")
				}
			}
		}
		synctest.Wait()
		if after := room.ViewOf(host.room.state, host.ID()); !reflect.DeepEqual(before, after) {
			t.Errorf("%+v\nbecame\n%+v", before, after)
		}
		if n := len(media.plans); n != plans {
			t.Errorf("%d plans more", n-plans)
		}
		h.wantKinds(h.notices(host))
		h.media.set(func() { h.media.answer = nil })
		offer.Generation = 2
		if _, err := host.Offer(t.Context(), offer); err != nil {
			t.Errorf("the next offer: %v", err)
		}
	})
}

// TestOfferAfterLeaving checks that an offer is refused, and publishes nothing, if the participant leaves while it is validated.
func TestOfferAfterLeaving(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host, ann := h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant)
		h.do(host, room.Admit{All: true})
		h.media.set(func() {
			h.media.reads = func() { h.do(host, room.SendBack{Target: ann.ID()}) }
		})
		_, err := ann.Offer(t.Context(), Offer{Generation: 1, Tracks: []Track{{"0", room.Microphone}}})
		h.wantCode(err, room.NotAdmitted)
		if v := room.ViewOf(ann.room.state, ann.ID()); v.Self.Generation != 0 {
			t.Errorf("generation %d was used", v.Self.Generation)
		}
	})
}

func TestNoMediaNoAdmission(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		h.media.refuses = true
		h.refusedJoin(grant("g", "host", auth.Host), room.Unavailable)
		synctest.Wait()
		if h.reg.Counts().Rooms != 0 {
			t.Fatal("a room without anyone runs on")
		}
		h.media.set(func() { h.media.refuses = false })
		h.join("g", "host", auth.Host)
	})
}

func TestMailboxFull(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		r := host.Seat.room
		stuck := make(chan struct{})
		r.post(request{do: func() { <-stuck }, fail: func(error) {}})
		synctest.Wait()
		var failed int
		for range mailboxSize + 5 {
			r.post(request{do: func() {}, fail: func(error) { failed++ }})
		}
		if failed != 5 {
			t.Fatalf("%d failed, want 5", failed)
		}
		_, err := host.Do(t.Context(), room.Lock{})
		h.wantCode(err, room.Unavailable)
		host.Disconnect() // is never lost
		close(stuck)
		time.Sleep(61 * time.Second)
		h.wantEnd(host, room.Left, "expired")
	})
}

// TestJoinRetriesEndedRoom ends a room while a join waits in its mailbox, and checks that the join opens the next one.
func TestJoinRetriesEndedRoom(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		ann := h.join("g", "ann", auth.Participant)
		stuck := make(chan struct{})
		ann.Seat.room.post(request{do: func() { <-stuck }, fail: func(error) {}})
		synctest.Wait()
		go h.do(ann, room.Leave{})
		synctest.Wait()
		joined := make(chan testSeat, 1)
		go func() { joined <- h.join("g", "ben", auth.Participant) }()
		synctest.Wait()
		close(stuck)
		if ben := <-joined; ben.Seat.room == ann.Seat.room {
			t.Fatal("joined a room that is over")
		}
	})
}

// TestLockAgainstJoins races many joins against a lock: after its answer no new participant is admitted or waits.
func TestLockAgainstJoins(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		cohost := h.join("g", "cohost", auth.Cohost)
		var wg sync.WaitGroup
		var mu sync.Mutex
		locked := false
		for range 40 {
			wg.Go(func() {
				mu.Lock()
				late := locked
				mu.Unlock()
				_, _, err := h.reg.Join(t.Context(), JoinRequest{Grant: grant("g", newID(), auth.Participant)}, &fakeClient{t: t})
				if late && err == nil {
					t.Error("joined after the lock was answered")
				}
			})
			wg.Go(func() {
				mu.Lock()
				late := locked
				mu.Unlock()
				o, err := cohost.Do(t.Context(), room.Admit{All: true})
				if late && len(o.Admitted) > 0 { // where nobody waits there is nothing to refuse
					t.Errorf("admitted %v after the lock was answered, error %v", o.Admitted, err)
				}
			})
		}
		wg.Go(func() {
			h.do(host, room.Lock{})
			mu.Lock()
			locked = true
			mu.Unlock()
		})
		wg.Wait()
		before := h.reg.Counts()
		h.refusedJoin(grant("g", "late", auth.Participant), room.RoomLocked)
		if o, _ := host.Do(t.Context(), room.Admit{All: true}); len(o.Admitted) > 0 {
			t.Fatal("admitted into a locked room")
		}
		if after := h.reg.Counts(); after.Admitted[auth.Participant] != before.Admitted[auth.Participant] {
			t.Fatalf("%+v, then %+v", before, after)
		}
	})
}

func TestEndedRooms(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		early := grant("g", "ann", auth.Participant)
		time.Sleep(time.Second)
		// A room in which nobody was ever admitted is not remembered, so that an early arrival changes nothing.
		ben := h.join("g", "ben", auth.Participant)
		h.do(ben, room.Leave{})
		synctest.Wait()
		host := h.join("g", "host", auth.Host)
		h.do(host, room.End{})
		synctest.Wait()
		h.refusedJoin(early, room.RoomEnded)
		time.Sleep(time.Second)
		h.join("g", "host", auth.Host)
		h.refusedJoin(early, room.RoomEnded)
		_, err := h.resume(host)
		h.wantCode(err, room.RoomEnded)
		time.Sleep(endedRoomLife + time.Second)
		h.do(h.join("g", "host2", auth.Host), room.End{})
	})
}

func TestEndedRoomsAreBounded(t *testing.T) {
	ended := newEndedRooms()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for range maxEndedRooms + 10 {
		ended.remember(newID(), newID(), now)
	}
	if len(ended.byName) != maxEndedRooms || len(ended.byKey) != maxEndedRooms || len(ended.queue) != maxEndedRooms {
		t.Fatalf("%d %d %d", len(ended.byName), len(ended.byKey), len(ended.queue))
	}
	ended.remember("g", "k1", now)
	ended.remember("g", "k2", now.Add(time.Minute))
	later := now.Add(endedRoomLife + time.Second)
	if !ended.endedAfter("g", now, later) || ended.has("k1", later) || !ended.has("k2", later) {
		t.Fatal("the second end of a room is forgotten with the first")
	}
	if ended.endedAfter("g", now, later.Add(time.Minute)) || len(ended.byName) != 0 {
		t.Fatal("an old end is remembered")
	}
}

func TestPolicies(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		g := grant("g", "host", auth.Host)
		g.Policy = "unheard of"
		h.refusedJoin(g, room.PolicyMismatch)
		g.Policy = "other"
		if _, w, err := h.reg.Join(t.Context(), JoinRequest{Grant: g}, &fakeClient{t: t}); err != nil || w.Policy.Name != "other" {
			t.Fatalf("%+v %v", w, err)
		}
		h.refusedJoin(grant("g", "ann", auth.Participant), room.PolicyMismatch)
		h.join("g2", "host", auth.Host)
		h.join("g3", "host", auth.Host)
		h.refusedJoin(grant("g4", "host", auth.Host), room.Unavailable)
	})
}

func TestDrain(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		h.reg.Drain()
		h.refusedJoin(grant("other", "ann", auth.Host), room.Draining)
		h.join("g", "late", auth.Participant) // the session goes on
		h.reg.Undrain()
		h.join("other", "ann", auth.Host)
		h.reg.Drain()
		host, err := h.resume(host)
		if err != nil {
			t.Fatal(err)
		}
		h.notices(host)
		if err := h.reg.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.wantEnd(host, room.Ended, "ended")
		if n := h.notices(host); len(n) != 1 || n[0] != (RoomEnded{"draining"}) {
			t.Fatalf("told %+v", n)
		}
		_, err = host.Do(t.Context(), room.Lock{})
		h.wantCode(err, room.RoomEnded)
	})
}

func TestPanicCostsOneRoom(t *testing.T) {
	var log strings.Builder
	withHarness(t, func(t *testing.T, h *harness) {
		h.reg.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		host := h.join("secret-group", "host", auth.Host)
		ann := h.join("secret-group", "ann", auth.Participant)
		other := h.join("other", "host", auth.Host)
		h.notices(other)
		h.media.set(func() { h.media.panics = true })
		_, err := host.Do(t.Context(), room.Admit{All: true})
		h.wantCode(err, room.Internal)
		h.wantEnd(host, room.Ended, "internal")
		h.wantEnd(ann, room.Ended, "internal")
		h.media.set(func() { h.media.panics = false })
		h.do(other, room.Lock{})
		h.wantKinds(h.notices(other), "RoomUpdated")
		if h.observer.got("panicked") != 1 || !strings.Contains(log.String(), "a room panicked") {
			t.Fatalf("panics %d, log %q", h.observer.got("panicked"), log.String())
		}
		if strings.Contains(log.String(), "secret-group") {
			t.Fatal("the log names a room")
		}
		h.join("secret-group", "host", auth.Host) // and the group can meet again

		third := &fakeClient{t: t, panics: true}
		_, _, err = h.reg.Join(t.Context(), JoinRequest{Grant: grant("third", "host", auth.Host)}, third)
		h.wantCode(err, room.Internal)
		if _, ok := third.ended(); ok {
			t.Fatal("ended, and the join refused")
		}
	})
}

func TestFailedMediaEndsTheRoom(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		other := h.join("another", "someone", auth.Host)
		h.media.rooms[0].events(MediaFailed{})
		synctest.Wait()
		h.wantEnd(host, room.Ended, "ended")
		h.do(other, room.Lock{}) // it went on
	})
}

func TestViewsAndWantedEncodings(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		h.notices(host)
		h.wantCode(ann.View(t.Context(), View{"x": 90}), room.NotAdmitted)
		if err := host.View(t.Context(), View{"x": 90}); err != nil {
			t.Fatal(err)
		}
		if v := h.media.rooms[0].views[host.ID()]; v["x"] != 90 {
			t.Fatalf("the media plane was told %v", v)
		}
		h.media.rooms[0].events(EncodingsChanged{Participant: host.ID(), Source: room.Camera, RIDs: []string{"q"}})
		h.media.rooms[0].events(EncodingsChanged{Participant: host.ID(), Source: room.Camera, RIDs: []string{"q", "h"}})
		h.media.rooms[0].events(EncodingsChanged{Participant: ann.ID(), Source: room.Camera, RIDs: []string{"q"}})
		synctest.Wait()
		for _, n := range h.notices(ann) {
			if _, ok := n.(EncodingsWanted); ok {
				t.Fatal("one who waits hears of media")
			}
		}
		told := h.notices(host)
		if n, ok := told[len(told)-1].(EncodingsWanted); !ok || len(n.RIDs) != 2 {
			t.Fatalf("told %+v", told)
		}
	})
}

// TestHandshakeFailed checks that a failed handshake is reported to the participant and the hosts only.
func TestHandshakeFailed(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host, ann, ben := h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant), h.join("g", "ben", auth.Participant)
		h.do(host, room.Admit{All: true})
		synctest.Wait()
		for _, who := range []testSeat{host, ann, ben} {
			h.notices(who)
		}
		h.media.rooms[0].events(ConnectionFailed{Participant: ann.ID(), Code: "srtp_profile"})
		synctest.Wait()
		want := HandshakeFailed{Participant: ann.ID(), Code: "srtp_profile"}
		for i, who := range []testSeat{host, ann, ben} {
			if got := slices.Contains(h.notices(who), Notice(want)); got != (i < 2) {
				t.Errorf("%s is told: %v", who.ID(), got)
			}
		}
		h.do(host, room.Lock{}) // the room goes on
	})
}

// TestMediaState checks that the state of a participant's media connection is shown to hosts only, including later ones, until another
// connection replaces it or the participant is sent back.
func TestMediaState(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host, ann, ben := h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant), h.join("g", "ben", auth.Participant)
		h.do(host, room.Admit{All: true})
		shown := func(who testSeat) (m room.MediaState, found bool) {
			synctest.Wait()
			for _, n := range h.notices(who) {
				switch n := n.(type) {
				case PersonUpdated:
					if n.Person.ID == ann.ID() {
						m, found = n.Person.Media, true
					}
				case Roster:
					for _, p := range n.People {
						if p.ID == ann.ID() {
							m, found = p.Media, true
						}
					}
				}
			}
			return m, found
		}
		for _, who := range []testSeat{host, ben} {
			shown(who)
		}
		for i, c := range []struct {
			event MediaEvent
			want  room.MediaState
		}{
			{ConnectionFailed{Participant: ann.ID(), Code: "srtp_profile"}, room.MediaState{Failure: "srtp_profile"}},
			{ConnectionMade{Participant: ann.ID(), AES128: true}, room.MediaState{AES128: true}},
			{ConnectionFailed{Participant: ann.ID(), Code: "timeout"}, room.MediaState{Failure: "timeout"}},
			{ConnectionMade{Participant: ann.ID()}, room.MediaState{}},
			{ConnectionFailed{Participant: ann.ID(), Code: "fingerprint"}, room.MediaState{Failure: "fingerprint"}},
		} {
			h.media.rooms[0].events(c.event)
			if m, found := shown(host); !found || m != c.want {
				t.Errorf("%d: the host is shown %+v, %v", i, m, found)
			}
			if m, found := shown(ben); found {
				t.Errorf("%d: another is shown %+v", i, m)
			}
		}
		h.media.rooms[0].events(ConnectionMade{Participant: ben.ID()})
		if _, found := shown(host); found {
			t.Error("a connection as it should be is news")
		}
		late := h.join("g", "late", auth.Host)
		if m, found := shown(late); !found || m.Failure != "fingerprint" {
			t.Errorf("a host who comes later is shown %+v, %v", m, found)
		}
		h.do(host, room.SendBack{Target: ann.ID()})
		h.do(host, room.Admit{Targets: []room.ParticipantID{ann.ID()}})
		for _, n := range h.notices(host) {
			if p, ok := n.(PersonJoined); ok && p.Person.Media != (room.MediaState{}) {
				t.Errorf("after the waiting room: %+v", p.Person.Media)
			}
		}
	})
}

// TestRateExceeded checks that hosts are notified of a publication above its limits, and that a withheld one is muted in the next plan.
func TestRateExceeded(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host, ann, ben := h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant), h.join("g", "ben", auth.Participant)
		h.do(host, room.Admit{All: true})
		if _, err := ann.Offer(t.Context(), Offer{Generation: 1, Tracks: []Track{{"0", room.Microphone}}}); err != nil {
			t.Fatal(err)
		}
		media := h.media.rooms[0]
		var id room.PublicationID
		for _, seat := range media.plans[len(media.plans)-1].Entries {
			if seat.Participant == ann.ID() {
				id = seat.Sends[0].ID
			}
		}
		h.notices(host)
		h.notices(ben)
		media.events(RateExceeded{Participant: ann.ID(), Publication: id})
		synctest.Wait()
		n := h.notices(host)
		h.wantKinds(n, "EffectNotice")
		if w := n[0].(EffectNotice).Effect.(room.QualityWarned); w.Participant != ann.ID() || w.Source != room.Microphone || w.Withheld {
			t.Fatalf("told %+v", w)
		}
		if n := h.notices(ben); len(n) > 0 {
			t.Fatalf("one who is no host is told %+v", n)
		}
		media.events(RateExceeded{Participant: ann.ID(), Publication: id, Withheld: true})
		media.events(RateExceeded{Participant: ann.ID(), Publication: id}) // must not hide it
		synctest.Wait()
		n = h.notices(host)
		h.wantKinds(n, "PersonUpdated", "EffectNotice")
		if p := n[0].(PersonUpdated).Person; p.ID != ann.ID() || !p.Publications[0].Muted || !n[1].(EffectNotice).Effect.(room.QualityWarned).Withheld {
			t.Fatalf("told %+v", n)
		}
		h.wantKinds(h.notices(ben), "PersonUpdated")
		for _, seat := range media.plans[len(media.plans)-1].Entries {
			if seat.Participant == ann.ID() && !seat.Sends[0].Muted {
				t.Fatal("the plan lets it pass")
			}
		}
	})
}
