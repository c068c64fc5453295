package store

import (
	"syscall"
	"testing"
	"time"
)

// TestWrote checks that Wrote is called for every group, with the part that failed.
func TestWrote(t *testing.T) {
	p, f, _ := troubled(t)
	type told struct {
		took   time.Duration
		failed Part
	}
	groups := make(chan told, 100)
	cfg, err := p.config()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Wrote = func(took time.Duration, failed Part) { groups <- told{took, failed} }
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t, s, record("a", "state 1", "admitted")); err != nil {
		t.Fatal(err)
	}
	if g := <-groups; g != (told{}) {
		t.Errorf("told %+v of a group that was written", g)
	}
	f.set(syscall.ENOSPC, nil)
	if err := write(t, s, record("a", "state 2", "unlocked")); err == nil {
		t.Fatal("a full disk takes it")
	}
	if g := <-groups; g.failed != AuditPart {
		t.Errorf("told %+v of a full disk", g)
	}
	f.set(nil, nil)
	p.close(s)
}
