package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"

	"alcove/sfu/record/sframe"
)

// FrameCounts say how the frames of a sealed track fared; of video, frames that are not whole count nowhere.
type FrameCounts struct {
	Opened     uint64 `json:"opened"`
	Unreleased uint64 `json:"unreleased"` // no key was released for them
	Forged     uint64 `json:"forged"`     // not sealed, not sealed with the key that they name, or there before
}

// Errors of opening a release.
var (
	errReleaseIdentity = errors.New("no identity fits: the keys of the frames were released to other recipients")
	errRelease         = errors.New("a release is damaged: the frames that need it stay closed")
	errReleaseUnsealed = errors.New("a release without the key that opens it: the frames that need it stay closed")
)

// releaseFinding names a release that did not open.
func releaseFinding(err error) Finding {
	if errors.Is(err, errReleaseIdentity) {
		return Closed
	}
	return Damaged
}

// releaseKey opens the key of a release. Tracks and segments repeat it, and opening it takes some tenths of a second, so it is kept.
func (o *Opener) releaseKey(sealed []byte) ([]byte, error) {
	id := sha256.Sum256(sealed)
	if key, ok := o.releases[id]; ok {
		return key, nil
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), o.identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, errReleaseIdentity
	case err != nil:
		return nil, errRelease
	}
	key, err := io.ReadAll(io.LimitReader(r, keySize+1))
	if err != nil || len(key) != keySize {
		return nil, errRelease
	}
	o.releases[id] = key
	return key, nil
}

// frameKeys are the keys of a track's frames that were released. A KID may have several: only the one that fits opens anything.
type frameKeys struct {
	opener *Opener
	source string
	keys   map[sframe.KID][]frameKey
	rk     []byte // of the last release that had one
}

type frameKey struct {
	blob string // key and salt
	key  *sframe.Key
}

func (o *Opener) newFrameKeys(h Header) *frameKeys {
	return &frameKeys{opener: o, source: h.Source, keys: map[sframe.KID][]frameKey{}}
}

// add adds the keys of one release.
func (k *frameKeys) add(payload []byte) error {
	var r Release
	if err := json.Unmarshal(payload, &r); err != nil {
		return errRelease
	}
	if r.Sealed != nil {
		rk, err := k.opener.releaseKey(r.Sealed)
		if k.rk = rk; err != nil {
			return err
		}
	}
	if k.rk == nil {
		return errReleaseUnsealed
	}
	aead, err := newGCM(k.rk)
	if err != nil {
		return err
	}
	for _, one := range r.Keys {
		kid := binary.BigEndian.AppendUint32(nil, one.KID)
		plain, err := aead.Open(nil, append(make([]byte, 8), kid...), one.Blob, kid)
		if err != nil || len(plain) != sframe.KeySize+sframe.SaltSize {
			return errRelease
		}
		if err := k.put(sframe.KID(one.KID), plain); err != nil {
			return err
		}
	}
	return nil
}

// put keeps a key of a stream that the track's source may have.
func (k *frameKeys) put(kid sframe.KID, plain []byte) error {
	if !fitsSource(kid.Stream(), k.source) {
		return nil
	}
	for _, old := range k.keys[kid] {
		if old.blob == string(plain) {
			return nil
		}
	}
	if len(k.keys[kid]) >= maxKeysOfKID {
		return errRelease
	}
	key, err := sframe.NewKey(plain[:sframe.KeySize], plain[sframe.KeySize:])
	if err == nil {
		k.keys[kid] = append(k.keys[kid], frameKey{string(plain), key})
	}
	return err
}

func fitsSource(stream int, source string) bool {
	switch source {
	case "microphone":
		return stream == sframe.Microphone
	case "screen":
		return stream == sframe.Screen
	}
	return stream >= sframe.CameraFirst && stream <= sframe.CameraLast
}

// A frameOpener opens the assembled frames of one track.
type frameOpener struct {
	codec    sframe.Codec
	keys     *frameKeys
	windows  map[sframe.KID]*replayWindow
	counts   FrameCounts
	awaitKey bool  // a picture is missing, so that those that follow cannot be decoded
	from, to int64 // ns since 1970, of the frames without a key
}

func newFrameOpener(kind Kind, keys *frameKeys) *frameOpener {
	f := &frameOpener{codec: sframe.Opus, keys: keys, windows: map[sframe.KID]*replayWindow{}}
	if kind == Video {
		f.codec = sframe.VP8
	}
	return f
}

// open gives a block in clear. It leaves out what cannot be opened and, of video, all up to the next key frame that can.
func (f *frameOpener) open(b block) (block, bool) {
	plain := f.openFrame(b)
	switch {
	case plain == nil:
		f.awaitKey = f.codec == sframe.VP8
		return b, false
	case b.key:
		f.awaitKey = false
	case f.awaitKey:
		return b, false
	}
	b.data = plain
	return b, true
}

// openFrame returns nil for a frame that cannot be opened.
func (f *frameOpener) openFrame(b block) []byte {
	frame, err := sframe.Parse(f.codec, b.data)
	if err != nil {
		f.counts.Forged++
		return nil
	}
	keys := f.keys.keys[frame.KID]
	if len(keys) == 0 {
		if f.counts.Unreleased == 0 {
			f.from = b.at
		}
		f.to = b.at
		f.counts.Unreleased++
		return nil
	}
	for _, one := range keys {
		plain, err := one.key.Open(frame)
		if err != nil {
			continue
		}
		if f.windows[frame.KID] == nil {
			f.windows[frame.KID] = &replayWindow{}
		}
		if !f.windows[frame.KID].mark(frame.Counter) {
			break
		}
		f.counts.Opened++
		return plain
	}
	f.counts.Forged++
	return nil
}

// problems lists the frames that could not be opened.
func (f *frameOpener) problems(track string) (list []Problem) {
	at := func(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000Z") }
	if n := f.counts.Unreleased; n > 0 {
		list = append(list, Problem{Track: track, Record: -1, Finding: Unreleased,
			Detail: fmt.Sprintf("%d frames between %s and %s were sealed with keys that were not released: after a withdrawal, or before a release came", n, at(f.from), at(f.to))})
	}
	if n := f.counts.Forged; n > 0 {
		list = append(list, Problem{Track: track, Record: -1, Finding: Forged, Detail: fmt.Sprintf("%d frames are not what their person sealed, or were there before", n)})
	}
	return list
}

// A replayWindow remembers which counters of a KID were opened: the last replaySize of them (RFC 9605, section 9.3).
type replayWindow struct {
	highest uint32
	seen    [replaySize / 64]uint64
}

// mark reports whether a counter is new, and remembers it.
func (w *replayWindow) mark(counter uint32) bool {
	for ; w.highest < counter; w.highest++ {
		if counter-w.highest > replaySize {
			w.seen, w.highest = [replaySize / 64]uint64{}, counter-1
		}
		next := (w.highest + 1) % replaySize
		w.seen[next/64] &^= 1 << (next % 64)
	}
	at := counter % replaySize
	if w.highest-counter >= replaySize || w.seen[at/64]&(1<<(at%64)) != 0 {
		return false
	}
	w.seen[at/64] |= 1 << (at % 64)
	return true
}
