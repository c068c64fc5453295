package bwetest

import (
	"math"
	"math/rand/v2"
	"time"
)

// A Path is what lies between the server and the receivers of a trace.
type Path struct {
	Capacity func(at time.Duration) float64 // bit/s
	Queue    time.Duration                  // how long packets may wait before the line drops them
	Delay    time.Duration                  // one way, besides the queue
	Loss     float64                        // share of packets, at random, in both directions
	Jitter   func(at time.Duration) time.Duration
	Hold     func(at time.Duration) time.Duration // nothing arrives before this time
	Cut      func(at time.Duration) bool          // nothing gets through, either way
	// The feedback.
	FeedbackLoss  float64
	FeedbackDelay time.Duration
	Drift         float64 // of the receiver's clock, ppm
	// A TCP download on the same line, from and to.
	TCPFrom, TCPTo time.Duration
}

// Constant is a capacity that does not change.
func Constant(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// A packet is one datagram on the line. size is in bytes, with the headers of UDP and IP.
type packet struct {
	flow    *flow
	tcp     bool
	size    int
	number  uint16
	kind    kind
	frame   int // of a video
	sent    time.Duration
	arrives time.Duration
	offered time.Duration // when it came to the line
}

type kind uint8

const (
	audio kind = iota
	video
	padding
)

// A line serves packets one after the other.
type line struct {
	path    *Path
	rnd     *rand.Rand
	waiting []packet
	bytes   int
	free    time.Duration // when the packet in service is through
	last    time.Duration // arrival of the newest
	waited  time.Duration // of the newest
	dropped int
}

// offer puts a packet into the queue, or drops it.
func (l *line) offer(now time.Duration, p packet) bool {
	if l.path.Cut != nil && l.path.Cut(now) {
		return false
	}
	capacity := l.path.Capacity(now)
	if time.Duration(float64(l.bytes)*8/capacity*1e9) > l.path.Queue {
		l.dropped++
		return false
	}
	p.offered = now
	l.waiting = append(l.waiting, p)
	l.bytes += p.size
	return true
}

// serve moves packets that are through by now and calls arrive for those that are not lost.
func (l *line) serve(now time.Duration, arrive func(packet)) {
	for len(l.waiting) > 0 {
		p := l.waiting[0]
		start := max(l.free, p.offered)
		if start > now {
			return
		}
		l.free = start + time.Duration(float64(p.size)*8/l.path.Capacity(start)*1e9)
		l.waited = start - p.offered
		l.waiting = l.waiting[1:]
		l.bytes -= p.size
		if l.path.Loss > 0 && l.rnd.Float64() < l.path.Loss {
			continue
		}
		at := l.free + l.path.Delay
		if l.path.Jitter != nil {
			at += l.path.Jitter(l.free)
		}
		if l.path.Hold != nil {
			at = max(at, l.path.Hold(at))
		}
		at = max(at, l.last)
		l.last = at
		p.arrives = at
		arrive(p)
	}
}

// A tcp is a download by Reno: slow start, then a packet more each round trip, half of it after a loss.
type tcp struct {
	window, threshold float64
	inFlight          int
	acks              []time.Duration // when they come
	losses            []time.Duration // when they are noticed
	recovered         time.Duration   // no second decrease before
}

const tcpPacket = 1500

func (t *tcp) step(now time.Duration, l *line) {
	for len(t.acks) > 0 && t.acks[0] <= now {
		t.acks = t.acks[1:]
		t.inFlight--
		if t.window < t.threshold {
			t.window++
		} else {
			t.window += 1 / t.window
		}
	}
	for len(t.losses) > 0 && t.losses[0] <= now {
		t.losses = t.losses[1:]
		t.inFlight--
		if now >= t.recovered {
			t.threshold = max(t.window/2, 2)
			t.window = t.threshold
			t.recovered = now + 2*l.path.Delay + l.waited
		}
	}
	for float64(t.inFlight) < t.window {
		t.inFlight++
		if !l.offer(now, packet{tcp: true, size: tcpPacket}) {
			t.losses = append(t.losses, now+2*l.path.Delay+time.Duration(float64(l.bytes)*8/l.path.Capacity(now)*1e9))
		}
	}
}

func (t *tcp) arrived(p packet, delay time.Duration) { t.acks = append(t.acks, p.arrives+delay) }

// Wander returns a jitter between 0 and twice the amplitude, which goes from one random value to the next with at most the slope.
func Wander(seed uint64, amplitude time.Duration, slope float64) func(time.Duration) time.Duration {
	step := time.Duration(float64(2*amplitude) / slope)
	return func(at time.Duration) time.Duration {
		value := func(i int64) float64 {
			return rand.New(rand.NewPCG(seed, uint64(i))).Float64()
		}
		i := int64(at / step)
		share := float64(at%step) / float64(step)
		return time.Duration((value(i)*(1-share) + value(i+1)*share) * 2 * float64(amplitude))
	}
}

// Sines returns a jitter of two sines between 0 and twice the amplitude.
func Sines(amplitude time.Duration) func(time.Duration) time.Duration {
	return func(at time.Duration) time.Duration {
		s := at.Seconds()
		return time.Duration((1 + 0.6*math.Sin(2*math.Pi*s*2.3) + 0.4*math.Sin(2*math.Pi*s*5.9)) * float64(amplitude))
	}
}
