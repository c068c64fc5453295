package store

import "time"

const (
	// queueSize is how many records wait for the writer: one for each of 500 rooms, which have one under way at a time.
	queueSize = 512
	// maxBatch bounds the records of one group: what a disk that syncs in 5 ms gets in a hundredth of a second.
	maxBatch = 64
	// stallAfter is when a group that is under way counts as stalled: rooms refuse what waited for longer.
	stallAfter = 2 * time.Second
	// markTimeout bounds each step of marking a token as used: after it the client is asked to try again.
	markTimeout = 3 * time.Second
	// readTimeout bounds a read of many values at the start.
	readTimeout = 30 * time.Second
	// maxExpiredRevocations bounds the revocations that expired and are deleted with a new one: more than come, so that none stay.
	maxExpiredRevocations = 4
	// retryPause is how often a store that failed tries again.
	retryPause = time.Second

	// maxState bounds the state of a session: 500 participants and 1000 in the waiting room, with two kilobytes each.
	maxState = 3 << 20
	// MaxValue bounds one value before it is sealed: a state, of which base64 makes four thirds, and its names.
	MaxValue = maxState/3*4 + 1<<10
	// maxExpiring bounds used tokens: ten joins a second for nearly all of auth.UsedTokenRetention, in some 400 MB. Full, it refuses tokens.
	maxExpiring = 800_000
	// maxExpired bounds the values that expired and are deleted in one transaction: twice as many as one creates.
	maxExpired = 2 * maxBatch

	// lockTimeout is how long a file that another process has open is waited for: one that was killed may still be going.
	lockTimeout = time.Second
	// initialMap is how much of the address space the file gets at once: as it grows beyond, a write waits for the reads that run.
	initialMap = 64 << 20
	// growBy is by how much the file grows, which costs a sync of its own: some thousand used tokens.
	growBy = 1 << 20
	// maxReaders bounds the goroutines that a hanging disk can block in a read.
	maxReaders = 64

	// keySize is that of AES-256.
	keySize    = 32
	maxKeyFile = 1 << 10
	// maxExport bounds the consents of one person that are read at once: forty years of daily sessions.
	maxExport = 100_000
)

const (
	modeFolder = 0o700
	modeFile   = 0o600
	fileName   = "store.db"
	// tryFile is written, and removed, to see whether a disk that failed takes something again: as much as the largest value.
	tryFile = "try"
	trySize = MaxValue
)

// Keys of the bucket Meta.
const (
	keyCheck    = "key"      // sealed under the key that the store was made with
	keyProgress = "progress" // see progress
)

// Acts that the store writes by itself, besides those of packages room and audit.
const (
	actRecovered = "store.recovered" // it could not be written to, and can again
	actRevoked   = ".revoked"        // after token, person or room
	actRestored  = ".restored"       // a revocation was lifted
)
