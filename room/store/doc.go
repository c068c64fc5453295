// Package store keeps what must outlive the daemon, and writes the audit log.
//
//	rooms ──► Write ──► queue ──► one writer: entries to room/audit, synced
//	                                          one transaction of Values: states, consents, revocations, used tokens,
//	                                          and how many entries of the log are confirmed
//	                                          done(nil) for the whole group
//	tokens ─► MarkUsed ► refused if marked ─► queue: an entry, then the mark ─► accepted, or refused if another was first
//
// Each job is in one state: queued → written, or unconfirmed (it failed, and its entries are called so in the log), or retrying (it
// failed, and closes something: it is in force, and tried until it is written).
//
// Values is an interface. File, one bbolt file, is what a node by itself uses; package storetest holds its contract as a test. Values
// are sealed with AES-256-GCM before they get there, and bound to their place. Names of keys are hashes or random. What is deleted or
// replaced stays in the file, sealed, until its page is used again: to make it unreadable for good, destroy the key.
//
// Invariants: done(nil) only after log and values are on the disk; entries go first, so that no act is carried out that the log
// lacks; a group that failed or was cut short by a crash is called unconfirmed in the log itself. A token that cannot be remembered is
// refused. A running session never waits for the store: the queue is bounded, and when it is full or the disk hangs the
// answer is an error at once.
package store
