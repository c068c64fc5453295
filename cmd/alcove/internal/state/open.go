package state

import (
	"errors"
	"fmt"
	"time"

	"alcove/cmd/alcove/internal/config"
	"alcove/room/audit"
	"alcove/room/store"
)

// ErrLocked is the error of a store that another process has open: mostly the daemon.
var ErrLocked = audit.ErrLocked

// Open opens both. They have one owner: while another process has them open the error is errLocked.
func Open(c config.Config, m config.Secrets, options ...func(*store.Config)) (*store.Store, error) {
	folder, err := audit.OpenDir(c.Audit.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open the audit log: %w", err)
	}
	log := audit.Config{Folder: folder, Key: m.AuditKey, Now: time.Now}
	if c.Audit.CheckpointCopy != "" {
		log.Copy = audit.NewCheckpointFile(c.Audit.CheckpointCopy)
	}
	l, err := audit.Open(log)
	if err != nil {
		return nil, fmt.Errorf("cannot open the audit log: %w", err)
	}
	values, err := store.OpenFile(c.Store.Dir, time.Now)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open the store: %w", err), l.Close())
	}
	cfg := store.Config{Values: values, Key: m.StoreKey, Audit: l, Now: time.Now}
	for _, set := range options {
		set(&cfg)
	}
	s, err := store.Open(cfg)
	if err != nil {
		return nil, fmt.Errorf("cannot open the store: %w", err)
	}
	return s, nil
}
