package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"alcove/auth"
)

// A Key encrypts the store. It is redacted wherever it is printed. Without it the store cannot be read.
type Key struct{ secret auth.Secret }

// GenerateKey makes the content of a key file: 32 random bytes in base64.
func GenerateKey() auth.Secret {
	var b [keySize]byte
	rand.Read(b[:])
	return auth.NewSecret(base64.StdEncoding.EncodeToString(b[:]) + "\n")
}

// ParseKey reads the content of a key file.
func ParseKey(data []byte) (Key, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(b) != keySize {
		return Key{}, fmt.Errorf("this is no key of a store, which is %d bytes in base64: make one with `alcove keygen` or `openssl rand -base64 %d`", keySize, keySize)
	}
	return Key{auth.NewSecret(string(b))}, nil
}

// Derive returns a key for a use outside the store, of 32 bytes.
func (k Key) Derive(use string) []byte { return k.derive("for " + use) }

// derive makes a key for one use (RFC 5869).
func (k Key) derive(use string) []byte {
	b, err := hkdf.Key(sha256.New, []byte(k.secret.Reveal()), nil, "alcove store "+use, keySize)
	if err != nil {
		panic("store: HKDF refuses 32 bytes: " + err.Error())
	}
	return b
}

// A seal closes values. The nonce is random: under one key 2^32 values are safe (NIST SP 800-38D, section 8.3), one a second for
// a century.
type seal struct{ aead cipher.AEAD }

func (k Key) seal() seal {
	block, err := aes.NewCipher(k.derive("values"))
	if err != nil {
		panic("store: AES refuses 32 bytes: " + err.Error())
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("store: AES has no GCM: " + err.Error())
	}
	return seal{aead}
}

// close binds a value to its place: nobody moves it to another.
func (s seal) close(bucket Bucket, key string, value []byte) []byte {
	return s.aead.Seal(nil, nil, value, []byte(string(bucket)+"/"+key))
}

var errSeal = errors.New("a value of the store was changed, or belongs to another place")

func (s seal) open(bucket Bucket, key string, sealed []byte) ([]byte, error) {
	value, err := s.aead.Open(nil, nil, sealed, []byte(string(bucket)+"/"+key))
	if err != nil {
		return nil, errSeal
	}
	return value, nil
}

// Format redacts every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, "[secret]") }

func (Key) String() string               { return "[secret]" }
func (Key) GoString() string             { return "[secret]" }
func (Key) LogValue() slog.Value         { return slog.StringValue("[secret]") }
func (Key) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
