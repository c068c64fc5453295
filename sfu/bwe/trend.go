package bwe

import "math"

// A trend is how the one-way delay changes, by a regression over groups of packets (draft-ietf-rmcat-gcc-02, section 5.3).
type trend struct {
	group, last group
	count       int                  // groups so far
	accumulated float64              // ms
	smoothed    float64              // ms
	x, y        [trendGroups]float64 // ms
	slopeValue  float64
	threshold   float64
	updated     int64
}

// A group is a number of packets that left within groupTime. Times are in microseconds.
type group struct {
	first, sent, arrived int64 // sent: the last; arrived: the last
	begun                bool
}

const groupMicros = int64(groupTime / 1000)

// add takes one packet. It reports whether a group ended.
func (t *trend) add(sent, arrived int64) {
	g := &t.group
	switch {
	case !g.begun:
		*g = group{sent, sent, arrived, true}
	case sent < g.first: // out of order
	case sent-g.first <= groupMicros:
		g.sent, g.arrived = max(g.sent, sent), max(g.arrived, arrived)
	default:
		if t.last.begun {
			t.delta(float64(g.arrived-t.last.arrived-(g.sent-t.last.sent))/1000, float64(g.arrived)/1000)
		}
		t.last, *g = *g, group{sent, sent, arrived, true}
	}
}

func (t *trend) delta(d, arrived float64) {
	t.accumulated += d
	t.smoothed = trendSmoothing*t.smoothed + (1-trendSmoothing)*t.accumulated
	i := t.count % trendGroups
	t.x[i], t.y[i] = arrived, t.smoothed
	t.count++
}

// value is the trend, to be compared with the threshold.
func (t *trend) value() float64 {
	n := min(t.count, trendGroups)
	if n < 2 {
		return 0
	}
	x, y := 0.0, 0.0
	for i := range n {
		x, y = x+t.x[i], y+t.y[i]
	}
	x, y = x/float64(n), y/float64(n)
	up, down := 0.0, 0.0
	for i := range n {
		up += (t.x[i] - x) * (t.y[i] - y)
		down += (t.x[i] - x) * (t.x[i] - x)
	}
	if down == 0 {
		return 0
	}
	return up / down * float64(min(t.count, trendDeltas)) * trendGain
}

// judge compares the trend with its threshold, which adapts to how much the trend usually changes.
func (t *trend) judge(now int64) (rising bool) {
	v := t.value()
	if t.threshold == 0 {
		t.threshold = startThreshold
	}
	rising = v > t.threshold
	ms := min(float64(now-t.updated)/1000, 100)
	t.updated = now
	if d := math.Abs(v) - t.threshold; d <= thresholdIgnore {
		k := thresholdUp
		if d < 0 {
			k = thresholdDown
		}
		t.threshold = min(max(t.threshold+k*d*ms, minThreshold), maxThreshold)
	}
	return rising
}
