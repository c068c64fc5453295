package config

import (
	"time"
)

// Ranges of the configuration. They catch a wrong unit or a digit too many, not an unusual value.
const (
	MaxConfigFile = 1 << 20 // a configuration has a few KiB
	// A worker is one goroutine that fills a core.
	maxWorkers = 64
	MaxPort    = 65535
	// maxRooms and maxConnections are far above the capacity of one host; below them memory is the limit.
	maxRooms       = 10_000
	maxConnections = 100_000
	// maxRelayUDP is how many addresses of a relay over UDP there may be: 443 and 3478, of IPv4 and IPv6.
	maxRelayUDP = 4
	// A group has two people at least; 500 is where a gallery and its offer (100 m-lines, paged) stop making sense.
	minParticipants = 2
	maxParticipants = 500
	minWaiting      = 1
	maxWaiting      = 1000
	// A seat that resumes within less than a second never does; one that is kept for more than 10 minutes blocks a place.
	minResumeWindow = time.Second
	maxResumeWindow = 10 * time.Minute
	// A place in the waiting room may be kept for longer, but after an hour the person has given up.
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
	// A day is longer than any session; a longer wait is a mistake.
	MaxDrainWait = 24 * time.Hour
	// The page shows the clinic's name and phone in one line.
	maxClinic = 80
	maxPhone  = 40
	// Some sentences, which must be read in a moment of need, or beside the first button.
	maxWelcome   = 500
	maxEmergency = 500
	// Each language is sent to everybody: more than these are a mistake.
	maxLanguages = 50
	// The page of a recipient has the keys in memory: it is open for minutes after a session, for days hardly ever.
	minKeepFiles = time.Minute
	maxKeepFiles = 7 * 24 * time.Hour
	// A tebibyte: more than any clinic sends in a day.
	maxFilesMiB = 1 << 20
	// Less than an hour is a mistake; more than a century is written 0s, which keeps forever.
	minRetention = time.Hour
	maxRetention = 100 * 365 * 24 * time.Hour
)
