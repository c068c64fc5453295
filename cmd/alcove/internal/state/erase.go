package state

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"alcove/cmd/alcove/internal/config"
	"alcove/room"
	"alcove/room/files"
	"alcove/room/store"
)

// OpenFiles opens the files of sessions, which have the owner of the store; nil if none are configured. clinic may be nil.
func OpenFiles(ctx context.Context, c config.Config, key store.Key, index *store.Store, clinic files.Clinic, log *slog.Logger) (*files.Service, error) {
	if c.Files.Dir == "" {
		return nil, nil
	}
	f, err := files.Open(ctx, files.Config{
		Dir: c.Files.Dir, Index: index, Clinic: clinic, Key: key.Derive("file credentials"), Limits: c.Files.Limits(), Now: time.Now, Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open files.dir: %w", err)
	}
	return f, nil
}

// An Eraser erases what sessions keep of people, and enters the receipts into the audit log.
type Eraser struct {
	Store    *store.Store
	Files    *files.Service // nil: sessions keep none
	Receipts Receipts       // nil: nothing is recorded
}

// An Erasure is what Eraser.Erase did.
type Erasure struct {
	Files   int
	Receipt string // "": nothing was there to be erased
}

// Erase deletes the session files of a person, and then enters every receipt that waits. Of somebody who had files and was not recorded it
// makes the receipt itself.
func (e Eraser) Erase(ctx context.Context, person string) (r Erasure, err error) {
	if r.Files, err = e.eraseFiles(ctx, person); err != nil {
		return r, err
	}
	if e.Receipts != nil {
		err = e.Receipts(func(one Receipt) error {
			if one.Person == person {
				r.Receipt = one.ID
			}
			return e.Enter(ctx, one)
		})
	}
	if err != nil || r.Receipt != "" || r.Files == 0 {
		return r, err
	}
	r.Receipt = rand.Text()
	return r, EnterErasure(ctx, e.Store, time.Now().UTC(), person, r.Receipt)
}

// Enter deletes the session files of who was erased, and then enters the receipt.
func (e Eraser) Enter(ctx context.Context, r Receipt) error {
	if _, err := e.eraseFiles(ctx, r.Person); err != nil {
		return err
	}
	return EnterErasure(ctx, e.Store, r.At, r.Person, r.ID)
}

func (e Eraser) eraseFiles(ctx context.Context, person string) (int, error) {
	if e.Files == nil {
		return 0, nil
	}
	n, err := e.Files.Erase(ctx, room.PersonID(person))
	if err != nil {
		err = errors.Join(errors.New("session files of the person are not deleted yet"), err)
	}
	return n, err
}
