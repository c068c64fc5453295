package daemon

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/room/live"
)

// counted stands between the daemon and its media plane, as a test or another plane may.
type counted struct {
	Plane
	finished *atomic.Int64
}

func (c counted) Finish(ctx context.Context) error {
	c.finished.Add(1)
	return c.Plane.Finish(ctx)
}

// TestWrappedPlaneKeepsFeatures checks that a wrapper around the media plane still passes on metrics, retention and the ends of recordings.
func TestWrappedPlaneKeepsFeatures(t *testing.T) {
	t.Parallel()
	var finished atomic.Int64
	r := startDevWith(t, t.TempDir(), func(d *Daemon) {
		d.Config.Media.Listen, d.Config.Media.Port = config.Addresses{"127.0.0.1"}, 0
		d.OpenMedia = func(c config.Config, log *slog.Logger) (live.Media, Plane, error) {
			m, p, err := OpenMedia(c, log)
			w := counted{p, &finished}
			if err == nil && w.recorder() == nil {
				t.Error("the daemon would not know that it records")
			}
			return m, w, err
		}
	})
	_, page := alcovetest.Get(t, r.admin+"/metrics")
	for _, metric := range []string{"alcove_media_peers", "alcove_recording_tracks", "alcove_relay_allocations"} {
		if !strings.Contains(page, "\n"+metric+" ") {
			t.Errorf("%s is not counted", metric)
		}
	}
	r.signals <- nil
	if err := <-r.stopped; err != nil {
		t.Error(err)
	}
	if finished.Load() != 1 {
		t.Errorf("the ends of recordings were written %d times", finished.Load())
	}
}
