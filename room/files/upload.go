package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"alcove/room"
)

// A Creation announces a file. To and Clinic were allowed by the room (room.SendFile).
type Creation struct {
	Size     int64
	To       []room.ParticipantID
	Clinic   room.ClinicPaper
	Sealed   []byte
	Release  Release
	Replaces string // a file of the same owner, which goes when this one is complete
}

// Create reserves space for a file and returns its id.
func (s *Service) Create(ctx context.Context, seat Seat, c Creation) (string, error) {
	person, err := s.admitted(ctx, seat)
	if err != nil {
		return "", err
	}
	if err := s.checkCreation(c); err != nil {
		return "", err
	}
	free, err := s.cfg.Free(s.cfg.Dir)
	if err != nil {
		free = 0
	}
	id, err := s.reserve(seat, person, c, free)
	if err == errNoSpace {
		s.cfg.Log.Warn("a file was refused: the disk of files.dir is nearly full")
	}
	return id, err
}

// reserve adds an upload. free is how many bytes the disk has.
func (s *Service) reserve(seat Seat, person room.PersonID, c Creation, free uint64) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.own(seat, c.Replaces)
	switch {
	case !s.rooms.Running(seat.Session): // ended since: nothing would delete it
		return "", &room.Error{Code: room.RoomEnded, Detail: "the session is over"}
	case c.Replaces != "" && (old == nil || old.Clinic != ""):
		return "", errGone
	case free < s.cfg.Limits.MinFree+s.awaited()+uint64(c.Size):
		return "", errNoSpace
	}
	if err := s.checkQuota(seat, person, c.Size+int64(len(c.Sealed))); err != nil {
		return "", err
	}
	f := &file{touched: s.cfg.Now(), record: record{
		ID: newID(), Session: seat.Session, Owner: seat.Participant, Person: person, To: c.To, Clinic: c.Clinic, Size: c.Size,
		Sealed: c.Sealed, Release: c.Release, Replaces: c.Replaces,
	}}
	s.files[f.ID] = f
	s.wakeUp()
	return f.ID, nil
}

// own returns a file of this seat, nil if there is none. The caller holds mu.
func (s *Service) own(seat Seat, id string) *file {
	f := s.files[id]
	if f == nil || f.Owner != seat.Participant || f.Session != seat.Session {
		return nil
	}
	return f
}

// awaited returns how many bytes the uploads in progress still have to write. The caller holds mu.
func (s *Service) awaited() (n uint64) {
	for _, f := range s.files {
		if !f.complete {
			n += uint64(f.Size - f.offset)
		}
	}
	return n
}

func (s *Service) checkCreation(c Creation) error {
	bad := func(detail string) error { return &room.Error{Code: room.BadRequest, Detail: detail} }
	limit := int64(MaxSize)
	if c.Clinic != "" {
		limit = MaxClinicSize
	}
	now := s.cfg.Now()
	switch {
	case c.Size < 1 || len(c.Sealed) > MaxSealed:
		return bad("size: at least 1; sealed: at most 120 KiB")
	case c.Size > limit:
		return &room.Error{Code: room.FileTooLarge, Detail: fmt.Sprintf("size: at most %d", limit)}
	case c.Clinic == "" && len(c.Sealed) == 0:
		return bad("sealed: missing")
	case c.Clinic != "" && (len(c.Sealed) > 0 || c.Release.timed() || c.Replaces != ""):
		return bad("clinic: without sealed, release and replaces")
	case c.Clinic != "" && s.cfg.Clinic == nil:
		return &room.Error{Code: room.Forbidden, Detail: "nothing is kept for the clinic here"}
	case c.Release.AtEnd && !c.Release.At.IsZero():
		return bad("release: at the end or at a time")
	case !c.Release.At.IsZero() && (c.Release.At.Before(now) || c.Release.At.After(now.Add(MaxDelay))):
		return bad("release: from now to seven days ahead")
	}
	return nil
}

// checkQuota refuses what would exceed a limit. The caller holds mu.
func (s *Service) checkQuota(seat Seat, person room.PersonID, size int64) error {
	var all, inSession, ofPerson int64
	files, uploads := 0, 0
	for _, f := range s.files {
		n := f.Size + int64(len(f.Sealed))
		all += n
		if f.Session != seat.Session {
			continue
		}
		files++
		inSession += n
		if f.Person == person {
			ofPerson += n
			if !f.complete {
				uploads++
			}
		}
	}
	l := s.cfg.Limits
	refuse := func(detail string) error { return &room.Error{Code: room.FileQuota, Detail: detail} }
	switch {
	case all+size > l.PerDaemon:
		return errDisk
	case inSession+size > l.PerSession || files >= maxFiles:
		return refuse("the session has as many files as it may")
	case ofPerson+size > l.PerPerson:
		return refuse("you have sent as much as one person may in one session")
	case uploads >= maxUploads:
		return refuse("at most 4 uploads at a time")
	}
	return nil
}

// Offset returns how much of an own file is here.
func (s *Service) Offset(ctx context.Context, seat Seat, id string) (offset, size int64, err error) {
	if _, err := s.admitted(ctx, seat); err != nil {
		return 0, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.own(seat, id)
	if f == nil {
		return 0, 0, errGone
	}
	return f.offset, f.Size, nil
}

// Upload appends a piece at an offset and returns the new one. The last piece, or an empty one behind it, completes the file: then the file
// and its record are on the disk.
func (s *Service) Upload(ctx context.Context, seat Seat, id string, offset int64, piece []byte) (int64, error) {
	if _, err := s.admitted(ctx, seat); err != nil {
		return 0, err
	}
	s.mu.Lock()
	f := s.own(seat, id)
	s.mu.Unlock()
	if f == nil {
		return 0, errGone
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	s.mu.Lock()
	at, complete, known := f.offset, f.complete, s.files[id] == f
	s.mu.Unlock()
	switch {
	case !known:
		return 0, errGone
	case offset != at:
		return at, errOffset
	case complete && len(piece) == 0:
		return at, nil
	case len(piece) > PieceSize || offset+int64(len(piece)) > f.Size:
		return at, errTooMuch
	}
	if err := s.write(f, offset, piece); err != nil {
		return at, err
	}
	if at += int64(len(piece)); at < f.Size {
		return at, nil
	}
	return at, s.complete(ctx, f)
}

// write appends a checked piece. The caller holds f.writing.
func (s *Service) write(f *file, offset int64, piece []byte) error {
	err := s.append(f, offset, piece)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.files[f.ID] != f: // withdrawn meanwhile, and maybe deleted before this piece was written
		s.discard(f.ID)
		return errGone
	case err != nil:
		return err
	}
	f.offset, f.touched = offset+int64(len(piece)), s.cfg.Now()
	return nil
}

// append writes a piece to the disk. The caller holds f.writing.
func (s *Service) append(f *file, offset int64, piece []byte) error {
	if len(piece) == 0 {
		return nil
	}
	w, err := os.OpenFile(s.path(f.ID+partSuffix), os.O_WRONLY|os.O_CREATE, modeFile)
	if err == nil {
		_, err = w.WriteAt(piece, offset)
		err = errors.Join(err, w.Close())
	}
	return s.diskError(err)
}

// diskError turns an error of the disk into a refusal.
func (s *Service) diskError(err error) error {
	if err == nil {
		return nil
	}
	s.cfg.Log.Warn("a file cannot be written", "full", isFull(err), "type", fmt.Sprintf("%T", err))
	if isFull(err) {
		return errDisk
	}
	return &room.Error{Code: room.Unavailable, Detail: "the file cannot be written now"}
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// complete makes a file durable and then visible. It may be called again after an error. The caller holds f.writing.
func (s *Service) complete(ctx context.Context, f *file) error {
	if f.Clinic != "" {
		return s.keepForClinic(ctx, f)
	}
	if err := s.seal(f.ID); err != nil {
		return s.diskError(err)
	}
	s.mu.Lock()
	r := f.record
	s.mu.Unlock()
	r.Created = s.cfg.Now()
	r.Told = !r.Release.timed()
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	entries := []room.Entry{s.entry(f, room.ActFileSent, f.Owner)}
	var deleted []string
	if r.Replaces != "" {
		deleted = []string{r.Replaces}
		replaced := s.entry(f, room.ActFileReplaced, f.Owner)
		replaced.Detail = r.Replaces
		entries = append(entries, replaced)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), persistTimeout)
	defer cancel()
	if err := s.cfg.Index.SaveFiles(ctx, map[string][]byte{r.ID: value}, deleted, entries); err != nil {
		s.cfg.Log.Warn("the record of a file cannot be stored", "error", err.Error())
		return &room.Error{Code: room.Unavailable, Detail: "the file cannot be recorded now"}
	}
	s.show(f, r)
	return nil
}

// show makes a stored file visible, unless it is gone by now, and removes the one that it replaces.
func (s *Service) show(f *file, r record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := append([]room.ParticipantID{r.Owner}, r.To...)
	if old := s.files[r.Replaces]; r.Replaces != "" && old != nil {
		told = append(told, old.To...)
		delete(s.files, old.ID)
		s.discard(old.ID)
	}
	if s.files[r.ID] != f { // withdrawn, or the session ended, while the disk worked
		s.dirty[r.ID] = true
		s.discard(r.ID)
		s.entries = append(s.entries, s.entry(f, room.ActFileDeleted, room.ByDaemon))
	} else {
		f.Created, f.Told, f.complete = r.Created, r.Told, true
		if len(f.To) != len(r.To) {
			s.dirty[r.ID] = true
		}
	}
	s.wakeUp()
	s.rooms.NotifyFiles(r.Session, told)
}

// seal syncs a complete upload and gives it its name.
func (s *Service) seal(id string) error {
	part := s.path(id + partSuffix)
	w, err := os.OpenFile(part, os.O_WRONLY, modeFile)
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(s.path(id)); err == nil {
			return nil // named before, and the record failed
		}
	}
	if err != nil {
		return err
	}
	if err := errors.Join(w.Sync(), w.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, s.path(id)); err != nil {
		return err
	}
	return syncFolder(s.cfg.Dir)
}

// keepForClinic hands a card or a journal over. Its entry is in the audit log first.
func (s *Service) keepForClinic(ctx context.Context, f *file) error {
	content, err := os.ReadFile(s.path(f.ID + partSuffix))
	if err != nil {
		return s.diskError(err)
	}
	now := s.cfg.Now()
	entry := s.entry(f, room.ActSealed, f.Owner)
	entry.Detail = string(f.Clinic) + "/" + f.ID
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), persistTimeout)
	defer cancel()
	if err := s.cfg.Index.SaveFiles(ctx, nil, nil, []room.Entry{entry}); err != nil {
		return &room.Error{Code: room.Unavailable, Detail: "the paper cannot be recorded now"}
	}
	if err := s.cfg.Clinic.Keep(Paper{f.ID, f.Session, f.Person, f.Clinic, now}, content); err != nil {
		return s.diskError(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Created, f.complete = now, true
	s.garbage[f.ID+partSuffix] = struct{}{}
	s.wakeUp()
	s.rooms.NotifyFiles(f.Session, []room.ParticipantID{f.Owner})
	return nil
}

// Withdraw deletes an own file, or stops its upload. Who has opened it has it. What is sealed to the clinic is withdrawn before the clinic
// gets it or not at all, so a withdrawal waits for the piece that is written.
func (s *Service) Withdraw(ctx context.Context, seat Seat, id string) error {
	s.mu.Lock()
	f := s.own(seat, id)
	s.mu.Unlock()
	if f == nil {
		return errGone
	}
	if f.Clinic != "" {
		f.writing.Lock()
		defer f.writing.Unlock()
	}
	s.mu.Lock()
	if s.files[id] != f || f.Clinic != "" && f.complete {
		s.mu.Unlock()
		return errGone
	}
	told := append([]room.ParticipantID{f.Owner}, f.To...)
	s.remove(f, room.ActFileWithdrawn, f.Owner)
	s.mu.Unlock()
	s.rooms.NotifyFiles(seat.Session, told)
	return nil
}

func (s *Service) path(name string) string { return filepath.Join(s.cfg.Dir, name) }

// idle reports whether an upload was given up.
func (f *file) idle(now time.Time) bool { return !f.complete && now.Sub(f.touched) >= uploadIdle }
