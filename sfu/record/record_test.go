package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
)

const errFull = syscall.ENOSPC

// A clinic is the fixture of a test: keys, a disk, a recorder and its reports.
type clinic struct {
	t        testing.TB
	dir      string
	files    KeyringPaths
	identity *age.X25519Identity
	keyring  *Keyring
	disk     *disk
	recorder *Recorder

	mu     sync.Mutex
	failed []Failure
}

// newClinic creates one; configure may be nil.
func newClinic(t testing.TB, configure func(*Config)) *clinic {
	t.Helper()
	c := &clinic{t: t, dir: t.TempDir(), disk: newDisk()}
	c.files = KeyringPaths{filepath.Join(c.dir, "erasure"), filepath.Join(c.dir, "erasure.key"), filepath.Join(c.dir, "second")}
	if err := CreateKeyring(c.files); err != nil {
		t.Fatal(err)
	}
	c.keyring = must(OpenKeyring(c.files, time.Now))(t)
	c.identity = must(age.GenerateX25519Identity())(t)
	cfg := Config{Storage: c.disk, Keyring: c.keyring, Recipients: c.recipients, OnFailed: func(f Failure) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.failed = append(c.failed, f)
	}}
	if configure != nil {
		configure(&cfg)
	}
	c.recorder = must(Open(cfg))(t)
	return c
}

func (c *clinic) recipients() (Recipients, error) {
	return ParseRecipients([]byte(c.identity.Recipient().String()))
}

func (c *clinic) failures() []Failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Failure{}, c.failed...)
}

func (c *clinic) opener() *Opener {
	c.t.Helper()
	return must(NewOpener([]byte(c.identity.String()), c.keyring))(c.t)
}

func (c *clinic) verify(l Storage) Report {
	c.t.Helper()
	return must(c.opener().Verify(l, nil, nil))(c.t)
}

func (c *clinic) start(i Info) *Track {
	c.t.Helper()
	return must(c.recorder.Start(i))(c.t)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func audioOf(person string) Info {
	return Info{Session: "session-1", Person: person, Kind: Audio, Codec: Opus, Source: "microphone", ClockRate: 48000, Class: "standard", Purpose: "recording.audio"}
}

func videoOf(person string) Info {
	return Info{Session: "session-1", Person: person, Kind: Video, Codec: VP8, Source: "camera", ClockRate: 90000, Class: "standard", Purpose: "recording.video"}
}

// pattern is the payload of a synthetic unit, so that a search of the disk would find it.
var pattern = []byte("plaintext of the session")

// unit is the nth of 50 a second.
func unit(n int, began time.Time) Unit {
	p := binary.BigEndian.AppendUint64(bytes.Clone(pattern), uint64(n))
	return Unit{Seq: uint64(n) + 65530, Timestamp: uint32(n * 960), Arrived: began.Add(time.Duration(n) * 20 * time.Millisecond), Marker: n%3 == 0, KeyFrame: n%50 == 0, Payload: p}
}

// putUnits puts units from up to to, in simulated time.
func putUnits(t testing.TB, track *Track, began time.Time, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(n) * 20 * time.Millisecond)))
		if !track.Put(unit(n, began)) {
			t.Fatalf("unit %d was refused", n)
		}
	}
}

// units reads all units of one track.
func (c *clinic) units(l Storage) []Unit { return c.unitsBy(c.opener(), l) }

func (c *clinic) unitsBy(o *Opener, l Storage) (list []Unit) {
	c.t.Helper()
	for _, one := range must(List(l))(c.t) {
		if one.Err != nil {
			c.t.Fatal(one.Err)
		}
		s := must(o.read(l, one.Name))(c.t)
		for _, e := range s.entries() {
			if !e.Clock {
				list = append(list, e.Unit)
			}
		}
	}
	return list
}

func same(a, b Unit) bool {
	return a.Seq == b.Seq && a.Timestamp == b.Timestamp && a.Arrived.Equal(b.Arrived) && a.Marker == b.Marker && a.KeyFrame == b.KeyFrame && bytes.Equal(a.Payload, b.Payload)
}

// TestRoundTrip records over several segments and reads everything back.
func TestRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t, func(cfg *Config) { cfg.SegmentTime = 3 * time.Second })
		track := c.start(audioOf("person-a"))
		began := time.Now()
		putUnits(t, track, began, 0, 500)
		track.Clock(7, began)
		track.Stop()
		track.Stop()
		<-track.Done()
		if track.Put(unit(500, began)) {
			t.Error("a stopped track takes a unit")
		}
		out := track.out
		for what, b := range map[string][]byte{"queue": track.queue.buf, "scratch": out.plain[:cap(out.plain)], "key": out.key} {
			if len(bytes.Trim(b, "\x00")) > 0 {
				t.Errorf("the %s of a track that is over is not wiped", what)
			}
		}
		synctest.Wait()
		if s := c.recorder.Stats(); s.Tracks != 0 || s.Units != 500 || s.Refused != 1 || s.Bytes == 0 || s.Syncs == 0 {
			t.Errorf("stats are %+v", s)
		}
		if err := c.recorder.Close(); err != nil {
			t.Fatal(err)
		}
		got := c.units(c.disk)
		if len(got) != 500 {
			t.Fatalf("%d units", len(got))
		}
		for n, u := range got {
			if !same(u, unit(n, began)) {
				t.Fatalf("unit %d is %+v", n, u)
			}
		}
		r := c.verify(c.disk)
		if len(r.Problems) > 0 || len(r.Tracks) != 1 || !r.Tracks[0].Complete || r.Tracks[0].Segments < 3 || r.Tracks[0].Units != 500 {
			t.Errorf("report is %+v", r)
		}
		for name, f := range c.disk.files {
			if bytes.Contains(f.now, pattern) {
				t.Errorf("%s holds plaintext", name)
			}
		}
		if _, err := c.recorder.Start(audioOf("person-a")); err == nil {
			t.Error("a closed recorder starts a track")
		}
		if f := c.failures(); len(f) > 0 {
			t.Errorf("failures %v", f)
		}
	})
}

// TestStartWhileClosing checks that a track that begins while the recorder closes is either refused or complete.
func TestStartWhileClosing(t *testing.T) {
	c := newClinic(t, nil)
	c.start(audioOf("person-a")).Put(unit(0, time.Now()))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				track, err := c.recorder.Start(audioOf("person-a"))
				if errors.Is(err, ErrClosed) && track == nil {
					return
				} else if err != nil {
					t.Error(err)
					return
				}
				track.Put(unit(0, time.Now()))
			}
		})
	}
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	r := c.verify(c.disk)
	for _, one := range r.Tracks {
		if !one.Complete {
			t.Error("a track has no end")
		}
	}
	if len(r.Problems) > 0 || len(r.Tracks) == 0 {
		t.Errorf("%d tracks, problems %v", len(r.Tracks), r.Problems)
	}
}

// TestEmptyTrackLeavesNoFile checks that a track without a unit leaves no file, whether it was stopped or could not start.
func TestEmptyTrackLeavesNoFile(t *testing.T) {
	c := newClinic(t, nil)
	track := c.start(audioOf("person-a"))
	track.Stop()
	<-track.Done()
	bad := audioOf("person b")
	if _, err := c.recorder.Start(bad); err == nil {
		t.Error("a name with a space is taken for an opaque id")
	}
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	if names := c.disk.segments(t); len(names) > 0 {
		t.Errorf("there are %v", names)
	}
	if entries := must(os.ReadDir(c.dir))(t); len(entries) == 0 {
		t.Error("the test looks at the wrong folder")
	}
}
