package daemon

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
)

func TestNotify(t *testing.T) {
	folder := t.TempDir()
	for name, socket := range map[string]string{
		"a path":   filepath.Join(folder, "notify"),
		"abstract": "@alcove-notify-" + filepath.Base(folder),
	} {
		t.Run(name, func(t *testing.T) {
			heard := alcovetest.ListenNotify(t, socket)
			t.Setenv("NOTIFY_SOCKET", socket)
			notify(slog.New(slog.DiscardHandler), notifyReady)
			if got := heard(); got != "READY=1" {
				t.Errorf("heard %q", got)
			}
		})
	}
}

// TestNotifyWithoutManager checks that a service manager that has gone away is logged, and that a missing one is not.
func TestNotifyWithoutManager(t *testing.T) {
	var log alcovetest.Log
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	notify(slog.New(slog.NewTextHandler(&log, nil)), notifyReady)
	if !strings.Contains(log.String(), "cannot notify the service manager") {
		t.Errorf("the log says %q", log.String())
	}
	log.Reset()
	t.Setenv("NOTIFY_SOCKET", "")
	notify(slog.New(slog.NewTextHandler(&log, nil)), notifyReady)
	if log.String() != "" {
		t.Errorf("the log says %q", log.String())
	}
}

// TestDaemonNotifies checks that the daemon notifies the service manager when it is ready and when it stops.
func TestDaemonNotifies(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	heard := alcovetest.ListenNotify(t, socket)
	t.Setenv("NOTIFY_SOCKET", socket)
	r := startDev(t)
	if got := heard(); got != notifyReady {
		t.Errorf("heard %q first", got)
	}
	if resp, _ := alcovetest.Get(t, r.admin+"/readyz"); resp.StatusCode != 200 {
		t.Errorf("ready, but readyz says %s", resp.Status)
	}
	r.signals <- nil
	if got := heard(); got != notifyStopping {
		t.Errorf("heard %q then", got)
	}
	if err := <-r.stopped; err != nil {
		t.Error(err)
	}
}
