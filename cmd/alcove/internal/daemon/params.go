package daemon

import (
	"time"
)

const (
	// maxTrackEntries bounds the entries about recordings that wait for the audit log: of an hour with 500 people in 60 rooms.
	maxTrackEntries = 4096
	// trackRetry is the pause before a failed entry is retried.
	trackRetry = time.Second
	// StopTimeout bounds a graceful stop: clients resume elsewhere or after the restart, and init systems kill after 10 s or more.
	StopTimeout = 5 * time.Second
	// forcedTimeout is how long a forced stop may take to close everything that responds.
	forcedTimeout = time.Second
	// stopMargin is the time requested of a service manager beyond the limits of a stop.
	stopMargin = 5 * time.Second
	// keyPoll is how often the JWKS file is looked at: a new key is published minutes before it signs.
	keyPoll = 5 * time.Second
	// sweepEvery is how often expired recordings are removed: retention counts in days.
	sweepEvery = time.Hour
	// openFilesTimeout bounds the reading of what is known of files, some thousand records.
	openFilesTimeout = 30 * time.Second
	// gcPercent trades a little work for memory: the packet path allocates nothing, and a small server has more CPU time than memory.
	gcPercent = 25
)
