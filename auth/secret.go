package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
)

// A Secret redacts itself wherever it could be printed and compares in constant time.
type Secret struct{ value string }

const redacted = "[secret]"

// NewSecret wraps a value that must not be seen.
func NewSecret(value string) Secret { return Secret{value} }

// RandomSecret makes 256 random bits in base64url.
func RandomSecret() Secret {
	var b [32]byte
	rand.Read(b[:])
	return Secret{base64.RawURLEncoding.EncodeToString(b[:])}
}

// Reveal gives the value, for the wire or a key only.
func (s Secret) Reveal() string { return s.value }

// Empty reports whether there is no value.
func (s Secret) Empty() bool { return s.value == "" }

// Equal compares in constant time.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.value), []byte(o.value)) == 1
}

// Hash is what may be kept of a secret to recognise it.
func (s Secret) Hash() SecretHash { return sha256.Sum256([]byte(s.value)) }

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A SecretHash recognises a Secret and cannot be turned back into it. The zero value matches nothing.
type SecretHash [sha256.Size]byte

// Matches compares in constant time.
func (h SecretHash) Matches(o SecretHash) bool {
	return h != SecretHash{} && subtle.ConstantTimeCompare(h[:], o[:]) == 1
}
