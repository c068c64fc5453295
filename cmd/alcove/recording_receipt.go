package main

import (
	"context"
	"errors"

	"alcove/room/audit"
	"alcove/room/store"
)

// withTracks opens store and audit log for entries about tracks, or says that a daemon has them.
func withTracks(c config, m material, do func(enter func(context.Context, trackEntry) error) error) (busy bool, err error) {
	s, err := openStore(c, m, func(*store.Config) {})
	if errors.Is(err, audit.ErrLocked) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return false, do(func(ctx context.Context, e trackEntry) error { return enterTrack(ctx, s, e) })
}

// enterAll opens store and audit log and enters all receipts. It gives the length of the log, or says that a daemon has it.
func enterAll[R any](c config, m material, all func(func(R) error) error, enter func(context.Context, *store.Store) func(R) error) (entries int64, busy bool, err error) {
	s, err := openStore(c, m, func(*store.Config) {})
	if errors.Is(err, audit.ErrLocked) {
		return 0, true, nil
	} else if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	err = all(enter(ctx, s))
	return s.Entries(), false, err
}
