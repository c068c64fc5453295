// Package report reports errors to operators: bugs of the server to the log, refused requests to the audit log.
//
//	session, api ─► Faults    ─► log line with a ref, which the client gets too
//	             └► Refusals  ─► entries of the audit log, bounded per minute and source
//
// Invariants, tested: the log gets types, never values, because a value may hold what a client sent; a flood of refusals of one
// source neither fills the audit log nor hides those of another.
package report
