package audit

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A checkpoint says how many entries there are and what they hash to.
type checkpoint struct {
	n      int64
	root   tlog.Hash
	leaves []tlog.Hash // of the group that it ends: entries n-len(leaves) to n-1
}

// format is the text that is signed: C2SP tlog-checkpoint, with the leaves as extension lines.
func (c checkpoint) format(origin string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n%s\n", origin, c.n, c.root)
	for _, h := range c.leaves {
		b.WriteString(h.String() + "\n")
	}
	return b.String()
}

var errCheckpoint = errors.New("not a checkpoint of this log")

// parseCheckpoint reads what format wrote, and nothing else.
func parseCheckpoint(text, origin string) (c checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] != origin || lines[len(lines)-1] != "" {
		return c, errCheckpoint
	}
	if c.n, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.n < 1 {
		return c, errCheckpoint
	}
	if c.root, err = parseHash(lines[2]); err != nil {
		return c, err
	}
	for _, s := range lines[3 : len(lines)-1] {
		h, err := parseHash(s)
		if err != nil {
			return c, err
		}
		c.leaves = append(c.leaves, h)
	}
	if int64(len(c.leaves)) > c.n || c.format(origin) != text {
		return c, errCheckpoint
	}
	return c, nil
}

func parseHash(s string) (h tlog.Hash, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != tlog.HashSize {
		return h, errCheckpoint
	}
	return tlog.Hash(b), nil
}

// openCheckpoint verifies a note and reads its checkpoint.
func openCheckpoint(signed []byte, key note.Verifier) (checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return checkpoint{}, err
	}
	return parseCheckpoint(n.Text, key.Name())
}

// sign makes the note of a checkpoint.
func (c checkpoint) sign(key Key) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.format(key.signer.Name())}, key.signer)
}

// notes reads the file of checkpoints, one note after the other.
type notes struct {
	r    *bufio.Reader
	end  int64 // of the last whole note, its empty line included
	torn int64 // bytes after it
}

func newNotes(r io.Reader) *notes { return &notes{r: bufio.NewReader(r)} }

// next gives the next note; io.EOF after the last. What is not ended by an empty line was torn by a crash, and so is what
// holds zeros: file systems leave them where a size reached the disk before its bytes. Only the end of a file can be torn.
func (s *notes) next() ([]byte, error) {
	var b []byte
	for empty := 0; empty < 2; { // one ends the text, one the signatures
		part, err := s.r.ReadSlice('\n')
		b = append(b, part...)
		switch {
		case err == io.EOF:
			s.torn = int64(len(b))
			return nil, io.EOF
		case err != nil && err != bufio.ErrBufferFull:
			return nil, err
		case bytes.IndexByte(part, 0) >= 0 || len(b) > maxNote:
			return nil, s.drain(int64(len(b)), bytes.IndexByte(part, 0) >= 0)
		case len(part) == 1 && err == nil:
			empty++
		}
	}
	s.end += int64(len(b))
	return b[:len(b)-1], nil
}

// drain counts what is left. Zeros are the mark of a crash.
func (s *notes) drain(read int64, zeros bool) error {
	rest, err := io.Copy(io.Discard, s.r)
	if err != nil {
		return err
	}
	if !zeros {
		return fmt.Errorf("a checkpoint has more than %d bytes", maxNote)
	}
	s.torn = read + rest
	return io.EOF
}
