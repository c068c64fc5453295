package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// A Secret redacts itself wherever it could be printed and compares in constant time. The value stands behind a pointer because
// fmt walks into unexported fields of other structs without asking any method; it prints pointers there as addresses.
type Secret struct{ value *string }

const redacted = "[secret]"

// NewSecret wraps a value that must not be seen.
func NewSecret(value string) Secret { return Secret{&value} }

// RandomSecret returns 256 random bits in base64url.
func RandomSecret() Secret {
	var b [32]byte
	rand.Read(b[:])
	return NewSecret(base64.RawURLEncoding.EncodeToString(b[:]))
}

// Reveal returns the value, for the wire or a key only.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no value.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Equal compares in constant time.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// Hash may be stored to recognise the secret.
func (s Secret) Hash() SecretHash { return sha256.Sum256([]byte(s.Reveal())) }

// Format redacts every verb of fmt, those for numbers too.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

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
