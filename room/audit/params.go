package audit

import "time"

const (
	// MaxGroup bounds the entries of one group: their leaf hashes, 45 bytes each, have to fit into one note of at most 1 MB.
	MaxGroup = 4096
	// maxWord bounds each word of an entry: the longest is a SHA-256 in hex with a prefix.
	maxField = 128
	// maxLine bounds the length of an entry that is read: four times seven fields with their names.
	maxLine = 8 << 10
	// maxNote is the limit of note.Open.
	maxNote = 1_000_000
	// maxKeyFile is ten times the length of a key of package note.
	maxKeyFile = 2 << 10
	// closeTimeout is how long Close waits for the copy of the checkpoint, because a network folder may hang.
	closeTimeout = 2 * time.Second
)

// Names of the files of a log.
const (
	entriesFile     = "entries"
	checkpointsFile = "checkpoints"
	publicKeyFile   = "key.pub"
	lockFile        = "lock"
)

// Only the owner may read a log.
const (
	modeFile   = 0o600
	modeFolder = 0o700
)
