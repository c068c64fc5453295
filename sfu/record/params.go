package record

import "time"

// Limits of what is written, each with its reason.
const (
	MaxUnit = 16 << 10 // bytes of one unit: no RTP packet is longer than an Ethernet jumbo frame, with room to spare

	MaxRelease = 16 << 10 // limit of the protocol; 2 kB are sealed, 60 bytes each for at most some 20 keys
	MaxPending = 64       // releases of a track that wait to be written, for DefaultSlowSync at the most: whoever calls Release has to send fewer

	// ReleaseWait is how long media of a sealed track waits for its first release. People release before they consent, so it is there; a
	// track queues 6 s of video.
	ReleaseWait = 2 * time.Second

	flushEvery = 400 * time.Millisecond // a crash may lose a second: this, and the time of a sync
	maxPlain   = 64 << 10               // bytes of a record in clear
	maxIndex   = 2048                   // key frames of one segment; it is closed when the index is full, and so fits a record
	maxHeader  = 256 << 10              // bytes of a header: wrapped to 64 hybrid recipients it has about 200,000
	maxText    = 128                    // bytes of an opaque text in Info

	audioQueue = 128 << 10 // bytes, a power of two: 20 s of Opus at 32 kbit/s
	videoQueue = 2 << 20   // bytes, a power of two: 6 s of video at 2.5 Mbit/s, twice what a sync may take

	watchEvery   = 500 * time.Millisecond // how soon a hanging disk or a full queue is noticed
	spaceEvery   = 2 * time.Second        // how often free space is looked at
	closeTimeout = 10 * time.Second       // for ends of tracks on a disk that hangs

	sweepBatch = 16 // segments removed under one lock: what a hold that comes meanwhile has to wait for, some tenths of a second
)

// Limits of what is read, so that a file from anywhere costs a bounded amount of memory.
const (
	maxSegment        = 1 << 30   // the largest that can be configured
	maxSegments       = 1 << 20   // of one track
	maxRecipientsFile = 256 << 10 // bytes; a hybrid key has 1,960 characters
	maxRecipients     = 64        // so that the header stays below maxHeader
	maxKeyringFile    = 64 << 20  // bytes: about 300,000 people
	maxKeyFile        = 4 << 10   // bytes
	maxHoldsFile      = 1 << 20   // bytes
	zeroRun           = 512       // bytes of zeros that ciphertext never has: a sector that was not written
)

// Defaults of Config.
const (
	DefaultSegmentBytes = 64 << 20         // a damaged or lost file costs little, a session is still a handful of files
	DefaultSegmentTime  = 10 * time.Minute // so that copying to another store need not wait for the end
	DefaultSlowSync     = 3 * time.Second  // a disk that needs longer cannot keep the promise of one second
	DefaultSlowStart    = 5 * time.Second  // for reading the keys and writing them in two places: people wait for it, told that it starts
	DefaultMinFree      = 256 << 20        // bytes: the store and the audit log must go on when recordings cannot
)

const (
	modeFolder = 0o700
	modeFile   = 0o600
)

// Limits of opening frames.
const (
	maxKeysOfKID = 8    // different keys with one KID: a page never sends two
	replaySize   = 1024 // counters: twice what the reordering of maxWaiting units allows
)

const maxOldKeys = 8 // of a sealing key's file: crashes in the middle of erasures leave one each

// Limits of reassembling media.
const (
	arrivalWindow = 10 * time.Second       // the fastest packet of each window replaces a missing sender report
	maxSkew       = 300 * time.Millisecond // more between RTP time and arrival is another epoch: a paused clock, not a slow network
	maxReorder    = 2 * time.Second        // older than this is no retransmission
	maxDrift      = 0.001                  // of a clock: ten times that of crystals
	maxStep       = 20 * time.Millisecond  // of a report: its remaining jitter
	beginWaiting  = 256                    // units read before the first is chosen: more than a large key frame has
	maxWaiting    = 512                    // units that wait for a missing one: more than a second of video

	clusterTime  = 5 * time.Second // of WebM, and between cues where there is only audio; below the 32 s that a block can express
	cueEvery     = time.Second     // at most, with video
	clusterBytes = 4 << 20
)
