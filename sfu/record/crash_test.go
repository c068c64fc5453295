package record

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestCrash loses power at 200 moments: at most a second of media is lost, nothing is reported as tampered, and the rest is what was put.
func TestCrash(t *testing.T) {
	const points, units = 200, 1000 // 20 s
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t, func(cfg *Config) { cfg.SegmentTime = 4 * time.Second })
		track := c.start(audioOf("person-a"))
		began := time.Now()
		chance := rand.New(rand.NewPCG(1, 2))
		type crash struct {
			put  int
			disk *disk
		}
		var all []crash
		at := chance.Perm(units)[:points]
		slices.Sort(at)
		n := 0
		for _, stop := range at {
			putUnits(t, track, began, n, stop)
			n = stop
			time.Sleep(time.Duration(chance.IntN(20)) * time.Millisecond)
			extra := 0
			if chance.IntN(2) == 0 {
				extra = chance.IntN(3000) // some of what was not synced got there
			}
			all = append(all, crash{n, c.disk.crash(extra)})
		}
		if err := c.recorder.Close(); err != nil {
			t.Fatal(err)
		}
		incomplete, o := 0, c.opener()
		for _, k := range all {
			got := c.unitsBy(o, k.disk)
			if lost := k.put - len(got); lost > 50 || lost < 0 {
				t.Fatalf("after %d units %d are lost, at most 50 may be", k.put, lost)
			}
			for n, u := range got {
				if !same(u, unit(n, began)) {
					t.Fatalf("unit %d is another one", n)
				}
			}
			r := must(o.Verify(k.disk, nil, nil))(t)
			if !r.Intact() {
				t.Fatalf("after %d units the report is %+v", k.put, r.Problems)
			}
			if len(r.Problems) > 0 {
				incomplete++
			}
		}
		if incomplete < points*9/10 {
			t.Errorf("%d of %d are incomplete: the test cuts nothing", incomplete, points)
		}
	})
}

// TestCrashInRotation cuts the power right after each sync: never does a segment seem to have been taken away.
func TestCrashInRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t, func(cfg *Config) { cfg.SegmentTime = time.Second })
		track := c.start(audioOf("person-a"))
		var all []*disk
		c.disk.synced = func() { all = append(all, c.disk.crash(0)) }
		putUnits(t, track, time.Now(), 0, 500)
		if err := c.recorder.Close(); err != nil {
			t.Fatal(err)
		}
		o := c.opener()
		for i, d := range all {
			if r := must(o.Verify(d, nil, nil))(t); !r.Intact() {
				t.Fatalf("after sync %d of %d: %+v", i, len(all), r.Problems)
			}
		}
		if n := len(c.disk.segments(t)); n < 8 {
			t.Errorf("%d segments: the test rotates nothing", n)
		}
	})
}

// TestFailures checks that each failure of a disk is reported once, with its cause, and that synced records are kept.
func TestFailures(t *testing.T) {
	tests := []struct {
		name      string
		configure func(*Config)
		harm      func(c *clinic, track *Track)
		cause     Cause
		ends      bool // what was taken is on the disk, with an end
	}{
		{"full", nil, func(c *clinic, _ *Track) { c.disk.limit = c.disk.written + 1000 }, DiskFull, false},
		{"almost full", nil, func(c *clinic, _ *Track) { c.disk.free = 1 << 20 }, DiskFull, true},
		{"slow", nil, func(c *clinic, _ *Track) { c.disk.slow = 4 * time.Second }, SlowDisk, true},
		{"hanging", nil, func(c *clinic, _ *Track) { c.disk.hang = make(chan struct{}) }, SlowDisk, true},
		{"flooded", nil, func(c *clinic, track *Track) {
			for n := range 1 << 20 {
				if u := unit(n, time.Now()); !track.Put(u) {
					return
				}
			}
			c.t.Error("the queue takes everything")
		}, QueueFull, true},
		{"too long", nil, func(_ *clinic, track *Track) { track.Put(Unit{Payload: make([]byte, MaxUnit+1)}) }, TooLong, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClinic(t, tt.configure)
				track := c.start(audioOf("person-a"))
				other := c.start(audioOf("person-b"))
				began := time.Now()
				putUnits(t, track, began, 0, 100)
				time.Sleep(time.Second)
				before := len(c.units(c.disk.crash(0)))
				c.disk.mu.Lock()
				c.t = t
				c.disk.mu.Unlock()
				func() {
					if tt.cause != QueueFull && tt.cause != TooLong {
						c.disk.mu.Lock()
						defer c.disk.mu.Unlock()
					}
					tt.harm(c, track)
				}()
				n := 100
				for ; n < 700; n++ { // 12 s
					time.Sleep(20 * time.Millisecond)
					if !track.Put(unit(n, began)) {
						break
					}
				}
				if n == 700 {
					t.Fatal("it goes on")
				}
				time.Sleep(time.Second)
				failed := c.failures()
				i := slices.IndexFunc(failed, func(f Failure) bool { return f.Track == track.ID() })
				if i < 0 || failed[i] != (Failure{"session-1", track.ID(), tt.cause}) {
					t.Fatalf("failures are %v", failed)
				}
				if c.recorder.Stats().Failures[tt.cause] == 0 {
					t.Error("it is not counted")
				}
				c.disk.mu.Lock()
				if c.disk.hang != nil {
					close(c.disk.hang)
					c.disk.hang = nil
				}
				c.disk.mu.Unlock()
				other.Stop()
				if err := c.recorder.Close(); err != nil {
					t.Error(err)
				}
				if again := c.failures(); len(again) > 2 {
					t.Errorf("told more than once: %v", again)
				}
				if got := len(c.units(c.disk.crash(0))); got < before {
					t.Errorf("%d units, there were %d", got, before)
				}
				r := c.verify(c.disk.crash(0))
				if !r.Intact() {
					t.Errorf("report is %+v", r.Problems)
				}
				for _, one := range r.Tracks {
					if one.Complete != tt.ends {
						t.Errorf("complete: %v, want %v", one.Complete, tt.ends)
					}
				}
				if tt.cause == DiskFull {
					if _, err := c.recorder.Start(audioOf("person-a")); err == nil {
						t.Error("a track starts on a full disk")
					}
				}
			})
		})
	}
}

// TestCloseTimesOut checks that Close returns even if the disk does not answer.
func TestCloseTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t, nil)
		track := c.start(audioOf("person-a"))
		hang := make(chan struct{})
		c.disk.hang = hang
		track.Put(unit(0, time.Now()))
		if c.recorder.Close() == nil {
			t.Error("the end is said to be on a disk that hangs")
		}
		close(hang)
		<-track.Done()
	})
}

// TestPutDoesNotAllocate checks that Put and Clock neither allocate nor block, even though nothing drains the queue here.
func TestPutDoesNotAllocate(t *testing.T) {
	c := newClinic(t, nil)
	defer c.recorder.Close()
	track := c.start(videoOf("person-a"))
	u := Unit{Payload: make([]byte, 1100), Arrived: time.Now()}
	if n := testing.AllocsPerRun(500, func() {
		u.Seq++
		if !track.Put(u) {
			t.Fatal("refused")
		}
		track.Clock(0, u.Arrived)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	track.Stop()
}
