package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"alcove/auth"
)

// SIGHUP brings new keys at once; a bad file changes nothing and is told of.
func TestFollowKeys(t *testing.T) {
	name := filepath.Join(t.TempDir(), "jwks.json")
	put := func(content []byte) {
		if err := os.WriteFile(name, content, modePublic); err != nil {
			t.Fatal(err)
		}
	}
	old, fresh := auth.GenerateSigningKey(), auth.GenerateSigningKey()
	put(old.JWKS())
	keys, err := auth.OpenKeyFile(keySetReader(name))
	if err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	d := daemon{material: material{keys: keys}, log: slog.New(slog.NewTextHandler(log, nil))}
	stop := d.followKeys()
	defer stop()
	hangUp := func(until func() bool) {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(20 * time.Second)
		for !until() {
			if time.Now().After(deadline) {
				t.Fatalf("the file is not read again:\n%s", log)
			}
			runtime.Gosched()
		}
	}
	put([]byte("{"))
	hangUp(func() bool { return strings.Contains(log.String(), "cannot be used") })
	if _, there := keys.Key(old.ID()); !there {
		t.Error("a bad file took the keys away")
	}
	put(fresh.JWKS())
	hangUp(func() bool { _, there := keys.Key(fresh.ID()); return there })
	if _, there := keys.Key(old.ID()); there {
		t.Error("the old key stays")
	}
}

// The gauges of the store say what an alert needs, and no more.
func TestStateMetrics(t *testing.T) {
	m := stateMetrics{fakeState{nil, errors.New("no such machine"), 7}}
	got := map[string]float64{}
	for _, s := range m.samples() {
		got[s.name] = s.value
	}
	if got["alcove_store_failed"] != 0 || got["alcove_audit_copy_failed"] != 1 || got["alcove_audit_entries"] != 7 {
		t.Errorf("got %v", got)
	}
	m.state = fakeState{errors.New("full"), nil, 7}
	if s := m.samples(); s[0].value != 1 || s[1].value != 0 {
		t.Errorf("got %v", s)
	}
}

type fakeState struct {
	err, second error
	entries     int64
}

func (f fakeState) Err() error       { return f.err }
func (f fakeState) SecondErr() error { return f.second }
func (f fakeState) Entries() int64   { return f.entries }
