package record

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A timeline maps a track's RTP times to the server's clock, by its sender reports. A sender that pauses may
// freeze or restart its RTP clock, so time is cut into epochs, in each of which RTP time and arrival go together.
//
// Two passes use it: the first adds entries (add), the second maps times (cursor, wallTime).
type timeline struct {
	rate    float64 // of the RTP clock, Hz
	learner cursor
	epochs  []epoch
}

// An epoch has points that map RTP time to the server's clock: from sender reports or, if there are none, from the fastest packet of each
// window.
type epoch struct {
	reports, arrivals []point
}

// A point is the offset between the server's clock and RTP time.
type point struct {
	rtp    int64   // unwrapped
	offset float64 // ns since 1970, less the RTP time in ns
}

func newTimeline(rate uint32) *timeline {
	return &timeline{rate: float64(rate), learner: cursor{rate: float64(rate), epoch: -1}}
}

func (l *timeline) cursor() *cursor { return &cursor{rate: l.rate, epoch: -1} }

func (l *timeline) add(e Entry) {
	if e.Release {
		return
	}
	n, rtp := l.learner.next(e)
	for len(l.epochs) <= n {
		l.epochs = append(l.epochs, epoch{})
	}
	p := point{rtp, float64(e.Arrived.UnixNano()) - l.nanoseconds(rtp)}
	x := &l.epochs[n]
	if e.Clock {
		x.reports = append(x.reports, p)
		return
	}
	last := len(x.arrivals) - 1
	if last < 0 || l.nanoseconds(p.rtp-x.arrivals[last].rtp) > float64(arrivalWindow) {
		x.arrivals = append(x.arrivals, p)
	} else if p.offset < x.arrivals[last].offset {
		x.arrivals[last].offset = p.offset
	}
}

func (l *timeline) nanoseconds(rtp int64) float64 {
	return float64(rtp) / l.rate * float64(time.Second)
}

// finish completes the first pass.
func (l *timeline) finish() {
	for i := range l.epochs {
		x := &l.epochs[i]
		slices.SortFunc(x.reports, func(a, b point) int { return cmp.Compare(a.rtp, b.rtp) })
		x.reports = smooth(x.reports)
	}
}

// smooth takes the median of each point and its neighbours: one report that was delayed moves nothing.
func smooth(list []point) []point {
	out := slices.Clone(list)
	for i := range list {
		k := min(2, i, len(list)-1-i)
		around := []float64{}
		for _, p := range list[i-k : i+k+1] {
			around = append(around, p.offset)
		}
		slices.Sort(around)
		out[i].offset = around[k]
	}
	return out
}

// wallTime returns the wall time in ns since 1970.
func (l *timeline) wallTime(n int, rtp int64) int64 {
	if len(l.epochs) == 0 {
		return 0
	}
	n = min(n, len(l.epochs)-1) // the recording may have grown since the first pass
	points := l.epochs[n].reports
	if len(points) == 0 {
		points = l.epochs[n].arrivals
	}
	return int64(math.Round(offsetAt(points, rtp, l.rate) + l.nanoseconds(rtp)))
}

// offsetAt interpolates between the neighbouring points, because clocks drift. A step is not a drift: it applies from its point on.
func offsetAt(points []point, rtp int64, rate float64) float64 {
	i, _ := slices.BinarySearchFunc(points, rtp, func(p point, at int64) int { return cmp.Compare(p.rtp, at) })
	switch {
	case len(points) == 0:
		return 0
	case i == 0:
		return points[0].offset
	case i == len(points):
		return points[i-1].offset
	}
	a, b := points[i-1], points[i]
	took := float64(b.rtp-a.rtp) / rate * float64(time.Second)
	if math.Abs(b.offset-a.offset) > took*maxDrift+float64(maxStep) {
		return a.offset
	}
	return a.offset + (b.offset-a.offset)*float64(rtp-a.rtp)/float64(b.rtp-a.rtp)
}

// A cursor reads entries in order of arrival, unwraps their RTP times and counts epochs.
type cursor struct {
	rate    float64
	epoch   int   // -1 before the first entry
	last    int64 // the highest RTP time of a unit, or the first entry's
	arrived time.Time
	started bool // there was one
}

func (c *cursor) next(e Entry) (n int, rtp int64) {
	if c.epoch < 0 {
		c.epoch, c.last, c.arrived = 0, int64(e.Timestamp), e.Arrived
	}
	rtp = c.last + int64(int32(e.Timestamp-uint32(c.last)))
	if e.Clock {
		return c.epoch, rtp
	}
	sent := time.Duration(float64(rtp-c.last) / c.rate * float64(time.Second))
	came := e.Arrived.Sub(c.arrived)
	late := sent <= 0 && sent > -maxReorder // a retransmission, or another packet of the same frame
	if c.started && !late && (came-sent).Abs() > maxSkew {
		c.epoch++
	}
	if c.started && late {
		return c.epoch, rtp
	}
	c.started, c.last, c.arrived = true, rtp, e.Arrived
	return c.epoch, rtp
}
