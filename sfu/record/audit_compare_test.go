package record

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// loggedTracks records two people over several segments and returns what an audit log would contain of it. person-b's track breaks.
func loggedTracks(t *testing.T) (c *clinic, log []LoggedTrack) {
	t.Helper()
	at := func(track string) int {
		i := slices.IndexFunc(log, func(l LoggedTrack) bool { return l.Track == track })
		if i < 0 {
			t.Fatal("a track ended that never began")
		}
		return i
	}
	c = newClinic(t, func(cfg *Config) {
		cfg.SegmentTime = 2 * time.Second
		cfg.OnStarted = func(b TrackStarted) {
			log = append(log, LoggedTrack{Session: b.Session, Track: b.Track, ErasureKey: b.ErasureKey, Began: time.Now()})
		}
		cfg.OnEnded = func(e TrackEnded) {
			i := at(e.Track)
			log[i].Chain, log[i].Ended = e.Chain, e.Complete
		}
	})
	track := c.start(audioOf("person-a"))
	putUnits(t, track, time.Now(), 0, 290)
	track.Stop()
	<-track.Done()
	other := c.start(audioOf("person-b"))
	putUnits(t, other, time.Now(), 0, 290)
	synctest.Wait()
	c.disk.mu.Lock()
	c.disk.badSync = func(string) error { return errFull }
	c.disk.mu.Unlock()
	for n := 290; n < 400 && other.Put(unit(n, began)); n++ {
		time.Sleep(20 * time.Millisecond)
	}
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	return c, log
}

// TestCompareWithAuditLog checks that a removed, emptied or truncated file is found, in any track, and that expired ones are not reported.
func TestCompareWithAuditLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, log := loggedTracks(t)
		whole := c.disk.crash(0)
		a, b := log[0].Track, log[1].Track
		if !log[0].Ended || log[1].Ended || log[1].Records < 10 {
			t.Fatalf("logged was %+v", log)
		}
		files := func(d *disk, track string) []string { return d.segmentsOf(t, track) }
		last := func(d *disk, track string) *onDisk { all := files(d, track); return d.files[all[len(all)-1]] }
		lastRecord := func(f *onDisk) {
			pieces := cut(t, f.now)
			f.now = f.now[:len(f.now)-len(pieces[len(pieces)-1])]
		}
		tests := []struct {
			name  string
			harm  func(d *disk, log []LoggedTrack)
			track string
			want  Finding // "": all is well
		}{
			{"nothing", func(*disk, []LoggedTrack) {}, "", ""},
			{"a track is removed", func(d *disk, _ []LoggedTrack) {
				for _, name := range files(d, a) {
					delete(d.files, name)
				}
			}, a, Removed},
			{"a broken one is removed", func(d *disk, _ []LoggedTrack) {
				for _, name := range files(d, b) {
					delete(d.files, name)
				}
			}, b, Removed},
			{"all its files are emptied", func(d *disk, _ []LoggedTrack) {
				for _, name := range files(d, a) {
					d.files[name].now = nil
				}
			}, a, Removed},
			{"the last file is emptied", func(d *disk, _ []LoggedTrack) { last(d, b).now = nil }, b, Cut},
			{"the end is cut off", func(d *disk, _ []LoggedTrack) { lastRecord(last(d, a)) }, a, Cut},
			{"a record of a broken one is cut off", func(d *disk, _ []LoggedTrack) { lastRecord(last(d, b)) }, b, Cut},
			{"half a record of it is cut off", func(d *disk, _ []LoggedTrack) { f := last(d, b); f.now = f.now[:len(f.now)-30] }, b, Cut},
			{"its class expired", func(d *disk, log []LoggedTrack) {
				for _, name := range files(d, a) {
					delete(d.files, name)
				}
				log[0].Expired = true
			}, a, ""},
			{"only its beginning is known", func(d *disk, log []LoggedTrack) {
				lastRecord(last(d, b))
				log[1].Chain = Chain{}
			}, b, ""},
			{"the tag is another", func(_ *disk, log []LoggedTrack) { log[1].Tag = newID() }, b, Damaged},
		}
		for _, tt := range tests {
			d, log := whole.copy(), slices.Clone(log)
			tt.harm(d, log)
			o := c.opener()
			r := must(o.Verify(d, nil, nil))(t)
			r.Compare(o, log, nil)
			named := slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Track == tt.track && p.Finding == tt.want })
			if named != (tt.want != "") || r.Intact() != (tt.want == "") || r.Logged != 2 {
				t.Errorf("%s: %d compared: %+v", tt.name, r.Logged, r.Problems)
			}
		}
	})
}

// TestCompareWithAuditLogByPerson checks that an erasure needs no audit entry but that of the keyring, and that one person's recordings are
// found by the keyring alone, because the log contains no ids of people.
func TestCompareWithAuditLogByPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, log := loggedTracks(t)
		c.disk.badSync = nil
		of := func(person string) func(Header) bool { return func(h Header) bool { return h.Person == person } }
		o := c.opener()
		r := must(o.Verify(newDisk(), of("person-b"), nil))(t)
		if r.Compare(o, log, of("person-b")); r.Logged != 1 || len(r.Problems) != 1 || r.Problems[0].Track != log[1].Track {
			t.Errorf("of one person: %+v", r)
		}
		if _, err := Erase(c.disk, c.keyring, "person-a"); err != nil {
			t.Fatal(err)
		}
		o = c.opener()
		r = must(o.Verify(c.disk, nil, nil))(t)
		if r.Compare(o, log, nil); !r.Intact() {
			t.Errorf("after an erasure: %+v", r.Problems)
		}
		if r.Compare(o, log[:1], nil); !r.Intact() || !slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Finding == Unlogged && p.Track == log[1].Track }) {
			t.Errorf("of a track that the log does not know: %+v", r.Problems)
		}
	})
}

// TestFindUnfinished checks that the tracks that a crash leaves are counted as they are read.
func TestFindUnfinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t, func(cfg *Config) { cfg.SegmentTime = 2 * time.Second })
		track := c.start(audioOf("person-a"))
		putUnits(t, track, time.Now(), 0, 290)
		synctest.Wait()
		for _, extra := range []int{0, 100, 900, 3000} {
			d := c.disk.crash(extra)
			found := must(FindUnfinished(d, time.Now(), func(string) bool { return false }))(t)
			r := c.verify(d)
			if len(found) != 1 || len(r.Tracks) != 1 || found[0].Chain != r.Tracks[0].Chain || found[0].Track != track.ID() || found[0].ErasureKey != r.Tracks[0].ErasureKey {
				t.Errorf("with %d bytes more found %+v, read %+v", extra, found, r.Tracks)
			}
			if list := must(FindUnfinished(d, time.Now(), func(one string) bool { return one == track.ID() }))(t); len(list) > 0 {
				t.Errorf("found although its end is known: %+v", list)
			}
			if list := must(FindUnfinished(d, r.Tracks[0].Started, func(string) bool { return false }))(t); len(list) > 0 {
				t.Errorf("found although it may still run: %+v", list)
			}
		}
		if err := c.recorder.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestExpiryReportedBeforeRemoval checks that an expiring track is reported once, before any segment is removed, and kept if that fails.
func TestExpiryReportedBeforeRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := loggedTracks(t)
		classes, now := Classes{"standard": time.Hour}, time.Now().Add(2*time.Hour)
		before := len(c.disk.segments(t))
		lost := errors.New("the log cannot be written")
		if _, err := GC(c.disk, classes, now, func(string, string) error { return lost }); !errors.Is(err, lost) || len(c.disk.segments(t)) != before {
			t.Errorf("it says %v, %d of %d segments are left", err, len(c.disk.segments(t)), before)
		}
		var told []string
		s := must(GC(c.disk, classes, now, func(session, track string) error {
			if session != "session-1" || len(c.disk.segmentsOf(t, track)) == 0 {
				t.Error("told too late, or of another session")
			}
			told = append(told, track)
			return nil
		}))(t)
		if s.Removed != before || len(told) != 2 || told[0] == told[1] {
			t.Errorf("swept %+v, told of %v", s, told)
		}
	})
}

// segmentsOf returns the segments of a track.
func (d *disk) segmentsOf(t *testing.T, track string) (names []string) {
	t.Helper()
	for _, one := range must(List(d))(t) {
		if one.Header.Track == track {
			names = append(names, one.Name)
		}
	}
	return names
}
