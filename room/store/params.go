package store

import "time"

const (
	// queueSize is how many records wait for the writer: one for each of 500 rooms, which have one under way at a time.
	queueSize = 512
	// maxBatch bounds the records of one group: what a disk that syncs in 5 ms gets in a hundredth of a second.
	maxBatch = 64
	// writeTimeout bounds the values of one group: a disk that takes longer is as good as gone.
	writeTimeout = 5 * time.Second
	// stallAfter is when a group that is under way counts as stalled: rooms refuse what waited for longer.
	stallAfter = 2 * time.Second
	// spendTimeout bounds each step of the use of a token: who waits for longer is told to come again.
	spendTimeout = 3 * time.Second
	// forgetAtOnce bounds the revocations that are over and leave the disk with a new one: more than come, so that none stay.
	forgetAtOnce = 4
	// probePause is how often a store that failed tries itself.
	probePause = time.Second
	// startTimeout bounds the start of the embedded server, which reads its files.
	startTimeout = 30 * time.Second

	// maxState bounds the state of a session: 500 in it and 1000 who wait, with two kilobytes each.
	maxState = 3 << 20
	// maxValue bounds one value: a state, of which base64 makes four thirds, and its names.
	maxValue = maxState/3*4 + 1<<10
	// maxPayload leaves room for the seal.
	maxPayload = maxValue + 1<<10
	// maxSpentBytes bounds used tokens: at 300 bytes each more than 800,000, ten joins a second for all of auth.SpentTime.
	// Full, it refuses tokens.
	maxSpentBytes = 256 << 20
	// markerTTL is how long a deleted value leaves a mark: as long as somebody may be reading the bucket.
	markerTTL = time.Minute
	// maxMemory is for JetStream's own bookkeeping; all of ours is in files.
	maxMemory = 16 << 20
	// maxDisk is far above what a clinic writes in years; below it the disk is the limit.
	maxDisk = 1 << 40

	// keySize is that of AES-256.
	keySize    = 32
	maxKeyFile = 1 << 10
	// maxExport bounds the consents of one person that are read at once: forty years of daily sessions.
	maxExport = 100_000
)

const (
	modeFolder = 0o700
	modeFile   = 0o600
	checkFile  = "key.check"
	// tryFile is written, and removed, to see whether a disk that failed takes something again: as much as the largest value.
	tryFile = "try"
	trySize = maxValue
)

// Names of the buckets.
const (
	sessionsBucket    = "sessions"
	spentBucket       = "spent"
	consentsBucket    = "consents"
	revocationsBucket = "revocations"
	metaBucket        = "meta"
)

// Acts that the store writes by itself, besides those of packages room and audit.
const (
	actRecovered = "store.recovered" // it could not be written to, and can again
	actRevoked   = ".revoked"        // after token, person or room
	actRestored  = ".restored"       // a revocation was lifted
)
