//go:build !linux

package pace

import "time"

// ticker is Go's own timer: late by up to a millisecond on some systems, which the send lag shows.
type ticker struct {
	timer *time.Timer
}

func newClock() (clock, error) { return &ticker{time.NewTimer(time.Hour)}, nil }

func (t *ticker) arm(at time.Duration) { t.timer.Reset(max(at-Now(), 0)) }

func (t *ticker) wait() { <-t.timer.C }

func (t *ticker) close() { t.timer.Stop() }
