package state

import (
	"time"
)

// EntryTimeout bounds one entry, and all that are left when the daemon stops.
const EntryTimeout = 5 * time.Second
