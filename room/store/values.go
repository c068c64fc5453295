package store

import (
	"context"
	"errors"
	"time"
)

// Values is where a Store keeps its values, which are sealed before they get there: File for one node. Package storetest has the contract
// as a test; whatever else is to take the place of File has to pass it. Its methods are safe for concurrent use.
type Values interface {
	// Commit makes changes durable in one transaction and says what became of each. After an error nobody knows whether they are durable:
	// either all of them are or none is, now and after a restart, and the next Commit finds out which.
	Commit(changes []Change) ([]Outcome, error)
	// Get gives a value, nil if there is none. It returns when ctx is done, even while the disk hangs.
	Get(ctx context.Context, bucket Bucket, key string) ([]byte, error)
	// Each calls use, on the caller's goroutine, for every value whose key begins with prefix, as of one instant. It stops at the first
	// error, and returns when ctx is done.
	Each(ctx context.Context, bucket Bucket, prefix string, use func(key string, value []byte) error) error
	// Close waits for a Commit that runs. What is called afterwards fails.
	Close() error
}

// A Bucket is a set of keys.
type Bucket string

// The closed list of buckets. The names are part of the format.
const (
	Sessions    Bucket = "sessions"
	UsedTokens  Bucket = "used"
	Consents    Bucket = "consents"
	Revocations Bucket = "revocations"
	Files       Bucket = "files"
	Meta        Bucket = "meta"
)

// Buckets lists all of them.
func Buckets() []Bucket { return []Bucket{Sessions, UsedTokens, Consents, Revocations, Files, Meta} }

// A Change puts, creates or deletes one value. Later changes of a Commit see those before them.
type Change struct {
	Bucket Bucket
	Key    string // not empty
	Value  []byte // nil deletes
	// Create keeps a value that is there already, and reports Exists.
	Create bool
	// Expires is when a value may be forgotten, and not before; only with Create. Zero: never.
	Expires time.Time
}

// An Outcome is what became of a change.
type Outcome int

// The closed list of outcomes.
const (
	Applied Outcome = iota
	Exists          // there was a value, and it stays
	Full            // there is no room for another value that expires
)

// ErrDamaged says that what was stored cannot be read.
var ErrDamaged = errors.New("the store is damaged: restore it, and the audit log, from a backup")
