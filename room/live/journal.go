package live

import "alcove/room"

// A Journal makes the decisions of rooms durable; room/store implements it. It never blocks its caller.
//
// An act that opens something is carried out only after done(nil); one that closes something is carried out first and then written,
// with retries until that succeeds. A journal whose queue is full calls done(error) at once.
type Journal interface {
	// Write makes a record durable, whole or not at all; done is called once, on any goroutine.
	Write(Record, func(error))
	// Load returns the sessions that had not ended when the daemon last stopped.
	Load() ([]Record, error)
	// Err returns why nothing can be written now, nil if it can.
	Err() error
	// Late returns an error while an act in force is not written.
	Late() error
}

// A Record is what the journal stores of one or more decisions.
type Record struct {
	Session  string // random key of the session, also the first part of its SessionIDs
	State    []byte // the encoded State after them; nil: the session ended and may be forgotten
	Entries  []room.Entry
	Consents []room.ConsentRecord
}
