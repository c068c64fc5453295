package record

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
)

// A Paper is what somebody sealed to the clinic in a session: an emergency card or a journal. It lies in the Storage beside recordings, in one file:
// a line of JSON, the Paper, and the age file that the page made, encrypted once more under the person's erasure key. So erasing the person
// erases papers and every backup of them too, and to open one takes the clinic's identity and the erasure keys.
type Paper struct {
	Format     string    `json:"format"` // paperFormat
	ID         string    `json:"id"`
	Session    string    `json:"session"`
	Person     string    `json:"person"` // the opaque key: whom an erasure erases
	Kind       string    `json:"kind"`   // card or journal
	Class      string    `json:"class"`  // the retention class
	At         time.Time `json:"at"`
	ErasureKey string    `json:"erasureKey"`
}

const (
	paperFormat = "alcove paper 1"
	paperSuffix = ".paper"
	// maxPaper bounds a file: what package room/files takes, with a line and a tag.
	maxPaper       = 1<<20 + 64<<10
	maxPaperHeader = 1 << 10
	// maxPaperText bounds the words of one: the sealed form is bounded already.
	maxPaperText = 1 << 20
)

var errPaper = errors.New("the paper is damaged")

// paperKey is derived for one paper, so its one message may have the nonce 0.
func paperKey(erasure []byte, id string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, erasure, nil, paperFormat+": erasure "+id, keySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newGCM(key)
}

// KeepPaper stores what a page sealed. It is on the disk when it returns. Format and ErasureKey are set.
func KeepPaper(l Storage, k *Keyring, p Paper, sealed []byte) error {
	erasure, id, err := k.erasureKeyOf(p.Person)
	if err != nil {
		return err
	}
	p.Format, p.ErasureKey, p.At = paperFormat, id, p.At.UTC()
	header, err := json.Marshal(p)
	if err != nil {
		return err
	}
	aead, err := paperKey(erasure, p.ID)
	if err != nil {
		return err
	}
	data := append(slices.Clone(header), '\n')
	data = aead.Seal(data, make([]byte, aead.NonceSize()), sealed, header)
	return withLock(l, func(locked LockedStorage) error { return locked.Replace(p.ID+paperSuffix, data) })
}

// A ListedPaper is a file with its description, or the reason why it cannot be read.
type ListedPaper struct {
	Name  string
	Paper Paper
	Err   error
}

// ListPapers returns all papers, the oldest first.
func ListPapers(l Storage) ([]ListedPaper, error) {
	names, err := l.List()
	if err != nil {
		return nil, err
	}
	var all []ListedPaper
	for _, name := range names {
		if strings.HasSuffix(name, paperSuffix) {
			p, _, _, err := readPaper(l, name)
			all = append(all, ListedPaper{name, p, err})
		}
	}
	slices.SortFunc(all, func(a, b ListedPaper) int { return a.Paper.At.Compare(b.Paper.At) })
	return all, nil
}

func readPaper(l Storage, name string) (p Paper, header, sealed []byte, err error) {
	f, err := l.Open(name)
	if err != nil {
		return p, nil, nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPaper+1))
	if err != nil {
		return p, nil, nil, err
	}
	header, sealed, ok := bytes.Cut(data, []byte("\n"))
	if !ok || len(header) > maxPaperHeader || len(data) > maxPaper || json.Unmarshal(header, &p) != nil || p.Format != paperFormat || p.ID+paperSuffix != name {
		return p, nil, nil, errPaper
	}
	return p, header, sealed, nil
}

// OpenPaper returns the words of a paper, as the page wrote them: JSON.
func (o *Opener) OpenPaper(l Storage, name string) (Paper, []byte, error) {
	p, header, sealed, err := readPaper(l, name)
	if err != nil {
		return p, nil, err
	}
	erasure, ok := o.erasure[p.ErasureKey]
	switch {
	case o.erased[p.ErasureKey]:
		return p, nil, ErrErased
	case !ok:
		return p, nil, ErrUnknownKey
	}
	aead, err := paperKey(erasure, p.ID)
	if err != nil {
		return p, nil, err
	}
	inner, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed, header)
	if err != nil {
		return p, nil, errPaper
	}
	r, err := age.Decrypt(bytes.NewReader(inner), o.identities...)
	if none := (*age.NoIdentityMatchError)(nil); errors.As(err, &none) {
		return p, nil, ErrIdentity
	} else if err != nil {
		return p, nil, errPaper
	}
	text, err := io.ReadAll(io.LimitReader(r, maxPaperText+1))
	if err != nil || len(text) > maxPaperText {
		return p, nil, errPaper
	}
	return p, text, nil
}

// PapersGCResult counts the papers of a GCPapers.
type PapersGCResult struct{ Removed, Held, Unknown int }

// GCPapers removes papers whose class has expired and that no hold covers, as GC does recordings. onExpire is called for each before.
func GCPapers(l Storage, classes Classes, now time.Time, onExpire func(Paper) error) (s PapersGCResult, err error) {
	all, err := ListPapers(l)
	if err != nil || len(all) == 0 {
		return s, err
	}
	err = withLock(l, func(locked LockedStorage) error {
		holds, err := ReadHolds(l)
		if err != nil {
			return err
		}
		for _, one := range all {
			keep, known := classes[one.Paper.Class]
			switch {
			case one.Err != nil || !known:
				s.Unknown++
			case keep == 0 || now.Before(one.Paper.At.Add(keep)):
			case holds.Covers(one.Paper.held()):
				s.Held++
			default:
				if err := onExpire(one.Paper); err != nil {
					return err
				}
				if err := locked.Remove(one.Name); err != nil {
					return fmt.Errorf("%s: %w", one.Name, err)
				}
				s.Removed++
			}
		}
		return nil
	})
	return s, err
}

// held is the paper as holds see it.
func (p Paper) held() Header { return Header{Session: p.Session, Person: p.Person} }
