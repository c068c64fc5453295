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

// A checkpoint states the number of entries and their root hash.
type checkpoint struct {
	n      int64
	root   tlog.Hash
	leaves []tlog.Hash // of the last group: entries n-len(leaves) to n-1
}

// format returns the signed text: C2SP tlog-checkpoint, with the leaves as extension lines.
func (c checkpoint) format(origin string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n%s\n", origin, c.n, c.root)
	for _, h := range c.leaves {
		b.WriteString(h.String() + "\n")
	}
	return b.String()
}

var errCheckpoint = errors.New("not a checkpoint of this log")

// parseCheckpoint parses exactly the output of format.
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

// openCheckpoint verifies a note and parses its checkpoint.
func openCheckpoint(signed []byte, key note.Verifier) (checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return checkpoint{}, err
	}
	return parseCheckpoint(n.Text, key.Name())
}

// sign returns the checkpoint as a signed note.
func (c checkpoint) sign(key Key) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.format(key.signer.Name())}, key.signer)
}

// A noteReader reads the file of checkpoints, one note after the other.
type noteReader struct {
	r    *bufio.Reader
	end  int64 // of the last complete note, with its empty line
	torn int64 // bytes after it
}

func newNoteReader(r io.Reader) *noteReader { return &noteReader{r: bufio.NewReader(r)} }

// next returns the next note, and io.EOF after the last. Bytes without a final empty line were torn by a crash, and so were bytes
// with zeros, which file systems leave if a size reaches the disk before its bytes. Only the end of a file can be torn.
func (s *noteReader) next() ([]byte, error) {
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
			return nil, s.skipTorn(int64(len(b)), bytes.IndexByte(part, 0) >= 0)
		case len(part) == 1 && err == nil:
			empty++
		}
	}
	s.end += int64(len(b))
	return b[:len(b)-1], nil
}

// skipTorn counts the rest of the file as torn if it has zeros, the mark of a crash; else it fails.
func (s *noteReader) skipTorn(read int64, zeros bool) error {
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
