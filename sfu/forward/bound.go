package forward

import "time"

// Constants of the loss-driven bound, in bits per second and 1/256 of packets: the loss part of Google congestion control
// (draft-ietf-rmcat-gcc-02, section 6), which needs receiver reports only.
const (
	boundStart   = 20_000_000 // thirty pictures of 600 kbit/s: a path that is narrower says so within a second
	boundMin     = 150_000
	boundMax     = 30_000_000
	lossHigh     = 26 // 10 %: back off
	lossLow      = 5  // 2 %: grow
	boundHold    = 300 * time.Millisecond
	growNumer    = 108 // 8 % a second
	growInterval = time.Second
	// A radio link loses some packets at any rate: what was lost at least, for a while, is none of ours. What is too much for
	// the path falls to nothing whenever we back off.
	ownWindow = 5 * time.Second
	ownMost   = 20 // 8 %: above it nobody would like to see more
)

// A Bound is how much video may go to one subscriber, from the loss in its receiver reports. Owned by the worker.
type Bound struct {
	rate             int // bit/s
	lowered, growing time.Time

	smooth        int // loss of the last reports, in 1/2048
	least, before int // the least of it in this window and the one before, in 1/256
	window        time.Time
}

// own is what the path loses by itself, in 1/256.
func (b *Bound) own(now time.Time, lost uint8) int {
	if b.window.IsZero() {
		b.smooth, b.least, b.window = 8*int(lost), int(lost), now
	}
	b.smooth += int(lost) - b.smooth/8
	if b.least = min(b.least, b.smooth/8); now.Sub(b.window) >= ownWindow {
		b.before, b.least, b.window = b.least, b.smooth/8, now
	}
	return min(b.before, b.least, ownMost)
}

// Rate is the bound in bit/s.
func (b *Bound) Rate() int {
	if b.rate == 0 {
		return boundStart
	}
	return b.rate
}

// Report takes the fraction lost (1/256) of a receiver report and the rate that was sent meanwhile in bit/s.
func (b *Bound) Report(now time.Time, fractionLost uint8, sent int) {
	rate := b.Rate()
	lost := int(fractionLost) - b.own(now, fractionLost)
	switch {
	case lost > lossHigh:
		if now.Sub(b.lowered) < boundHold {
			return
		}
		base := min(rate, max(sent, boundMin))
		rate = base - base*lost/512
		b.lowered = now
	case lost < lossLow && now.Sub(b.growing) >= growInterval:
		rate = rate * growNumer / 100
		b.growing = now
	}
	b.rate = min(max(rate, boundMin), boundMax)
}
