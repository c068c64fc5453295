package signaling

import "time"

const (
	// maxPreAuth bounds connections that have not sent hello: some 64 KiB each, so 32 MiB in all. At the bound the idle
	// connection of the source that has most of them is closed for the newest.
	maxPreAuth = 512
	// socketBuffer is the size of the read and of the write buffer of a connection; longer messages take several system calls.
	socketBuffer = 4 << 10
)

// Limits of HTTP.
const (
	headerTimeout  = 5 * time.Second  // the request line and headers
	requestReadMax = 10 * time.Second // only requests of the API have a body, and small ones
	responseMax    = 60 * time.Second // the bundle over a slow mobile line; above the timeout of requests of the API
	idleTimeout    = 60 * time.Second
	maxHeaderBytes = 16 << 10 // a token in Authorization and what proxies add
	// logReasonEvery is how often the log names one mistake of a proxy, which every visitor meets.
	logReasonEvery = time.Minute
	maxForwarded   = 16 // hops of X-Forwarded-For and Forwarded that are read: no sane chain is longer
)
