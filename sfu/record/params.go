package record

import "time"

// Limits and times, each with its reason.
const (
	MaxUnit = 16 << 10 // bytes of one unit: no RTP packet is longer than an Ethernet jumbo frame, with room to spare

	maxRecipientsFile = 64 << 10 // bytes; a hybrid key has 1,960 characters
)

// Defaults of Config.
const (
	DefaultSegmentBytes = 64 << 20         // a damaged or lost file costs little, a session is still a handful of files
	DefaultSegmentTime  = 10 * time.Minute // so that gc and a copy to another store need not wait for the end
	DefaultSlowSync     = 3 * time.Second  // a disk that needs longer cannot keep the promise of one second
	DefaultMinFree      = 256 << 20        // bytes: the store and the audit log must go on when recordings cannot
)
