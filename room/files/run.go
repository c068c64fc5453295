package files

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"alcove/room"
)

// Run releases, expires and deletes until ctx ends, and then tries once more to delete what is left.
func (s *Service) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			s.step(context.WithoutCancel(ctx))
			return
		case <-s.wake:
		case <-timer.C:
		}
		next := s.step(ctx)
		timer.Reset(next)
	}
}

// step does what is due and returns how long nothing will be.
func (s *Service) step(ctx context.Context) time.Duration {
	s.mu.Lock()
	next := s.advance()
	s.mu.Unlock()
	if !s.flush(ctx) {
		next = min(next, retryPause)
	}
	return next
}

// advance removes what expired, announces what is released, and returns how long nothing else is due. The caller holds mu.
func (s *Service) advance() time.Duration {
	now, next := s.cfg.Now(), time.Hour
	due := func(t time.Time) {
		if !t.IsZero() {
			next = min(next, max(t.Sub(now), time.Millisecond))
		}
	}
	for _, f := range s.files {
		switch expires := f.expires(s.cfg.Limits.KeepAfterEnd); {
		case f.idle(now), f.complete && !expires.IsZero() && !now.Before(expires):
			s.remove(f, room.ActFileDeleted, room.ByDaemon)
			continue
		case !f.complete:
			due(f.touched.Add(uploadIdle))
		default:
			due(expires)
		}
		if !f.complete || f.Told || f.Clinic != "" {
			continue
		}
		if !f.released(now) {
			due(f.Release.At)
			continue
		}
		f.Told = true
		s.entries = append(s.entries, s.entry(f, room.ActFileReleased, room.ByDaemon))
		s.touch(f)
		if s.rooms != nil {
			s.rooms.NotifyFiles(f.Session, append([]room.ParticipantID{f.Owner}, f.To...))
		}
	}
	return next
}

// flush stores what changed and deletes what is gone. It reports false if something has to be tried again.
func (s *Service) flush(ctx context.Context) bool {
	s.flushing.Lock() // so that what another flush has taken is done when this one returns
	defer s.flushing.Unlock()
	s.mu.Lock()
	kept, deleted := map[string][]byte{}, []string{}
	for id := range s.dirty {
		if f := s.files[id]; f == nil {
			deleted = append(deleted, id)
		} else if value, err := json.Marshal(f.record); err == nil {
			kept[id] = value
		}
	}
	entries, dirty, garbage := s.entries, s.dirty, slices.Collect(maps.Keys(s.garbage))
	s.entries, s.dirty = nil, map[string]bool{}
	s.mu.Unlock()
	done := true
	if len(dirty) > 0 || len(entries) > 0 {
		ctx, cancel := context.WithTimeout(ctx, persistTimeout)
		defer cancel()
		if err := s.cfg.Index.SaveFiles(ctx, kept, deleted, entries); err != nil {
			s.cfg.Log.Warn("records of files cannot be stored", "error", err.Error())
			s.mu.Lock()
			maps.Copy(s.dirty, dirty)
			s.entries = append(entries, s.entries...)
			s.mu.Unlock()
			done = false
		}
	}
	for _, name := range garbage {
		if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			done = false
			continue
		}
		s.mu.Lock()
		delete(s.garbage, name)
		s.mu.Unlock()
	}
	return done
}

// ownName matches the names that this package gives.
var ownName = regexp.MustCompile(`^[A-Za-z0-9_-]{22}(\.part)?$`)

// load reads the records, drops those whose ciphertext is missing, and deletes ciphertext that no record names.
func (s *Service) load(ctx context.Context) error {
	now := s.cfg.Now()
	err := s.cfg.Index.LoadFiles(ctx, func(value []byte) error {
		var r record
		if err := json.Unmarshal(value, &r); err != nil {
			return err
		}
		f := &file{record: r, offset: r.Size, complete: true, touched: now}
		if info, err := os.Stat(s.path(r.ID)); err != nil || info.Size() != r.Size {
			s.remove(f, room.ActFileDeleted, room.ByDaemon)
			return nil
		}
		s.files[r.ID] = f
		return nil
	})
	if err != nil {
		return err
	}
	names, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return err
	}
	for _, entry := range names {
		name := entry.Name()
		if s.files[name] == nil && ownName.MatchString(name) && entry.Type().IsRegular() {
			s.garbage[name] = struct{}{}
		}
	}
	s.flush(ctx)
	return nil
}

// syncFolder makes a rename durable.
func syncFolder(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Erase deletes what a person sent, as when the clinic erases the person. It returns how many files that were, once records and ciphertext are
// gone from the disk. After an error Run tries again, and so may the caller.
func (s *Service) Erase(ctx context.Context, person room.PersonID) (n int, err error) {
	if strings.TrimSpace(string(person)) == "" {
		return 0, nil
	}
	s.mu.Lock()
	for _, f := range s.files {
		if f.Person != person {
			continue
		}
		n++
		s.remove(f, room.ActFileDeleted, room.ByClinic)
		if s.rooms != nil && f.complete {
			s.rooms.NotifyFiles(f.Session, append([]room.ParticipantID{f.Owner}, f.To...))
		}
	}
	s.mu.Unlock()
	if !s.flush(ctx) {
		return n, errDelete
	}
	return n, nil
}
