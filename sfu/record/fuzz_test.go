package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"alcove/sfu/record/sframe"
)

// FuzzSegment checks that the reader, given the right key, reports problems in arbitrary bytes and returns no record that was not written.
func FuzzSegment(f *testing.F) {
	key := bytes.Repeat([]byte{7}, keySize)
	h := Header{File: "00112233445566778899aabbccddeeff", Track: "ffeeddccbbaa99887766554433221100", Session: "s", Person: "p", Kind: Audio, Codec: Opus,
		Source: "microphone", ClockRate: 48000, Class: "c", Purpose: "test", Started: began, Begins: began, ErasureKey: "000102030405060708090a0b0c0d0e0f"}
	good, written := map[string]bool{}, map[string]bool{}
	for _, h.Version = range []int{version1, version2} {
		segment, head := fuzzSegment(f, h, key, written)
		good[string(segment)] = true
		o := &Opener{tracks: map[string][]byte{h.Track: key}}
		if got, err := o.parse("name", segment); err != nil || len(got.problems) > 0 {
			f.Fatalf("version %d: %v, %+v", h.Version, err, got)
		}
		f.Add(segment)
		f.Add(segment[:len(segment)-30])
		f.Add(append(bytes.Clone(segment[:head+90]), segment[head+40:]...))
		f.Add(append(bytes.Clone(segment), make([]byte, 700)...))
		other := bytes.Clone(segment)
		other[magicSize-1] ^= '1' ^ '2' // as the other version
		f.Add(other)
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := &Opener{tracks: map[string][]byte{h.Track: key}}
		got, err := o.parse("name", data)
		if err != nil || got == nil {
			return
		}
		if len(got.problems) == 0 && !good[string(data)] {
			t.Errorf("another file is without trouble")
		}
		for i, r := range got.records {
			if !written[string(r.plain)] {
				t.Errorf("record %d was never written", r.number)
			}
			if i > 0 && r.number <= got.records[i-1].number {
				t.Errorf("records are not in order")
			}
		}
	})
}

// fuzzSegment returns a segment of three units, in version 2 with a release in front of them, and the length of its header. It adds the
// plaintext of each record to written.
func fuzzSegment(f *testing.F, h Header, key []byte, written map[string]bool) (segment []byte, head int) {
	segment, err := h.marshal()
	if err != nil {
		f.Fatal(err)
	}
	s, err := newSealer(key, h.File, segment)
	if err != nil {
		f.Fatal(err)
	}
	head = len(segment)
	var list [][]byte
	if h.Version == version2 {
		list = append(list, fuzzEntry(entryRelease, 0, 0, []byte(`{"scope":"recording.audio","number":1,"sealed":"AAAA","keys":[{"kid":2147483649,"blob":"AAAA"}]}`)))
	}
	for n := range 3 {
		list = append(list, fuzzEntry(entryUnit, 0, n, []byte("abc")))
	}
	list = append(list, endPlain(Stopped, 3, index{}))
	var tag [tagSize]byte
	for n, plain := range list {
		kind := recordData
		if n == len(list)-1 {
			kind = recordEnd
		}
		written[string(plain)] = true
		segment, tag = s.seal(segment, kind, uint64(n), tag, plain)
	}
	return segment, head
}

// fuzzRelease returns a release, with what it opens in the opener: the key of one stream of a camera.
func fuzzRelease(f *testing.F, o *Opener) (kid sframe.KID, key *sframe.Key, payload []byte) {
	rk, sealed := bytes.Repeat([]byte{9}, keySize), []byte("sealed")
	o.releases[sha256.Sum256(sealed)] = rk
	kid = sframe.NewKID(sframe.CameraFirst, 0, 0, 1)
	secret, salt, err := sframe.Derive(rk, kid)
	if err == nil {
		key, err = sframe.NewKey(secret, salt)
	}
	if err != nil {
		f.Fatal(err)
	}
	aead, err := newGCM(rk)
	if err != nil {
		f.Fatal(err)
	}
	name := binary.BigEndian.AppendUint32(nil, uint32(kid))
	blob := aead.Seal(nil, append(make([]byte, 8), name...), slices.Concat(secret, salt), name)
	payload, err = json.Marshal(Release{Scope: "recording.video", Number: 1, Sealed: sealed, Keys: []ReleasedKey{{uint32(kid), blob}}})
	if err != nil {
		f.Fatal(err)
	}
	return kid, key, payload
}

// fuzzEntry returns an entry whose number is also its RTP time.
func fuzzEntry(kind, flags byte, n int, payload []byte) []byte {
	var e [entryHead]byte
	putEntry(&e, kind, flags, len(payload), uint64(n), uint32(n), began)
	return append(e[:], payload...)
}

// FuzzEntries passes arbitrary authentic entries to timeline, assemblers and the opener of frames: they give no key and no frame that nobody
// sealed, and no frame twice.
func FuzzEntries(f *testing.F) {
	opener := &Opener{releases: map[[sha256.Size]byte][]byte{}}
	kid, key, release := fuzzRelease(f, opener)
	picture := []byte{0x10, 0, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0, 1, 2, 3} // a key frame
	sealed, err := key.Seal([]byte{0x10}, sframe.VP8, kid, sframe.MinCounter, picture)
	if err != nil {
		f.Fatal(err)
	}
	one := fuzzEntry(entryUnit, flagMarker, 1, []byte{0x90, 0x80, 0x01, 0x00})
	clock, frame := fuzzEntry(entryClock, 0, 77, nil), fuzzEntry(entryUnit, flagMarker|flagKeyFrame, 1, sealed)
	again := fuzzEntry(entryUnit, flagMarker|flagKeyFrame, 2, sealed)
	f.Add(append(bytes.Clone(one), clock...), true)
	f.Add(one[:10], false)
	f.Add(append(fuzzEntry(entryRelease, 0, 0, []byte("{}")), one...), true)
	f.Add(slices.Concat(fuzzEntry(entryRelease, 0, 0, release), frame, again), true)
	f.Add(slices.Concat(fuzzEntry(entryRelease, 0, 0, release), fuzzEntry(entryUnit, 0, 1, sealed[1:])), false)
	f.Fuzz(func(t *testing.T, plain []byte, video bool) {
		list, err := parseEntries(version2, plain)
		if err != nil {
			return
		}
		line := newTimeline(90000)
		for _, e := range list {
			line.add(e)
		}
		line.finish()
		kind, assembled := Audio, assembler(opusBlocks{})
		if video {
			kind, assembled = Video, &vp8Frames{}
		}
		frames := newFrameOpener(kind, opener.newFrameKeys(Header{Source: "camera"}))
		var sorted reorderBuffer
		c := line.cursor()
		bytesIn, bytesOut := 0, 0
		deliver := func(units []timedUnit) {
			for _, u := range units {
				for _, b := range assembled.push(u) {
					bytesOut += len(b.data)
					if plain, opened := frames.open(b); opened && !bytes.Equal(plain.data, picture) {
						t.Errorf("a frame of %d bytes opened that nobody sealed", len(plain.data))
					}
				}
			}
		}
		for _, e := range list {
			if e.Release {
				frames.keys.add(e.Payload)
				continue
			}
			n, rtp := c.next(e)
			if !e.Clock {
				bytesIn += len(e.Payload)
				deliver(sorted.push(timedUnit{e.Unit, line.wallTime(n, rtp)}))
			}
		}
		deliver(sorted.flush())
		if keys := len(frames.keys.keys); keys > 1 || keys == 1 && len(frames.keys.keys[kid]) != 1 {
			t.Errorf("%d keys were released that nobody sealed", keys)
		}
		if bytesOut > bytesIn || frames.counts.Opened > 1 {
			t.Errorf("%d bytes became %d; the one frame opened %d times", bytesIn, bytesOut, frames.counts.Opened)
		}
	})
}
