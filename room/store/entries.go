package store

import (
	"context"

	"alcove/room"
)

// Note puts an entry into the audit log without waiting for it. What cannot be queued, because the disk hangs or too much waits for it, is
// not kept: nobody may be kept waiting by what was refused.
func (s *Store) Note(e room.Entry) {
	_ = s.enqueue(&job{entries: []room.Entry{e}, done: func(error) {}})
}

// Enter puts an entry into the audit log that is of no session, and returns when it is on the disk.
func (s *Store) Enter(ctx context.Context, e room.Entry) error {
	return s.enqueueAndWait(ctx, &job{entries: []room.Entry{e}})
}
