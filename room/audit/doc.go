// Package audit is a log that nobody can change unseen: a Merkle tree (RFC 9162, section 2; Crosby and Wallach, "Efficient Data
// Structures for Tamper-Evident Logging", 2009) over entries of one line each, with a signed checkpoint after every group.
//
//	Append(entries) ─► entries      one JSON line each      write, sync
//	                └► checkpoints  one signed note a group write, sync ─► acknowledged ─► copied to a second place
//
// A checkpoint has the form of C2SP tlog-checkpoint: origin, number of entries, root, each in its line, then the leaf hashes
// of the group it ends, so that a wrong entry is located without a second file; golang.org/x/mod/sumdb/note signs it with
// Ed25519. In the file each note is followed by an empty line.
//
// Invariants: what is acknowledged lies under a synced checkpoint; a checkpoint is never on the disk before its entries; what
// lies after the last checkpoint was never acknowledged, and Open cuts it off and says so in an entry. A log that does not
// match its checkpoint is never written to again.
//
// What it proves: without the private key nobody changes, removes or reorders entries unseen. Who cuts off the tail, and who
// has the private key, is found by a checkpoint kept elsewhere only.
package audit
