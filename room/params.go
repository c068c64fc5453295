package room

import "time"

// Limits, and why they are what they are.
const (
	// hostReserve is how many seats above MaxParticipants only hosts and cohosts may take: a full group must never keep
	// its therapist out.
	hostReserve = 2

	// maxSeatsPerPerson bounds what one person with many tokens takes of the waiting room: a phone, a laptop, and two that
	// were lost without a goodbye.
	maxSeatsPerPerson = 4

	// maxTargets bounds one admit; it is above any waiting room that a host could read through.
	maxTargets = 500

	// maxTextRunes is a paragraph: words at the door, not a chat.
	maxTextRunes = 1000

	// maxScopes is how many scopes there are.
	maxScopes = 2

	// maxExtension is how far one extend moves the end, in minutes: an hour is the longest that runs over by plan.
	maxExtension = 60

	// maxSession is where extending ends: nobody means to hold a group for longer, and a forgotten room must end.
	maxSession = 24 * time.Hour

	// defaultPolicy is what a token without a policy means.
	defaultPolicy = "default"

	// defaultName is how one is called who has no name.
	defaultName = "Guest"
)

// warningMarks are the minutes before the end at which everyone is told.
var warningMarks = [...]int{10, 5, 1}

// slotSteps are the sizes of an offer, in pairs. Each is a step apart so that people come and go without a new offer; the
// last one keeps the offer far below the 100 m-lines of signaling/PROTOCOL.md, section 1.
var slotSteps = [...]int{3, 7, 15, 31}
