package operator

import (
	"context"
	"errors"

	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/state"
	"alcove/sfu/record"
)

// withTracks opens store and audit log for entries about tracks, or fails if a daemon has them open.
func withTracks(c config.Config, m config.Secrets, do func(enter func(context.Context, state.TrackEntry) error) error) (busy bool, err error) {
	s, err := state.Open(c, m)
	if errors.Is(err, state.ErrLocked) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return false, do(func(ctx context.Context, e state.TrackEntry) error { return state.EnterTrack(ctx, s, e) })
}

// enterReceipts opens store and audit log and enters the receipts of erasures. It returns the length of the log, or busy while a daemon has it open.
func enterReceipts(c config.Config, m config.Secrets, receipts func(func(record.ErasureReceipt) error) error) (entries int64, busy bool, err error) {
	s, err := state.Open(c, m)
	if errors.Is(err, state.ErrLocked) {
		return 0, true, nil
	} else if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	err = receipts(func(r record.ErasureReceipt) error { return state.EnterErasure(ctx, s, r.At, r.Person, r.ID) })
	return s.Entries(), false, err
}
