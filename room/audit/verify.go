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

// A Report is what a log proves.
type Report struct {
	Entries int64 // under a good checkpoint of the log itself
	Proven  int64 // under a checkpoint from elsewhere: nothing before this was cut, changed or signed anew
	Bad     *Bad  // nil: none
	After   int64 // bytes after the last checkpoint: never acknowledged, or put there by somebody
}

// Bad is the first place where the log is not what was signed.
type Bad struct {
	First int64  // index of the first bad entry
	Last  int64  // where it can be told from, up to which entry the first bad one may lie; else First
	What  string // in a few words
}

func (b Bad) String() string {
	if b.Last > b.First {
		return fmt.Sprintf("first bad entry between %d and %d: %s", b.First, b.Last, b.What)
	}
	return fmt.Sprintf("first bad entry %d: %s", b.First, b.What)
}

// VerifyDir verifies the log in a folder; a daemon may be writing it. Without a key it takes the one beside the log, which
// proves nothing against somebody who replaced both. elsewhere holds checkpoints kept in another place, or nothing.
func VerifyDir(name string, key note.Verifier, elsewhere []byte) (Report, error) {
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
	// A checkpoint that was there before the entries are read has its entries there.
	return Verify(whole(checkpoints), whole(entries), key, elsewhere)
}

func (d *dir) publicKey() (note.Verifier, error) {
	f, err := d.Open(publicKeyFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(whole(f), maxKeyFile))
	if err != nil {
		return nil, err
	}
	return ParsePublicKey(data)
}

// A verification walks both files once, side by side.
type verification struct {
	key       note.Verifier
	entries   *bufio.Reader
	tree      tree
	group     []tlog.Hash  // leaves of the group being read
	elsewhere []checkpoint // by size
	report    Report
}

// Verify holds entries against the checkpoints of their log and those kept elsewhere. Errors are of reading, or of checkpoints
// from elsewhere that this key did not sign; what is wrong with the log is in the Report.
func Verify(checkpoints, entries io.Reader, key note.Verifier, elsewhere []byte) (Report, error) {
	v := &verification{key: key, entries: bufio.NewReaderSize(entries, maxLine)}
	if err := v.readElsewhere(elsewhere); err != nil {
		return Report{}, err
	}
	s := newNotes(checkpoints)
	for v.report.Bad == nil {
		signed, err := s.next()
		if err == io.EOF {
			break
		} else if err != nil {
			v.bad(v.tree.n, v.tree.n, "the next checkpoint is unreadable")
			break
		}
		if err := v.step(signed); err != nil {
			return v.report, err
		}
	}
	rest, err := io.Copy(io.Discard, v.entries)
	if err != nil {
		return v.report, err
	}
	v.report.After = rest + s.torn
	if n := len(v.elsewhere); v.report.Bad == nil && n > 0 {
		v.bad(v.tree.n, v.tree.n, fmt.Sprintf("the tail was cut: a checkpoint kept elsewhere speaks of %d entries", v.elsewhere[n-1].n))
	}
	return v.report, nil
}

func (v *verification) bad(first, last int64, what string) {
	v.report.Bad = &Bad{first, last, what}
}

// readElsewhere takes one note, or several in the form of the log's own file.
func (v *verification) readElsewhere(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	s := newNotes(bytes.NewReader(append(bytes.TrimRight(data, "\n"), '\n', '\n')))
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
		if n := len(v.elsewhere); n > 0 && c.n <= v.elsewhere[n-1].n {
			return errors.New("the checkpoints from elsewhere are not in their order")
		}
		v.elsewhere = append(v.elsewhere, c)
	}
	if len(v.elsewhere) == 0 || s.torn > 0 {
		return errors.New("the file from elsewhere holds no whole checkpoint")
	}
	return nil
}

// step verifies one checkpoint and the entries that it ends.
func (v *verification) step(signed []byte) error {
	from := v.tree.n
	c, err := openCheckpoint(signed, v.key)
	if err != nil {
		v.bad(from, from, "the signature of its checkpoint is not of this key, or the checkpoint was changed")
		return nil
	}
	if c.n <= from {
		v.bad(from, from, "the checkpoints are not in their order")
		return nil
	}
	v.group = v.group[:0]
	known := c.n - int64(len(c.leaves)) // leaves from here on are named by the checkpoint
	for v.tree.n < c.n {
		at := v.tree.n
		b, err := v.entries.ReadSlice('\n')
		switch {
		case err == io.EOF:
			v.bad(at, at, "it was removed: the log ends before its checkpoint")
			return nil
		case err == bufio.ErrBufferFull:
			v.bad(at, at, "it was changed: no entry is that long")
			return nil
		case err != nil:
			return err
		}
		h := leafHash(b)
		if at >= known && h != c.leaves[at-known] {
			v.locate(from, known, at)
			return nil
		}
		v.tree.grow(h)
		if v.compare(); v.report.Bad != nil {
			return nil
		}
	}
	if v.tree.root() != c.root {
		v.bad(from, max(known-1, from), "it was changed, removed or put elsewhere")
		return nil
	}
	v.report.Entries = c.n
	return nil
}

// locate says which entry is the first that is wrong when the one at index at is: if checkpoints before it are missing, those
// between are not named by any, and may be wrong as well.
func (v *verification) locate(from, known, at int64) {
	if known > from && at == known {
		v.bad(from, at, "it was changed, removed or put elsewhere; the checkpoints between are missing")
		return
	}
	v.bad(at, at, "it was changed, removed or put elsewhere")
}

// compare holds the tree against the checkpoint from elsewhere of this size, if there is one. Where they differ, the log was
// signed anew by somebody with the private key: only the leaves that the checkpoint names can be told apart.
func (v *verification) compare() {
	if len(v.elsewhere) == 0 || v.elsewhere[0].n != v.tree.n {
		return
	}
	c := v.elsewhere[0]
	v.elsewhere = v.elsewhere[1:]
	if v.tree.root() != c.root {
		v.bad(v.report.Proven, c.n-1, "the log was signed anew: a checkpoint kept elsewhere says otherwise")
		return
	}
	v.report.Proven = c.n
}
