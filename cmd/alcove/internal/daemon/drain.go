package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"alcove/cmd/alcove/internal/control"
	"alcove/room/live"
	"alcove/signaling"
)

// A drainer stops the daemon from opening rooms, and announces when it stops. It is safe for concurrent use.
type drainer struct {
	rooms  *live.Registry
	server *signaling.Server
	log    *slog.Logger

	mu       sync.Mutex
	stopping bool // Guarded by mu. The daemon stops: nothing takes that back.
}

var errStopping = errors.New("the daemon stops")

// begin stops opening new rooms, and announces the time of the stop if it is known. Sessions continue.
func (d *drainer) begin(stopsAt time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return errStopping
	}
	d.rooms.Drain()
	d.server.Drain(stopsAt)
	d.log.Info("draining", "people", d.server.People())
	return nil
}

// end takes new rooms again.
func (d *drainer) end() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return errStopping
	}
	d.rooms.Undrain()
	d.server.Undrain()
	d.log.Info("taking new rooms again")
	return nil
}

// finish drains permanently and waits until nobody is connected, but no longer than wait. The error is that of forced.
func (d *drainer) finish(forced context.Context, wait time.Duration) error {
	d.mu.Lock()
	d.stopping = true
	d.rooms.Drain()
	d.server.Drain(time.Now().Add(wait))
	d.mu.Unlock()
	if wait > 0 {
		notify(d.log, fmt.Sprintf("%s\nEXTEND_TIMEOUT_USEC=%d", notifyStopping, (wait+StopTimeout+stopMargin).Microseconds()))
	}
	ctx, cancel := context.WithTimeout(forced, wait)
	defer cancel()
	look := time.NewTicker(control.DrainPoll)
	defer look.Stop()
	for d.server.People() > 0 {
		select {
		case <-ctx.Done():
			return forced.Err()
		case <-look.C:
		}
	}
	return nil
}
