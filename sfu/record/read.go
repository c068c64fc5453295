package record

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
)

// An Opener decrypts recordings with the clinic's identity and the erasure keys. It is not safe for concurrent use.
type Opener struct {
	identities []age.Identity
	erasure    map[string][]byte
	erased     map[string]bool
	people     map[string]string // whose an erasure key is, by its id
	tracks     map[string][]byte // keys that were unwrapped, by track

	releases map[[sha256.Size]byte][]byte // keys of opened releases, by the hash of the sealed release
}

// NewOpener parses the content of an identity file (AGE-SECRET-KEY-1…, AGE-SECRET-KEY-PQ-1…; # begins a comment) and a keyring.
func NewOpener(identity []byte, k *Keyring) (*Opener, error) {
	identities, err := age.ParseIdentities(bytes.NewReader(identity))
	if err != nil {
		return nil, errors.New("record: this is no identity file of age, or it is protected by a passphrase") // the error may quote it
	}
	o := &Opener{identities: identities, erased: map[string]bool{}, people: map[string]string{}, tracks: map[string][]byte{}, releases: map[[sha256.Size]byte][]byte{}}
	if o.erasure, err = k.keys(); err != nil {
		return nil, err
	}
	return o, k.withState(func(s *keyringState) error {
		for _, e := range s.file.Erased {
			o.erased[e.ID] = true
		}
		for _, e := range s.file.Keys {
			o.people[e.ID] = e.Person
		}
		return nil
	})
}

func (o *Opener) trackKey(h Header) ([]byte, error) {
	if key, ok := o.tracks[h.Track]; ok {
		return key, nil
	}
	erasure, ok := o.erasure[h.ErasureKey]
	switch {
	case o.erased[h.ErasureKey]:
		return nil, ErrErased
	case !ok:
		return nil, ErrUnknownKey
	}
	key, err := unwrapKey(h.Wrapped, o.identities, erasure, h.Track)
	if err == nil {
		o.tracks[h.Track] = key
	}
	return key, err
}

// A ListedSegment is a segment as its unverified header describes it.
type ListedSegment struct {
	Name   string
	Header Header
	Err    error // the header cannot be read
}

// List reads all headers. It needs no key: headers are not encrypted. Tracks come in the order of their beginning, segments in
// theirs; what cannot be read comes last.
func List(l Storage) ([]ListedSegment, error) {
	names, err := l.List()
	if err != nil {
		return nil, err
	}
	var all []ListedSegment
	for _, name := range names {
		if !strings.HasSuffix(name, suffix) {
			continue
		}
		h, err := readHeader(l, name)
		all = append(all, ListedSegment{name, h, err})
	}
	slices.SortFunc(all, func(a, b ListedSegment) int {
		if (a.Err == nil) != (b.Err == nil) {
			return cmp.Compare(boolInt(a.Err != nil), boolInt(b.Err != nil))
		}
		return cmp.Or(a.Header.Started.Compare(b.Header.Started), cmp.Compare(a.Header.Track, b.Header.Track),
			cmp.Compare(a.Header.Segment, b.Header.Segment), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func readHeader(l Storage, name string) (Header, error) {
	f, err := l.Open(name)
	if err != nil {
		return Header{}, err
	}
	defer f.Close()
	data := make([]byte, magicSize+4)
	switch _, err := io.ReadFull(f, data); {
	case errors.Is(err, io.EOF): // not a byte
		return Header{}, errEmpty
	case err != nil:
		return Header{}, errHeader
	}
	if _, err := parseMagic(data); err != nil {
		return Header{}, err
	}
	n := binary.BigEndian.Uint32(data[magicSize:])
	if n > maxHeader {
		return Header{}, errHeader
	}
	data = append(data, make([]byte, n)...)
	if _, err := io.ReadFull(f, data[magicSize+4:]); err != nil {
		return Header{}, errHeader
	}
	h, _, err := parseHeader(data)
	return h, err
}

// A segment is the readable part of a file.
type segment struct {
	name     string
	header   Header
	size     int
	records  []opened // that are authentic, by number, each once
	tag      [tagSize]byte
	end      EndReason // 0 if there is none
	units    uint64
	problems []Problem
}

// An opened record.
type opened struct {
	number uint64
	at     int
	kind   byte
	plain  []byte
}

// read decrypts a segment. Its problems are in the result; the error says why nothing can be decrypted.
func (o *Opener) read(l Storage, name string) (*segment, error) {
	f, err := l.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSegment+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSegment {
		return nil, fmt.Errorf("%s is longer than any segment", name)
	}
	return o.parse(name, data)
}

func (o *Opener) parse(name string, data []byte) (*segment, error) {
	h, at, err := parseHeader(data)
	if err != nil {
		return nil, err
	}
	s := &segment{name: name, header: h, size: len(data)}
	key, err := o.trackKey(h)
	if err != nil {
		return s, err
	}
	seal, err := newSealer(key, h.File, data[:at])
	if err != nil {
		return s, err
	}
	s.classify(scan(seal, data, at))
	return s, s.parseRecords()
}

// A piece is a range of a file: an authentic record, or other bytes.
type piece struct {
	frame
	plain   []byte // nil if it is not authentic
	finding Finding
	torn    bool // what a crash leaves: cut short, or zeros where nothing was written
}

// scan splits a file into records. Every record begins with the file's id, so that a damaged record does not hide later ones.
func scan(s *sealer, data []byte, at int) (list []piece) {
	own := 0 // where the next of our own records may begin: looked for once, however much lies in front of it
	for at < len(data) {
		f, whole := readFrame(data, at)
		if whole && f.file == s.file {
			if plain, err := s.open(f); err == nil {
				list = append(list, piece{frame: f, plain: plain})
				at = f.end()
				continue
			}
		}
		if own <= at {
			own = len(data)
			if i := bytes.Index(data[at+1:], s.file[:]); i >= 0 {
				own = at + 1 + i
			}
		}
		next := own
		p := piece{frame: frame{at: at}, finding: Damaged}
		if whole && f.file != s.file && f.end() <= next && !s.opensAsOwn(f) {
			p.finding, next = Spliced, f.end()
		}
		p.torn = torn(s.file, data[at:next], whole)
		list = append(list, p)
		at = next
	}
	return list
}

// opensAsOwn reports whether only the file id of a record is damaged.
func (s *sealer) opensAsOwn(f frame) bool {
	f.head = slices.Concat(s.file[:], f.head[idSize:])
	_, err := s.open(f)
	return err == nil
}

// torn reports whether bytes look like the end of a file after a crash: a truncated record, or one of which a part never reached the disk
// and reads as zeros. Neither happens to ciphertext by chance.
func torn(file [idSize]byte, b []byte, whole bool) bool {
	if bytes.Contains(b, make([]byte, zeroRun)) || len(bytes.Trim(b, "\x00")) == 0 || len(b) >= tagSize && [tagSize]byte(b[len(b)-tagSize:]) == [tagSize]byte{} {
		return true
	}
	n := min(len(b), idSize)
	return !whole && bytes.Equal(b[:n], file[:n])
}

// parseRecords parses the entries of all records and checks them against the end record.
func (s *segment) parseRecords() error {
	units, keys := uint64(0), index{}
	for _, r := range s.records {
		if r.kind == recordEnd {
			end, n, x, err := parseEnd(r.plain)
			if err != nil {
				return err
			}
			s.end, s.units = end, n
			whole := len(s.records) == int(r.number)+1
			if whole && (n != units || !slices.Equal(x, keys)) {
				s.addProblem(int64(r.number), Damaged, "what it says of the others is not so")
			}
			return nil
		}
		entries, err := parseEntries(s.header.Version, r.plain)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.media() {
				units++
			}
			if e.media() && e.KeyFrame && len(keys) < maxIndex {
				keys = append(keys, keyFrameEntry{r.number, uint64(r.at), e.Timestamp})
			}
		}
	}
	s.units = units
	return nil
}

// entries returns the entries of a segment, in the order in which they were written.
func (s *segment) entries() (list []Entry) {
	for _, r := range s.records {
		if r.kind == recordData {
			more, _ := parseEntries(s.header.Version, r.plain) // parseRecords has read them
			list = append(list, more...)
		}
	}
	return list
}
