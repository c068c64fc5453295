package main

import "time"

// Ranges of the configuration. They catch a wrong unit or a digit too many, not an unusual wish.
const (
	maxConfigFile = 1 << 20 // a configuration has a few KiB
	// A worker is one goroutine that fills a core.
	maxWorkers = 64
	maxPort    = 65535
	// maxRooms and maxConnections are far above what one host carries; below them memory is the limit.
	maxRooms       = 10_000
	maxConnections = 100_000
	// A group has two people at least; 500 is where a gallery and its offer (100 m-lines, paged) stop making sense.
	minParticipants = 2
	maxParticipants = 500
	minWaiting      = 1
	maxWaiting      = 1000
	// A seat that resumes within less than a second never does; one that is kept for more than 10 minutes blocks a place.
	minResumeWindow = time.Second
	maxResumeWindow = 10 * time.Minute
	// A place in the waiting room may be kept for longer, but who is gone for an hour has given up.
	maxWaitingResume = time.Hour
	// A limit below a minute is a wrong unit; room.Policy ends every session after a day.
	minLimit = time.Minute
	maxLimit = 24 * time.Hour
	// maxLoginAge: identity providers remember people for a month at most.
	maxLoginAge = 30 * 24 * time.Hour
	// A welcome holds all texts of a room, in every language, and maxQueuedBytes of signaling (1 MiB) holds some of them. Few
	// people read more than ten pages before they agree.
	maxTextFile  = 64 << 10
	maxTexts     = 128 << 10
	maxTextCount = 32
	maxTextName  = 64
	maxPurpose   = 200
	// A day is longer than any session; who wants to wait for more has forgotten the daemon.
	maxDrainWait = 24 * time.Hour
	// The page shows the clinic's name and phone in one line.
	maxClinic = 80
	maxPhone  = 40
)

// Recordings.
const (
	// Less than an hour is a mistake; more than a century is "for ever", which is written 0s.
	minRetention = time.Hour
	maxRetention = 100 * 365 * 24 * time.Hour
	// sweepEvery is how often expired recordings are removed: retention counts in days.
	sweepEvery = time.Hour
)

// Files and their modes.
const (
	modeSecret = 0o600 // only the owner signs
	modePublic = 0o644
	modeFolder = 0o700
	othersRead = 0o077 // bits that let others use a signing key
	groupRead  = 0o040
	maxKeyFile = 256 << 10
	// maxExportBody holds the answers of one person over many years, at some 400 bytes each.
	maxExportBody = 64 << 20
	// maxCheckpoints holds all checkpoints of some months, should somebody have kept them.
	maxCheckpoints = 64 << 20
)

// Times of the daemon.
const (
	// stopTimeout bounds a graceful stop: clients resume elsewhere or after the restart, and init systems kill after 10 s or more.
	stopTimeout = 5 * time.Second
	// forcedTimeout is how long a stop at once may take: the time to close what answers.
	forcedTimeout = time.Second
	// drainLook is how often a daemon that drains, or a command that waits for it, looks whether somebody is there.
	drainLook = 200 * time.Millisecond
	// controlTimeout bounds one wish on the control socket; a reload reads files.
	controlTimeout = 10 * time.Second
	// stopMargin is what a service manager is asked for beyond the limits of a stop.
	stopMargin = 5 * time.Second
	// acmeLook is how often certificates of an ACME server are looked at; they are renewed a month before their end, so hours matter
	// only to the first. acmeTimeout bounds one request to it.
	acmeLook    = 10 * time.Minute
	acmeTimeout = time.Minute
	// headerTimeout is how long a stranger may take over the headers of a request.
	headerTimeout = 5 * time.Second
	// keyPoll is how often the JWKS file is looked at: a new key is published minutes before it signs.
	keyPoll = 5 * time.Second
	// exportTimeout bounds the reading of one person's consents.
	exportTimeout = time.Minute
)

// gcPercent trades a little work for memory: the packet path makes no garbage, and a small server has more time than space.
const gcPercent = 25

// What doctor calls too little.
const (
	doctorTimeout = time.Minute      // of all together: DNS has its own limits, disks may hang
	probeTimeout  = 10 * time.Second // for the page: a slow path, not a dead one
	// probeWait and probeDatagrams: loss may take one or two, hardly all five; refusals come within a round trip.
	probeWait      = 400 * time.Millisecond
	probeDatagrams = 5
	maxProbe       = 64 << 10
	// certificateSoon: automatic renewal begins 30 days before the end, so at 21 it has failed for a week.
	certificateSoon = 21 * 24 * time.Hour
	// mediaBuffer is what sfu/udp asks for; a test compares.
	mediaBuffer = 4 << 20
	// sparesFiles: media sockets, the store's files, listeners.
	sparesFiles = 256
	// The store syncs every write, and a join waits for it: 20 ms are felt by nobody, 200 ms by all.
	diskSlow    = 20 * time.Millisecond
	diskTooSlow = 200 * time.Millisecond
	diskWrites  = 20
	diskBlock   = 4 << 10
	// The store and the audit log grow by entries of some hundred bytes: the first is months of warning, the second hours of
	// whatever else fills that disk.
	diskTight = 2 << 30
	diskFull  = 200 << 20
	// othersWrite are the bits that let others change what decides who comes in.
	othersWrite = 0o022
	// clockSlack: file servers and this host may differ a little.
	clockSlack = time.Minute
)
