package live

import "alcove/room"

// A Journal makes durable what rooms decide; room/store implements it. It never blocks its caller.
//
// Acts that open are carried out only after done(nil); acts that close are carried out first and written after, again and
// again until it works. A journal that cannot take more answers done(error) at once.
type Journal interface {
	// Write makes a record durable, whole or not at all; done is called once, on any goroutine.
	Write(Record, func(error))
	// Load gives the sessions that had not ended when the daemon last stopped.
	Load() ([]Record, error)
	// Err says why nothing can be written now, nil if it can.
	Err() error
	// Late says that something that closes is in force and not written yet, nil if all is.
	Late() error
}

// A Record is what one decision leaves behind.
type Record struct {
	Session  string // random key of the session, also the first part of its SessionIDs
	State    []byte // the whole State after it, encoded; nil: the session is over and may be forgotten
	Entries  []room.Entry
	Consents []room.ConsentRecord
}
