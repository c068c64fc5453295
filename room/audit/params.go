package audit

import "time"

const (
	// MaxGroup bounds the entries of one group: their leaf hashes, 45 bytes each, have to fit into one note, of which readers
	// accept 1 MB.
	MaxGroup = 4096
	// maxWord bounds each word of an entry: the longest is a SHA-256 in hex with a prefix.
	maxWord = 128
	// maxLine bounds what is read as one entry: seven words and their names fit four times.
	maxLine = 8 << 10
	// maxNote is what note.Open accepts.
	maxNote = 1_000_000
	// maxKeyFile is ten times what a key of note has.
	maxKeyFile = 2 << 10
	// closeTimeout is how long Close waits for the second place: it may be a network folder that hangs.
	closeTimeout = 2 * time.Second
)

// Names of the files of a log.
const (
	entriesFile     = "entries"
	checkpointsFile = "checkpoints"
	publicKeyFile   = "key.pub"
	lockFile        = "lock"
)

// Only the owner reads a log.
const (
	modeFile   = 0o600
	modeFolder = 0o700
)
