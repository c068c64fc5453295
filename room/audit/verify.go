package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Report is the result of a verification.
type Report struct {
	Entries  int64   // entries covered by a valid checkpoint of the log
	Proven   int64   // entries covered by an external checkpoint: none of them was truncated, changed or re-signed
	Damage   *Damage // nil: none
	Trailing int64   // bytes after the last checkpoint: never acknowledged, or added by somebody
}

// Damage is the first position where the log differs from what was signed.
type Damage struct {
	First  int64  // index of the first bad entry
	Last   int64  // the first bad entry is at First to Last, if it cannot be located exactly; else First
	Reason string // in a few words
}

func (b Damage) String() string {
	if b.Last > b.First {
		return fmt.Sprintf("first bad entry between %d and %d: %s", b.First, b.Last, b.Reason)
	}
	return fmt.Sprintf("first bad entry %d: %s", b.First, b.Reason)
}

// VerifyDir verifies the log in a folder, which a daemon may be writing. Without a key it uses the one in the folder, which proves
// nothing against somebody who replaced both. external holds checkpoints stored elsewhere, or nothing.
func VerifyDir(name string, key note.Verifier, external []byte) (Report, error) {
	d, err := readDir(name)
	if err != nil {
		return Report{}, err
	}
	defer d.Close()
	if key == nil {
		if key, err = d.publicKey(); err != nil {
			return Report{}, err
		}
	}
	checkpoints, err := d.Open(checkpointsFile)
	if err != nil {
		return Report{}, err
	}
	defer checkpoints.Close()
	entries, err := d.Open(entriesFile)
	if err != nil {
		return Report{}, err
	}
	defer entries.Close()
	// The entries of a checkpoint that is read first are on disk.
	return Verify(readerOf(checkpoints), readerOf(entries), key, external)
}

func (d *dir) publicKey() (note.Verifier, error) {
	f, err := d.Open(publicKeyFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(readerOf(f), maxKeyFile))
	if err != nil {
		return nil, err
	}
	return ParsePublicKey(data)
}

// A verification reads both files once, in parallel.
type verification struct {
	key      note.Verifier
	entries  *bufio.Reader
	tree     tree
	group    []tlog.Hash  // leaves of the group being read
	external []checkpoint // by size
	report   Report
}

// Verify checks entries against the checkpoints of their log and against external ones. Errors are those of reading, or of external
// checkpoints that this key did not sign; damage to the log is in the Report.
func Verify(checkpoints, entries io.Reader, key note.Verifier, external []byte) (Report, error) {
	v := &verification{key: key, entries: bufio.NewReaderSize(entries, maxLine)}
	if err := v.readExternal(external); err != nil {
		return Report{}, err
	}
	s := newNoteReader(checkpoints)
	for v.report.Damage == nil {
		signed, err := s.next()
		if err == io.EOF {
			break
		} else if err != nil {
			v.fail(v.tree.n, v.tree.n, "the next checkpoint is unreadable")
			break
		}
		if err := v.verifyCheckpoint(signed); err != nil {
			return v.report, err
		}
	}
	rest, err := io.Copy(io.Discard, v.entries)
	if err != nil {
		return v.report, err
	}
	v.report.Trailing = rest + s.torn
	if n := len(v.external); v.report.Damage == nil && n > 0 {
		v.fail(v.tree.n, v.tree.n, fmt.Sprintf("the tail was cut: a checkpoint kept elsewhere speaks of %d entries", v.external[n-1].n))
	}
	return v.report, nil
}

func (v *verification) fail(first, last int64, what string) {
	v.report.Damage = &Damage{first, last, what}
}

// readElsewhere takes one note, or several in the form of the log's own file.
func (v *verification) readExternal(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	s := newNoteReader(bytes.NewReader(append(bytes.TrimRight(data, "\n"), '\n', '\n')))
	for {
		signed, err := s.next()
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		c, err := openCheckpoint(signed, v.key)
		if err != nil {
			return fmt.Errorf("the checkpoint from elsewhere is not of this log and key: %w", err)
		}
		if n := len(v.external); n > 0 && c.n <= v.external[n-1].n {
			return errors.New("the checkpoints from elsewhere are not in their order")
		}
		v.external = append(v.external, c)
	}
	if len(v.external) == 0 || s.torn > 0 {
		return errors.New("the file from elsewhere holds no whole checkpoint")
	}
	return nil
}

// verifyCheckpoint verifies one checkpoint and the entries since the one before.
func (v *verification) verifyCheckpoint(signed []byte) error {
	from := v.tree.n
	c, err := openCheckpoint(signed, v.key)
	if err != nil {
		v.fail(from, from, "the signature of its checkpoint is not of this key, or the checkpoint was changed")
		return nil
	}
	if c.n <= from {
		v.fail(from, from, "the checkpoints are not in their order")
		return nil
	}
	v.group = v.group[:0]
	known := c.n - int64(len(c.leaves)) // the checkpoint lists the leaves from here on
	for v.tree.n < c.n {
		at := v.tree.n
		b, err := v.entries.ReadSlice('\n')
		switch {
		case err == io.EOF:
			v.fail(at, at, "it was removed: the log ends before its checkpoint")
			return nil
		case err == bufio.ErrBufferFull:
			v.fail(at, at, "it was changed: no entry is that long")
			return nil
		case err != nil:
			return err
		}
		h := leafHash(b)
		if at >= known && h != c.leaves[at-known] {
			v.locate(from, known, at)
			return nil
		}
		v.tree.add(h)
		if v.checkExternal(); v.report.Damage != nil {
			return nil
		}
	}
	if v.tree.root() != c.root {
		v.fail(from, max(known-1, from), "it was changed, removed or put elsewhere")
		return nil
	}
	v.report.Entries = c.n
	return nil
}

// locate reports the first bad entry, given that the one at index at is bad: if checkpoints before it are missing, no checkpoint lists
// the entries between, so they may be bad as well.
func (v *verification) locate(from, known, at int64) {
	if known > from && at == known {
		v.fail(from, at, "it was changed, removed or put elsewhere; the checkpoints between are missing")
		return
	}
	v.fail(at, at, "it was changed, removed or put elsewhere")
}

// checkExternal compares the tree with the external checkpoint of this size, if there is one. If they differ, somebody with the private
// key re-signed a changed log.
func (v *verification) checkExternal() {
	if len(v.external) == 0 || v.external[0].n != v.tree.n {
		return
	}
	c := v.external[0]
	v.external = v.external[1:]
	if v.tree.root() != c.root {
		v.fail(v.report.Proven, c.n-1, "the log was signed anew: a checkpoint kept elsewhere says otherwise")
		return
	}
	v.report.Proven = c.n
}
