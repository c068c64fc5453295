package sfu

import (
	"testing"
	"time"
	"unsafe"
)

// stepped is a time whose wall clock was set forward between it and the others: the monotonic reading stays.
func stepped(at time.Time, by time.Duration) time.Time {
	const seconds = 30 // bits of nanoseconds below them, see time.Time
	wall := (*uint64)(unsafe.Pointer(&at))
	*wall += uint64(by/time.Second) << seconds
	return at
}

// TestMediaClock checks that media time follows a wall clock that is set only while nobody is connected.
func TestMediaClock(t *testing.T) {
	began := time.Now()
	for _, by := range []time.Duration{time.Hour, -time.Hour, 24 * 365 * time.Hour} {
		later := stepped(began.Add(time.Second), by)
		if later.Sub(began) != time.Second || later.Unix() != began.Add(time.Second+by).Unix() {
			t.Fatal("this is no wall clock that was set")
		}
		var c mediaClock
		if now := c.now(began, false); !now.Equal(began) {
			t.Fatalf("it begins at %v", now.Sub(began))
		}
		if now := c.now(later, true); now.UnixNano()-began.UnixNano() != int64(time.Second) {
			t.Errorf("set by %v: a second took %v", by, time.Duration(now.UnixNano()-began.UnixNano()))
		}
		if now := c.now(later, false); now.UnixNano() != later.UnixNano() {
			t.Errorf("set by %v while nobody is connected: it is not read anew", by)
		}
	}
}
