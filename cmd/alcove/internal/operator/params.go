package operator

import (
	"time"
)

const (
	// maxExportBody fits the answers of one person over many years, at some 400 bytes each.
	maxExportBody = 64 << 20
	// maxCheckpoints fits all checkpoints of some months.
	maxCheckpoints = 64 << 20
	// exportTimeout bounds the reading of one person's consents.
	exportTimeout = time.Minute
)
