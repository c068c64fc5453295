package session

import (
	"context"
	"strings"
	"testing"

	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

// A panickingRegistry returns seats that panic at room.lock.
type panickingRegistry struct{ roomRegistry }

func (b panickingRegistry) join(ctx context.Context, a live.JoinRequest, c live.Client) (seat, live.Welcome, error) {
	s, w, err := b.roomRegistry.join(ctx, a, c)
	return panickingSeat{s}, w, err
}

type panickingSeat struct{ seat }

func (b panickingSeat) Do(ctx context.Context, c room.Command) (room.Outcome, error) {
	if _, lock := c.(room.Lock); lock {
		panic("CANARY")
	}
	return b.seat.Do(ctx, c)
}

// TestPanicInRequest checks that a panic in a request is answered and closes the connection that it happened in, and no other.
func TestPanicInRequest(t *testing.T) {
	h := newTestServer(t, func(c *Config, s *Service) {
		if s != nil {
			s.rooms = panickingRegistry{s.rooms}
		}
	})
	host, other := h.enter(hostToken), h.enter("wednesday|host|b|B")
	r := host.Request("room.lock", nil)
	if r.OK || r.Error.Code != room.Internal || !strings.Contains(h.log.String(), "ref="+r.Error.Ref) {
		t.Errorf("%+v", r.Error)
	}
	if code := host.CloseCode(); code != wire.CloseInternal {
		t.Errorf("closed with %d", code)
	}
	other.Do("ping", nil)
	back := h.dial()
	back.Hello(wire.Object{"resume": wire.Object{"sessionId": host.Welcome.SessionID, "secret": host.Welcome.ResumeSecret}})
	back.Do("ping", nil)
}
