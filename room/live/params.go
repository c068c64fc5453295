package live

import "time"

// Limits and their reasons.
const (
	// mailboxSize is how many requests may queue for one room. A room decides thousands per second, so a longer queue means that it is
	// stuck; further requests are answered "unavailable", and the caller may retry.
	mailboxSize = 256

	// defaultMaxRooms applies when the configuration sets no limit: more groups than one machine can serve.
	defaultMaxRooms = 1000

	// endedRoomLife is how long an ended room refuses tokens made before its end: the longest life of a token (2 min), the clock
	// skew that auth allows (30 s), and the time to connect.
	endedRoomLife = 3 * time.Minute

	// maxEndedRooms bounds the memory for ended rooms; the oldest are forgotten first.
	maxEndedRooms = 4096

	// maxJoinAttempts is how often a join opens a room again when the room it found ends at that moment.
	maxJoinAttempts = 3

	// journalTimeout is how long a command may wait for its record. After that an act that opens something is refused, because the room
	// has changed; one that closes something is in force already and is answered.
	journalTimeout = 2 * time.Second

	// minRetry and maxRetry bound the pause between failed records: a short failure ends soon, a full disk does not.
	minRetry = 50 * time.Millisecond
	maxRetry = 5 * time.Second

	// maxUnwritten is how many entries one room keeps while nothing can be written: hours of a busy session, 2 MB.
	maxUnwritten = 10000

	// maxEntries is how many of them go into one record, so that a long backlog is written in pieces.
	maxEntries = 200

	// screenSlots is how many screens may be shown to one participant at once: two, for a hand-over.
	screenSlots = 2
)
