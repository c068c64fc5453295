package live

import (
	"reflect"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
)

// kinds lists the types of notices.
func kinds(list []Notice) []string {
	var k []string
	for _, n := range list {
		k = append(k, reflect.TypeOf(n).Name())
	}
	return k
}

func (h *harness) wantKinds(got []Notice, want ...string) {
	h.t.Helper()
	if !reflect.DeepEqual(kinds(got), want) {
		h.t.Fatalf("told %v, want %v", kinds(got), want)
	}
}

func TestAdmission(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		ann := h.join("g", "ann", auth.Participant)
		if ann.welcome.Self.Access != room.Waiting || ann.welcome.Secret.Empty() || ann.welcome.Policy.Name != "default" {
			t.Fatalf("welcome %+v", ann.welcome)
		}
		if len(h.media.rooms) != 0 {
			t.Fatal("a media plane for people who wait")
		}
		host := h.join("g", "host", auth.Host)
		told := h.notices(host)
		h.wantKinds(told, "RoomUpdated", "Roster", "WaitingList", "BarredList", "MediaReady")
		if ready := told[4].(MediaReady); ready.Session == "" || ready.Session != host.welcome.Session {
			t.Fatalf("media of %q, the seat is %q", ready.Session, host.welcome.Session)
		}
		if n := h.notices(ann); n != nil {
			t.Fatalf("one who waits was told %+v", n)
		}
		got := h.do(host, room.Admit{Targets: []room.ParticipantID{ann.ID()}})
		if !reflect.DeepEqual(got.Admitted, []room.ParticipantID{ann.ID()}) {
			t.Fatalf("outcome %+v", got)
		}
		h.wantKinds(h.notices(ann), "AccessChanged", "RoomUpdated", "Roster", "MediaReady")
		h.wantKinds(h.notices(host), "PersonJoined", "WaiterRemoved")
		if c := h.reg.Counts(); c.Rooms != 1 || c.Waiting != 0 || c.Admitted[auth.Participant] != 1 || c.Admitted[auth.Host] != 1 {
			t.Fatalf("counts %+v", c)
		}
		h.do(ann, room.Leave{})
		h.wantEnd(ann, room.Left, "left")
		if n := h.notices(host); !reflect.DeepEqual(n, []Notice{PersonLeft{ann.ID(), "left"}}) {
			t.Fatalf("told %+v", n)
		}
		_, err := ann.Do(t.Context(), room.SetHand{Raised: true})
		h.wantCode(err, room.InvalidState)
		for key, want := range map[string]int{"joined waiting": 1, "joined admitted": 1, "admitted ok": 1} {
			if h.observer.got(key) != want {
				t.Errorf("%s: %d, want %d", key, h.observer.got(key), want)
			}
		}
	})
}

func TestSeatActsForItself(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		for _, c := range []room.Command{
			room.Join{}, room.Resume{}, room.Tick{}, room.Publish{}, room.Disconnect{}, room.Confirm{}, nil,
			room.Revoke{All: true}, room.UndoRevoke{Person: "p"}, room.ConfirmRecording{}, room.FailRecording{}, room.RateExceeded{}, room.UpdatePolicy{},
		} {
			_, err := ann.Do(t.Context(), c)
			h.wantCode(err, room.BadRequest)
		}
		for _, c := range []room.Command{
			room.Admit{All: true}, room.End{}, room.Lock{}, room.SetHand{},
			room.Unlock{}, room.Deny{Target: host.ID()}, room.SendBack{Target: host.ID()}, room.Remove{Target: host.ID()},
			room.Unbar{Target: host.ID()}, room.SetMuted{}, room.Mute{Target: host.ID()}, room.AskScreen{},
			room.AskUnmute{Target: host.ID()}, room.SetPermission{Target: host.ID()},
		} {
			_, err := ann.Do(t.Context(), c)
			h.wantCode(err, room.NotAdmitted)
		}
	})
}

func TestModeration(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		ben := h.join("g", "ben", auth.Participant)
		h.do(ann, room.Message{Text: "hello"})
		h.wantKinds(h.notices(host)[5:], "WaiterAdded", "WaiterAdded", "EffectNotice")
		h.do(host, room.Admit{All: true})
		h.notices(ann)
		h.do(host, room.SendBack{Target: ann.ID(), Message: "a moment"})
		n := h.notices(ann)
		h.wantKinds(n, "AccessChanged")
		if a := n[0].(AccessChanged); a.Reason != "sent_back" || a.Message != "a moment" || a.Self.Permissions != nil {
			t.Fatalf("told %+v", a)
		}
		h.notices(ben)
		h.do(host, room.Remove{Target: ann.ID()})
		h.wantEnd(ann, room.Removed, "removed")
		if n := h.notices(ben); n != nil {
			t.Fatalf("the group was told of the waiting room: %+v", n)
		}
		_, err := h.resume(ann)
		h.wantCode(err, room.ResumeExpired)
		h.refusedJoin(grant("g", "ann", auth.Participant), room.BarredPerson)
		h.do(ben, room.AskScreen{})
		h.do(host, room.SetPermission{Target: ben.ID(), Source: room.Screen, Allowed: true})
		h.wantKinds(h.notices(ben), "AccessChanged", "PersonUpdated")
		carl := h.join("g", "carl", auth.Participant)
		h.do(host, room.End{})
		h.wantEnd(host, room.Ended, "ended")
		h.wantEnd(carl, room.Ended, "ended")
		if n := h.notices(carl); n != nil {
			t.Fatalf("one who waited was told %+v", n)
		}
		h.wantEnd(ben, room.Ended, "ended")
		n = h.notices(ben)
		if !reflect.DeepEqual(n, []Notice{RoomEnded{"host"}}) {
			t.Fatalf("told %+v", n)
		}
		if h.reg.Counts().Rooms != 0 {
			t.Fatal("the room is still counted")
		}
	})
}

func TestResumeDeliversEverythingAgain(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		h.notices(host)
		media := h.media.rooms[0]
		media.events(SlotsMapped{Participant: host.ID(), Version: 1, Slots: []SlotOwner{{Kind: "audio", CSRC: 7}}})
		h.wantKinds(h.notices(host), "SlotMap")
		host.Disconnect()
		media.events(SlotsMapped{Participant: host.ID(), Version: 2, Slots: []SlotOwner{{Kind: "audio", CSRC: 8}}})
		media.events(SpeakersChanged{IDs: []room.ParticipantID{host.ID(), "stranger"}})
		if n := h.notices(host); n != nil || !reflect.DeepEqual(media.announced, []uint64{1}) {
			t.Fatalf("away: told %+v, announced %v", n, media.announced)
		}
		if _, ok := host.client.ended(); ok {
			t.Fatal("ended by a lost connection")
		}
		again, err := h.resume(host)
		if err != nil {
			t.Fatal(err)
		}
		h.wantEnd(host, room.Left, "replaced")
		n := h.notices(again)
		h.wantKinds(n, "RoomUpdated", "Roster", "WaitingList", "BarredList", "MediaReady", "SlotMap", "Speakers")
		if !n[1].(Roster).People[0].Connected || n[5].(SlotMap).Slots[0].CSRC != 8 {
			t.Fatalf("told %+v", n)
		}
		if want := []room.ParticipantID{host.ID()}; !reflect.DeepEqual(n[6].(Speakers).IDs, want) {
			t.Fatalf("speakers %+v", n[6])
		}
		if !reflect.DeepEqual(media.announced, []uint64{1, 2}) {
			t.Fatalf("announced %v", media.announced)
		}
		// Commands of the replaced connection are refused.
		host.Disconnect()
		_, err = host.Do(t.Context(), room.Lock{})
		h.wantCode(err, room.InvalidState)
		_, err = host.Offer(t.Context(), Offer{Generation: 1})
		h.wantCode(err, room.InvalidState)
		time.Sleep(2 * time.Minute)
		h.do(again, room.Lock{})
		// The answer was lost: the old secret works until the new one is confirmed.
		third, err := h.resume(host)
		if err != nil {
			t.Fatal(err)
		}
		third.Confirm()
		h.notices(third)
		_, err = h.resume(host)
		h.wantCode(err, room.ResumeExpired)
		h.wantEnd(again, room.Left, "replaced")
	})
}

func TestResumeWindow(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		h.do(host, room.Admit{All: true})
		h.do(host, room.Lock{})
		ann.Disconnect()
		time.Sleep(59 * time.Second)
		ann, err := h.resume(ann)
		if err != nil {
			t.Fatalf("resume into a locked room: %v", err)
		}
		h.notices(host)
		ann.Disconnect()
		time.Sleep(61 * time.Second)
		h.wantEnd(ann, room.Left, "expired")
		n := h.notices(host)
		if h.wantKinds(n, "PersonUpdated", "PersonLeft"); n[1].(PersonLeft).Reason != "expired" {
			t.Fatalf("told %+v", n[1])
		}
		_, err = h.resume(ann)
		h.wantCode(err, room.ResumeExpired)
		host.Disconnect()
		time.Sleep(61 * time.Second)
		h.wantEnd(host, room.Left, "expired")
		if h.reg.Counts().Rooms != 0 {
			t.Fatal("an empty room runs on")
		}
		_, err = h.resume(host)
		h.wantCode(err, room.RoomEnded)
		_, _, err = h.reg.Resume(t.Context(), ResumeRequest{Session: "nonsense", Secret: auth.RandomSecret()}, &fakeClient{t: t})
		h.wantCode(err, room.ResumeExpired)
	})
}

func TestSlotMapsAndSpeakersNeedAdmission(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		h.notices(host)
		media := h.media.rooms[0]
		media.events(SlotsMapped{Participant: ann.ID(), Version: 1})
		media.events(SlotsMapped{Participant: "stranger", Version: 1})
		media.events(SpeakersChanged{IDs: []room.ParticipantID{ann.ID(), host.ID()}})
		if n := h.notices(ann); n != nil || media.announced != nil {
			t.Fatalf("one who waits was told %+v", n)
		}
		if n := h.notices(host); !reflect.DeepEqual(n, []Notice{Speakers{[]room.ParticipantID{host.ID()}}}) {
			t.Fatalf("told %+v", n)
		}
		media.events(SpeakersChanged{IDs: []room.ParticipantID{host.ID()}})
		if n := h.notices(host); n != nil {
			t.Fatalf("told twice: %+v", n)
		}
	})
}

func TestReadmissionDropsSlotMap(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		h.do(host, room.Admit{All: true})
		h.media.rooms[0].events(SlotsMapped{Participant: ann.ID(), Version: 1})
		h.notices(ann)
		h.do(host, room.SendBack{Target: ann.ID()})
		h.do(host, room.Admit{All: true})
		ann, err := h.resume(ann)
		if err != nil {
			t.Fatal(err)
		}
		h.wantKinds(h.notices(ann), "RoomUpdated", "Roster", "MediaReady")
	})
}

func TestMediaReadyOnlyWhenTheRoomGrows(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ready := func() (pairs []int) {
			for _, n := range h.notices(host) {
				if m, ok := n.(MediaReady); ok {
					pairs = append(pairs, m.Pairs)
				}
			}
			return pairs
		}
		more := func(n int) (in []testSeat) {
			for range n {
				in = append(in, h.join("g", newID(), auth.Participant))
			}
			h.do(host, room.Admit{All: true})
			return in
		}
		more(3)
		if got := ready(); !reflect.DeepEqual(got, []int{3}) {
			t.Fatalf("three others: %v", got)
		}
		for range 2 { // what was offered once is not offered again
			in := more(1)
			h.do(in[0], room.Leave{})
		}
		if got := ready(); !reflect.DeepEqual(got, []int{7}) {
			t.Fatalf("four others, twice: %v", got)
		}
	})
}

// TestWaitingResume resumes a waiting seat after nine minutes, as after a locked phone, and admits it.
func TestWaitingResume(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		policy := h.reg.cfg.Policies["default"]
		policy.WaitingResume = 10 * time.Minute
		h.reg.Reconfigure(map[string]room.Policy{"default": policy}, 10)
		host := h.join("g", "host", auth.Host)
		ann, ben := h.join("g", "ann", auth.Participant), h.join("g", "ben", auth.Participant)
		ann.Disconnect()
		ben.Disconnect()
		time.Sleep(9 * time.Minute)
		ann, err := h.resume(ann)
		if err != nil {
			t.Fatalf("after nine minutes: %v", err)
		}
		time.Sleep(61 * time.Second)
		h.wantEnd(ben, room.Left, "expired")
		h.do(host, room.Admit{All: true})
		time.Sleep(time.Minute)
		ann.Disconnect()
		time.Sleep(61 * time.Second)
		h.wantEnd(ann, room.Left, "expired")
	})
}
