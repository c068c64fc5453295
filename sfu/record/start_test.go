package record

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A hangingDisk is a disk that creates no file until hang is closed.
type hangingDisk struct {
	*disk
	hang chan struct{}
}

func (h hangingDisk) Create(name string) (File, error) { <-h.hang; return h.disk.Create(name) }

// TestStartOnHangingDisk checks that a track that cannot begin is refused in time, and the next one at once, and that afterwards, when the
// disk answers, no files of them are left and new tracks begin.
func TestStartOnHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		c := newClinic(t, func(cfg *Config) { cfg.Storage = hangingDisk{cfg.Storage.(*disk), hang} })
		began := time.Now()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if track, err := c.recorder.Start(audioOf("person-a")); !errors.Is(err, ErrSlowStorage) || track != nil {
					t.Errorf("it says %v", err)
				}
			})
		}
		both.Wait()
		if took := time.Since(began); took != DefaultSlowStart {
			t.Errorf("refused after %v", took)
		}
		began = time.Now()
		if _, err := c.recorder.Start(audioOf("person-b")); !errors.Is(err, ErrSlowStorage) || time.Since(began) != 0 {
			t.Errorf("while the disk hangs it says %v, after %v", err, time.Since(began))
		}
		close(hang)
		synctest.Wait()
		if len(c.disk.files) > 0 || c.recorder.Stats().Tracks > 0 {
			t.Errorf("%d files, %d tracks are left of what was refused", len(c.disk.files), c.recorder.Stats().Tracks)
		}
		putUnits(t, c.start(audioOf("person-a")), time.Now(), 0, 50)
		if err := c.recorder.Close(); err != nil {
			t.Fatal(err)
		}
		if r := c.verify(c.disk); len(r.Problems) > 0 || len(r.Tracks) != 1 {
			t.Errorf("report is %+v", r)
		}
	})
}

// TestStartedAndEndedCallbacks checks that a track is reported as started when its first record would survive a crash, and as ended with
// the number of readable records.
func TestStartedAndEndedCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun []TrackStarted
		var ended []TrackEnded
		var mu sync.Mutex // guards both: each track calls from its own goroutine
		var c *clinic
		c = newClinic(t, func(cfg *Config) {
			cfg.SegmentTime = 2 * time.Second
			cfg.OnStarted = func(b TrackStarted) {
				if got := len(c.units(c.disk.crash(0))); got == 0 {
					t.Error("it has begun, and a crash would leave nothing")
				}
				mu.Lock()
				defer mu.Unlock()
				begun = append(begun, b)
			}
			cfg.OnEnded = func(e TrackEnded) {
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, e)
			}
		})
		empty := c.start(audioOf("person-b"))
		track := c.start(audioOf("person-a"))
		c.disk.mu.Lock()
		c.disk.hang = make(chan struct{})
		c.disk.mu.Unlock()
		began := time.Now()
		putUnits(t, track, began, 0, 50)
		mu.Lock()
		early := len(begun)
		mu.Unlock()
		if early > 0 {
			t.Fatal("it has begun although the disk hangs")
		}
		c.disk.mu.Lock()
		close(c.disk.hang)
		c.disk.hang = nil
		c.disk.mu.Unlock()
		putUnits(t, track, began, 50, 300)
		brief := c.start(audioOf("person-c"))
		brief.Put(unit(0, time.Now()))
		brief.Stop()
		empty.Stop()
		if err := c.recorder.Close(); err != nil {
			t.Fatal(err)
		}
		if len(begun) != 2 || begun[0].Track != track.ID() || !begun[0].Running || begun[1].Track != brief.ID() || begun[1].Running {
			t.Errorf("begun: %+v", begun)
		}
		checkChains(t, c.verify(c.disk), ended, true)
	})
}

// checkChains checks that the reported ends match the records that are read.
func checkChains(t *testing.T, r Report, ended []TrackEnded, complete bool) {
	t.Helper()
	if len(r.Problems) > 0 && complete || len(r.Tracks) != len(ended) {
		t.Errorf("report is %+v, ended %+v", r, ended)
	}
	for _, one := range r.Tracks {
		i := slices.IndexFunc(ended, func(e TrackEnded) bool { return e.Track == one.Track })
		if i < 0 || ended[i].Segments != one.Segments || ended[i].Records != one.Records || ended[i].Complete != complete || ended[i].Tag != one.Tag || ended[i].ErasureKey != one.ErasureKey {
			t.Errorf("%+v is not among those that ended: %+v", one, ended)
		}
	}
}

// TestEndedCallbackOnFailingDisk checks that the reported end of a failed track matches the records that survive a crash.
func TestEndedCallbackOnFailingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []TrackEnded
		c := newClinic(t, func(cfg *Config) {
			cfg.SegmentTime = 2 * time.Second
			cfg.OnEnded = func(e TrackEnded) { ended = append(ended, e) }
		})
		track := c.start(audioOf("person-a"))
		putUnits(t, track, time.Now(), 0, 290)
		synctest.Wait()
		c.disk.mu.Lock()
		c.disk.badSync = func(string) error { return errFull }
		c.disk.mu.Unlock()
		for n := 290; n < 400 && track.Put(unit(n, began)); n++ {
			time.Sleep(20 * time.Millisecond)
		}
		if err := c.recorder.Close(); err != nil {
			t.Fatal(err)
		}
		checkChains(t, c.verify(c.disk.crash(0)), ended, false)
	})
}
