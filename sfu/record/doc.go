// Package record writes recordings that the server itself cannot decrypt.
//
//	worker ─ Put ─► ring buffer of a track ─► its goroutine: seal a record, write, sync ─► segment in the Storage
//	                                                          │
//	clinic's public keys ─ age ─► wrapped track key ─ erasure key of the person ─► header of the segment
//
// Invariants:
//   - Plaintext never reaches the Storage. A track has a random key that lives in memory only; the header holds it wrapped to the
//     clinic's recipients and again under the person's erasure key, so that it takes the clinic's identity and the keyring to
//     open anything, and destroying one erasure key erases one person everywhere, backups included.
//   - The worker never waits: Put, Clock and Stop copy, set a flag and return, without a lock or an allocation.
//   - Every record is sealed with its number, its file and the tag of the record before it. What was synced stays readable after a
//     crash; a segment is never reopened.
//   - If a session is encrypted end to end, its frames are sealed already, and their keys come in releases: nothing is written before
//     the first. The recorder cannot open a release.
//   - When a write fails, synced records stay, the track refuses further units, and Config.OnFailed is called once.
//
// FORMAT.md describes the files. The package knows neither rooms nor peer connections.
package record
