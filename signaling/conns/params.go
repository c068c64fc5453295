package conns

import "time"

const (
	// staleAfter is how long a connection does nothing before it counts as idle: a request and its answer, or a hello after a
	// handshake, need a round trip or two of a slow mobile line.
	staleAfter = 2 * time.Second
	// crowdedIdle is how long it may do nothing when crowded: browsers open a closed connection again without a word.
	crowdedIdle = 5 * time.Second
	// sweepEvery bounds the work of looking for those.
	sweepEvery = time.Second
	// At crowdedShare of the places, idle connections go after crowdedIdle.
	crowdedNumerator, crowdedDenominator = 3, 4
	// One place of seatReserve is not for new seats: it is for those who resume, and for strangers on their way.
	seatReserve = 8
	// A full Limiter makes one place of batchShare free at once, and maxBatch at most, so that the search, which sorts all places, is
	// paid for once in so many connections.
	batchShare = 64
	maxBatch   = 256
	// busyWeight is how much less a connection that does something counts than an idle one: a clinic of thirty that loads the page
	// has 180 of them, and weighs as much as one who holds 12 idle ones.
	busyWeight = 16
	// seatedLeases are the places of a source with a seat that nobody takes away: six that a browser opens for the page, a WebSocket,
	// two of the relay, twice.
	seatedLeases = 18
	// seatedFor is how long a source keeps them after its last seat: the longest resume window (maxResumeWindow of cmd/alcove/internal/config).
	seatedFor = 10 * time.Minute
	// maxSeated bounds the sources that are remembered without a seat, at some 100 bytes each.
	maxSeated = 16384
)
