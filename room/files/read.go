package files

import (
	"context"
	"errors"
	"os"
	"slices"

	"alcove/room"
)

// admitted is the admission gate while a session runs.
func (s *Service) admitted(ctx context.Context, seat Seat) (room.PersonID, error) {
	s.mu.Lock()
	rooms := s.rooms
	s.mu.Unlock()
	return rooms.Admitted(ctx, seat.Session, seat.Participant)
}

// mayRead is the gate for what may be read after the session too. A session that is over has nobody admitted: who may still read is what the
// records say, and SeatLost took from them who may not.
func (s *Service) mayRead(ctx context.Context, seat Seat) (ended bool, err error) {
	_, err = s.admitted(ctx, seat)
	if refusal := (*room.Error)(nil); errors.As(err, &refusal) && refusal.Code == room.RoomEnded {
		return true, nil
	}
	return false, err
}

// List returns the own files and those for this seat, in order of time, and whether the session is over. A recipient sees that a file waits for
// its time, and nothing of it but the size.
func (s *Service) List(ctx context.Context, seat Seat) (items []Item, ended bool, err error) {
	if ended, err = s.mayRead(ctx, seat); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for _, f := range s.files {
		own := f.Owner == seat.Participant
		if f.Session != seat.Session || !own && !(f.complete && f.isFor(seat.Participant)) || f.Clinic != "" {
			continue
		}
		item := Item{ID: f.ID, From: f.Owner, Size: f.Size, Offset: f.offset, Complete: f.complete, At: f.Created, Release: f.Release,
			Released: f.complete && f.released(now), Replaces: f.Replaces}
		if own {
			item.To = f.To
		}
		items = append(items, item)
	}
	slices.SortFunc(items, func(a, b Item) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return items, ended, nil
}

// find returns a released file that is for this seat.
func (s *Service) find(ctx context.Context, seat Seat, id string) (record, error) {
	if _, err := s.mayRead(ctx, seat); err != nil {
		return record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[id]
	if f == nil || f.Session != seat.Session || !f.complete || !f.isFor(seat.Participant) || !f.released(s.cfg.Now()) {
		return record{}, errGone
	}
	return f.record, nil
}

// Key returns the sealed key of a released file.
func (s *Service) Key(ctx context.Context, seat Seat, id string) ([]byte, error) {
	r, err := s.find(ctx, seat, id)
	return r.Sealed, err
}

// Content opens the ciphertext of a released file. The caller closes it.
func (s *Service) Content(ctx context.Context, seat Seat, id string) (*os.File, error) {
	if _, err := s.find(ctx, seat, id); err != nil {
		return nil, err
	}
	f, err := os.Open(s.path(id))
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, errGone
		}
		return nil, s.diskError(err)
	}
	return f, nil
}
