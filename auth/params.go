package auth

import "time"

// Limits of a token. It is read before anybody is known, so every length has a bound.
const (
	// MaxToken bounds the whole token: identity providers write 1 to 2 KiB, and HTTP servers carry 8 KiB in a header.
	MaxToken = 8 << 10
	// MaxRoom, MaxName and MaxPolicy are counted in runes: a name is what a roster can show in one line.
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

// DefaultSpent is how many spent tokens the memory of single use holds: at 48 bytes each some 5 MB, and more than 500 joins a
// second for as long as a token can live (MaxLifetime and Leeway on both sides).
const DefaultSpent = 100_000
