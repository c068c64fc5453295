package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/audit"
)

// Spend implements auth.Spender: it is an entry of the audit log that the token was shown, and on the disk that it is used, before it
// counts. It blocks until then. The mark comes last, so that who is refused for want of either may come again.
func (s *Store) MarkUsed(now time.Time, u auth.Use) error {
	if err := s.Err(); err != nil {
		return err
	}
	bucket, key := s.bucket(spentBucket), u.Key.String()
	err := s.fresh(func(ctx context.Context) (bool, error) { return bucket.has(ctx, key) })
	if err != nil {
		return err // without an entry: nobody fills the log with one token
	}
	ctx, cancel := context.WithTimeout(context.Background(), spendTimeout)
	defer cancel()
	err = s.Enter(ctx, room.Entry{
		At: now, Act: audit.TokenUsed, Person: room.PersonID(u.Person), Detail: audit.KeyDetail(u.KeyID) + "/" + audit.TokenDetail(u.Key),
	})
	if err != nil {
		return err
	}
	// JetStream counts in seconds; one more because it began after now.
	ttl := max(s.kept(now, u).Sub(now).Truncate(time.Second), 0) + 2*time.Second
	return s.fresh(func(ctx context.Context) (bool, error) { return bucket.create(ctx, key, nil, ttl) })
}

// fresh asks the memory of used tokens for one that must not be there.
func (s *Store) fresh(there func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), spendTimeout)
	defer cancel()
	b := s.backend.Load()
	switch used, err := there(ctx); {
	case err != nil:
		s.unanswered(b, err)
		return fmt.Errorf("the store does not remember tokens: %w", err)
	case used:
		return auth.ErrTokenUsed
	}
	return nil
}

// record writes a job and waits for it.
func (s *Store) record(ctx context.Context, j job) error {
	result, done := make(chan error, 1), j.done // the writer never waits for who gave up
	j.done = func(err error) {
		if done != nil {
			done(err)
		}
		result <- err
	}
	if err := s.offer(j); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ErrStalled
	}
}

// Revoked implements auth.Revocations.
func (s *Store) Revoked(now time.Time, shown auth.RevocationSubjects) bool {
	return s.revoked.Revoked(now, shown)
}

// Revocations lists those that stand.
func (s *Store) Revocations(now time.Time) []auth.Revocation { return s.revoked.List(now) }

// Revoke takes back a token, a person or a room, before it returns. done is called once, on any goroutine; an error says that it is
// not on the disk: it is in force all the same, if there was room for another, and written as soon as that works, unless the daemon
// dies before. It ends no session that runs.
func (s *Store) Revoke(r auth.Revocation, done func(error)) {
	r.At = s.cfg.Now()
	err := s.revoked.Add(r.At, r)
	if err == nil {
		err = s.offer(s.revoking(r, done))
	}
	if err != nil {
		go done(err) // as Write does
	}
}

// revoking is the job that writes a revocation.
func (s *Store) revoking(r auth.Revocation, done func(error)) job {
	return job{
		entries: []room.Entry{revocationEntry(r, actRevoked)}, done: done, closes: revocationKey(r),
		write: func(ctx context.Context) error {
			if err := s.putRevocation(ctx, r.Kind, r.Subject); err != nil {
				return err
			}
			return s.forgetOver(ctx)
		},
	}
}

// putRevocation writes what stands by now: whenever it is called, the newest is on the disk.
func (s *Store) putRevocation(ctx context.Context, kind auth.RevocationKind, subject string) error {
	r, stands := s.revoked.Find(kind, subject)
	if !stands {
		return nil // lifted, or over
	}
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return s.bucket(revocationsBucket).put(ctx, revocationKey(r), value)
}

// forgetOver takes a few revocations that ended by themselves off the disk: few, since each is a write and the group waits for them.
func (s *Store) forgetOver(ctx context.Context) error {
	for _, r := range s.revoked.Expired(s.cfg.Now(), forgetAtOnce) {
		if err := s.bucket(revocationsBucket).remove(ctx, revocationKey(r)); err != nil {
			return err
		}
		s.revoked.Remove(r.Kind, r.Subject, r.At) // one that was made again meanwhile is written after this
	}
	return nil
}

// Restore lifts a revocation, once that is in the audit log and on the disk, unless it was made again meanwhile. It reports whether there
// was one. An error says that it stands; after ErrStalled it may be lifted later. It is refused while something that closes is not
// written: whoever is lifted was revoked on the disk before.
func (s *Store) Restore(ctx context.Context, kind auth.RevocationKind, subject string) (bool, error) {
	r, there := s.revoked.Find(kind, subject)
	if !there || r.Expired(s.cfg.Now()) {
		return false, nil
	}
	if err := s.Late(); err != nil {
		return false, err
	}
	lifted := false // the writer's, unless record gives no error
	if err := s.record(ctx, s.restoring(r, func(did bool) { lifted = did })); err != nil {
		return false, err
	}
	return lifted, nil
}

// restoring is the job that lifts this revocation; lifted hears on the writer's goroutine what came of it, if it did not fail.
func (s *Store) restoring(old auth.Revocation, lifted func(bool)) job {
	r := auth.Revocation{Kind: old.Kind, Subject: old.Subject, At: s.cfg.Now()}
	tried := false // Owned by run.
	return job{
		entries: []room.Entry{revocationEntry(r, actRestored)},
		write: func(ctx context.Context) error {
			if now, stands := s.revoked.Find(r.Kind, r.Subject); !stands || !now.At.Equal(old.At) {
				return nil
			}
			tried = true
			return s.bucket(revocationsBucket).remove(ctx, revocationKey(r))
		},
		done: func(err error) {
			switch {
			case err == nil: // before a write that comes after looks
				lifted(s.revoked.Remove(r.Kind, r.Subject, old.At))
			case tried: // the disk may have forgotten it, and it stands
				s.mu.Lock()
				defer s.mu.Unlock()
				r.At = s.cfg.Now()
				s.insist(s.revoking(r, nil))
			}
		},
	}
}

func revocationKey(r auth.Revocation) string { return hashed(string(r.Kind) + " " + r.Subject) }

func revocationEntry(r auth.Revocation, act string) room.Entry {
	e := room.Entry{At: r.At, Act: string(r.Kind) + act}
	if r.Kind == auth.RevokePerson {
		e.Person = room.PersonID(r.Subject)
	} else {
		e.Detail = r.Subject
	}
	return e
}

func (s *Store) loadRevocations(ctx context.Context) error {
	now := s.cfg.Now()
	return s.bucket(revocationsBucket).all(ctx, "*", func(_ string, value []byte) error {
		var r auth.Revocation
		if err := json.Unmarshal(value, &r); err != nil {
			return err
		}
		return s.revoked.Add(now, r)
	})
}
