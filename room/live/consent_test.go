package live

import (
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"alcove/auth"
	"alcove/room"
)

var audio = room.NewText("audio", "1", "en", "May we record your voice?")

// recordingPolicy records each participant who consents.
func recordingPolicy() room.Policy {
	return room.Policy{
		MaxParticipants: 50, MaxWaiting: 100, ResumeWindow: time.Minute, Recording: room.WithEach,
		Consents: []room.ConsentForm{{Scope: room.RecordingAudio, Purpose: "supervision", Texts: []room.Text{audio}}},
	}
}

// askConsent joins a host and ann, who publishes a microphone, and asks for consent to record audio.
func (h *harness) askConsent() (host, ann testSeat) {
	h.t.Helper()
	h.reg.cfg.Policies["default"] = recordingPolicy()
	host, ann = h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant)
	h.do(host, room.Admit{All: true})
	if _, err := ann.Offer(h.t.Context(), Offer{Generation: 1, Tracks: []Track{{"0", room.Microphone}}}); err != nil {
		h.t.Fatal(err)
	}
	h.do(host, room.AskConsent{Scopes: []room.Scope{room.RecordingAudio}})
	return host, ann
}

// TestRecordingIsAnnouncedFirst checks that everyone is notified before the media plane may record, and that a withdrawal stops it
// before anybody is notified.
func TestRecordingIsAnnouncedFirst(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host, ann := h.askConsent()
		n := h.notices(ann)
		self := n[len(n)-2].(SelfUpdated).Self
		if got := n[len(n)-1].(RoomUpdated).Room.Recording; got != room.RecordingAsking || self.Consents[0].Texts[0] != audio {
			t.Fatalf("told %+v", n)
		}
		media := h.media.rooms[0]
		plans := len(media.plans)
		var toldFirst bool
		media.media.set(func() {
			media.onPlan = func(p room.Plan) {
				if len(p.Record) > 0 {
					toldFirst = slices.ContainsFunc(host.client.take(), func(n Notice) bool {
						u, ok := n.(RoomUpdated)
						return ok && u.Room.Recording == room.RecordingStarting
					})
				}
			}
		})
		h.do(ann, room.AnswerConsent{Scope: room.RecordingAudio, TextHash: audio.Hash, Granted: true})
		if !toldFirst || len(media.plans) != plans+1 || len(media.plans[plans].Record) != 1 {
			t.Fatalf("told first %v, plans %+v", toldFirst, media.plans[plans:])
		}
		h.notices(host)
		media.events(RecorderBegan{})
		synctest.Wait()
		if n := h.notices(host); len(n) != 1 || n[0].(RoomUpdated).Room.Recording != room.RecordingOn {
			t.Fatalf("when the first record is safe they are told %+v", n)
		}
		h.do(ann, room.WithdrawConsent{})
		if last := media.plans[len(media.plans)-1]; last.Record != nil {
			t.Fatalf("recorded after a withdrawal: %+v", last)
		}
		if n := h.notices(host); len(n) != 2 || n[0].(RoomUpdated).Room.Recording != room.RecordingPaused || n[1].(PersonLeft).ID != room.RecorderID {
			t.Fatalf("told %+v", n)
		}
	})
}

// TestDisconnectedIsNotRecorded checks that a participant who disconnected before a recording is recorded only once they are notified,
// and that a later disconnect has no effect.
func TestDisconnectedIsNotRecorded(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		h.reg.cfg.Policies["default"] = recordingPolicy()
		host, ann := h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant)
		h.do(host, room.Admit{All: true})
		for _, p := range []testSeat{host, ann} {
			if _, err := p.Offer(t.Context(), Offer{Generation: 1, Tracks: []Track{{"0", room.Microphone}}}); err != nil {
				t.Fatal(err)
			}
		}
		grant := room.AnswerConsent{Scope: room.RecordingAudio, TextHash: audio.Hash, Granted: true}
		h.do(host, room.AskConsent{Scopes: []room.Scope{room.RecordingAudio}})
		h.do(ann, grant)
		h.do(host, room.StopRecording{})
		media := h.media.rooms[0]
		recorded := func() []room.ParticipantID {
			var all []room.ParticipantID
			media.media.set(func() {
				for _, rec := range media.plans[len(media.plans)-1].Record {
					all = append(all, rec.Participant)
				}
			})
			return all
		}
		want := func(ids ...room.ParticipantID) {
			t.Helper()
			if got := recorded(); !slices.Equal(got, ids) {
				t.Fatalf("%v are recorded, want %v", got, ids)
			}
		}
		ann.Disconnect()
		synctest.Wait()
		h.do(host, room.AskConsent{Scopes: []room.Scope{room.RecordingAudio}}) // her consent stands
		h.do(host, grant)
		want(host.ID())
		ann, err := h.resume(ann)
		if err != nil {
			t.Fatal(err)
		}
		want(host.ID(), ann.ID())
		ann.Disconnect()
		synctest.Wait()
		want(host.ID(), ann.ID())
	})
}

// TestRecorderFails checks that a fault of the recorder ends the recording and notifies everyone of the reason.
func TestRecorderFails(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host, ann := h.askConsent()
		h.do(ann, room.AnswerConsent{Scope: room.RecordingAudio, TextHash: audio.Hash, Granted: true})
		h.notices(ann)
		media := h.media.rooms[0]
		media.events(RecorderFailed{Fault: room.DiskFull})
		synctest.Wait()
		if last := media.plans[len(media.plans)-1]; last.Record != nil || len(last.Entries) != 2 {
			t.Fatalf("after the fault the plan is %+v", last)
		}
		n := h.notices(ann)
		h.wantKinds(n, "RoomUpdated", "PersonLeft", "EffectNotice")
		if n[0].(RoomUpdated).Room.Recording != room.RecordingOff || n[2].(EffectNotice).Effect.(room.RecorderFailed).Fault != room.DiskFull {
			t.Fatalf("told %+v", n)
		}
		h.do(host, room.AskConsent{Scopes: []room.Scope{room.RecordingAudio}}) // begins anew: what was answered stands
		if last := media.plans[len(media.plans)-1]; len(last.Record) != 1 {
			t.Fatalf("asked again, the plan is %+v", last)
		}
	})
}

func TestSideRoomIsNotShownToTheGroup(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host, ann, ben := h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant), h.join("g", "ben", auth.Participant)
		h.do(host, room.Admit{All: true})
		media := h.media.rooms[0]
		media.events(SpeakersChanged{IDs: []room.ParticipantID{ann.ID(), ben.ID()}})
		h.notices(ben)
		h.notices(ann)
		h.do(host, room.OpenSideRoom{Target: ann.ID()})
		n := h.notices(ben)
		h.wantKinds(n, "RoomUpdated", "PersonUpdated", "PersonUpdated", "Speakers")
		if p := n[2].(PersonUpdated).Person; !n[0].(RoomUpdated).Room.HostAbsent || !p.Away || !reflect.DeepEqual(n[3], Speakers{[]room.ParticipantID{ben.ID()}}) {
			t.Fatalf("told %+v", n)
		}
		n = h.notices(ann)
		if self := n[0].(SelfUpdated).Self; self.SideRoom != host.ID() {
			t.Fatalf("told %+v", n)
		}
		media.events(SpeakersChanged{IDs: []room.ParticipantID{host.ID(), ann.ID()}})
		if n := h.notices(ben); !reflect.DeepEqual(n, []Notice{Speakers{IDs: []room.ParticipantID{}}}) {
			t.Fatalf("told of a side room: %+v", n)
		}
		h.do(ann, room.CloseSideRoom{})
		n = h.notices(ben)
		h.wantKinds(n, "RoomUpdated", "PersonUpdated", "PersonUpdated", "Speakers")
	})
}

func TestHelpAndWarnings(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		h.reg.cfg.Policies["default"] = room.Policy{
			MaxParticipants: 50, MaxWaiting: 100, ResumeWindow: time.Minute, SessionLimit: time.Hour,
		}
		host, ann, ben := h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant), h.join("g", "ben", auth.Participant)
		h.do(host, room.Admit{All: true})
		h.notices(host)
		h.notices(ben)
		h.do(ann, room.RequestHelp{})
		h.wantKinds(h.notices(host), "PersonUpdated", "EffectNotice")
		if n := h.notices(ben); n != nil {
			t.Fatalf("the group was told of a call for help: %+v", n)
		}
		time.Sleep(50*time.Minute + time.Second)
		if n := h.notices(ben); !reflect.DeepEqual(n, []Notice{EffectNotice{room.Warning{To: ben.ID(), Minutes: 10}}}) {
			t.Fatalf("told %+v", n)
		}
		h.do(host, room.Extend{Minutes: 5})
		h.notices(ben)
		time.Sleep(14 * time.Minute)
		h.wantKinds(h.notices(ben), "EffectNotice", "EffectNotice", "EffectNotice")
		time.Sleep(time.Minute)
		h.wantEnd(ben, room.Ended, "ended")
		if n := h.notices(ben); !reflect.DeepEqual(n, []Notice{RoomEnded{"limit"}}) {
			t.Fatalf("told %+v", n)
		}
	})
}

func TestClinic(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host, ann := h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant)
		other := h.join("g2", "ann", auth.Participant)
		if _, err := h.reg.Do(t.Context(), "g", room.Admit{Targets: []room.ParticipantID{ann.ID()}}); err != nil {
			t.Fatal(err)
		}
		v, err := h.reg.View(t.Context(), "g")
		if err != nil || len(v.Roster) != 2 || v.Roster[1].VerifiedName != "ann" || v.Self.ID != "" {
			t.Fatalf("%+v %v", v, err)
		}
		if _, err := h.reg.Do(t.Context(), "g", room.Lock{}); err != nil {
			t.Fatal(err)
		}
		for _, one := range h.reg.Rooms() {
			if one.Locked != (one.Name == "g") {
				t.Fatalf("%+v", one)
			}
		}
		_, err = h.reg.Do(t.Context(), "g", room.SendBack{Target: ann.ID()})
		h.wantCode(err, room.Forbidden)
		_, err = h.reg.Do(t.Context(), "g", room.Join{})
		h.wantCode(err, room.BadRequest)
		_, err = h.reg.Do(t.Context(), "nowhere", room.Lock{})
		h.wantCode(err, room.TargetNotFound)
		_, err = h.reg.View(t.Context(), "nowhere")
		h.wantCode(err, room.TargetNotFound)
		if err := h.reg.Revoke(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		h.wantEnd(ann, room.Removed, "removed")
		h.wantEnd(other, room.Removed, "removed")
		h.refusedJoin(auth.Grant{Room: "g", Person: "ann", Role: auth.Participant}, room.BarredPerson)
		_, err = h.reg.Do(t.Context(), "g", room.UndoRevoke{Person: "ann"})
		h.wantCode(err, room.BadRequest)
		if err := h.reg.UndoRevoke(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		h.join("g", "ann", auth.Participant)
		_, err = h.reg.Do(t.Context(), "g", room.End{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := h.notices(host); !reflect.DeepEqual(n[len(n)-1], RoomEnded{"clinic"}) {
			t.Fatalf("told %+v", n)
		}
	})
}

func TestSelfUpdated(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		rules := room.NewText("rules", "1", "en", "What is said here stays here.")
		p := h.reg.cfg.Policies["default"]
		p.Agreement = []room.Text{rules}
		h.reg.cfg.Policies["default"] = p
		host, ann := h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant)
		if self := ann.welcome.Self; !self.Needs.Agreement || self.Agreement[0] != rules {
			t.Fatalf("welcome %+v", self)
		}
		_, err := host.Do(t.Context(), room.Admit{All: true})
		h.wantCode(err, room.AgreementRequired)
		h.notices(host)
		h.do(ann, room.Acknowledge{TextHash: rules.Hash})
		n := h.notices(ann)
		h.wantKinds(n, "SelfUpdated")
		if self := n[0].(SelfUpdated).Self; self.Needs != (room.Needs{}) || self.Agreement != nil {
			t.Fatalf("told %+v", self)
		}
		h.wantKinds(h.notices(host), "WaiterUpdated")
		h.do(host, room.Admit{All: true})
		ben := &fakeClient{t: t}
		_, w, err := h.reg.Join(t.Context(), JoinRequest{Grant: grant("g", "ben", auth.Participant), Acknowledged: []string{rules.Hash}}, ben)
		if err != nil || w.Self.Needs.Agreement {
			t.Fatalf("%+v %v", w.Self, err)
		}
	})
}

// TestStoreFailureEndsTheRecording checks that nothing is recorded while answers cannot be stored, and that withdrawing still works.
func TestStoreFailureEndsTheRecording(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host, ann := h.askConsent()
		h.do(ann, room.AnswerConsent{Scope: room.RecordingAudio, TextHash: audio.Hash, Granted: true})
		media := h.media.rooms[0]
		newest := func() (p room.Plan) {
			synctest.Wait()
			media.media.set(func() { p = media.plans[len(media.plans)-1] })
			return p
		}
		if len(newest().Record) != 1 {
			t.Fatal("nothing is recorded")
		}
		j.set(func() { j.fails = true })
		h.notices(host)
		h.do(host, room.Lock{})
		if p := newest(); len(p.Record) != 0 || len(p.Entries) != 2 {
			t.Fatalf("with the store down the plan is %+v", p)
		}
		if n := h.notices(host); n[len(n)-1].(EffectNotice).Effect.(room.RecorderFailed).Fault != room.StoreFailed {
			t.Fatalf("told %+v", n)
		}
		h.do(ann, room.WithdrawConsent{})
		j.set(func() { j.fails = false })
		time.Sleep(time.Minute)
		if acts := j.acts(); !slices.Contains(acts, room.ActRecordFailed) || !slices.Contains(acts, room.ActWithdrawn) {
			t.Fatalf("the log holds %v", acts)
		}
		if len(newest().Record) != 0 {
			t.Fatal("it went on by itself")
		}
	})
}
