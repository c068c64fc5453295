package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"alcove/auth"
	"alcove/room/audit"
	"alcove/room/live"
)

// Why nothing is written.
var (
	ErrClosed  = errors.New("the store is closed")
	ErrStalled = errors.New("the disk of the store does not answer")
	ErrFull    = errors.New("too much waits for the disk of the store")
	ErrLate    = errors.New("revocations are in force that are not written yet")
)

// Config is what a Store needs. Log may be nil.
type Config struct {
	Dir   string // its folder, made if it is not there
	Key   Key
	Audit *audit.Log // closed by Close
	Now   func() time.Time
	Log   *slog.Logger

	// Wrote is told of every group that was tried: how long it took, and what failed of it. It may be nil, and must not block.
	Wrote func(took time.Duration, failed Part)
}

// A Part is what of a group can fail: entries are written before values.
type Part string

// The closed list of parts. The zero value is none.
const (
	AuditPart  Part = "audit"
	ValuesPart Part = "values"
)

// A Store is a live.Journal, an auth.Spender, and auth.Revocations that last. Its methods are safe for concurrent use.
type Store struct {
	cfg     Config
	seal    seal
	lock    io.Closer
	backend atomic.Pointer[backend] // replaced by the writer only, when the server gave up
	revoked *auth.RevocationList
	queue   chan job // Full: the record is refused at once, and its room tries again.
	quit    chan struct{}
	over    chan struct{}
	probe   time.Duration                             // probePause, but in tests
	kept    func(now time.Time, u auth.Use) time.Time // until when a used token is remembered: auth.Use.Kept, but in tests

	mu     sync.Mutex
	closed bool           // Guarded by mu.
	failed error          // Guarded by mu. Of the last group or token, nil if it was written.
	broken bool           // Guarded by mu. The server left a write without an answer: it takes no more of that bucket, ever.
	since  time.Time      // Guarded by mu. When the group under way began; zero: none is.
	late   map[string]job // Guarded by mu. What closes and is not written, by job.closes: tried until it works.
	again  int            // Guarded by mu. How many that were late are being tried.

	unsure []span // Owned by run. Entries whose group failed, not yet called so in the log.
}

// span is from the first to the last entry of a failed group, by index.
type span struct{ First, Last int64 }

// progress is how far the audit log and the values belong together.
type progress struct {
	Log  string // audit.Log.Name
	Upto int64  // entries whose groups were written whole
}

// Open starts the store. It fails rather than begin anew: with another key, without a bucket that was there, or beside an audit log
// that is shorter than it was.
func Open(cfg Config) (*Store, error) {
	if cfg.Dir == "" || cfg.Key.secret.Empty() || cfg.Audit == nil || cfg.Now == nil {
		return nil, errors.New("a store needs a folder, a key, an audit log and a clock")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Wrote == nil {
		cfg.Wrote = func(time.Duration, Part) {}
	}
	s := &Store{
		cfg: cfg, seal: cfg.Key.seal(), revoked: auth.NewRevocationList(auth.MaxRevocations), probe: probePause,
		kept:  func(now time.Time, u auth.Use) time.Time { return u.KeepUntil(now) },
		queue: make(chan job, queueSize), quit: make(chan struct{}), over: make(chan struct{}),
		late: map[string]job{},
	}
	if err := s.start(); err != nil {
		s.release()
		return nil, err
	}
	go s.run()
	return s, nil
}

func (s *Store) start() error {
	if err := os.MkdirAll(s.cfg.Dir, modeFolder); err != nil {
		return err
	}
	if err := os.Chmod(s.cfg.Dir, modeFolder); err != nil { // the server's own files are readable by the group
		return err
	}
	var err error
	if s.lock, err = audit.Lock(s.cfg.Dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(s.cfg.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	known, err := checkKey(root, s.seal)
	if err != nil {
		return err
	}
	b, err := embed(filepath.Clean(s.cfg.Dir), s.cfg.Key, known)
	if err != nil {
		return err
	}
	s.backend.Store(b)
	if !known {
		if err := leaveCheck(root, s.seal); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return errors.Join(s.compare(ctx), s.loadRevocations(ctx))
}

// compare holds the audit log against what the store knows of it. What the log has more was being written when the daemon
// died.
func (s *Store) compare(ctx context.Context) error {
	data, err := s.bucket(metaBucket).get(ctx, "progress")
	if err != nil || data == nil {
		return err
	}
	var p progress
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	have := s.cfg.Audit.Len()
	switch {
	case p.Log != s.cfg.Audit.Name(): // begun anew, with a key of its own
	case p.Upto > have:
		return fmt.Errorf("the audit log was cut: the store knows of %d entries, it has %d; restore both from one backup, or begin a log with a new key", p.Upto, have)
	case p.Upto < have:
		s.unsure = []span{{p.Upto, have - 1}}
	}
	return nil
}

// Err says why nothing can be written now, nil if it can.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err()
}

func (s *Store) err() error {
	switch {
	case s.closed:
		return ErrClosed
	case !s.since.IsZero() && s.cfg.Now().Sub(s.since) > stallAfter:
		return ErrStalled
	}
	return s.failed
}

// Late says that something that closes is not written yet, nil if all is.
func (s *Store) Late() error {
	if s.lateJobs() > 0 {
		return ErrLate
	}
	return nil
}

// SecondErr says why the audit log's second place lacks the newest checkpoint, nil if it has it.
func (s *Store) SecondErr() error { return s.cfg.Audit.SecondErr() }

// Entries is the number of entries of the audit log.
func (s *Store) Entries() int64 { return s.cfg.Audit.Len() }

// Load gives the sessions that had not ended. Those that cannot be read are in the error, the others are given all the same.
func (s *Store) Load() ([]live.Record, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var all []live.Record
	err := s.bucket(sessionsBucket).all(ctx, "*", func(key string, value []byte) error {
		var v sessionValue
		if err := json.Unmarshal(value, &v); err != nil {
			return err
		}
		all = append(all, live.Record{Session: v.Session, State: v.State})
		return nil
	})
	return all, err
}

// Close writes what waits, and stops.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.over
		return nil
	}
	s.closed = true
	close(s.quit)
	s.mu.Unlock()
	<-s.over
	var err error
	if n := s.lateJobs(); n > 0 {
		err = fmt.Errorf("%d revocations could not be written and end here", n)
	}
	return errors.Join(err, s.release())
}

// release gives everything back.
func (s *Store) release() error {
	if b := s.backend.Load(); b != nil {
		b.close()
	}
	err := s.cfg.Audit.Close()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}
