package front

import (
	"time"
)

const (
	// acmeLook is how often certificates of an ACME server are looked at; they are renewed a month before their end, so hours matter
	// only to the first. acmeTimeout bounds one request to it.
	acmeInterval = 10 * time.Minute
	acmeTimeout  = time.Minute
	// headerTimeout is how long a stranger may take over the headers of a request.
	HeaderTimeout = 5 * time.Second
)
