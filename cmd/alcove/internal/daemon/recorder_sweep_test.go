package daemon

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/control"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/state"
	"alcove/sfu/record"
)

// TestSweep checks that expired recordings are deleted, that others are kept, and that the audit log contains each erasure.
func TestSweep(t *testing.T) {
	t.Parallel()
	s := newStudio(t, "each")
	host, ann := s.enter("host", auth.Host), s.enter("ann", auth.Participant)
	host.ask(soundScope)
	ann.answer("granted", soundScope)
	s.kept(50)
	host.must("recording.stop", demotest.Nothing)
	s.quiet(ann)
	files := func() int {
		all, err := record.List(s.recorder.storage)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	var expired []state.TrackEntry
	to := func(receipt func(record.ErasureReceipt) error) auditEntries {
		return auditEntries{receipt, func(_ context.Context, e state.TrackEntry) error { expired = append(expired, e); return nil }}
	}
	none := to(func(record.ErasureReceipt) error { return nil })
	s.recorder.sweep(none)
	if files() != 1 {
		t.Fatalf("%d files are left of one that has not expired", files())
	}
	all, err := record.List(s.recorder.storage)
	if err != nil || len(all) != 1 || all[0].Header.Class != config.DefaultClass || all[0].Header.Purpose != soundScope {
		t.Fatalf("recorded was %+v, %v", all, err)
	}
	if _, err := record.Erase(s.recorder.storage, s.recorder.keyring, all[0].Header.Person); err != nil {
		t.Fatal(err)
	}
	var receipts []record.ErasureReceipt
	s.recorder.sweep(to(func(r record.ErasureReceipt) error { receipts = append(receipts, r); return nil }))
	if len(receipts) != 1 || receipts[0].Person != all[0].Header.Person {
		t.Errorf("entered into the log: %+v", receipts)
	}
	host.ask(soundScope) // her consent stands
	s.kept(50)
	host.must("recording.stop", demotest.Nothing)
	s.quiet(ann)
	s.recorder.config.Classes = map[string]config.Duration{config.DefaultClass: config.Duration(time.Nanosecond)}
	s.recorder.sweep(none)
	if files() != 0 || len(expired) != 1 || expired[0].Act != state.TrackExpired {
		t.Errorf("%d files are left of what has expired; the log was told of %+v", files(), expired)
	}
	if state, err := control.Request(filepath.Join(s.folder, "alcove.sock"), http.MethodPost, "/sweep"); err != nil || state.Swept == nil || *state.Swept != (control.SweepResult{}) {
		t.Errorf("asked by an operator: %+v, %v", state, err)
	}
	s.stop()
	entries, err := os.ReadFile(filepath.Join(s.folder, "audit", "entries"))
	if err != nil || !strings.Contains(string(entries), `"act":"recording.began"`) || !strings.Contains(string(entries), `"act":"recording.stopped"`) {
		t.Errorf("the log does not say when it was recorded: %v", err)
	}
}
