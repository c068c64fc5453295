package files

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"alcove/auth"
	"alcove/room"
)

// An Index keeps records and writes audit entries; store.Store implements it.
type Index interface {
	// SaveFiles keeps some records and forgets others, in one transaction behind the entries.
	SaveFiles(ctx context.Context, kept map[string][]byte, deleted []string, entries []room.Entry) error
	LoadFiles(ctx context.Context, use func(value []byte) error) error
}

// Rooms are the sessions that run; live.Registry implements it.
type Rooms interface {
	// Admitted returns the person of an admitted seat, or a *room.Error.
	Admitted(ctx context.Context, session string, p room.ParticipantID) (room.PersonID, error)
	Running(session string) bool
	// NotifyFiles tells participants that their list changed. It does not block.
	NotifyFiles(session string, to []room.ParticipantID)
}

// A Clinic keeps what is sealed to the clinic alone.
type Clinic interface {
	// Recipients returns the public keys to seal to.
	Recipients() ([]string, error)
	// Keep returns once the paper is on the disk.
	Keep(p Paper, content []byte) error
}

// A Paper is a card or a journal.
type Paper struct {
	ID, Session string
	Person      room.PersonID // who wrote it
	Kind        room.ClinicPaper
	At          time.Time
}

// Config configures a Service. Clinic may be nil.
type Config struct {
	Dir    string // of this package alone
	Index  Index
	Clinic Clinic
	Key    []byte // makes credentials: 32 bytes that outlive the process
	Limits Limits
	Now    func() time.Time
	Log    *slog.Logger
	Free   func(dir string) (uint64, error) // nil: of the disk
}

// A Service keeps files. Its methods are safe for concurrent use; errors are *room.Error.
type Service struct {
	cfg  Config
	wake chan struct{} // buffered by one

	flushing sync.Mutex // Held by flush, before mu.

	mu      sync.Mutex
	rooms   Rooms               // Guarded by mu. nil before Serve.
	files   map[string]*file    // Guarded by mu.
	dirty   map[string]bool     // Guarded by mu. Records to be stored or deleted again.
	entries []room.Entry        // Guarded by mu. Of what is in dirty.
	garbage map[string]struct{} // Guarded by mu. Names to be deleted from the disk.
}

// A file is a record with its state. writing serialises the disk writes of an upload.
type file struct {
	record             // Guarded by Service.mu.
	offset   int64     // Guarded by Service.mu.
	complete bool      // Guarded by Service.mu.
	touched  time.Time // Guarded by Service.mu. When the last piece came.

	writing sync.Mutex
}

// Codes that this package adds.
var (
	errGone    = &room.Error{Code: room.TargetNotFound, Detail: "no such file for you"}
	errOffset  = &room.Error{Code: room.OffsetMismatch, Detail: "the upload is at another offset: ask with HEAD"}
	errTooMuch = &room.Error{Code: room.FileTooLarge, Detail: "the piece is longer than what is missing, or than 256 KiB"}
	errDelete  = &room.Error{Code: room.StorageFull, Detail: "not everything could be deleted"}
	errDisk    = &room.Error{Code: room.StorageFull, Detail: "the server has no room for this file"}
	errNoSpace = &room.Error{Code: room.StorageFull, Detail: "the server's disk has no room for this file"}
)

// Open reads the records, and deletes what no record names: uploads that were not complete. Serve has to be called before anything else.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Dir == "" || cfg.Index == nil || len(cfg.Key) < 32 || cfg.Now == nil {
		return nil, errors.New("files need a folder, an index, a key and a clock")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Free == nil {
		cfg.Free = freeBytes
	}
	if err := os.MkdirAll(cfg.Dir, modeFolder); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, wake: make(chan struct{}, 1), files: map[string]*file{}, dirty: map[string]bool{}, garbage: map[string]struct{}{}}
	return s, s.load(ctx)
}

// Serve sets the sessions that run. Sessions of which there are files and that do not run have ended meanwhile.
func (s *Service) Serve(rooms Rooms) {
	s.mu.Lock()
	s.rooms = rooms
	ended := map[string]bool{}
	for _, f := range s.files {
		if f.EndedAt.IsZero() && !rooms.Running(f.Session) {
			ended[f.Session] = true
		}
	}
	s.mu.Unlock()
	for session := range ended {
		s.SessionEnded(session)
	}
}

// Credential returns what a seat shows to the HTTP server: it names the seat and proves it, and is good for nothing else. It stays valid
// after the session, for as long as there are files for the seat.
func (s *Service) Credential(seat Seat) auth.Secret {
	name := seat.Session + "." + string(seat.Participant)
	return auth.NewSecret(name + "." + base64.RawURLEncoding.EncodeToString(s.mac(name)))
}

// SeatOf returns the seat of a credential.
func (s *Service) SeatOf(credential auth.Secret) (Seat, bool) {
	at := strings.LastIndexByte(credential.Reveal(), '.')
	if at < 0 {
		return Seat{}, false
	}
	name := credential.Reveal()[:at]
	mac, err := base64.RawURLEncoding.DecodeString(credential.Reveal()[at+1:])
	session, p, ok := strings.Cut(name, ".")
	if err != nil || !ok || !hmac.Equal(mac, s.mac(name)) {
		return Seat{}, false
	}
	return Seat{session, room.ParticipantID(p)}, true
}

func (s *Service) mac(name string) []byte {
	m := hmac.New(sha256.New, s.cfg.Key)
	m.Write([]byte("alcove file credential 1\x00" + name))
	return m.Sum(nil)
}

// Access returns the credential of an admitted seat, and the public keys that cards and journals are sealed to.
func (s *Service) Access(ctx context.Context, seat Seat) (auth.Secret, []string, error) {
	if _, err := s.admitted(ctx, seat); err != nil {
		return auth.Secret{}, nil, err
	}
	return s.Credential(seat), s.clinicRecipients(), nil
}

// clinicRecipients returns the public keys of the clinic, none where no papers are kept for it.
func (s *Service) clinicRecipients() []string {
	if s.cfg.Clinic == nil {
		return nil
	}
	all, err := s.cfg.Clinic.Recipients()
	if err != nil {
		s.cfg.Log.Warn("the clinic's recipients cannot be read", "error", err.Error())
	}
	return all
}

// SeatLost implements live.Files.
func (s *Service) SeatLost(session string, p room.ParticipantID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if f.Session != session || !f.isFor(p) {
			continue
		}
		f.To = slices.DeleteFunc(slices.Clone(f.To), func(id room.ParticipantID) bool { return id == p })
		if len(f.To) == 0 {
			s.remove(f, room.ActFileDeleted, room.ByDaemon)
			continue
		}
		s.touch(f)
	}
}

// SessionEnded implements live.Files: what was released at once is deleted, what waits for the end is released, what waits for a date stays.
func (s *Service) SessionEnded(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		switch {
		case f.Session != session || !f.EndedAt.IsZero():
		case !f.complete || f.Clinic != "" || !f.Release.timed():
			s.remove(f, room.ActFileDeleted, room.ByDaemon)
		default:
			f.EndedAt = s.cfg.Now()
			s.touch(f)
		}
	}
}

// touch has the record of a complete file stored again. The caller holds mu.
func (s *Service) touch(f *file) {
	if f.complete && f.Clinic == "" {
		s.dirty[f.ID] = true
		s.wakeUp()
	}
}

// remove makes a file disappear at once; record and ciphertext follow. The caller holds mu.
func (s *Service) remove(f *file, act string, by room.ParticipantID) {
	delete(s.files, f.ID)
	s.discard(f.ID)
	if f.complete && f.Clinic == "" {
		s.dirty[f.ID] = true
		s.entries = append(s.entries, s.entry(f, act, by))
	}
}

// discard has the ciphertext of a file deleted, whole or in part. The caller holds mu.
func (s *Service) discard(id string) {
	s.garbage[id], s.garbage[id+partSuffix] = struct{}{}, struct{}{}
	s.wakeUp()
}

func (s *Service) entry(f *file, act string, by room.ParticipantID) room.Entry {
	return room.Entry{At: s.cfg.Now(), Session: f.Session, Act: act, By: by, Subject: f.Owner, Person: f.Person, Detail: f.ID}
}

func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
