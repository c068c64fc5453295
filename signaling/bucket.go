package signaling

import "time"

// A bucket is the pace of one connection: burst tokens, perSecond more each second, and freePings pings, one more each interval.
// It reads no clock.
type bucket struct {
	tokens  float64
	last    time.Time
	refused int // in a row

	pings    float64 // that cost nothing
	lastPing time.Time
}

func newBucket(now time.Time) bucket {
	return bucket{tokens: burst, last: now, pings: freePings, lastPing: now}
}

// takePing pays for one ping. One that comes within its interval costs nothing: a client that spent its pace on other messages must
// not be taken for a dead one.
func (b *bucket) takePing(now time.Time, interval time.Duration) (wait time.Duration, flood bool) {
	if gone := now.Sub(b.lastPing); gone > 0 {
		b.pings = min(freePings, b.pings+gone.Seconds()/interval.Seconds())
		b.lastPing = now
	}
	if b.pings >= 1 {
		b.pings--
		return 0, false
	}
	return b.take(now)
}

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
