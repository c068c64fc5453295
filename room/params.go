package room

import "time"

// Limits and their reasons.
const (
	// hostReserve is how many seats above MaxParticipants only hosts and cohosts may take: a full group must never keep
	// its therapist out.
	hostReserve = 2

	// maxSeatsPerPerson bounds how much of the waiting room one person with many tokens can occupy: a phone, a laptop, and two
	// connections that were lost without notice.
	maxSeatsPerPerson = 4

	// maxTargets bounds one admit; it is above any waiting room that a host could read through.
	maxTargets = 500

	// maxTextRunes is a paragraph: messages to the waiting room are not a chat.
	maxTextRunes = 1000

	// maxScopes is how many scopes there are.
	maxScopes = 2

	// maxExtension is how far one extend moves the end, in minutes: an hour is the longest that runs over by plan.
	maxExtension = 60

	// maxSession bounds all extensions together: no group lasts longer, and a forgotten room must end.
	maxSession = 24 * time.Hour

	// maxLogEntries and maxLogSize bound the log of a session's groups, in entries and bytes: what a client misses within the resume
	// window, joins of a large group included. Who misses more is added anew.
	maxLogEntries = 64
	maxLogSize    = 4 << 20

	// numberBlock is how many numbers of groups one record reserves: a commit waits for the disk once in a block, and after a crash at most
	// so many numbers are left out, of the 65,536 that a KID tells apart.
	numberBlock = 32

	// maxSyncSize is how much of the log one request gets, in bytes: half of what a connection may queue. One entry always fits.
	maxSyncSize = 512 << 10

	// entryOverhead is what an entry takes beside its blobs, in bytes.
	entryOverhead = 256

	// maxAdded is how many one commit adds: more do not fit into one message.
	maxAdded = 32

	// maxReleasedKeys is above the streams of one participant, each with a key before and after a change.
	maxReleasedKeys = 16

	// defaultPolicy is the policy of a token that names none.
	defaultPolicy = "default"

	// defaultName is the display name of a participant without one.
	defaultName = "Guest"
)

// warningMarks are the minutes before the end at which everyone is warned.
var warningMarks = [...]int{10, 5, 1}

// slotSteps are the sizes of an offer, in pairs of slots. The steps are large so that people can join and leave without a new offer;
// the last one stays far below the 100 m-lines of signaling/PROTOCOL.md, section 1.
var slotSteps = [...]int{3, 7, 15, 31}
