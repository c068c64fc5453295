package sfu

import "time"

// A mediaClock is the time that reports, feedback and recordings see: the wall clock as it was when the first peer of now connected, and
// from there on elapsed time. If media time followed a wall clock that is set, by hand or by NTP, audio and video would jump (RFC 3550, section 4). While nobody is connected the clock is read
// anew. Owned by worker.run.
type mediaClock struct{ began time.Time }

// now is the media time of a moment that time.Now gave.
func (c *mediaClock) now(at time.Time, connected bool) time.Time {
	if !connected || c.began.IsZero() {
		c.began = at
	}
	return c.began.Add(at.Sub(c.began)) // Sub takes the monotonic readings
}
