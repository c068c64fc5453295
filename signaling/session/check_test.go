package session

import (
	"context"
	"testing"
	"time"

	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

// A checker notes which seats check.
type checker struct {
	begun   []wire.ICEClient
	offered []string
}

func (c *checker) Begin(client wire.ICEClient) ([]wire.ICEServer, time.Duration, error) {
	c.begun = append(c.begun, client)
	return []wire.ICEServer{{URLs: []string{"turn:a"}, Username: "u", Credential: "c"}}, 40 * time.Second, nil
}

func (c *checker) Offer(_ context.Context, seat string, o live.Offer) (string, error) {
	if c.offered = append(c.offered, seat); len(o.Tracks) != 1 {
		return "", &room.Error{Code: room.InvalidState, Detail: "no check"}
	}
	return "v=0\r\n", nil
}

// TestChecks lets people who wait and people who are in the session measure their connection, each for its own seat.
func TestChecks(t *testing.T) {
	k := &checker{}
	h := newTestServer(t, func(c *Config, _ *Service) { c.Checks = k })
	boss, ann := h.enter(hostToken), h.enter("tuesday|participant|ann|ann")
	offer := wire.Object{"sdp": "v=0\r\n", "tracks": []wire.Object{{"mid": "0", "source": "microphone"}}}
	for i, who := range []string{"boss", "ann"} {
		c := boss
		if who == "ann" {
			c = ann
		}
		if got := c.Do("check.begin", nil).Data; got["lastsMs"] != 40000.0 || len(got["iceServers"].([]any)) != 1 {
			t.Errorf("%s is told %v", who, got)
		}
		if got := c.Do("check.offer", offer).Data; got["sdp"] != "v=0\r\n" {
			t.Errorf("%s is answered %v", who, got)
		}
		c.Refused("check.offer", wire.Object{"sdp": "v=0\r\n", "tracks": []any{}}, room.InvalidState)
		if k.begun[i].Seat != k.offered[2*i] || k.begun[i].Seat == "" {
			t.Errorf("%s began as %q and offered as %q", who, k.begun[i].Seat, k.offered[2*i])
		}
	}
	if k.begun[0].Seat == k.begun[1].Seat {
		t.Error("two people have one seat")
	}
}
