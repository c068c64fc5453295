// Package state opens what outlives the daemon, the store and the audit log, for the daemon and for the commands that work while it is
// stopped. Both have one owner at a time.
//
// It also has the form of what the audit log knows of recordings, so that a file that was removed, emptied or cut is missed: which tracks
// began, how many records each ended with, and which expired. Entries name neither people nor their ids: a track is erased by a key, whose
// id they hold.
package state
