package daemon

import (
	"errors"
	"testing"
)

// TestStateMetrics checks that the gauges of the store export what the alerts need.
func TestStateMetrics(t *testing.T) {
	t.Parallel()
	m := newStateMetrics()
	m.state = fakeState{nil, errors.New("no such machine"), 7}
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

func (f fakeState) Err() error { return f.err }

func (f fakeState) CopyErr() error { return f.second }

func (f fakeState) Entries() int64 { return f.entries }
