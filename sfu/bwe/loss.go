package bwe

import "math"

// A lossWatch judges loss, which counts only as far as the path does not lose as much by itself.
type lossWatch struct {
	packets, lost int
	since         int64
	started       bool
	own           float64 // share that the path loses by itself
	least         float64 // smoothed share, the least of the window
	leastBefore   float64
	leastSince    int64
	smoothed      float64
	begun         bool

	lookAt int64   // when to look whether a decrease helped, 0: no decrease is open
	share  float64 // that was lost before it
	rate   float64 // before it
	hold   bool    // as much is lost that the rate must not grow
}

func (l *lossWatch) add(p *sentPacket, wasLost bool) {
	if p.probe != 0 {
		return // a probe may overflow a short queue: that is its result
	}
	l.packets++
	if wasLost {
		l.lost++
	}
}

// late corrects a packet that was reported as lost and arrived after all.
func (l *lossWatch) late(p *sentPacket) {
	if p.probe == 0 {
		l.lost--
	}
}

// ready reports whether the sample is large enough. Beside another flow it spans several of that flow's overflows of the queue.
func (l *lossWatch) ready(at int64, other bool) bool {
	if !l.started {
		l.started, l.since = true, at
	}
	span := lossTime
	if other {
		span = lossTimeOther
	}
	return l.packets >= lossPackets && at-l.since >= micros(span)
}

// judgeLoss looks at one sample.
func (e *Estimator) judgeLoss(at int64) {
	l := &e.loss
	n := float64(l.packets)
	share := min(max(float64(l.lost)/n, 0), 1)
	proven := max(share-lossDeviations*math.Sqrt(share*(1-share)/n), 0)
	l.packets, l.lost, l.since = 0, 0, at
	l.learn(at, share)
	l.hold = proven > l.own+lossLow
	switch {
	case l.lookAt != 0 && at < l.lookAt:
	case l.lookAt != 0:
		l.lookAt = 0
		if share >= lossUnchanged*l.share && share <= ownLossMax+0.05 {
			e.Counters.OwnLoss++
			l.own = min(share, ownLossMax)
			l.smoothed, l.least, l.leastBefore, l.leastSince = l.own, l.own, l.own, at
			e.rate, e.proved, e.ceiling = max(e.rate, l.rate), max(e.proved, l.rate), 0
		}
	case proven > l.own+lossHigh:
		e.Counters.LossDecreases++
		l.share, l.rate, l.lookAt = proven, e.rate, at+e.response+micros(lossLook)
		through := e.through(rateWindow)
		e.rate = min(e.rate, decreaseFactor*through)
		e.proved = min(e.proved, e.rate)
		e.ceiling, e.ceilingAt, e.decreased.at = through, at, at
	}
}

// learn follows the least that is lost for a while: that is the path's own.
func (l *lossWatch) learn(at int64, share float64) {
	if !l.begun {
		l.begun, l.leastSince, l.smoothed, l.least = true, at, share, share
	}
	l.smoothed += (share - l.smoothed) / 4
	if at-l.leastSince >= micros(ownLossWindow) {
		l.leastBefore, l.least, l.leastSince = l.least, l.smoothed, at
	}
	l.least = min(l.least, l.smoothed)
	l.own = min(max(l.least, 0), ownLossMax)
	if l.leastBefore > 0 {
		l.own = min(l.own, l.leastBefore)
	}
}
