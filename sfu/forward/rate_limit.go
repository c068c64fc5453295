package forward

import "time"

// A Limit is a rate in bit/s and packets per second, with bursts of what the rate allows in the time of Burst.
// A limit of zero packets does not count them.
type Limit struct {
	Bits, Packets int
	Burst         time.Duration
}

// A Bucket is the token bucket of one limit; the zero value is full. Packets that exceed it are not charged. Owned by the worker.
type Bucket struct {
	bits, packets float64 // charged and not refilled yet
	at            time.Time
}

// Take charges a packet of this size, or reports that it exceeds the limit.
func (b *Bucket) Take(now time.Time, l *Limit, bytes int) bool {
	passed := now.Sub(b.at).Seconds()
	if passed < 0 {
		passed = 0
	} else {
		b.at = now
	}
	b.bits = max(b.bits-passed*float64(l.Bits), 0)
	b.packets = max(b.packets-passed*float64(l.Packets), 0)
	burst := l.Burst.Seconds()
	bits, packets := b.bits+float64(8*bytes), b.packets+1
	if bits > burst*float64(l.Bits) || l.Packets > 0 && packets > burst*float64(l.Packets) {
		return false
	}
	b.bits, b.packets = bits, packets
	return true
}
