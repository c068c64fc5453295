package store

import (
	"context"
	"encoding/json"
	"time"

	"alcove/auth"
	"alcove/room"
)

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
		err = s.enqueue(s.revokeJob(r, done))
	}
	if err != nil {
		go done(err) // as Write does
	}
}

// revokeJob is the job that writes a revocation, and deletes a few that expired.
func (s *Store) revokeJob(r auth.Revocation, done func(error)) *job {
	var expired []auth.Revocation // Owned by run.
	return &job{
		entries: []room.Entry{revocationEntry(r, actRevoked)}, done: done, closes: revocationKey(r),
		changes: func() ([]Change, error) {
			all, err := s.revocationChanges(r.Kind, r.Subject)
			expired = s.revoked.Expired(s.cfg.Now(), maxExpiredRevocations)
			for _, e := range expired {
				all = append(all, Change{Bucket: Revocations, Key: revocationKey(e)})
			}
			return all, err
		},
		settle: func([]Outcome) error {
			for _, e := range expired {
				s.revoked.Remove(e.Kind, e.Subject, e.At) // one that was made again meanwhile has another time, and is written after this
			}
			return nil
		},
	}
}

// revocationChanges is what stands by now: whenever it is called, the newest is on the disk.
func (s *Store) revocationChanges(kind auth.RevocationKind, subject string) ([]Change, error) {
	r, stands := s.revoked.Find(kind, subject)
	if !stands {
		return nil, nil // lifted, or expired
	}
	value, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	c, err := s.put(Revocations, revocationKey(r), value)
	return []Change{c}, err
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
	lifted := false // the writer's, unless enqueueAndWait gives no error
	if err := s.enqueueAndWait(ctx, s.restoreJob(r, func(did bool) { lifted = did })); err != nil {
		return false, err
	}
	return lifted, nil
}

// restoreJob is the job that lifts this revocation; lifted is told on the writer's goroutine what came of it, if it did not fail.
func (s *Store) restoreJob(old auth.Revocation, lifted func(bool)) *job {
	r := auth.Revocation{Kind: old.Kind, Subject: old.Subject, At: s.cfg.Now()}
	deleting := false // Owned by run.
	j := &job{entries: []room.Entry{revocationEntry(r, actRestored)}}
	j.changes = func() ([]Change, error) {
		if now, stands := s.revoked.Find(r.Kind, r.Subject); !stands || !now.At.Equal(old.At) {
			return nil, nil
		}
		deleting = true
		return []Change{{Bucket: Revocations, Key: revocationKey(r)}}, nil
	}
	j.settle = func([]Outcome) error { // before a job that comes after asks what stands
		lifted(s.revoked.Remove(r.Kind, r.Subject, old.At))
		return nil
	}
	j.done = func(error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if deleting && j.state == unconfirmed { // the disk may have forgotten it, and it stands
			r.At = s.cfg.Now()
			s.keepTrying(s.revokeJob(r, nil))
		}
	}
	return j
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
	return s.each(ctx, Revocations, "", func(value []byte) error {
		var r auth.Revocation
		if err := json.Unmarshal(value, &r); err != nil {
			return err
		}
		return s.revoked.Add(now, r)
	})
}
