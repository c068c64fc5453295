package daemon

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/cmd/alcove/internal/state"
)

// TestRecordingOnHangingDisk checks that nobody is told that recording has begun while the disk hangs: the state is starting, then failed
// with a notice to everybody, and a new request succeeds once the disk answers.
func TestRecordingOnHangingDisk(t *testing.T) {
	t.Parallel()
	s := newStudio(t, "each")
	host, ann := s.enter("host", auth.Host), s.enter("ann", auth.Participant)
	host.ask(soundScope)
	ann.sees("asking")
	free := s.hang()
	ann.answer("granted", soundScope)
	for _, p := range []*player{host, ann} {
		p.until("the recording failed", func() bool { return slices.Equal(p.faults, []string{faultSlow}) && p.recording == "off" })
		p.mu.Lock()
		if want := []string{"off", "asking", "starting", "off"}; !slices.Equal(p.states, want) {
			t.Errorf("%s was told %v, want %v", p.name, p.states, want)
		}
		p.mu.Unlock()
	}
	if files := s.walk(s.recorder.config.Dir, func(string, []byte) {}); files > 0 {
		t.Errorf("%d files of what was refused", files)
	}
	_, metrics := alcovetest.Get(t, s.admin+"/metrics")
	if !strings.Contains(metrics, "alcove_recording_refused_total 1") {
		t.Error("the metrics do not say so")
	}
	host.must("room.lock", demotest.Nothing) // and all else works
	free()
	s.wait("what hung is over", func() bool { return s.recorder.recorder.Stats().Hanging == 0 })
	first := interval{from: begin()}
	host.ask(soundScope) // her consent stands
	ann.sees("on")
	s.kept(50)
	host.must("recording.stop", demotest.Nothing)
	first.to = begin()
	s.quiet(ann)
	data := s.opened()
	entries, err := state.ReadTracks(filepath.Join(s.folder, "audit"), math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 || entries[0].Act != state.TrackBegan || entries[1].Act != state.TrackEnded { // of her one track; of what was refused nothing
		t.Errorf("the audit log holds %+v", entries)
	}
	if all := state.LoggedTracks(entries); len(all) != 1 || all[0].Session == "" || all[0].Began.IsZero() || !all[0].Ended || all[0].Segments != 1 || all[0].Records < 2 {
		t.Errorf("the audit log knows %+v", all)
	}
	sound, _ := ann.Marks()
	wantExactly(t, ann, "sound", data, sound, 50, first)
}

// hang keeps the erasure keys from being read, as a disk does that does not answer, until free is called.
func (s *studio) hang() (free func()) {
	s.t.Helper()
	f, err := os.OpenFile(s.recorder.config.ErasureKeysFile+".lock", os.O_RDWR|os.O_CREATE, keyfile.ModeSecret)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { f.Close() })
	return func() { f.Close() }
}
