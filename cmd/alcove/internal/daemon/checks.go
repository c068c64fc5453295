package daemon

import (
	"context"
	"sync"
	"time"

	"alcove/cmd/alcove/internal/config"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

// Limits of the checks of connections. An echo costs what a small room does.
const (
	maxChecks      = 10               // at once
	checkLasts     = 40 * time.Second // three ways are tried, and one is measured
	checkPause     = time.Minute      // of a seat, from the beginning of one to that of the next
	maxCheckOffers = 6                // of one check
)

// checks lets seats measure their way to the media plane by echoes that store nothing. All methods are safe for concurrent use.
type checks struct {
	echo    func(live.Offer, time.Duration, func(live.Answer, error)) (end func(), err error)
	servers func(wire.ICEClient) []wire.ICEServer
	allow   func(holders []string) // the relay; nil: there is none
	now     func() time.Time

	mu     sync.Mutex
	bySeat map[string]*check // running, or begun less than checkPause ago. Guarded by mu.
}

// A check is guarded by checks.mu.
type check struct {
	began  time.Time
	offers int
	end    func() // of the newest echo; nil: none. It may be called again
}

func newChecks(c config.Config, d Daemon, plane Plane) *checks {
	e := plane.mediaEngine()
	if e == nil {
		return nil
	}
	k := &checks{echo: echoOf(e), now: time.Now, bySeat: map[string]*check{}}
	if r := plane.relayServer(); r != nil {
		k.servers, k.allow = iceServers(r, c, d.Relay, d.RelayUDP), r.Group().Allow
	}
	return k
}

// checkHolder is who holds the relay's credential of a check: another than that of the session, which who waits does not have.
func checkHolder(seat string) string { return "check " + seat }

// Begin begins a check of a seat and returns the relay's servers for it.
func (k *checks) Begin(client wire.ICEClient) ([]wire.ICEServer, time.Duration, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	running := 0
	for seat, c := range k.bySeat {
		if now.Sub(c.began) >= checkPause {
			delete(k.bySeat, seat)
		} else if now.Sub(c.began) < checkLasts {
			running++
		}
	}
	switch {
	case k.bySeat[client.Seat] != nil:
		return nil, 0, &room.Error{Code: room.InvalidState, Detail: "a check of this seat began within the last minute"}
	case running >= maxChecks:
		return nil, 0, &room.Error{Code: room.Unavailable, Detail: "too many checks at once"}
	}
	k.bySeat[client.Seat] = &check{began: now}
	k.allowRelay(now)
	time.AfterFunc(checkLasts, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.allowRelay(k.now())
	})
	if k.servers == nil {
		return nil, checkLasts, nil
	}
	return k.servers(wire.ICEClient{Seat: checkHolder(client.Seat), Host: client.Host}), checkLasts, nil
}

// allowRelay lets the seats of running checks use the relay, and nobody else. mu is held.
func (k *checks) allowRelay(now time.Time) {
	if k.allow == nil {
		return
	}
	var holders []string
	for seat, c := range k.bySeat {
		if now.Sub(c.began) < checkLasts {
			holders = append(holders, checkHolder(seat))
		}
	}
	k.allow(holders)
}

// Offer connects a seat whose check runs to an echo. The one before ends.
func (k *checks) Offer(ctx context.Context, seat string, o live.Offer) (string, error) {
	c, left, err := k.take(seat)
	if err != nil {
		return "", err
	}
	type result struct {
		sdp string
		err error
	}
	answered := make(chan result, 1)
	end, err := k.echo(o, left, func(a live.Answer, err error) { answered <- result{a.SDP, err} })
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	c.replace(end) // also that of an offer which came meanwhile over another connection of the seat
	k.mu.Unlock()
	select {
	case r := <-answered:
		if r.err != nil {
			end()
		}
		return r.sdp, r.err
	case <-ctx.Done():
		end()
		return "", &room.Error{Code: room.Unavailable, Detail: "not answered in time"}
	}
}

// take counts an offer, ends the echo before and returns the check of the seat, and for how long it still runs.
func (k *checks) take(seat string) (*check, time.Duration, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.bySeat[seat]
	if c == nil || k.now().Sub(c.began) >= checkLasts || c.offers >= maxCheckOffers {
		return nil, 0, &room.Error{Code: room.InvalidState, Detail: "no check of this seat runs"}
	}
	c.offers++
	c.replace(nil)
	return c, checkLasts - k.now().Sub(c.began), nil
}

// replace ends the echo of a check, if there is one, and notes how the next one ends.
func (c *check) replace(end func()) {
	if c.end != nil {
		c.end()
	}
	c.end = end
}
