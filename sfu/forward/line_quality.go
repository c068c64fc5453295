package forward

import "time"

// A LineLevel rates the line between a participant and this server.
type LineLevel uint8

// The levels of a line.
const (
	LineGood LineLevel = iota
	LineWeak           // audio and video suffer
	LineLost           // nothing arrives
)

// Limits of the rating. Between a weak line and a good one lies a gap, and a line stays good for lineCalm before it counts as good, so that
// no sign comes and goes with each second.
const (
	// lineSmoothing is the weight of the newest second: one bad second alone makes no weak line.
	lineSmoothing = 0.3
	// weakLoss is the share of packets from which Opus with FEC is heard to suffer; goodLoss is where it is not.
	weakLoss, goodLoss = 0.08, 0.03
	// weakRoundTrip: people interrupt each other above 400 ms one way (ITU-T G.114), to another person behind this server.
	weakRoundTrip, goodRoundTrip = 500 * time.Millisecond, 350 * time.Millisecond
	// lineCalm is how long a weak line must be good.
	lineCalm = 5 * time.Second
	// lostAfter is longer than the longest pause between two answers of a silent client (RFC 7675, section 5.1: 6 s).
	lostAfter = 7 * time.Second
	// leastPackets is how many packets tell a share: of fewer, two losses would make a weak line.
	leastPackets = 20
)

// A Loss counts packets of an interval.
type Loss struct{ Expected, Lost int }

// A LineSample holds the figures of about a second of one line.
type LineSample struct {
	Inbound   Loss          // of the participant's worst stream
	Outbound  Loss          // of the video that the participant reported on
	RoundTrip time.Duration // 0: not known
	Silence   time.Duration // since the last authenticated packet
}

// A LineQuality rates one line by its samples. Owned by the worker.
type LineQuality struct {
	level             LineLevel
	inbound, outbound float64 // shares, smoothed
	roundTrip         float64 // seconds, smoothed
	goodSince         time.Time
}

// Level is the rating after the last sample.
func (q *LineQuality) Level() LineLevel { return q.level }

// Observe takes a sample and returns the rating.
func (q *LineQuality) Observe(now time.Time, s LineSample) LineLevel {
	if s.Silence >= lostAfter {
		*q = LineQuality{level: LineLost}
		return q.level
	}
	smooth(&q.inbound, s.Inbound.share())
	smooth(&q.outbound, s.Outbound.share())
	if s.RoundTrip > 0 {
		smooth(&q.roundTrip, s.RoundTrip.Seconds())
	}
	loss := max(q.inbound, q.outbound)
	switch {
	case loss >= weakLoss || q.roundTrip >= weakRoundTrip.Seconds():
		q.level, q.goodSince = LineWeak, time.Time{}
	case q.level == LineGood:
	case loss >= goodLoss || q.roundTrip >= goodRoundTrip.Seconds():
		q.level, q.goodSince = LineWeak, time.Time{}
	case q.goodSince.IsZero():
		q.level, q.goodSince = LineWeak, now
	case now.Sub(q.goodSince) >= lineCalm:
		q.level = LineGood
	}
	return q.level
}

func (l Loss) share() float64 {
	if l.Expected < leastPackets {
		return 0
	}
	return float64(min(max(l.Lost, 0), l.Expected)) / float64(l.Expected)
}

func smooth(mean *float64, v float64) { *mean += lineSmoothing * (v - *mean) }
