package bwe

import "time"

// The rate, in bit/s.
const (
	startRate = 1_000_000  // video of three people at their middle sizes; the first probe tells more within a second
	minRate   = 50_000     // audio of one person
	maxRate   = 30_000_000 // more than any view shows
)

// ringSize is the number of packets whose feedback may still come: two seconds of 500 packets a second. A power of two.
const ringSize = 1024

// The trend of the delay (draft-ietf-rmcat-gcc-02, section 5).
const (
	groupTime       = 5 * time.Millisecond // packets sent within it are one group, as the trains of one frame are
	trendGroups     = 20
	trendSmoothing  = 0.9
	trendGain       = 4.0
	trendDeltas     = 60 // more groups than these make the trend no surer
	startThreshold  = 12.5
	minThreshold    = 6.0
	maxThreshold    = 600.0
	thresholdUp     = 0.0087 // a millisecond
	thresholdDown   = 0.039
	thresholdIgnore = 15.0 // what is so far above the threshold does not move it
)

// The queue is what a packet waits above the shortest delay of the last one or two floorWindows.
const (
	floorWindow = 30 * time.Second
	// minQueue is the least that counts: trains and schedulers of radio links delay packets by as much.
	minQueue = 15 * time.Millisecond
	// longQueue counts without a trend: a queue that stands still is congestion, too.
	longQueue = 100 * time.Millisecond
	// queueDeviations is how often the usual change between two reports a queue must exceed.
	queueDeviations = 3
	// confirmTime is how long a queue must last: jitter is mostly shorter.
	confirmTime = 250 * time.Millisecond
	// peakMargin is how far above the jitter that was seen a queue must be.
	peakMargin = 1.25
	// peakHalfLife is how soon jitter is forgotten.
	peakHalfLife = 20 * time.Second
	// maxJitter bounds what is learnt: what waits longer is congestion, whatever the path did before.
	maxJitter = 150 * time.Millisecond
	// smallJitter is not remembered.
	smallJitter = 5 * time.Millisecond
	// endedShare of its peak is left when a delay counts as ended.
	endedShare = 0.3
	// releaseRate is how much faster than before packets arrive when jitter ends.
	releaseRate = 1.2
)

// A decrease leaves the path less than what came through it.
const (
	decreaseFactor = 0.85
	maxDrain       = 0.3                    // of what is left, by which the queue empties
	decreasePause  = 150 * time.Millisecond // after the response to the decrease
	// drainingRatio of acknowledged to sent shows a queue that empties: the last decrease suffices.
	drainingRatio = 1.1
	// After maxFutile decreases that left the queue at futileQueue although what was sent came through, another flow fills it: delay
	// no longer counts, until the queue is below otherEnded.
	maxFutile   = 3
	futileQueue = 0.8
	otherEnded  = 25 * time.Millisecond
	// otherEndedFor is how long the queue must then stay short: TCP leaves it for a moment after each loss.
	otherEndedFor = time.Second
	otherShare    = 0.5 // of what came through before it began, at once
	otherCare     = 8   // growth beside it is so much slower: each packet more displaces one of the other flow
)

// Loss, of a sample that is large enough.
const (
	lossPackets    = 20
	lossTime       = 500 * time.Millisecond
	lossTimeOther  = 2 * time.Second
	lossHigh       = 0.10 // above what the path loses by itself, and beyond chance
	lossLow        = 0.01 // above it the rate does not grow
	lossDeviations = 1.5
	ownLossMax     = 0.30                   // above it retransmissions cannot repair video
	ownLossWindow  = 10 * time.Second       // within which the least is the path's own
	lossLook       = 600 * time.Millisecond // after the response to a decrease: is it still lost?
	lossUnchanged  = 0.6                    // of before: it was not caused by our rate
)

// Growth.
const (
	growth    = 0.08 // a second
	usedShare = 0.65 // of the rate must be sent for it to grow: an unused rate proves nothing
	growthCap = 1.5  // of what is acknowledged
	// probedCap is the same where nothing waits: there a probe proves more, at less risk than growth beyond what was ever sent.
	probedCap = 1.3
	// Between these shares of what the path took when it was full last, growth is so much slower.
	nearCeiling  = 0.9
	aboveCeiling = 1.2
	ceilingCare  = 4
	ceilingFor   = 30 * time.Second // how long that counts
)

// Probes.
const (
	probeDemand     = 1.0 // of the rate
	probeFactor     = 2.0
	probeAbove      = 1.2 // of the demand
	probeTime       = 20 * time.Millisecond
	probePackets    = 5
	probePacketSize = 300                    // bytes, at least
	probeOpen       = 150 * time.Millisecond // a sender that does not get it out by then gives up
	probeSettle     = 300 * time.Millisecond // after it, until its own queue is gone
	probePatience   = time.Second            // for its feedback, after the response
	probeFirstPause = 2 * time.Second
	probeMaxPause   = 4 * time.Second
	probeLost       = 0.2 // more of it lost: it says nothing
	probePath       = 0.9 // received less than this of what was sent: the path is full
	probeQueue      = 10 * time.Millisecond
)

// Silence of the receiver while something is sent.
const silence = 1500 * time.Millisecond

// Windows of rates.
const (
	rateBucket   = 25 * time.Millisecond
	rateBuckets  = 32                     // 800 ms
	rateWindow   = 500 * time.Millisecond // of the acknowledged rate
	rateShort    = 200 * time.Millisecond // of the same when the path is full: what came before the line became narrow must not count
	peakWindow   = 5 * time.Second        // in which the most that was acknowledged bounds the rate
	responseGain = 8                      // smoothing of the response time, a power of two as in RFC 6298
)
