package sfu

import "time"

// A mediaClock is the clock of reports, feedback and recordings: the wall clock when the first of the present peers connected, plus elapsed
// time. If media time followed a wall clock that is set by hand or by NTP, audio and video would jump (RFC 3550, section 4). While no peer
// is connected, the wall clock is read again. Owned by worker.run.
type mediaClock struct{ began time.Time }

// now returns the media time of a moment of time.Now.
func (c *mediaClock) now(at time.Time, connected bool) time.Time {
	if !connected || c.began.IsZero() {
		c.began = at
	}
	return c.began.Add(at.Sub(c.began)) // Sub takes the monotonic readings
}
