package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"alcove/auth"
	"alcove/room/audit"
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
	Values Values // closed by Close
	Key    Key
	Audit  *audit.Log // closed by Close
	Now    func() time.Time
	Log    *slog.Logger

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

// A Store is a live.Journal, an auth.UsedTokens, and auth.Revocations that last. Its methods are safe for concurrent use.
type Store struct {
	cfg        Config
	seal       seal
	revoked    *auth.RevocationList
	queue      chan *job // Full: the record is refused at once, and its room tries again.
	quit       chan struct{}
	stopped    chan struct{} // closed when the writer has ended
	retryPause time.Duration // retryPause, but in tests

	mu       sync.Mutex
	closed   bool            // Guarded by mu.
	failed   error           // Guarded by mu. Why the last group failed, nil if it was written.
	current  *group          // Guarded by mu. What is being written, nil if nothing is.
	retrying map[string]*job // Guarded by mu. The jobs in this state that are not in current, by job.closes.

	unconfirmed []span // Owned by run. Entries whose group failed, not yet called so in the log.
}

// Open starts the store. It fails rather than begin anew: with another key, or beside an audit log that is shorter than it was. After an
// error values and log are closed.
func Open(cfg Config) (*Store, error) {
	if cfg.Values == nil || cfg.Key.secret.Empty() || cfg.Audit == nil || cfg.Now == nil {
		return nil, errors.New("a store needs values, a key, an audit log and a clock")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Wrote == nil {
		cfg.Wrote = func(time.Duration, Part) {}
	}
	s := &Store{
		cfg: cfg, seal: cfg.Key.seal(), revoked: auth.NewRevocationList(auth.MaxRevocations), retryPause: retryPause,
		queue: make(chan *job, queueSize), quit: make(chan struct{}), stopped: make(chan struct{}), retrying: map[string]*job{},
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.release())
	}
	go s.run()
	return s, nil
}

func (s *Store) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	if err := s.checkKey(ctx); err != nil {
		return err
	}
	return errors.Join(s.compare(ctx), s.loadRevocations(ctx))
}

// checkKey compares the key with the one that the store was made with.
func (s *Store) checkKey(ctx context.Context) error {
	sealed, err := s.cfg.Values.Get(ctx, Meta, keyCheck)
	if err != nil {
		return err
	}
	if sealed == nil { // nothing was ever written: it is part of the first transaction
		_, err := s.cfg.Values.Commit([]Change{{Bucket: Meta, Key: keyCheck, Value: s.seal.close(Meta, keyCheck, []byte("alcove"))}})
		return err
	}
	if _, err := s.seal.open(Meta, keyCheck, sealed); err != nil {
		return errors.New("the store was made with another key: give it back the one it had")
	}
	return nil
}

// compare holds the audit log against what the store knows of it. What the log has more was being written when the daemon
// died.
func (s *Store) compare(ctx context.Context) error {
	data, err := s.get(ctx, Meta, keyProgress)
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
		s.unconfirmed = []span{{p.Upto, have - 1}}
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
	case s.current != nil && s.cfg.Now().Sub(s.current.began) > stallAfter:
		return ErrStalled
	}
	return s.failed
}

// Late says that something that closes is not written yet, nil if all is.
func (s *Store) Late() error {
	if s.unwritten() > 0 {
		return ErrLate
	}
	return nil
}

// CopyErr says why the audit log's second place lacks the newest checkpoint, nil if it has it.
func (s *Store) CopyErr() error { return s.cfg.Audit.CopyErr() }

// Entries is the number of entries of the audit log.
func (s *Store) Entries() int64 { return s.cfg.Audit.Len() }

// Close writes what waits, and stops.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.stopped
		return nil
	}
	s.closed = true
	close(s.quit)
	s.mu.Unlock()
	<-s.stopped
	var err error
	if n := s.unwritten(); n > 0 {
		err = fmt.Errorf("%d revocations could not be written and end here", n)
	}
	return errors.Join(err, s.release())
}

// release closes everything.
func (s *Store) release() error { return errors.Join(s.cfg.Values.Close(), s.cfg.Audit.Close()) }
