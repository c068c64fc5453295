package daemon

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/dev"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/cmd/alcove/internal/state"
	guests "alcove/loadtest/client"
	"alcove/loadtest/pace"
	"alcove/sfu/record"
)

// maxLoss is what a crash may cost of a recording (CAPABILITIES row 25).
const maxLoss = time.Second

// TestKillWhileRecording kills the daemon five times while it records. At most the last second is lost, verify reports nothing worse than
// an incomplete file, the rest plays, nothing is in plaintext, and no recording resumes after the restart.
func TestKillWhileRecording(t *testing.T) {
	t.Parallel()
	p := demotest.NewProcess(t)
	s := &studio{t: t, folder: p.Dir, running: &running{log: p.Log}}
	pacer, err := pace.NewPacer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pacer.Close)
	minter := guests.Minter{Issuer: dev.Issuer, Audience: dev.Audience, Policy: dev.CarePolicy}
	if err := minter.LoadKey(filepath.Join(p.Dir, keyfile.SigningFile)); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	if err := dev.ConfigureRecording(&c, p.Dir); err != nil {
		t.Fatal(err)
	}
	identity, err := os.ReadFile(filepath.Join(p.Dir, dev.IdentityFile))
	if err != nil {
		t.Fatal(err)
	}
	var everybody []*player
	for i, moment := range []struct {
		name string
		act  func(host, ann *player)
		ends bool // ann's recording may end before the kill
	}{
		{"as it begins", func(*player, *player) {
			s.wait("a file is there", func() bool { return s.walk(c.Recording.Dir, func(string, []byte) {}) > 0 })
		}, false},
		{"in mid-word", func(_, ann *player) { ann.speaks(150) }, false},
		{"after three seconds", func(_, ann *player) { ann.speaks(420) }, false},
		{"in a withdrawal", func(_, ann *player) {
			ann.speaks(150)
			go ann.Call(t.Context(), "consent.withdraw", demotest.Nothing, nil)
		}, true},
		{"in a stop", func(host, ann *player) {
			ann.speaks(150)
			go host.Call(t.Context(), "recording.stop", demotest.Nothing, nil)
		}, true},
	} {
		// Each connection of the lab knows the daemon as it is now: it listens elsewhere after a restart.
		s.lab = &guests.Env{Server: p.Base, Minter: minter, Pacer: pacer, Local: netip.MustParseAddr("127.0.0.1"), Seed: uint64(i), Passcode: dev.Passcode}
		host, ann := s.group(fmt.Sprint("canary-room-", i))
		everybody = append(everybody, host, ann)
		for _, one := range []*player{host, ann} {
			one.answer("granted", soundScope, pictureScope)
		}
		ann.sees("on")
		began := pace.Now()
		moment.act(host, ann)
		killed := pace.Now()
		if err := p.Cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		p.Cmd.Wait()
		data, report := s.openedWith(identity, c.Recording)
		incomplete := slices.ContainsFunc(report.Problems, func(q record.Problem) bool { return q.Finding == record.Incomplete })
		if !report.Intact() || !incomplete {
			t.Errorf("%s: verify says %+v", moment.name, report.Problems)
		}
		for _, one := range []*player{host, ann} {
			if lost := killed - newest(data, one); lost > maxLoss && killed-began > maxLoss && !moment.ends {
				t.Errorf("%s: the last %v of %s are lost", moment.name, lost, one.name)
			}
		}
		host.Vanish()
		ann.Vanish()
		files := s.walk(c.Recording.Dir, func(string, []byte) {})
		p.Start()
		_, metrics := alcovetest.Get(t, p.Admin+"/metrics")
		if !strings.Contains(metrics, "alcove_recording_tracks 0\n") || s.walk(c.Recording.Dir, func(string, []byte) {}) != files {
			t.Errorf("%s: after the restart it records by itself", moment.name)
		}
		again, report := s.openedWith(identity, c.Recording)
		if newest(again, ann) != newest(data, ann) {
			t.Errorf("%s: after the restart something else opens", moment.name)
		}
		s.wait("the log knows how much is left of each track", func() bool { return knows(t, filepath.Join(p.Dir, "audit"), report.Tracks) })
	}
	s.nothingInClear(everybody...)
}

// knows says whether the audit log has the end of each track, as it was read.
func knows(t *testing.T, log string, tracks []record.TrackReport) bool {
	t.Helper()
	entries, err := state.ReadTracks(log, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	known := state.LoggedTracks(entries)
	return !slices.ContainsFunc(tracks, func(read record.TrackReport) bool {
		return read.Records > 0 && !slices.ContainsFunc(known, func(one record.LoggedTrack) bool {
			return one.Track == read.Track && one.Session == read.Session && one.Records == read.Records && one.Tag == read.Tag
		})
	})
}

// newest is when the last packet of the person's sound that can be opened was sent, 0 if there is none.
func newest(data []byte, p *player) (last time.Duration) {
	sound, _ := p.Marks()
	for _, mark := range sound {
		for _, at := range guests.FindMarks(data, mark) {
			last = max(last, at)
		}
	}
	return last
}

// group is a host and a participant of the demo's policy that asks for everything, where the host has asked to record.
func (s *studio) group(in string) (host, ann *player) {
	s.t.Helper()
	host = s.arrive(in, "canary-host", auth.Host).sends()
	ann = s.arrive(in, "canary-ann", auth.Participant)
	host.must("mod.verify", map[string]any{"participantId": ann.View().ID, "verified": true})
	ann.sends()
	host.ask(soundScope, pictureScope)
	return host, ann
}
