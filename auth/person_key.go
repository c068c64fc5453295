package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// A PersonKey derives person ids from subjects. With it one can test whether a known email address took part, so it is a secret.
// Replacing it changes every person's id.
type PersonKey struct{ key Secret }

// NewPersonKey takes at least MinPersonKey bytes.
func NewPersonKey(key []byte) (PersonKey, error) {
	if len(key) < MinPersonKey || len(key) > MaxPersonKey {
		return PersonKey{}, fmt.Errorf("person key has %d bytes: it must have %d to %d", len(key), MinPersonKey, MaxPersonKey)
	}
	return PersonKey{NewSecret(string(key))}, nil
}

// ParsePersonKey reads the content of a key file: base64, with or without padding, in one line.
func ParsePersonKey(data []byte) (PersonKey, error) {
	s := strings.TrimRight(strings.TrimSpace(string(data)), "=")
	s = strings.NewReplacer("+", "-", "/", "_").Replace(s)
	key, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return PersonKey{}, fmt.Errorf("person key is not base64: make one with `alcove keygen` or `openssl rand -base64 %d`", MinPersonKey)
	}
	return NewPersonKey(key)
}

// RandomPersonKey returns a key for the lifetime of the process.
func RandomPersonKey() PersonKey {
	var b [MinPersonKey]byte
	rand.Read(b[:])
	return PersonKey{NewSecret(string(b[:]))}
}

// Person returns the id of a subject outside this package: base64url of HMAC-SHA-256 (RFC 2104).
func (k PersonKey) Person(sub string) string {
	m := hmac.New(sha256.New, k.secret())
	m.Write([]byte(sub))
	return base64url(m.Sum(nil))
}

func (k PersonKey) secret() []byte {
	if k.empty() {
		panic("auth: a person key must be made, not declared: anybody could compute people from an empty one")
	}
	return []byte(k.key.Reveal())
}

// File is the content of a key file.
func (k PersonKey) File() Secret {
	return NewSecret(base64.StdEncoding.EncodeToString([]byte(k.key.Reveal())) + "\n")
}

func (k PersonKey) empty() bool { return k.key.Empty() }

// Format redacts every verb of fmt.
func (PersonKey) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

func (PersonKey) String() string               { return redacted }
func (PersonKey) GoString() string             { return redacted }
func (PersonKey) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (PersonKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }
