package files

import "time"

const (
	tusVersion = "1.0.0"
	pieceType  = "application/offset+octet-stream" // tus 1.0, PATCH
	sealedType = "application/octet-stream"

	// maxRequests is how many requests one seat may have in progress: two uploads, two downloads.
	maxRequests = 4
	// maxCredential is far above what a credential has.
	maxCredential = 512
	// readTime bounds one piece: 256 KiB at 5 kB/s.
	readTime = time.Minute
	// writeTime bounds one write of 32 KiB: a reader that takes less than that in a minute is gone.
	writeTime = time.Minute
)
