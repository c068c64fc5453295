package record

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The layout of a segment; FORMAT.md is the specification. Numbers are big-endian.
const (
	magic      = "ALCVREC" // and the version: one digit
	magicSize  = len(magic) + 1
	suffix     = ".seg"
	recordHead = 16 + 1 + 8 + 4 + tagSize // file id, kind, number, length of what follows, tag of the record before
	entryHead  = 1 + 1 + 2 + 8 + 4 + 8    // kind, flags, length of the payload, sequence number, RTP time, time in ns since 1970
	endHead    = 1 + 8                    // reason, units of the segment; then the index
	indexEntry = 8 + 8 + 4                // record, offset in the file, RTP time
	tagSize    = 16
	keySize    = 32
	idSize     = 16
)

// Kinds of records, and of entries in a data record.
const (
	recordData byte = 1
	recordEnd  byte = 2

	entryUnit    byte = 1
	entryClock   byte = 2
	entryRelease byte = 3 // of version 2

	flagMarker   byte = 1
	flagKeyFrame byte = 2
)

// Labels keep the keys that are derived from one secret apart (RFC 5869, section 3.2).
const (
	labelSegment = "alcove recording 1: segment"
	labelErasure = "alcove recording 1: erasure"
)

// Versions of the format.
const (
	version1 = 1
	version2 = 2 // frames are sealed end to end: keys come in entries of kind release
)

// An EndReason is why a segment has no more records.
type EndReason byte

// The ends.
const (
	Stopped   EndReason = 1 // the track was stopped
	Continued EndReason = 2 // by the segment with the next number
	Failed    EndReason = 3 // the track could not go on
)

// A Header is the unencrypted beginning of each segment. Each record authenticates it.
type Header struct {
	File       string    `json:"file"`               // random id: 16 bytes, hexadecimal
	Track      string    `json:"track"`              // the same
	Segment    int       `json:"segment"`            // of the track, from 0
	Previous   string    `json:"previous,omitempty"` // tag of the last record of the segment before, hexadecimal
	Session    string    `json:"session"`
	Person     string    `json:"person"`
	Kind       Kind      `json:"kind"`
	Codec      Codec     `json:"codec"`
	Source     string    `json:"source"`
	ClockRate  uint32    `json:"clockRate"`
	Class      string    `json:"class"`
	Purpose    string    `json:"purpose"`
	Started    time.Time `json:"started"`    // the track: expiry counts from here
	Begins     time.Time `json:"begins"`     // the segment
	ErasureKey string    `json:"erasureKey"` // id of the key that Wrapped is wrapped under
	Wrapped    []byte    `json:"wrapped"`    // the track's key: wrapped by age, then under the erasure key

	Version int `json:"-"` // of the format: the last byte of the magic
}

// Sealed reports whether the track's frames are sealed end to end.
func (h Header) Sealed() bool { return h.Version == version2 }

var errHeader = errors.New("this is no segment of a recording, or its header is damaged")

// errVersion is a segment of a later version of the format.
var errVersion = errors.New("this segment is of a later version of the format than this release reads")

// errEmpty reports a file without a header, left by a crash just after its creation.
var errEmpty = errors.New("this segment of a recording is empty")

// marshal returns the encoded header, for the beginning of the file.
func (h Header) marshal() ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil || len(text) > maxHeader {
		return nil, ErrInfo
	}
	b := binary.BigEndian.AppendUint32(append([]byte(magic), '0'+byte(h.Version)), uint32(len(text)))
	return append(b, text...), nil
}

// parseHeader decodes the header of a segment and returns where its records begin.
func parseHeader(data []byte) (h Header, records int, err error) {
	head := magicSize + 4
	if len(data) < head {
		return h, 0, errHeader
	}
	version, err := parseMagic(data)
	if err != nil {
		return h, 0, err
	}
	n := binary.BigEndian.Uint32(data[magicSize:])
	if n > maxHeader || len(data)-head < int(n) {
		return h, 0, errHeader
	}
	d := json.NewDecoder(bytes.NewReader(data[head : head+int(n)]))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil || d.InputOffset() != int64(n) || !h.valid() {
		return Header{}, 0, errHeader
	}
	h.Version = version
	return h, head + int(n), nil
}

// parseMagic returns the version of the format. It refuses unknown versions instead of guessing.
func parseMagic(data []byte) (version int, err error) {
	if len(data) < magicSize || string(data[:len(magic)]) != magic {
		return 0, errHeader
	}
	switch version = int(data[len(magic)]) - '0'; {
	case version == version1 || version == version2:
		return version, nil
	case version > version2 && version <= 9:
		return 0, errVersion
	}
	return 0, errHeader
}

// valid checks the assumptions of the rest of the package.
func (h Header) valid() bool {
	return isID(h.File) && isID(h.Track) && h.Segment >= 0 && h.Segment <= maxSegments && h.info().check() == nil &&
		(h.Previous == "" || isID(h.Previous)) && isID(h.ErasureKey) && (h.Previous == "") == (h.Segment == 0)
}

func (h Header) info() Info {
	return Info{h.Session, h.Person, h.Kind, h.Codec, h.Source, h.ClockRate, h.Class, h.Purpose, h.Sealed()}
}

// check refuses infos that a reader could not use, and texts that are not opaque ids.
func (i Info) check() error {
	for _, text := range []string{i.Session, i.Person, i.Source, i.Class, i.Purpose} {
		if text == "" || len(text) > maxText {
			return ErrInfo
		}
		for _, c := range []byte(text) {
			if c <= ' ' || c > '~' {
				return ErrInfo
			}
		}
	}
	good := i.Kind == Audio && i.Codec == Opus || i.Kind == Video && i.Codec == VP8
	if !good || i.ClockRate == 0 {
		return ErrInfo
	}
	return nil
}

func newID() string {
	var id [idSize]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

func isID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == idSize && hex.EncodeToString(b) == s
}

func rawID(s string) (id [idSize]byte) {
	hex.Decode(id[:], []byte(s))
	return id
}

// A sealer seals and opens the records of one segment.
type sealer struct {
	aead   cipher.AEAD
	file   [idSize]byte
	header [sha256.Size]byte
	aad    [sha256.Size + recordHead]byte // scratch
	nonce  [12]byte                       // scratch
}

// newSealer derives a segment's key from its track's: no two segments share one, so that numbers may begin at 0 in each.
func newSealer(track []byte, file string, header []byte) (*sealer, error) {
	s := &sealer{file: rawID(file), header: sha256.Sum256(header)}
	key, err := hkdf.Key(sha256.New, track, s.file[:], labelSegment, keySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	s.aead, err = newGCM(key)
	return s, err
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal appends a record to dst, which must have the capacity, and gives its tag.
func (s *sealer) seal(dst []byte, kind byte, number uint64, previous [tagSize]byte, plain []byte) ([]byte, [tagSize]byte) {
	at := len(dst)
	dst = append(dst, s.file[:]...)
	dst = append(dst, kind)
	dst = binary.BigEndian.AppendUint64(dst, number)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(plain)+tagSize))
	dst = append(dst, previous[:]...)
	dst = s.aead.Seal(dst, s.nonceOf(number), plain, s.authenticated(dst[at:at+recordHead]))
	return dst, [tagSize]byte(dst[len(dst)-tagSize:])
}

// open returns the plaintext of an authentic record, which is not nil even if it is empty.
func (s *sealer) open(f frame) ([]byte, error) {
	return s.aead.Open(make([]byte, 0, len(f.sealed)), s.nonceOf(f.number), f.sealed, s.authenticated(f.head))
}

func (s *sealer) nonceOf(number uint64) []byte {
	binary.BigEndian.PutUint64(s.nonce[4:], number)
	return s.nonce[:]
}

func (s *sealer) authenticated(head []byte) []byte {
	copy(s.aad[copy(s.aad[:], s.header[:]):], head)
	return s.aad[:]
}

// A frame is a record as stored in the file.
type frame struct {
	at       int // in the file
	head     []byte
	file     [idSize]byte
	kind     byte
	number   uint64
	previous [tagSize]byte
	sealed   []byte
}

func (f frame) end() int           { return f.at + recordHead + len(f.sealed) }
func (f frame) tag() [tagSize]byte { return [tagSize]byte(f.sealed[len(f.sealed)-tagSize:]) }

// readFrame reads what could be a record at a place, whatever its file id.
func readFrame(data []byte, at int) (f frame, ok bool) {
	if len(data)-at < recordHead+tagSize {
		return f, false
	}
	head := data[at : at+recordHead]
	n := binary.BigEndian.Uint32(head[25:])
	f = frame{at: at, head: head, file: [idSize]byte(head), kind: head[16], number: binary.BigEndian.Uint64(head[17:]),
		previous: [tagSize]byte(head[29:])}
	if f.kind != recordData && f.kind != recordEnd || n < tagSize || n > maxPlain+tagSize || len(data)-at-recordHead < int(n) {
		return f, false
	}
	f.sealed = data[at+recordHead : at+recordHead+int(n)]
	return f, true
}

// An Entry is a unit, a clock mapping (Clock is true, Timestamp is Arrived in the server's clock) or a release (Release is true, the
// payload is its JSON).
type Entry struct {
	Unit
	Clock, Release bool
}

// media reports whether the entry is a unit.
func (e Entry) media() bool { return !e.Clock && !e.Release }

// putEntry writes the head of an entry.
func putEntry(b *[entryHead]byte, kind, flags byte, length int, seq uint64, timestamp uint32, at time.Time) {
	b[0], b[1] = kind, flags
	binary.BigEndian.PutUint16(b[2:], uint16(length))
	binary.BigEndian.PutUint64(b[4:], seq)
	binary.BigEndian.PutUint32(b[12:], timestamp)
	binary.BigEndian.PutUint64(b[16:], uint64(at.UnixNano()))
}

func timestampOf(head *[entryHead]byte) uint32 { return binary.BigEndian.Uint32(head[12:]) }

// parseEntries reads the plaintext of a data record of a version. Payloads share its memory.
func parseEntries(version int, plain []byte) (list []Entry, err error) {
	for len(plain) > 0 {
		if len(plain) < entryHead {
			return nil, errors.New("an entry is cut short")
		}
		n := int(binary.BigEndian.Uint16(plain[2:]))
		known := plain[0] == entryUnit || plain[0] == entryClock || plain[0] == entryRelease && version == version2
		if !known || len(plain) < entryHead+n {
			return nil, fmt.Errorf("an entry of kind %d is not understood", plain[0])
		}
		list = append(list, Entry{Clock: plain[0] == entryClock, Release: plain[0] == entryRelease, Unit: Unit{
			Seq:       binary.BigEndian.Uint64(plain[4:]),
			Timestamp: binary.BigEndian.Uint32(plain[12:]),
			Arrived:   time.Unix(0, int64(binary.BigEndian.Uint64(plain[16:]))).UTC(),
			Marker:    plain[1]&flagMarker != 0,
			KeyFrame:  plain[1]&flagKeyFrame != 0,
			Payload:   plain[entryHead : entryHead+n : entryHead+n],
		}})
		plain = plain[entryHead+n:]
	}
	return list, nil
}

// An index says where key frames begin.
type index []keyFrameEntry

type keyFrameEntry struct {
	record, offset uint64
	timestamp      uint32
}

func endPlain(reason EndReason, units uint64, x index) []byte {
	b := binary.BigEndian.AppendUint64([]byte{byte(reason)}, units)
	for _, i := range x {
		b = binary.BigEndian.AppendUint64(b, i.record)
		b = binary.BigEndian.AppendUint64(b, i.offset)
		b = binary.BigEndian.AppendUint32(b, i.timestamp)
	}
	return b
}

func parseEnd(plain []byte) (reason EndReason, units uint64, x index, err error) {
	if len(plain) < endHead || (len(plain)-endHead)%indexEntry != 0 {
		return 0, 0, nil, errors.New("the last record is not understood")
	}
	for b := plain[endHead:]; len(b) > 0; b = b[indexEntry:] {
		x = append(x, keyFrameEntry{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint32(b[16:])})
	}
	return EndReason(plain[0]), binary.BigEndian.Uint64(plain[1:]), x, nil
}
