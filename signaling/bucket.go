package signaling

import "time"

// A bucket is the pace of one connection: burst tokens, perSecond more each second. It reads no clock.
type bucket struct {
	tokens  float64
	last    time.Time
	refused int // in a row
}

func newBucket(now time.Time) bucket { return bucket{tokens: burst, last: now} }

// take pays for one message. If it cannot, wait is when it could, and flood says that refusing is not enough.
func (b *bucket) take(now time.Time) (wait time.Duration, flood bool) {
	if gone := now.Sub(b.last); gone > 0 {
		b.tokens = min(burst, b.tokens+gone.Seconds()*perSecond)
		b.last = now
	}
	if b.tokens >= 1 {
		b.tokens--
		b.refused = 0
		return 0, false
	}
	b.refused++
	wait = time.Duration((1 - b.tokens) / perSecond * float64(time.Second))
	return max(wait, time.Millisecond), b.refused > maxRefused
}
