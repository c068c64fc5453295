package sfu

import (
	"errors"
	"testing"
)

func TestRoomsGoToLeastLoadedWorker(t *testing.T) {
	e, err := New(Config{Listen: "127.0.0.1:0", Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	nothing := func(Event) {}
	for range 4 {
		if _, err := e.Open(nothing); err != nil {
			t.Fatal(err)
		}
	}
	for i, w := range e.workers {
		if n := w.roomCount.Load(); n != 2 {
			t.Errorf("worker %d has %d rooms of 4", i, n)
		}
	}
	e.workers[0].shared.Store(&Counters{Load: 0.5})
	if r, err := e.Open(nothing); err != nil || r.worker != e.workers[1] {
		t.Fatal("a room was placed on the loaded worker", err)
	}
	for _, w := range e.workers {
		w.shared.Store(&Counters{Load: 0.9})
	}
	if _, err := e.Open(nothing); !errors.Is(err, ErrBusy) {
		t.Fatalf("a daemon at its limit: %v", err)
	}
}
