package auth

import "time"

// Limits of a token. It is read before anybody is known, so every length has a bound.
const (
	// MaxToken bounds the whole token: identity providers write 1 to 2 KiB, and HTTP servers carry 8 KiB in a header.
	MaxToken = 8 << 10
	// MaxRoom, MaxName and MaxPolicy are counted in runes: a name is what a roster can show in one line; a longer one is cut.
	MaxRoom   = 128
	MaxName   = 64
	MaxPolicy = 64
	// MaxSubject holds an email address (RFC 5321, section 4.5.3.1: 64 + 1 + 255 octets, in practice 254) or a UUID.
	// OpenID Connect Core, section 2, bounds sub at 255 characters.
	MaxSubject = 256
	// MaxID bounds jti: a UUID has 36 characters, and some providers put a prefix before it.
	MaxID = 128
	// MaxKeyID bounds kid: a thumbprint (RFC 7638) has 43 characters.
	MaxKeyID = 128
	// MaxE2EESession bounds e2ee_session, in runes: a name, or a date and a name.
	MaxE2EESession = 256
	// MaxRecipients bounds recipients: a clinic has one key, and for a while the next one.
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
	// Leeway is the clock skew that is forgiven between the identity provider and this host, in both directions.
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
	// MaxPersonKey bounds what is read from a file that may be the wrong one.
	MaxPersonKey = 1 << 10
)

// DefaultUsedTokens is how many spent tokens the memory of single use holds: at 48 bytes each some 5 MB, and more than one join a second
// for all of UsedTokenRetention.
const DefaultUsedTokens = 100_000

// UsedTokenRetention is how long the use of a token is remembered, though no token of now lives for so long: a clock that is set back makes an
// old token young again, and it must not work a second time. Revocations of tokens last as long.
const UsedTokenRetention = 24 * time.Hour

// MaxRevocations is how many revocations are remembered: a clinic takes back single tokens and people, not crowds.
const MaxRevocations = 10_000

// revokedTokenTime is how long a single token stays revoked: far above what one can live (MaxLifetime, and Leeway on both sides), so that
// a clock that was set meanwhile, or a token that was made hours ahead, opens nothing.
const revokedTokenTime = UsedTokenRetention

// Passcodes and the cost of guessing them (RFC 9106, section 4: the second recommended option, 64 MiB and three passes).
const (
	// MinPasscode is in characters. Sources that failed guess 86,400 times a day at one room, all together, and each new address once more;
	// eight characters that nobody chose by a word hold for millennia.
	MinPasscode = 8
	// MaxPasscode is in bytes, as what strangers send.
	MaxPasscode = 128

	argonMemory = 64 << 10 // KiB
	argonTime   = 3
	argonLanes  = 4
	saltSize    = 16 // RFC 9106, section 3.1
	sumSize     = 32

	// The bounds of hashes made elsewhere. The lowest cost is that of OWASP's Password Storage Cheat Sheet; the highest is what two
	// guesses at a time may take of a small server.
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
	// Two guesses are looked at at the same time, 128 MiB: one of anybody's, one of a source's that has not failed.
	// passcodeQueue is how many wait: three seconds of them.
	passcodeQueue = 32
	// freeGuesses is how often people mistype before they ask.
	freeGuesses  = 3
	firstPenalty = time.Second
	maxPenalty   = 5 * time.Minute
	// freeGuessesAround is how often the people of one network mistype, together, before it counts as one that guesses.
	freeGuessesAround = 8
	// failedBurst and failedPerSecond are what all sources that failed may guess at one room: a seventh of a core, and 86,400 a day,
	// whoever they are. Twenty people who mistype at once wait ten seconds at most.
	failedBurst     = 8
	failedPerSecond = 1
	// maxGuessBudgets bounds the memory of those budgets, 80 bytes each. Beyond it all are reset, which gives each room failedBurst
	// guesses more.
	maxGuessBudgets = 4096
	// maxKnownPasscodes is how many passcodes are known to be right: one for each policy, and some that were changed.
	maxKnownPasscodes = 256
	// forgetGuessAfter is how long a source has to be quiet to begin anew: longer than it ever waits.
	forgetGuessAfter = 15 * time.Minute
	// maxGuessRecords bounds the memory: 64 bytes each.
	maxGuessRecords = 20_000
	evictionSample  = 64
)
