package live

import "time"

// Limits, and why they are what they are.
const (
	// mailboxSize is how many requests may queue for one room. A room decides thousands a second; a queue this long means that
	// it is stuck. The answer is "unavailable" then, and the caller may try again.
	mailboxSize = 256

	// defaultMaxRooms holds when the configuration does not say: more groups than one machine can carry.
	defaultMaxRooms = 1000

	// endedRoomLife is how long an ended room refuses tokens made before its end: the longest life of a token (2 min), the clock
	// skew that auth allows (30 s), and the time to connect.
	endedRoomLife = 3 * time.Minute

	// maxEndedRooms bounds the memory of ended rooms; the oldest is forgotten first.
	maxEndedRooms = 4096

	// maxJoinAttempts is how often a join opens a room again when the room it found ends at that moment.
	maxJoinAttempts = 3

	// journalTimeout is how long a command may wait for its record. What opens is refused after that, because the room has changed;
	// what closes is in force already, and is answered.
	journalTimeout = 2 * time.Second

	// minRetry and maxRetry bound the pause between records that fail: a hiccup is over soon, a full disk is not.
	minRetry = 50 * time.Millisecond
	maxRetry = 5 * time.Second

	// maxUnwritten is how many entries one room keeps while nothing can be written: hours of a busy session, 2 MB.
	maxUnwritten = 10000

	// maxEntries is how many of them go into one record, so that a long silence is made up for in pieces that a disk takes.
	maxEntries = 200

	// screenSlots is how many screens may be shown to one participant at once: two, for a hand-over.
	screenSlots = 2
)
