package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"alcove/room"
)

// Errors of opening and writing a log.
var (
	// ErrDamaged: the log does not match its checkpoints. `alcove audit verify` locates the damage.
	ErrDamaged = errors.New("the audit log does not match its checkpoints: `alcove audit verify` says where; nothing is written to it")
	// ErrTruncated: the copied checkpoint covers more entries than the log has.
	ErrTruncated = errors.New("the audit log was cut: the checkpoint kept elsewhere speaks of more entries")
	// ErrDiskFull: there is no space for another entry.
	ErrDiskFull = errors.New("the disk of the audit log is full")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("the audit log is closed")
)

// A CheckpointStore keeps a copy of the newest checkpoint outside the log. CheckpointFile implements it.
type CheckpointStore interface {
	Load() ([]byte, error)
	Save(signed []byte) error
}

// Config configures a Log. Copy may be nil.
type Config struct {
	Folder Folder // closed by Close
	Key    Key
	Copy   CheckpointStore
	Now    func() time.Time
}

// A Log is an open log. Its methods are safe for concurrent use.
type Log struct {
	cfg    Config
	copier *copier // nil without a second place
	length atomic.Int64

	mu                   sync.Mutex
	entries, checkpoints File
	tree                 tree  // Guarded by mu. Of the acknowledged entries.
	entriesEnd, notesEnd int64 // Guarded by mu. Acknowledged bytes.
	dirty                bool  // Guarded by mu. There may be unacknowledged bytes after them.
	closed               bool  // Guarded by mu.
}

// Open opens a log, truncates what a crash left after the last checkpoint, and verifies the rest against it. A truncation is logged as
// an entry. Open reads the whole log: a million entries take some seconds.
func Open(cfg Config) (*Log, error) {
	if cfg.Key.empty() || cfg.Folder == nil || cfg.Now == nil {
		return nil, errors.New("an audit log needs a folder, a key and a clock")
	}
	l := &Log{cfg: cfg}
	torn, err := l.load()
	if err == nil && cfg.Copy != nil {
		err = l.checkCopy()
	}
	if err == nil && torn > 0 {
		l.dirty = true
		err = l.truncate()
	}
	if err != nil {
		return nil, errors.Join(err, l.closeFiles())
	}
	l.length.Store(l.tree.n)
	if cfg.Copy != nil {
		l.copier = newCopier(cfg.Copy)
	}
	if torn > 0 {
		_, err = l.Append([]room.Entry{{At: cfg.Now(), Act: Repaired, Detail: strconv.FormatInt(torn, 10)}})
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

// load reads both files and returns the number of bytes after the last checkpoint.
func (l *Log) load() (torn int64, err error) {
	if l.entries, err = l.cfg.Folder.Open(entriesFile); err != nil {
		return 0, err
	}
	if l.checkpoints, err = l.cfg.Folder.Open(checkpointsFile); err != nil {
		return 0, err
	}
	if err := errors.Join(l.writePublicKey(), l.cfg.Folder.Sync()); err != nil {
		return 0, err
	}
	var last []byte
	s := newNoteReader(readerOf(l.checkpoints))
	for {
		signed, err := s.next()
		if err == io.EOF {
			break
		} else if err != nil {
			return 0, fmt.Errorf("%w (%w)", ErrDamaged, err)
		}
		last = signed
	}
	l.notesEnd = s.end
	var c checkpoint
	if last != nil {
		if c, err = openCheckpoint(last, l.cfg.Key.verifier()); err != nil {
			return 0, fmt.Errorf("%w (the last one: %w)", ErrDamaged, err)
		}
	}
	rest, err := l.loadEntries(c)
	return s.torn + rest, err
}

// loadEntries builds the tree up to a checkpoint and returns the number of bytes after it.
func (l *Log) loadEntries(c checkpoint) (torn int64, err error) {
	r := bufio.NewReaderSize(readerOf(l.entries), maxLine)
	for l.tree.n < c.n {
		b, err := r.ReadSlice('\n')
		if err != nil {
			return 0, fmt.Errorf("%w (entry %d is missing)", ErrDamaged, l.tree.n)
		}
		l.tree.add(leafHash(b))
		l.entriesEnd += int64(len(b))
	}
	if c.n > 0 && l.tree.root() != c.root {
		return 0, ErrDamaged
	}
	return io.Copy(io.Discard, r)
}

// publish leaves the public key beside the log, so that it can be verified where nobody kept it.
func (l *Log) writePublicKey() error {
	f, err := l.cfg.Folder.Open(publicKeyFile)
	if err != nil {
		return err
	}
	defer f.Close()
	want := []byte(l.cfg.Key.Public() + "\n")
	have, err := io.ReadAll(io.LimitReader(readerOf(f), maxKeyFile))
	if err != nil || string(have) == string(want) {
		return err
	}
	_, err = f.WriteAt(want, 0)
	return errors.Join(err, f.Truncate(int64(len(want))), f.Sync())
}

// checkCopy compares the log with the copied checkpoint. The copy is written last, so it is never newer than the log.
func (l *Log) checkCopy() error {
	signed, err := l.cfg.Copy.Load()
	if err != nil || len(signed) == 0 {
		return err // a copy that cannot be read may prove a truncation
	}
	c, err := openCheckpoint(signed, l.cfg.Key.verifier())
	switch {
	case err != nil:
		return fmt.Errorf("the checkpoint kept elsewhere is not of this log and key: move it away if the log was begun anew (%w)", err)
	case c.n > l.tree.n:
		return fmt.Errorf("%w: %d, not %d; move that checkpoint away to go on with what is left, for example after a restore", ErrTruncated, c.n, l.tree.n)
	case c.n == l.tree.n && c.root != l.tree.root():
		return ErrDamaged
	}
	return nil
}

func (k Key) verifier() note.Verifier {
	v, err := note.NewVerifier(k.public)
	if err != nil {
		panic("audit: a public key that was made from a private one does not parse: " + err.Error())
	}
	return v
}

func leafHash(line []byte) tlog.Hash { return tlog.RecordHash(line[:len(line)-1]) }

// readerOf reads a file from its beginning.
func readerOf(f io.ReaderAt) io.Reader { return io.NewSectionReader(f, 0, math.MaxInt64) }

// Append writes entries as one group and returns the index of the first. When it returns without an error they are on disk, covered by
// a signed checkpoint; after an error none of them is in the log, unless the disk reported success falsely.
func (l *Log) Append(entries []room.Entry) (first int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return 0, ErrClosed
	case len(entries) == 0:
		return l.tree.n, nil
	case len(entries) > MaxGroup:
		return 0, fmt.Errorf("a group holds %d entries at most", MaxGroup)
	}
	grown := l.tree.clone()
	var lines []byte
	c := checkpoint{}
	for _, e := range entries {
		b := encodeEntry(e)
		h := leafHash(b)
		grown.add(h)
		lines, c.leaves = append(lines, b...), append(c.leaves, h)
	}
	c.n, c.root = grown.n, grown.root()
	signed, err := c.sign(l.cfg.Key)
	if err != nil {
		return 0, err
	}
	if err := l.commit(lines, append(signed, '\n')); err != nil {
		return 0, err
	}
	first, l.tree = l.tree.n, grown
	l.length.Store(grown.n)
	if l.copier != nil {
		l.copier.put(signed)
	}
	return first, nil
}

// commit writes both to disk. The remains of a failed attempt are truncated at once, or before the next attempt: after a failed fsync it
// is unknown which bytes reached the disk, so they have to be written again (Rebello and others, "Can Applications Recover from fsync
// Failures?", 2020).
func (l *Log) commit(lines, signed []byte) error {
	if err := l.truncate(); err != nil {
		return writeError(err)
	}
	l.dirty = true
	if err := l.write(lines, signed); err != nil {
		if truncateErr := l.truncate(); truncateErr != nil {
			return writeError(errors.Join(err, truncateErr))
		}
		return writeError(err)
	}
	l.dirty = false
	l.entriesEnd += int64(len(lines))
	l.notesEnd += int64(len(signed))
	return nil
}

// write writes the entries before their checkpoint, as recovery requires.
func (l *Log) write(lines, signed []byte) error {
	if _, err := l.entries.WriteAt(lines, l.entriesEnd); err != nil {
		return err
	}
	if err := l.entries.Sync(); err != nil {
		return err
	}
	if _, err := l.checkpoints.WriteAt(signed, l.notesEnd); err != nil {
		return err
	}
	return l.checkpoints.Sync()
}

// truncate removes unacknowledged bytes, checkpoints first.
func (l *Log) truncate() error {
	if !l.dirty {
		return nil
	}
	for _, f := range []struct {
		File
		end int64
	}{{l.checkpoints, l.notesEnd}, {l.entries, l.entriesEnd}} {
		if err := f.Truncate(f.end); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	l.dirty = false
	return nil
}

// writeError marks a full disk, the one cause that an operator can fix.
func writeError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return fmt.Errorf("the audit log cannot be written: %w", err)
}

// Len returns the number of acknowledged entries. It never waits for the disk.
func (l *Log) Len() int64 { return l.length.Load() }

// Name returns the name of the key, which identifies the log.
func (l *Log) Name() string { return l.cfg.Key.signer.Name() }

// CopyErr returns why the newest checkpoint was not copied; nil if it was, or is being copied.
func (l *Log) CopyErr() error {
	if l.copier == nil {
		return nil
	}
	return l.copier.err()
}

// Close closes the log. It waits up to closeTimeout for the copy of the checkpoint.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	var err error
	if l.copier != nil {
		err = l.copier.close()
	}
	return errors.Join(err, l.closeFiles())
}

func (l *Log) closeFiles() error {
	var errs []error
	for _, f := range []File{l.entries, l.checkpoints} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(append(errs, l.cfg.Folder.Close())...)
}
