package conns

import "time"

const (
	// staleAfter is the inactivity after which a connection counts as idle: a request and its answer, or a hello after a handshake,
	// need a round trip or two of a slow mobile line.
	staleAfter = 2 * time.Second
	// crowdedIdle is the inactivity that is allowed when crowded: browsers reopen a closed connection unnoticed.
	crowdedIdle = 5 * time.Second
	// sweepEvery bounds the work of searching idle connections.
	sweepEvery = time.Second
	// At this share of the limit, connections are closed after crowdedIdle.
	crowdedNumerator, crowdedDenominator = 3, 4
	// One lease in seatReserve is not for new seats: it is for resumes and for connections before hello.
	seatReserve = 8
	// A full Limiter evicts one lease in batchShare at once, at most maxBatch, so that the search, which sorts all leases, is paid for
	// once in so many connections.
	batchShare = 64
	maxBatch   = 256
	// busyWeight is how much less an active connection weighs than an idle one: a clinic of thirty that loads the page has 180, which
	// weigh as much as 12 idle ones.
	busyWeight = 16
	// seatedLeases are the leases that a source with a seat keeps: six that a browser opens for the page, a WebSocket, two of the relay,
	// twice.
	seatedLeases = 18
	// seatedFor is how long a source keeps them after its last seat: the longest resume window (maxResumeWindow of cmd/alcove/internal/config).
	seatedFor = 10 * time.Minute
	// maxSeated bounds the sources that are remembered, at some 100 bytes each.
	maxSeated = 16384
)
