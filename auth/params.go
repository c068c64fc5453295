package auth

import "time"

// Limits of a token. It is read before anybody is known, so every length has a bound.
const (
	// MaxToken bounds the whole token: identity providers issue 1 to 2 KiB, and HTTP servers accept headers of 8 KiB.
	MaxToken = 8 << 10
	// MaxRoom, MaxName and MaxPolicy are in runes: a name has to fit into one line of the roster; longer ones are truncated.
	MaxRoom   = 128
	MaxName   = 64
	MaxPolicy = 64
	// MaxSubject fits an email address (RFC 5321, section 4.5.3.1: 64 + 1 + 255 octets, in practice 254) or a UUID. OpenID Connect Core,
	// section 2, bounds sub at 255 characters.
	MaxSubject = 256
	// MaxID bounds jti: a UUID has 36 characters, and some providers put a prefix before it.
	MaxID = 128
	// MaxKeyID bounds kid: a thumbprint (RFC 7638) has 43 characters.
	MaxKeyID = 128
	// MaxE2EESession bounds e2ee_session, in runes: a name, or a date and a name.
	MaxE2EESession = 256
	// MaxRecipients bounds recipients: a clinic has one key, and during a rotation two.
	MaxRecipients = 8
	// MaxMethods and MaxMethod bound amr (RFC 8176) and acr.
	MaxMethods = 16
	MaxMethod  = 128
)

// Times of a token.
const (
	// MaxLifetime bounds exp - iat of a token that joins: long enough to load the page on a slow line, too short to be
	// found in a browser history or a mailbox later.
	MaxLifetime = 2 * time.Minute
	// Leeway is the tolerated clock skew between the identity provider and this host, in both directions.
	Leeway = 30 * time.Second
)

// Limits of the files.
const (
	// MaxKeySet bounds a JWKS file: 64 keys with certificates beside them fit.
	MaxKeySet = 256 << 10
	// MaxKeys bounds the keys of a set; a rotation needs two.
	MaxKeys = 64
	// MinPersonKey is the size of the output of HMAC-SHA-256: a shorter key weakens it (RFC 2104, section 3).
	MinPersonKey = 32
	// MaxPersonKey bounds the read of a file that may be the wrong one.
	MaxPersonKey = 1 << 10
)

// DefaultUsedTokens is how many used tokens are remembered: at 48 bytes each some 5 MB, and more than one join per second for all of
// UsedTokenRetention.
const DefaultUsedTokens = 100_000

// UsedTokenRetention is how long the use of a token is remembered, although tokens expire much sooner: if the clock is set back, an expired
// token becomes valid again, and must not work a second time. Revocations of tokens last as long.
const UsedTokenRetention = 24 * time.Hour

// MaxRevocations is how many revocations are remembered: a clinic revokes single tokens and people, not crowds.
const MaxRevocations = 10_000

// revokedTokenTime is how long a single token stays revoked: far above the longest validity (MaxLifetime, and Leeway on both sides), so
// that a clock that was set meanwhile, or a token issued hours ahead, admits nobody.
const revokedTokenTime = UsedTokenRetention

// Passcodes and the cost of guessing them (RFC 9106, section 4: the second recommended option, 64 MiB and three passes).
const (
	// MinPasscode is in characters. All sources that failed can guess 86,400 times a day at one room together, and each new address once
	// more; eight random characters resist that for millennia.
	MinPasscode = 8
	// MaxPasscode is in bytes, like everything that unauthenticated clients send.
	MaxPasscode = 128

	argonMemory = 64 << 10 // KiB
	argonTime   = 3
	argonLanes  = 4
	saltSize    = 16 // RFC 9106, section 3.1
	sumSize     = 32

	// Bounds of hashes generated elsewhere. The lowest cost is that of OWASP's Password Storage Cheat Sheet; the highest is what two
	// concurrent guesses may take of a small server.
	minArgonMemory  = 19 << 10
	maxArgonMemory  = 256 << 10
	minArgonTime    = 2
	maxArgonTime    = 10
	maxArgonLanes   = 16
	minSalt         = 8
	minSum          = 16
	maxPasscodeHash = 256
)

// Throttling of passcodes.
const (
	// Two guesses are checked at the same time, 128 MiB: one of any source, one of a source that has not failed. passcodeQueue is how many
	// wait: three seconds of them.
	passcodeQueue = 32
	// freeGuesses is how often a person may mistype without a delay.
	freeGuesses  = 3
	firstPenalty = time.Second
	maxPenalty   = 5 * time.Minute
	// freeGuessesAround is how often all people of one network may mistype before the network counts as failed.
	freeGuessesAround = 8
	// failedBurst and failedPerSecond limit the guesses of all failed sources at one room: a seventh of a core, and 86,400 a day in total.
	// Twenty people who mistype at once wait at most ten seconds.
	failedBurst     = 8
	failedPerSecond = 1
	// maxGuessBudgets bounds the memory of these budgets, 80 bytes each. Beyond it all are reset, which gives each room failedBurst more
	// guesses.
	maxGuessBudgets = 4096
	// maxKnownPasscodes is how many correct passcodes are remembered: one per policy, and some that were changed.
	maxKnownPasscodes = 256
	// forgetGuessAfter is how long a source has to be quiet until it is forgotten: longer than any delay.
	forgetGuessAfter = 15 * time.Minute
	// maxGuessRecords bounds the memory: 64 bytes each.
	maxGuessRecords = 20_000
	evictionSample  = 64
)
