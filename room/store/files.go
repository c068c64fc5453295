package store

import (
	"context"

	"alcove/room"
)

// SaveFiles keeps what is known of files, by their ids, and forgets others, in one transaction behind the entries about them. It returns
// when all of it is on the disk. Package room/files says what the values hold.
func (s *Store) SaveFiles(ctx context.Context, kept map[string][]byte, deleted []string, entries []room.Entry) error {
	return s.enqueueAndWait(ctx, &job{entries: entries, changes: func() ([]Change, error) {
		var all []Change
		for _, id := range deleted {
			all = append(all, Change{Bucket: Files, Key: hashed(id)})
		}
		for id, value := range kept {
			c, err := s.put(Files, hashed(id), value)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
		return all, nil
	}})
}

// LoadFiles calls use with each value that SaveFiles kept.
func (s *Store) LoadFiles(ctx context.Context, use func(value []byte) error) error {
	return s.each(ctx, Files, "", use)
}
