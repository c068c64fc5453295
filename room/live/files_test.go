package live

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"alcove/auth"
	"alcove/room"
)

// toldFiles keeps what a Files is told.
type toldFiles struct {
	mu   sync.Mutex
	told []string // Guarded by mu.
}

func (f *toldFiles) SeatLost(session string, p room.ParticipantID) { f.add("lost " + string(p)) }
func (f *toldFiles) SessionEnded(session string)                   { f.add("ended " + session) }

func (f *toldFiles) add(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, s)
}

func (f *toldFiles) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	told := f.told
	f.told = nil
	return told
}

func TestFilesAreToldWhoMayNotHaveThem(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		files := &toldFiles{}
		h.reg.cfg.Files = files
		host := h.join("g", "host", auth.Host)
		gone, left, back := h.join("g", "gone", auth.Participant), h.join("g", "left", auth.Participant), h.join("g", "back", auth.Participant)
		stays := h.join("g", "stays", auth.Participant)
		h.do(host, room.Admit{All: true})
		knock := h.join("g", "knock", auth.Participant)
		key, id := host.welcome.Session.Split()
		if id != host.ID() {
			t.Fatalf("the session is of %s", id)
		}
		expect := func(p room.ParticipantID, want room.Code) {
			t.Helper()
			if person, err := h.reg.Admitted(t.Context(), key, p); codeOrNone(err) != want || err == nil && person != "stays" {
				t.Errorf("%q %v, want %q", person, err, want)
			}
		}
		expect(stays.ID(), "")
		expect(knock.ID(), room.NotAdmitted)
		h.notices(stays)
		h.notices(knock)
		h.reg.NotifyFiles(key, []room.ParticipantID{stays.ID(), knock.ID(), "nobody"})
		h.reg.NotifyFiles("no such session", []room.ParticipantID{stays.ID()})
		h.wantKinds(h.notices(stays), "FilesChanged")
		h.wantKinds(h.notices(knock))
		h.do(host, room.Remove{Target: gone.ID()})
		h.do(left, room.Leave{})
		h.do(host, room.SendBack{Target: back.ID()})
		expect(gone.ID(), room.InvalidState)
		if got, want := files.take(), []string{"lost " + string(gone.ID())}; !slices.Equal(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
		h.do(host, room.End{})
		synctest.Wait()
		want := []string{"lost " + string(back.ID()), "lost " + string(knock.ID()), "ended " + key}
		if got := files.take(); !slices.Equal(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
		expect(stays.ID(), room.RoomEnded)
		if h.reg.Running(key) {
			t.Error("it runs")
		}
	})
}

func codeOrNone(err error) room.Code {
	if err == nil {
		return ""
	}
	return room.Code(codeOf(err))
}
