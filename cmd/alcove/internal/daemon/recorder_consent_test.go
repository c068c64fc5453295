package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/demotest"
	guests "alcove/loadtest/client"
	"alcove/loadtest/pace"
	"alcove/sfu/record"
)

// The file system after sessions with none, some and all consents. What is written opens to exactly the intervals in which consent
// stood; of all else there is no byte.

// TestNothingIsRecordedWithoutConsent checks that nothing is written of people who were not asked or who refuse.
func TestNothingIsRecordedWithoutConsent(t *testing.T) {
	t.Parallel()
	s := newStudio(t, "each")
	if dumps, err := record.Dumpable(); err != nil || dumps {
		t.Errorf("a crash would write what is recorded into a core file: %v", err)
	}
	host, ann := s.enter("host", auth.Host), s.enter("ann", auth.Participant)
	ann.speaks(100)
	host.ask(soundScope, pictureScope)
	ann.sees("asking")
	ann.answer("refused", soundScope, pictureScope)
	ann.speaks(100)
	host.must("recording.stop", demotest.Nothing)
	host.sees("off")
	if n := s.walk(s.recorder.config.Dir, func(name string, _ []byte) { t.Errorf("there is %s", name) }); n > 0 {
		t.Errorf("%d files without any consent", n)
	}
	if data := s.opened(); len(data) > 0 {
		t.Errorf("%d bytes were exported", len(data))
	}
	s.nothingInClear(host, ann)
}

// TestRecordingFollowsEachConsent checks that each person is recorded only while they consent: one consents, withdraws in the middle of a
// word and consents again, one refuses, one never answers, and one consents to audio only.
func TestRecordingFollowsEachConsent(t *testing.T) {
	t.Parallel()
	s := newStudio(t, "each")
	host, ann, ben, cem := s.enter("host", auth.Host), s.enter("ann", auth.Participant), s.enter("ben", auth.Participant), s.enter("cem", auth.Participant)
	host.ask(soundScope, pictureScope)
	first, only := interval{from: begin()}, interval{from: begin()}
	ann.answer("granted", soundScope, pictureScope)
	cem.answer("granted", soundScope)
	ben.answer("refused", soundScope, pictureScope)
	for _, p := range []*player{host, ann, ben, cem} {
		p.sees("on")
	}
	s.kept(300)
	ann.must("consent.withdraw", demotest.Nothing)
	first.to = pace.Now()
	ann.speaks(100)
	second := interval{from: begin()}
	ann.answer("granted", soundScope, pictureScope)
	s.kept(300)
	host.must("recording.stop", demotest.Nothing)
	second.to, only.to = pace.Now(), pace.Now()
	s.quiet(ann)
	data := s.opened()
	sound, pictures := ann.Marks()
	wantExactly(t, ann, "sound", data, sound, 50, first, second)
	wantExactly(t, ann, "picture", data, pictures, 30, first, second)
	sound, pictures = cem.Marks()
	wantExactly(t, cem, "sound", data, sound, 50, only)
	wantExactly(t, cem, "picture", data, pictures, 30)
	for _, p := range []*player{host, ben} {
		sound, pictures = p.Marks()
		wantExactly(t, p, "sound", data, sound, 50)
		wantExactly(t, p, "picture", data, pictures, 30)
	}
	s.nothingInClear(host, ann, ben, cem)
}

// TestRecordingRequiresEveryConsent checks that one refusal stops the whole recording, that somebody who joins late pauses it, and that
// side rooms and muted microphones are not recorded.
func TestRecordingRequiresEveryConsent(t *testing.T) {
	t.Parallel()
	s := newStudio(t, "everyone")
	host, ann := s.enter("host", auth.Host), s.enter("ann", auth.Participant)
	host.ask(soundScope)
	host.answer("granted", soundScope)
	ann.answer("refused", soundScope)
	ann.speaks(100)
	if n := s.walk(s.recorder.config.Dir, func(string, []byte) {}); n > 0 {
		t.Fatalf("%d files although one refused", n)
	}
	one := interval{from: begin()}
	ann.answer("granted", soundScope)
	ann.sees("on")
	s.kept(150)
	late := s.enter("late", auth.Participant) // consents to nothing yet
	one.to = pace.Now()
	ann.sees("paused")
	s.quiet(ann)
	two := interval{from: begin()}
	late.answer("granted", soundScope)
	late.sees("on")
	s.kept(150)
	host.must("mod.sideRoom", map[string]string{"participantId": ann.View().ID})
	aside := interval{two.from, pace.Now()}
	late.speaks(100)
	back := interval{from: begin()}
	host.must("sideRoom.leave", demotest.Nothing)
	s.kept(150)
	ann.must("publication.set", map[string]any{"source": "microphone", "muted": true}) // and goes on sending
	back.to = pace.Now()
	ann.speaks(100)
	late.must("consent.withdraw", demotest.Nothing)
	two.to = pace.Now()
	ann.sees("paused")
	s.quiet(late)
	data := s.opened()
	sound, pictures := ann.Marks()
	wantExactly(t, ann, "sound", data, sound, 50, one, aside, back)
	wantExactly(t, ann, "picture", data, pictures, 30)
	sound, _ = late.Marks()
	wantExactly(t, late, "sound", data, sound, 50, two)
	s.nothingInClear(host, ann, late)
}

// TestRecordedTracksAreSynchronized checks, through a whole daemon, that recorded audio and video of one moment play within maxSkew, for
// one person and for two, if the publisher's sender reports are known.
func TestRecordedTracksAreSynchronized(t *testing.T) {
	t.Parallel()
	const maxSkew = 5 * time.Millisecond
	s := newStudio(t, "each")
	host, ann := s.enter("host", auth.Host), s.enter("ann", auth.Participant)
	host.ask(soundScope, pictureScope)
	for _, p := range []*player{host, ann} {
		p.answer("granted", soundScope, pictureScope)
	}
	ann.sees("on")
	s.kept(1000)
	s.opened()
	var lines []time.Duration
	for _, p := range []*player{host, ann} {
		sound, pictures := p.Marks()
		for _, marks := range [][][]byte{sound, pictures[:1]} {
			line, n := s.played(marks[0])
			if n < 50 {
				t.Errorf("%d blocks of %s", n, p.name)
			}
			lines = append(lines, line)
		}
	}
	if skew := slices.Max(lines) - slices.Min(lines); skew > maxSkew {
		t.Errorf("sound and pictures of two people lie %v apart: %v", skew, lines)
	}
}

// played is how much later than it was sent a source plays, by the median of its blocks, and how many there are.
func (s *studio) played(mark []byte) (line time.Duration, blocks int) {
	s.t.Helper()
	var all []time.Duration
	s.walk(s.exported, func(name string, data []byte) {
		var file struct {
			Header  webm.EBMLHeader `ebml:"EBML"`
			Segment webm.Segment    `ebml:"Segment"`
		}
		if err := ebml.Unmarshal(bytes.NewReader(data), &file, ebml.WithIgnoreUnknown(true)); err != nil {
			s.t.Fatalf("%s: %v", filepath.Base(name), err)
		}
		for _, c := range file.Segment.Cluster {
			for _, b := range c.SimpleBlock {
				for _, sent := range guests.FindMarks(b.Data[0], mark) {
					all = append(all, time.Duration(int64(c.Timecode)+int64(b.Timecode))*time.Millisecond-sent)
				}
			}
		}
	})
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], len(all)
}

// TestRecordingFails checks that a failure of the recorder ends the recording and notifies everybody. The session continues, written files
// can be opened, and the recording does not restart by itself.
func TestRecordingFails(t *testing.T) {
	t.Parallel()
	for fault, spoil := range map[string]func(*studio) error{
		faultSeal: func(s *studio) error { return os.Remove(s.recorder.config.RecipientsFile) },
		faultWrite: func(s *studio) error {
			return os.Rename(s.recorder.config.Dir, s.recorder.config.Dir+".gone")
		},
	} {
		t.Run(fault, func(t *testing.T) {
			s := newStudio(t, "each")
			host, ann := s.enter("host", auth.Host), s.enter("ann", auth.Participant)
			host.ask(soundScope)
			first := interval{from: begin()}
			ann.answer("granted", soundScope)
			ann.sees("on")
			s.kept(50)
			if err := spoil(s); err != nil {
				t.Fatal(err)
			}
			if fault == faultWrite { // the folder is open by its handle: another must not be taken for it
				if err := os.RemoveAll(s.recorder.config.Dir + ".gone"); err != nil {
					t.Fatal(err)
				}
			}
			host.answer("granted", soundScope) // another track, which cannot begin
			for _, p := range []*player{host, ann} {
				p.until("the recording failed", func() bool { return slices.Equal(p.faults, []string{fault}) && p.recording == "off" })
			}
			first.to = pace.Now()
			s.quiet(ann)
			host.must("room.lock", demotest.Nothing) // and all else works
			_, metrics := alcovetest.Get(t, s.admin+"/metrics")
			if !strings.Contains(metrics, "alcove_recording_refused_total 1") {
				t.Error("the metrics do not say so")
			}
			if fault == faultWrite {
				return // what was written is gone with its folder
			}
			data := s.opened()
			sound, _ := ann.Marks()
			wantExactly(t, ann, "sound", data, sound, 50, first)
			entries, err := os.ReadFile(filepath.Join(s.folder, "audit", "entries"))
			if err != nil || !strings.Contains(string(entries), `"act":"recording.failed"`) || !strings.Contains(string(entries), fault) {
				t.Errorf("the audit log does not say so: %v", err)
			}
		})
	}
}
