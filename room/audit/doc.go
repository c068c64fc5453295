// Package audit is a tamper-evident log: a Merkle tree (RFC 9162, section 2; Crosby and Wallach, "Efficient Data Structures for
// Tamper-Evident Logging", 2009) over entries of one line each, with a signed checkpoint after every group.
//
//	Append(entries) ─► entries      one JSON line each      write, sync
//	                └► checkpoints  one signed note a group write, sync ─► acknowledged ─► copied to a CheckpointStore
//
// A checkpoint has the form of C2SP tlog-checkpoint: origin, number of entries and root, one per line, then the leaf hashes of its
// group, so that a changed entry can be located without another file. golang.org/x/mod/sumdb/note signs it with Ed25519. In the file
// each note is followed by an empty line.
//
// Invariants: acknowledged entries are covered by a synced checkpoint; a checkpoint is never on disk before its entries; bytes after
// the last checkpoint were never acknowledged, and Open truncates them and logs an entry about that. A log that does not match its
// checkpoint is never written to again.
//
// Guarantee: without the private key, changing, removing or reordering entries is detected. Truncation of the end, and changes by
// somebody with the private key, are detected only by a checkpoint stored elsewhere.
package audit
