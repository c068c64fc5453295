package e2ee

import (
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

// Size of every secret here, in bytes: that of a SHA-256.
const Size = 32

// The labels of the derivations.
const (
	labelRoom   = "alcove e2ee 1 room"
	labelPerson = "alcove e2ee 1 person"
)

// A ClinicKey is K. Whoever has it can prove to be anybody in every room of the clinic, so it never lies on the media server.
type ClinicKey struct{ key auth.Secret }

// GenerateClinicKey makes a key of random bytes.
func GenerateClinicKey() ClinicKey {
	var b [Size]byte
	rand.Read(b[:])
	return ClinicKey{auth.NewSecret(string(b[:]))}
}

// ParseClinicKey reads the content of a key file: base64, with or without padding, in one line.
func ParseClinicKey(data []byte) (ClinicKey, error) {
	s := strings.TrimRight(strings.TrimSpace(string(data)), "=")
	s = strings.NewReplacer("+", "-", "/", "_").Replace(s)
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != Size {
		return ClinicKey{}, errors.New("this is no key for end-to-end encryption: make one with `alcove keygen e2ee`, or `openssl rand -base64 32`")
	}
	return ClinicKey{auth.NewSecret(string(b))}, nil
}

// File is the content of a key file.
func (k ClinicKey) File() auth.Secret {
	return auth.NewSecret(base64.StdEncoding.EncodeToString([]byte(k.key.Reveal())) + "\n")
}

// Room derives R. session is any text that all tokens of one session carry in the claim e2ee_session.
func (k ClinicKey) Room(room, session string) RoomSecret {
	return RoomSecret{derive(k.key, labelRoom, []byte(room), []byte(session))}
}

// Link returns the k of a link: R for hosts and cohosts, and s for everybody else.
func (k ClinicKey) Link(room, session string, role auth.Role, name string, token auth.Secret) auth.Secret {
	r := k.Room(room, session)
	secret := r.secret
	if role != auth.Host && role != auth.Cohost {
		secret = r.Person(role, name, TokenHash(token)).secret
	}
	return auth.NewSecret(base64.RawURLEncoding.EncodeToString([]byte(secret.Reveal())))
}

// A RoomSecret is R. It is in the links of hosts.
type RoomSecret struct{ secret auth.Secret }

// Person derives s. name is the name claim of the token, of which that part counts which is shown (auth.DisplayName).
func (r RoomSecret) Person(role auth.Role, name string, tokenHash [sha256.Size]byte) PersonSecret {
	return PersonSecret{derive(r.secret, labelPerson, []byte(role), []byte(auth.DisplayName(name)), tokenHash[:])}
}

// A PersonSecret is s.
type PersonSecret struct{ secret auth.Secret }

// TokenHash names a token to hosts without giving it to them.
func TokenHash(token auth.Secret) [sha256.Size]byte { return sha256.Sum256([]byte(token.Reveal())) }

func derive(from auth.Secret, label string, parts ...[]byte) auth.Secret {
	if from.Empty() {
		panic("e2ee: a secret must be made, not declared: anybody could derive from an empty one")
	}
	info := Join(append([][]byte{[]byte(label)}, parts...)...)
	b, err := hkdf.Key(sha256.New, []byte(from.Reveal()), nil, string(info), Size)
	if err != nil {
		panic(fmt.Sprintf("e2ee: HKDF of %d bytes: %v", Size, err)) // fails for lengths above 255 hashes only
	}
	return auth.NewSecret(string(b))
}

// Format redacts every verb of fmt.
func (k ClinicKey) Format(f fmt.State, _ rune)    { io.WriteString(f, k.key.String()) }
func (k ClinicKey) LogValue() slog.Value          { return k.key.LogValue() }
func (k ClinicKey) MarshalText() ([]byte, error)  { return k.key.MarshalText() }
func (r RoomSecret) Format(f fmt.State, _ rune)   { io.WriteString(f, r.secret.String()) }
func (r RoomSecret) LogValue() slog.Value         { return r.secret.LogValue() }
func (r RoomSecret) MarshalText() ([]byte, error) { return r.secret.MarshalText() }

func (s PersonSecret) Format(f fmt.State, _ rune)   { io.WriteString(f, s.secret.String()) }
func (s PersonSecret) LogValue() slog.Value         { return s.secret.LogValue() }
func (s PersonSecret) MarshalText() ([]byte, error) { return s.secret.MarshalText() }
