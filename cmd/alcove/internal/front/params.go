package front

import (
	"time"
)

const (
	// acmeInterval is how often the certificates of an ACME server are checked; they are renewed a month before their end, so hours matter
	// only to the first. acmeTimeout bounds one request to it.
	acmeInterval = 10 * time.Minute
	acmeTimeout  = time.Minute
	// HeaderTimeout bounds TLS, the first byte and the headers of a request.
	HeaderTimeout = 5 * time.Second
)
