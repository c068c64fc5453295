package live

import (
	"testing"
	"testing/synctest"
	"time"

	"alcove/auth"
	"alcove/room"
)

// restart replaces the registry, as after a restart of the daemon.
func (h *harness) restart(j *fakeJournal) {
	h.t.Helper()
	if err := h.reg.Close(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	cfg := h.reg.cfg
	cfg.Journal = j
	h.reg = NewRegistry(cfg)
	if err := h.reg.Restore(); err != nil {
		h.t.Fatal(err)
	}
}

func TestRestore(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		ann, ben, carl := h.join("g", "ann", auth.Participant), h.join("g", "ben", auth.Participant), h.join("g", "carl", auth.Participant)
		h.do(host, room.Admit{All: true})
		h.do(host, room.Lock{})
		h.do(host, room.Remove{Target: ben.ID()})
		ann.Offer(t.Context(), Offer{Generation: 1, SDP: "v=0"})
		first := ann
		ann, err := h.resume(ann)
		if err != nil {
			t.Fatal(err)
		}
		h.restart(j)
		h.wantEnd(ann, room.Admitted, "draining")
		time.Sleep(59 * time.Second) // the window began anew
		_, err = h.resume(first)
		h.wantCode(err, room.ResumeExpired)
		if ann, err = h.resume(ann); err != nil {
			t.Fatalf("resume into a locked room after a restart: %v", err)
		}
		for _, n := range h.notices(ann) {
			if ready, ok := n.(MediaReady); ok && ready.Generation != 0 {
				t.Errorf("asked to go on with connection %d, which died with the daemon", ready.Generation)
			}
		}
		if host, err = h.resume(host); err != nil {
			t.Fatal(err)
		}
		h.refusedJoin(grant("g", "ben", auth.Participant), room.BarredPerson)
		h.refusedJoin(grant("g", "dora", auth.Participant), room.RoomLocked)
		time.Sleep(2 * time.Second)
		_, err = h.resume(carl)
		h.wantCode(err, room.ResumeExpired)
		h.do(host, room.Unlock{})
		h.notices(ann)
		h.do(host, room.End{})
		h.wantEnd(ann, room.Ended, "ended")
		h.restart(j)
		if n := h.reg.Counts().Rooms; n != 0 {
			t.Fatalf("%d rooms came back from the dead", n)
		}
	})
}

func TestRestoreReportsUnreadableSessions(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		synctest.Wait()
		j.set(func() {
			j.states["broken"] = []byte("{}")
			j.states["over"] = room.EncodeState(room.State{Name: "y", Policy: room.Policy{Name: "default"}, EndedFor: "host"})
			j.states["gone"] = room.EncodeState(room.State{Name: "x", Policy: room.Policy{Name: "unheard of"}})
		})
		if err := h.reg.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.reg = NewRegistry(h.reg.cfg)
		if err := h.reg.Restore(); err == nil {
			t.Fatal("no error")
		}
		if _, err := h.resume(host); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		j.set(func() {
			if _, there := j.states["over"]; there {
				t.Error("a session that was over came back")
			}
		})
		j.set(func() { delete(j.states, "broken"); delete(j.states, "gone") })
	})
}

func TestCloseGivesUpOnTheJournal(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		j.set(func() { j.holds = true })
		h.start(host, room.Lock{})
		ctx, cancel := shortContext(h)
		defer cancel()
		if err := h.reg.Close(ctx); err == nil {
			t.Fatal("closed, and nothing was written")
		}
		synctest.Wait()
		j.release()
	})
}
