package keyfile

// Modes and limits of key files.
const (
	ModeSecret = 0o600 // only the owner signs
	ModePublic = 0o644
	ModeFolder = 0o700
	othersRead = 0o077 // mode bits with which others could read a key
	groupRead  = 0o040
	MaxSize    = 256 << 10
)
