package record

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestRotationOnFailingDisk checks that no segment claims to continue one that is not on the disk, and that the reported cause is the one
// that an operator must mend, even if the disk is also slow.
func TestRotationOnFailingDisk(t *testing.T) {
	tests := []struct {
		name  string
		harm  func(d *disk, first string) // before the second segment begins; the caller holds d.mu
		cause Cause
	}{
		{"the sync of the next segment fails", func(d *disk, first string) {
			d.badSync = func(name string) error {
				if name != first {
					return syscall.EIO
				}
				return nil
			}
		}, WriteFailed},
		{"every sync fails", func(d *disk, _ string) { d.badSync = func(string) error { return syscall.EIO } }, WriteFailed},
		{"slow", func(d *disk, _ string) { d.slow = 4 * time.Second }, SlowDisk},
		{"slow, and the sync fails", func(d *disk, _ string) {
			d.slow, d.badSync = 150*time.Millisecond, func(string) error { return syscall.EDQUOT }
		}, DiskFull},
		{"slow, and then full", func(d *disk, _ string) {
			d.slow, d.synced = 150*time.Millisecond, func() { d.limit = max(1, d.written) }
		}, DiskFull},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClinic(t, func(cfg *Config) { cfg.SegmentTime, cfg.SlowSync = time.Second, 100*time.Millisecond })
				track := c.start(audioOf("person-a"))
				putUnits(t, track, time.Now(), 0, 45)
				synctest.Wait()
				first := c.disk.segments(t)[0]
				c.disk.mu.Lock()
				tt.harm(c.disk, first)
				c.disk.mu.Unlock()
				began := time.Now()
				for n := 45; n < 700 && track.Put(unit(n, began)); n++ {
					time.Sleep(20 * time.Millisecond)
				}
				time.Sleep(10 * time.Second)
				failed := c.failures()
				if len(failed) != 1 || failed[0].Cause != tt.cause {
					t.Errorf("told %v, want %s", failed, tt.cause)
				}
				if err := c.recorder.Close(); err != nil {
					t.Error(err)
				}
				for _, extra := range []int{0, 5000} {
					if r := c.verify(c.disk.crash(extra)); !r.Intact() {
						t.Errorf("after a crash: %+v", r.Problems)
					}
				}
			})
		})
	}
}
