package store

import (
	"context"

	"alcove/room"
)

// Enter puts an entry into the audit log that is of no session, and returns when it is on the disk.
func (s *Store) Enter(ctx context.Context, e room.Entry) error {
	return s.record(ctx, job{entries: []room.Entry{e}})
}
