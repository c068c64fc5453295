package live

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"alcove/auth"
	"alcove/room"
)

// withSealedRoom runs f on a registry whose rooms are encrypted end to end.
func withSealedRoom(t *testing.T, f func(t *testing.T, h *harness, j *fakeJournal)) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		p := h.reg.cfg.Policies["default"]
		p.E2EE = room.E2EERequired
		h.reg.cfg.Policies["default"] = p
		f(t, h, j)
	})
}

// heard names what a client was told of groups since the last time, with the roster as a mark.
func (h *harness) heard(g testSeat) (list []string) {
	for _, n := range h.notices(g) {
		switch n := n.(type) {
		case GroupState:
			list = append(list, fmt.Sprintf("state %d %s", n.Number, n.Main))
		case Roster:
			list = append(list, "roster")
		case KeyPackageGiven:
			list = append(list, "key "+string(n.KeyPackage.Sealed))
		case EffectNotice:
			switch e := n.Effect.(type) {
			case room.EntrySent:
				list = append(list, fmt.Sprintf("%s %d", e.Entry.Kind, e.Entry.Number))
			case room.WelcomeSent:
				list = append(list, fmt.Sprintf("welcome %d", e.Entry.Number))
			case room.GroupMessageSent:
				list = append(list, "message "+string(e.Message))
			}
		}
	}
	return list
}

func (h *harness) wantHeard(g testSeat, want ...string) {
	h.t.Helper()
	if got := h.heard(g); !slices.Equal(got, want) {
		h.t.Fatalf("heard %q, want %q", got, want)
	}
}

func keyOf(name string) room.Command {
	return room.SetKeyPackage{KeyPackage: room.KeyPackage{Sealed: room.Sealed(name), TokenHash: "h"}}
}

func commitAfter(n uint64, to ...room.ParticipantID) room.CommitGroup {
	c := room.CommitGroup{Group: "g", After: n, Commit: "c"}
	if len(to) > 0 {
		c.Welcome, c.To = "w", to
	}
	return c
}

// TestGroupOfASession checks the messages of a group in order, from the key package of a waiting participant on, and who receives each of
// them.
func TestGroupOfASession(t *testing.T) {
	withSealedRoom(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		h.wantHeard(host, "state 0 ", "roster")
		h.do(host, room.CreateGroup{Group: "g"})
		if n := h.reg.Counts(); n.Rooms != 1 || n.Encrypted != 1 {
			t.Fatalf("counted %+v", n)
		}
		ann := h.join("g", "ann", auth.Participant)
		h.do(ann, keyOf("ann's"))
		h.wantHeard(host, "create 1", "key ann's")
		h.wantHeard(ann)
		second := h.join("g", "second", auth.Cohost)
		h.wantHeard(second, "state 1 g", "roster", "key ann's")
		h.do(host, room.Admit{All: true})
		h.wantHeard(ann, "state 1 g", "roster")
		h.do(host, commitAfter(1, ann.ID(), second.ID()))
		_, err := second.Do(t.Context(), commitAfter(1, ann.ID()))
		h.wantCode(err, room.E2EEStale)
		h.do(ann, room.SendToGroup{Group: "g", After: 2, Message: "1"})
		h.do(host, commitAfter(2))
		h.do(ann, room.SendToGroup{Group: "g", After: 3, Message: "2"})
		h.wantHeard(host, "commit 2", "message 1", "commit 3", "message 2")
		h.wantHeard(second, "commit 2", "welcome 2", "message 1", "commit 3", "message 2")
		h.wantHeard(ann, "commit 2", "welcome 2", "commit 3")
		h.do(host, room.SendBack{Target: ann.ID()})
		h.do(host, commitAfter(3))
		h.wantHeard(ann)
	})
}

// TestResumeIsToldTheNumber checks that a participant who resumes receives the number, and after e2ee.sync the entries that they missed.
func TestResumeIsToldTheNumber(t *testing.T) {
	withSealedRoom(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host, second := h.join("g", "host", auth.Host), h.join("g", "second", auth.Cohost)
		h.do(host, room.CreateGroup{Group: "g"})
		h.do(second, keyOf("second's"))
		second.Disconnect()
		synctest.Wait()
		h.notices(second)
		h.do(host, commitAfter(1, second.ID()))
		h.wantHeard(second)
		second, err := h.resume(second)
		if err != nil {
			t.Fatal(err)
		}
		h.wantHeard(second, "state 2 g", "roster")
		if o := h.do(second, room.SyncGroup{After: 1}); o.Through != 2 {
			t.Fatalf("through %d", o.Through)
		}
		h.wantHeard(second, "commit 2", "welcome 2")
	})
}

// TestNumberIsWrittenBeforeItIsTold checks that a commit whose number is not reserved is in the journal before anybody receives it, so that a
// restart cannot forget it, that one whose number is reserved waits for no disk, and that of two commits that wait for the journal one is
// accepted.
func TestNumberIsWrittenBeforeItIsTold(t *testing.T) {
	withSealedRoom(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host, second := h.join("g", "host", auth.Host), h.join("g", "second", auth.Cohost)
		h.do(host, room.CreateGroup{Group: "g"})
		reserved := j.savedState(t).Groups.Reserved
		h.heard(host)
		j.set(func() { j.holds = true })
		for after := uint64(1); after < reserved; after++ {
			h.do(host, commitAfter(after))
			h.wantHeard(host, fmt.Sprint("commit ", after+1))
		}
		first := h.start(host, commitAfter(reserved))
		other := h.start(second, commitAfter(reserved))
		h.wantHeard(host)
		j.set(func() { j.holds = false })
		j.release()
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		h.wantCode(<-other, room.E2EEStale)
		h.wantHeard(host, fmt.Sprint("commit ", reserved+1))
		if s := j.savedState(t); reserved < 8 || s.Groups.Number != reserved+1 || s.Groups.Reserved != 2*reserved || s.Groups.Log != nil || s.Policy.E2EE != room.E2EERequired {
			t.Fatalf("written %+v %q", s.Groups, s.Policy.E2EE)
		}
	})
}

// TestGroupGoesOnAfterARestart checks that a restart keeps the number and the mode of a session, although the configuration has another
// mode, and empties the log.
func TestGroupGoesOnAfterARestart(t *testing.T) {
	withSealedRoom(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		h.do(host, room.CreateGroup{Group: "g"})
		h.do(host, commitAfter(1))
		p := h.reg.cfg.Policies["default"]
		p.E2EE = room.E2EEOff
		h.reg.cfg.Policies["default"] = p
		h.restart(j)
		host, err := h.resume(host)
		if err != nil {
			t.Fatal(err)
		}
		h.wantHeard(host, "state 2 g", "roster")
		_, err = host.Do(t.Context(), room.SyncGroup{After: 1})
		h.wantCode(err, room.E2EEGone)
		h.do(host, commitAfter(2))
		h.wantHeard(host, "commit 3")
	})
}

// TestNoNumberWithoutARecord checks that a group still changes its keys within the reserved numbers while the journal fails, because a
// member may have left, that no number beyond them is sent, and that the group goes on once the journal writes again.
func TestNoNumberWithoutARecord(t *testing.T) {
	withSealedRoom(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		h.do(host, room.CreateGroup{Group: "g"})
		reserved := j.savedState(t).Groups.Reserved
		j.set(func() { j.fails = true })
		h.heard(host)
		for after := uint64(1); after < reserved; after++ {
			h.do(host, commitAfter(after))
			h.wantHeard(host, fmt.Sprint("commit ", after+1))
		}
		for range 2 {
			h.wantCode(<-h.start(host, commitAfter(reserved)), room.Unavailable)
			h.wantCode(<-h.start(host, room.CreateGroup{Group: "new", Replaces: "g"}), room.Unavailable)
		}
		h.wantHeard(host)
		j.set(func() { j.fails = false })
		time.Sleep(maxRetry + time.Second)
		h.do(host, commitAfter(reserved))
		h.wantHeard(host, fmt.Sprint("commit ", reserved+1))
		if s := j.savedState(t); s.Groups.Reserved < reserved+1 {
			t.Errorf("written %+v", s.Groups)
		}
	})
}

// A keyRoom is a media plane that takes keys for recordings.
type keyRoom struct {
	MediaRoom
	released []room.KeysReleased
}

func (r *keyRoom) Release(k room.KeysReleased) { r.released = append(r.released, k) }

type keyMedia struct {
	Media
	room *keyRoom
}

func (m *keyMedia) Open(s MediaSession, events func(MediaEvent)) (MediaRoom, error) {
	opened, err := m.Media.Open(s, events)
	m.room = &keyRoom{MediaRoom: opened}
	return m.room, err
}

// TestReleasedKeysReachTheRecorder checks that the recorder receives released keys with the person that they belong to.
func TestReleasedKeysReachTheRecorder(t *testing.T) {
	withSealedRoom(t, func(t *testing.T, h *harness, j *fakeJournal) {
		text := room.NewText("audio", "1", "en", "May we?")
		p := h.reg.cfg.Policies["default"]
		p.Recording, p.Consents = room.WithEach, []room.ConsentForm{{Scope: room.RecordingAudio, Texts: []room.Text{text}}}
		h.reg.cfg.Policies["default"] = p
		media := &keyMedia{Media: h.reg.cfg.Media}
		h.reg.cfg.Media = media
		host := h.join("g", "host", auth.Host)
		h.do(host, room.CreateGroup{Group: "g"})
		h.do(host, room.AskConsent{Scopes: []room.Scope{room.RecordingAudio}})
		keys := room.ReleaseKeys{Scope: room.RecordingAudio, Number: 1, Sealed: "s", Keys: []room.ReleasedKey{{KID: 7, Key: "k"}}}
		h.do(host, keys)
		if got := media.room.released; len(got) != 1 || got[0].Person != "host" || got[0].Participant != host.ID() || got[0].Sealed != "s" {
			t.Fatalf("released %+v", got)
		}
	})
}
