// Package pace keeps time: the one clock of a process, and a goroutine that does things when they are due.
//
//	Add(due, beat) ──► heap ──► timer ──► beat(due, now) ──► due again
//	                                └──► how late it was: the send lag
//
// What is due is absolute, so lateness never adds up, and it is measured.
package pace

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// epoch is the zero of the process's one clock, monotonic.
var epoch = time.Now()

// Now is the time since the process began to measure. Publishers and receivers share it.
func Now() time.Duration { return time.Since(epoch) }

// latencyMax and latencyDigits shape the histograms: 1 µs to a minute, three digits.
const (
	latencyMax    = int64(time.Minute / time.Microsecond)
	latencyDigits = 3
)

// NewHistogram returns an empty histogram of microseconds.
func NewHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, latencyMax, latencyDigits) }

// Record adds a duration to a histogram; values beyond its ends count as the end.
func Record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(int64(d/time.Microsecond), 1), latencyMax)) // cannot fail within the bounds
}
