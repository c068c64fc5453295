package live

import (
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
)

// TestObserveWaits checks that the wait of each participant is measured at admission, but not that of hosts, who never wait.
func TestObserveWaits(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		h.join("g", "ann", auth.Participant)
		time.Sleep(5 * time.Second)
		ben := h.join("g", "ben", auth.Participant)
		h.join("g", "carl", auth.Participant)
		time.Sleep(2 * time.Second)
		h.do(host, room.Deny{Target: ben.ID()})
		h.do(host, room.Admit{All: true})
		if h.observer.got("waited 7s") != 1 || h.observer.got("waited 2s") != 1 || h.observer.got("waited 0s") != 0 {
			t.Errorf("seen %+v", h.observer)
		}
	})
}
