package relay

import (
	"math/rand/v2"
	"time"
)

// A Profile describes the effects of a network on packets, each way.
type Profile struct {
	Delay   time.Duration // on average
	Jitter  time.Duration // the delay wanders within ± this, without reordering
	Loss    float64       // share of packets, independently of each other
	Reorder float64       // share of packets that wait one Lag more, so that others overtake them
	Rate    int           // bit/s of UDP payload and headers, 0: unlimited
	Queue   time.Duration // how long a packet may wait for the rate; packets that would wait longer are dropped
}

// headerBytes are IPv4 and UDP, which fill a line too, in bytes.
const headerBytes = 28

// ReorderDelay is the extra delay of a reordered packet: beyond the next frame of audio.
const ReorderDelay = 25 * time.Millisecond

// maxJitterSlope is how much jitter may change per time: below one, so that packets keep their order.
const maxJitterSlope = 0.8

// A Drop is the reason why a packet was dropped.
type Drop int

const (
	Kept      Drop = iota
	Lost           // by chance
	QueueFull      // the rate's queue was full
)

// A linkStage is a part of the course of one direction.
type linkStage struct {
	lasts   time.Duration
	profile Profile
}

// A Link is one direction of one path. It is pure: equal seeds, times and sizes give equal fates.
type Link struct {
	profile Profile     // of the present stage
	later   []linkStage // that follow it
	ends    time.Duration
	begun   bool
	random  *rand.Rand
	busy    time.Duration // the line is sending until then
	from    jitterPoint   // the delay wanders from one knot to the next
	to      jitterPoint
}

// A jitterPoint is a moment and the jitter then.
type jitterPoint struct {
	at     time.Duration
	jitter time.Duration
}

// NewLink returns a path.
func NewLink(p Profile, seed uint64) *Link {
	return &Link{profile: p, random: rand.New(rand.NewPCG(seed, 0x5eed))}
}

// newCourseLink returns a path whose first packet begins the course.
func newCourseLink(stages []linkStage, seed uint64) *Link {
	l := NewLink(stages[0].profile, seed)
	l.later, l.ends = stages[1:], stages[0].lasts
	return l
}

// advance enters the stage of this moment.
func (l *Link) advance(now time.Duration) {
	if !l.begun {
		l.begun = true
		l.ends += now
	}
	for len(l.later) > 0 && now >= l.ends {
		l.profile, l.ends = l.later[0].profile, l.ends+l.later[0].lasts
		l.later = l.later[1:]
	}
}

// Pass decides the fate of a packet of this size: when it leaves the other end, or why it does not. now must not decrease.
func (l *Link) Pass(now time.Duration, size int) (time.Duration, Drop) {
	l.advance(now)
	if l.random.Float64() < l.profile.Loss {
		return 0, Lost
	}
	at := now
	if l.profile.Rate > 0 {
		wait := max(l.busy-now, 0)
		if wait > l.profile.Queue {
			return 0, QueueFull
		}
		l.busy = now + wait + time.Duration(int64(size+headerBytes)*8*int64(time.Second)/int64(l.profile.Rate))
		at = l.busy
	}
	at += l.profile.Delay + l.jitter(now)
	if l.random.Float64() < l.profile.Reorder {
		at += ReorderDelay
	}
	return at, Kept
}

// jitter walks from one random value to the next, in time enough that the steeper of two ways down is still slower than time.
func (l *Link) jitter(now time.Duration) time.Duration {
	j := l.profile.Jitter
	if j == 0 {
		return 0
	}
	step := time.Duration(float64(2*j) / maxJitterSlope)
	if l.to.at == 0 {
		l.from, l.to = l.randomPoint(now), l.randomPoint(now+step)
	}
	for now >= l.to.at {
		l.from, l.to = l.to, l.randomPoint(l.to.at+step)
		if now-l.to.at > 1000*step { // long silence: begin anew
			l.from, l.to = l.randomPoint(now), l.randomPoint(now+step)
		}
	}
	share := float64(now-l.from.at) / float64(l.to.at-l.from.at)
	return l.from.jitter + time.Duration(share*float64(l.to.jitter-l.from.jitter))
}

func (l *Link) randomPoint(at time.Duration) jitterPoint {
	return jitterPoint{at, time.Duration((2*l.random.Float64() - 1) * float64(l.profile.Jitter))}
}
