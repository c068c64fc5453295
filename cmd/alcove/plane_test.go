package main

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"alcove/room/live"
)

// counted stands between the daemon and its media plane, as a test or another plane may.
type counted struct {
	plane
	finished *atomic.Int64
}

func (c counted) Finish(ctx context.Context) error {
	c.finished.Add(1)
	return c.plane.Finish(ctx)
}

// TestWrappedPlaneLosesNothing: what stands between the daemon and the media plane switches off neither metrics, nor retention, nor the
// ends of recordings.
func TestWrappedPlaneLosesNothing(t *testing.T) {
	var finished atomic.Int64
	r := startDevWith(t, t.TempDir(), func(d *daemon) {
		d.config.Media.Listen, d.config.Media.Port = "127.0.0.1", 0
		d.media = func(c config, log *slog.Logger) (live.Media, plane, error) {
			m, p, err := newMedia(c, log)
			w := counted{p, &finished}
			if err == nil && w.recording() == nil {
				t.Error("the daemon would not know that it records")
			}
			return m, w, err
		}
	})
	_, page := get(t, r.admin+"/metrics")
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
