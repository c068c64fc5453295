package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"alcove/auth"
)

// A Key signs checkpoints. It redacts itself when printed.
type Key struct {
	signer note.Signer
	public string
}

// GenerateKey generates the key of one log: the content of its file, which is secret, and the public key. Both have the format of
// package note.
func GenerateKey() (private auth.Secret, public string) {
	var id [4]byte
	rand.Read(id[:])
	s, v, err := note.GenerateKey(rand.Reader, "alcove-audit-"+hex.EncodeToString(id[:]))
	if err != nil {
		panic("audit: the system gives no random numbers: " + err.Error()) // crypto/rand does not fail
	}
	return auth.NewSecret(s + "\n"), v + "\n"
}

var errKey = errors.New("this is no key of an audit log: make one with `alcove keygen`")

// ParseKey parses the content of a key file. Its errors contain no part of the key.
func ParseKey(data []byte) (Key, error) {
	text := strings.TrimSpace(string(data))
	signer, err := note.NewSigner(text)
	if err != nil || len(data) > maxKeyFile {
		return Key{}, errKey
	}
	parts := strings.SplitN(text, "+", 5) // PRIVATE+KEY+name+hash+data; data is base64, in which + is a digit
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize { // one byte names the algorithm
		return Key{}, errKey
	}
	private := ed25519.NewKeyFromSeed(raw[1:])
	public, err := note.NewEd25519VerifierKey(signer.Name(), private.Public().(ed25519.PublicKey))
	if err != nil {
		return Key{}, errKey
	}
	return Key{signer, public}, nil
}

// Public returns the public key, in one line.
func (k Key) Public() string { return k.public }

// ParsePublicKey parses a public key.
func ParsePublicKey(data []byte) (note.Verifier, error) {
	text := strings.TrimSpace(string(data))
	if strings.HasPrefix(text, "PRIVATE+KEY+") {
		return nil, errors.New("this is the private key, which signs: name the public one")
	}
	v, err := note.NewVerifier(text)
	if err != nil || len(data) > maxKeyFile {
		return nil, fmt.Errorf("this is no public key of an audit log: it must look like NAME+HASH+KEY")
	}
	return v, nil
}

func (k Key) empty() bool { return k.signer == nil }

// Format redacts every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, "[secret]") }

func (Key) String() string               { return "[secret]" }
func (Key) GoString() string             { return "[secret]" }
func (Key) LogValue() slog.Value         { return slog.StringValue("[secret]") }
func (Key) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
