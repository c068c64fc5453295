package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"alcove/room/audit"
	"alcove/room/live"
)

// sessionValue is what the bucket Sessions keeps.
type sessionValue struct {
	Session string
	State   []byte
}

// Write implements live.Journal. What is refused at once is told on another goroutine: the caller may be holding what done
// needs. A record that is too large is refused before others share a group with it.
func (s *Store) Write(r live.Record, done func(error)) {
	if len(r.Entries) > audit.MaxGroup/2 || len(r.State) > maxState {
		go done(fmt.Errorf("a record of %d entries and %d bytes is too large", len(r.Entries), len(r.State)))
		return
	}
	err := s.enqueue(&job{entries: r.Entries, done: done, changes: func() ([]Change, error) { return s.recordChanges(r) }})
	if err != nil {
		go done(err)
	}
}

// recordChanges are the values of a record. All of it may be written twice.
func (s *Store) recordChanges(r live.Record) ([]Change, error) {
	var all []Change
	for _, consent := range r.Consents {
		c, err := s.consentChange(consent)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	key := hashed(r.Session)
	if r.State == nil {
		return append(all, Change{Bucket: Sessions, Key: key}), nil
	}
	value, err := json.Marshal(sessionValue{r.Session, r.State})
	if err != nil {
		return nil, err
	}
	c, err := s.put(Sessions, key, value)
	return append(all, c), err
}

// Load gives the sessions that had not ended. Those that cannot be read are in the error, the others are given all the same.
func (s *Store) Load() ([]live.Record, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	var all []live.Record
	var bad []error
	err := s.cfg.Values.Each(ctx, Sessions, "", func(key string, sealed []byte) error {
		value, err := s.seal.open(Sessions, key, sealed)
		var v sessionValue
		if err == nil {
			err = json.Unmarshal(value, &v)
		}
		if err != nil {
			bad = append(bad, err)
			return nil
		}
		all = append(all, live.Record{Session: v.Session, State: v.State})
		return nil
	})
	return all, errors.Join(append(bad, err)...)
}

// put is a change that seals a value.
func (s *Store) put(bucket Bucket, key string, value []byte) (Change, error) {
	if len(value) > MaxValue {
		return Change{}, fmt.Errorf("a value of %d bytes is too large for the store", len(value))
	}
	return Change{Bucket: bucket, Key: key, Value: s.seal.close(bucket, key, value)}, nil
}

// get gives nil for what is not there.
func (s *Store) get(ctx context.Context, bucket Bucket, key string) ([]byte, error) {
	sealed, err := s.cfg.Values.Get(ctx, bucket, key)
	if err != nil || sealed == nil {
		return nil, err
	}
	return s.seal.open(bucket, key, sealed)
}

// each calls use for every value whose key begins with prefix.
func (s *Store) each(ctx context.Context, bucket Bucket, prefix string, use func(value []byte) error) error {
	return s.cfg.Values.Each(ctx, bucket, prefix, func(key string, sealed []byte) error {
		value, err := s.seal.open(bucket, key, sealed)
		if err != nil {
			return err
		}
		return use(value)
	})
}

// hashed makes a key of a name: of fixed size and without characters that mean something to Values.
func hashed(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}
