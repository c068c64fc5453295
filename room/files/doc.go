// Package files keeps the files that people send each other in a session. It keeps ciphertext: pages seal a file, and the key of the file for
// the people it is for; nobody here can open either.
//
//	file.create ──► Create ──► upload ── pieces ──► Upload ──► complete: file synced, record stored, audit entry ──► recipients are told
//	                                                                                   │
//	room: seat lost, session ended ──► SeatLost, SessionEnded ──► nobody sees it  ◄────┤ released: at once, at a date, at the end
//	                                                                                   │
//	HTTP: list, key, content ──► gate: admitted while the session runs; after it, who may still have what was kept for then
//
// A file is in one state: uploading → kept → gone. A kept file is released or waits. A recipient gets the sealed key and the ciphertext of a
// released file only. What was released at once goes with the session; what waits for a date or for the end stays Limits.KeepAfterEnd longer.
//
// Invariants: an upload is acknowledged as complete only after the ciphertext, its name, the record and the audit entry are on the disk; uploads
// that are not complete do not survive the process, and what they left is deleted at the next start; a deletion takes effect before it is on the
// disk, and is tried until it is; Service.mu is never held while a disk is waited for. Names on the disk are random.
package files
