package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"
)

// RevocationKind is the kind of subject that is revoked.
type RevocationKind string

// The closed list of kinds.
const (
	RevokeToken  RevocationKind = "token"  // one token, by its TokenKey
	RevokePerson RevocationKind = "person" // all tokens of a person
	RevokeRoom   RevocationKind = "room"   // all tokens for a room
)

// A Revocation refuses otherwise valid tokens. Its subject is a hash, so a stored revocation contains no names.
type Revocation struct {
	Kind    RevocationKind `json:"kind"`
	Subject string         `json:"subject"` // TokenKey.String, PersonKey.Person or PersonKey.Room
	At      time.Time      `json:"at"`
	Until   time.Time      `json:"until,omitzero"` // zero: until it is lifted
}

// Expired reports whether it ended by itself.
func (r Revocation) Expired(now time.Time) bool { return !r.Until.IsZero() && now.After(r.Until) }

// RevocationSubjects are the revocable subjects of a token.
type RevocationSubjects struct {
	Token        TokenKey
	Person, Room string // as in Revocation.Subject
}

// Revocations looks up revocations.
type Revocations interface {
	// Revoked reports whether any of the subjects is revoked.
	Revoked(now time.Time, s RevocationSubjects) bool
}

// ErrRevocationsFull: no more revocations can be remembered.
var ErrRevocationsFull = errors.New("memory of revocations is full: lift some")

// RevocationList is Revocations in memory. It is bounded: full, it refuses to take another rather than forget one. It is safe for
// concurrent use.
type RevocationList struct {
	limit int

	mu  sync.RWMutex
	all map[revocationKey]Revocation // Guarded by mu.
}

type revocationKey struct {
	kind    RevocationKind
	subject string
}

// NewRevocationList returns an empty list.
func NewRevocationList(limit int) *RevocationList {
	return &RevocationList{limit: limit, all: map[revocationKey]Revocation{}}
}

// Add adds a revocation, or replaces its end. That of a token ends once the token cannot be valid any more, so its end admits nobody.
func (l *RevocationList) Add(now time.Time, r Revocation) error {
	switch r.Kind {
	case RevokeToken, RevokePerson, RevokeRoom:
	default:
		return errors.New("a token, a person or a room can be revoked")
	}
	if r.Subject == "" || len(r.Subject) > MaxID {
		return errors.New("a revocation needs a subject")
	}
	if r.Kind == RevokeToken && r.Until.IsZero() {
		r.Until = now.Add(revokedTokenTime)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := revocationKey{r.Kind, r.Subject}
	if _, there := l.all[key]; !there && len(l.all) >= l.limit {
		for k, old := range l.all {
			if old.Expired(now) {
				delete(l.all, k)
			}
		}
		if len(l.all) >= l.limit {
			return ErrRevocationsFull
		}
	}
	l.all[key] = r
	return nil
}

// Remove takes the revocation back that was made at this time, none that was made anew, and reports whether there was one. Times are not
// compared otherwise: a clock may have been set.
func (l *RevocationList) Remove(kind RevocationKind, subject string, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, there := l.all[revocationKey{kind, subject}]
	if !there || !r.At.Equal(at) {
		return false
	}
	delete(l.all, revocationKey{kind, subject})
	return true
}

// Find returns the newest revocation of a subject, and whether there is one.
func (l *RevocationList) Find(kind RevocationKind, subject string) (Revocation, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	r, there := l.all[revocationKey{kind, subject}]
	return r, there
}

// List returns all revocations in force.
func (l *RevocationList) List(now time.Time) []Revocation {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var all []Revocation
	for _, r := range l.all {
		if !r.Expired(now) {
			all = append(all, r)
		}
	}
	return all
}

// Expired returns at most n revocations that have expired but are still stored.
func (l *RevocationList) Expired(now time.Time, n int) []Revocation {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var all []Revocation
	for _, r := range l.all {
		if len(all) < n && r.Expired(now) {
			all = append(all, r)
		}
	}
	return all
}

// Revoked implements Revocations.
func (l *RevocationList) Revoked(now time.Time, s RevocationSubjects) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, key := range []revocationKey{{RevokeToken, s.Token.String()}, {RevokePerson, s.Person}, {RevokeRoom, s.Room}} {
		if r, there := l.all[key]; there && !r.Expired(now) {
			return true
		}
	}
	return false
}

// A TokenKey names a token without saying which: a hash of issuer and jti.
type TokenKey [sha256.Size]byte

// NewTokenKey identifies the token with a jti of an issuer: a jti is unique within its issuer only (RFC 7519, section 4.1.7).
func NewTokenKey(issuer, id string) TokenKey { return sha256.Sum256([]byte(issuer + "\x00" + id)) }

func (k TokenKey) String() string { return hex.EncodeToString(k[:]) }

// Room is what the name of a room is called where it is kept: as Person, under the same key, and never equal to one.
func (k PersonKey) Room(name string) string {
	m := hmac.New(sha256.New, k.secret())
	m.Write([]byte("alcove room\x00" + name))
	return base64url(m.Sum(nil))
}
