package operator

import (
	"time"
)

const (
	// maxExportBody holds the answers of one person over many years, at some 400 bytes each.
	maxExportBody = 64 << 20
	// maxCheckpoints holds all checkpoints of some months, should somebody have kept them.
	maxCheckpoints = 64 << 20
	// exportTimeout bounds the reading of one person's consents.
	exportTimeout = time.Minute
)
