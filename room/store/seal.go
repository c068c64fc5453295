package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"alcove/auth"
)

// A Key encrypts the store. It prints nothing of itself; who loses it loses the store.
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

// derive makes a key for one use (RFC 5869).
func (k Key) derive(use string) []byte {
	b, err := hkdf.Key(sha256.New, []byte(k.secret.Reveal()), nil, "alcove store "+use, keySize)
	if err != nil {
		panic("store: HKDF refuses 32 bytes: " + err.Error())
	}
	return b
}

// jetStream is the passphrase of JetStream's own cipher.
func (k Key) jetStream() string { return hex.EncodeToString(k.derive("jetstream")) }

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
func (s seal) close(bucket, key string, value []byte) []byte {
	return s.aead.Seal(nil, nil, value, []byte(bucket+"/"+key))
}

var errSeal = errors.New("a value of the store was changed, or belongs to another place")

func (s seal) open(bucket, key string, sealed []byte) ([]byte, error) {
	value, err := s.aead.Open(nil, nil, sealed, []byte(bucket+"/"+key))
	if err != nil {
		return nil, errSeal
	}
	return value, nil
}

// checkKey compares the key with the one that the store was made with. JetStream would pass over files that it cannot read, and
// begin anew: every used token would work again.
func checkKey(root *os.Root, s seal) (known bool, err error) {
	f, err := root.Open(checkFile)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer f.Close()
	sealed, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return false, err
	}
	if _, err := s.open("", checkFile, sealed); err != nil {
		return false, errors.New("the store was made with another key: give it back the one it had")
	}
	return true, nil
}

// leaveCheck says that the store is whole and which key it has. The file comes to be whole or not at all: a part of it would mean
// another key, for good.
func leaveCheck(root *os.Root, s seal) error {
	const fresh = checkFile + ".new"
	f, err := root.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, modeFile)
	if err != nil {
		return err
	}
	_, err = f.Write(s.close("", checkFile, []byte("alcove")))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := root.Rename(fresh, checkFile); err != nil {
		return err
	}
	folder, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Format redacts every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, "[secret]") }

func (Key) String() string               { return "[secret]" }
func (Key) GoString() string             { return "[secret]" }
func (Key) LogValue() slog.Value         { return slog.StringValue("[secret]") }
func (Key) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
