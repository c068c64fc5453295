package files

import "time"

// Limits are the configured bounds.
type Limits struct {
	PerDaemon    int64         // bytes of all files together
	PerSession   int64         // bytes of the files of one session
	PerPerson    int64         // bytes of the files that one person sent in one session
	MinFree      uint64        // bytes that have to stay free on the disk
	KeepAfterEnd time.Duration // how long a file that was timed is kept after its release and the end of its session
}

// DefaultLimits suit a clinic with some ten groups at a time.
var DefaultLimits = Limits{PerDaemon: 4 << 30, PerSession: 400 << 20, PerPerson: 100 << 20, MinFree: 1 << 30, KeepAfterEnd: 12 * time.Hour}

const (
	// PieceSize is the size of one request of an upload. A lost connection costs at most that much.
	PieceSize = 256 << 10
	// MaxSize bounds one file: 25 MiB, and what age adds: 16 bytes for each 64 KiB, and a header.
	MaxSize = 25<<20 + 64<<10
	// MaxClinicSize bounds a card or a journal: a long text. It is sealed again in memory.
	MaxClinicSize = 1 << 20
	// MaxSealed bounds the sealed key of a file with its name and note: age for 64 recipients of 1.7 kB, and 8 KiB of words.
	MaxSealed = 120 << 10
	// maxFiles bounds the files of one session, and maxUploads those that one person uploads at a time.
	maxFiles   = 500
	maxUploads = 4
	// MaxDelay is how far in the future a release may be: a page that is still open has the keys, and pages are not open for longer.
	MaxDelay = 7 * 24 * time.Hour

	// uploadIdle is how long an upload may pause: a phone that was in a tunnel, not one that was put away.
	uploadIdle = 10 * time.Minute
	// persistTimeout bounds the wait for the store.
	persistTimeout = 5 * time.Second
	// retryPause is how often a deletion that failed is tried again.
	retryPause = 5 * time.Second

	modeFolder = 0o700
	modeFile   = 0o600
	partSuffix = ".part"
)
