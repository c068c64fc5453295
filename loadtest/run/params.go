package run

import "time"

// Limits of a run.
const (
	// settleTimeout bounds the wait until everybody sees and hears everybody.
	settleTimeout = 30 * time.Second
	// settlePoll is how often that is looked at; join times come from the packets, not from this.
	settlePoll = 10 * time.Millisecond
	// warmUp is between the last arrival and the window: key frames and bandwidth bounds calm down.
	warmUp = time.Second
	// minPlotInterval is the least time that a point of the plots is drawn of; the window begins and ends between points.
	minPlotInterval = 300 * time.Millisecond
	// leaveTimeout bounds the goodbyes.
	leaveTimeout = 10 * time.Second
	// sampleInterval of the series.
	sampleInterval = time.Second
	// maxFailureKinds bounds the kinds of failures that a report tells apart.
	maxFailureKinds = 40
	// maxEntering is how many people of one run enter at the same time, below the daemon's bound for strangers of one address (32).
	maxEntering = 24
)

// A generator beyond these measures itself, and the run is invalid.
const (
	// maxSendLag, p99: a frame of audio is 20 ms; a quarter of it is more than any network jitter that we want to see.
	maxSendLag = 5 * time.Millisecond
	// maxStall: a pause like this is one of the whole process, and all that was measured during it is its own.
	maxStall = 250 * time.Millisecond
	// maxCPU is the share of the generator's cores: above it nothing is on time for long.
	maxCPU = 0.9
)

// The therapy script, in shares of the window.
const (
	turnsUntil  = 0.55 // people speak one after the other
	sendBackAt  = 0.6
	reconnectAt = 0.72
	lockAt      = 0.88
	// outage is how long the one who loses the network is away.
	outage = 500 * time.Millisecond
)

// minFrameRate a second of one person: below it nobody would say that they see them.
const minFrameRate = 1.0

// Stalled and hostile receivers.
const (
	hostileInterval = 10 * time.Millisecond // a hundred key frame requests a second
)
