// Package store keeps what must outlive the daemon, and writes the audit log.
//
//	rooms ──► Write ──► queue ──► one writer: entries to room/audit, synced
//	                                          consents and states to JetStream, synced
//	                                          how far the log is kept up
//	                                          done(nil) for the whole group
//	tokens ─► Spend ──► refused if marked ─► queue (an entry) ─► marked once or refused ─► accepted
//
// NATS JetStream is embedded: no port, no log, every write synced (SyncAlways), its files under its own cipher. Values are sealed
// once more with AES-256-GCM under a key of their own and bound to their place, because the cipher of JetStream's blocks is a
// bare stream that anybody could bend, and because a cluster may take the place of the embedded server one day. Names of keys
// are hashes or random.
//
// Invariants: done(nil) only after log and values are on the disk; entries go first, so that no act is carried out that the log
// lacks; a group that failed or was cut short by a crash is called unsure in the log itself. A token that cannot be remembered is
// refused. Nothing here is waited for by a session that runs: the queue is bounded, and when it is full or the disk hangs the
// answer is an error at once.
package store
