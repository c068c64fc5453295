package store

import (
	"context"
	"fmt"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/audit"
)

// MarkUsed implements auth.UsedTokens. It blocks until the audit log has an entry that the token was shown, and the disk has the mark. The
// mark is written after the entry: a client that is refused because the log cannot be written may show its token again.
func (s *Store) MarkUsed(now time.Time, u auth.Use) error {
	if err := s.Err(); err != nil {
		return err
	}
	key := u.Key.String()
	if err := s.ensureUnused(key); err != nil {
		return err // without an entry: one token must not fill the log
	}
	ctx, cancel := context.WithTimeout(context.Background(), markTimeout)
	defer cancel()
	return s.enqueueAndWait(ctx, &job{
		entries: []room.Entry{{
			At: now, Act: audit.TokenUsed, Person: room.PersonID(u.Person), Detail: audit.KeyDetail(u.KeyID) + "/" + audit.TokenDetail(u.Key),
		}},
		changes: func() ([]Change, error) {
			return []Change{{Bucket: UsedTokens, Key: key, Value: s.seal.close(UsedTokens, key, nil), Create: true, Expires: u.KeepUntil(now)}}, nil
		},
		settle: func(outcomes []Outcome) error {
			switch outcomes[0] {
			case Exists:
				return auth.ErrTokenUsed
			case Full:
				return auth.ErrUsedTokensFull
			}
			return nil
		},
	})
}

// ensureUnused returns auth.ErrTokenUsed for a token that is marked, and another error if the marks cannot be read in time.
func (s *Store) ensureUnused(key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), markTimeout)
	defer cancel()
	switch mark, err := s.cfg.Values.Get(ctx, UsedTokens, key); {
	case err != nil:
		return fmt.Errorf("the store does not remember tokens: %w", err)
	case mark != nil:
		return auth.ErrTokenUsed
	}
	return nil
}
