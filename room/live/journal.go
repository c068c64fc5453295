package live

import "alcove/room"

// A Journal makes the decisions of rooms durable; room/store implements it. It never blocks its caller.
//
// What opens is carried out only after done(nil); what closes is carried out first and written after, again and again until it
// works. A journal whose queue is full calls done(error) at once.
type Journal interface {
	// Write makes a record durable, whole or not at all; done is called once, on any goroutine.
	Write(Record, func(error))
	// Load returns the sessions that had not ended when the daemon last stopped.
	Load() ([]Record, error)
	// Err says why nothing can be written now, nil if it can.
	Err() error
	// Late returns an error while something that closes is in force and not written.
	Late() error
}

// A Record is what one decision leaves behind.
type Record struct {
	Session  string // random key of the session, also the first part of its SessionIDs
	State    []byte // the whole State after it, encoded; nil: the session is over and may be forgotten
	Entries  []room.Entry
	Consents []room.ConsentRecord
}
