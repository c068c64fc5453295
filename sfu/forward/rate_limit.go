package forward

import "time"

// A Limit is how much may come: bit/s and packets a second, for a long time, and in bursts what the two give in the time of Burst.
// Packets of zero are not counted.
type Limit struct {
	Bits, Packets int
	Burst         time.Duration
}

// A Bucket is a token bucket of one limit; the zero value is full. What does not fit is not charged. Owned by the worker.
type Bucket struct {
	bits, packets float64 // that were taken and have not come back
	at            time.Time
}

// Take charges a packet of so many bytes, or tells that it is too much.
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
