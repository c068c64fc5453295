package record

import (
	"bytes"
	"crypto/sha256"
	"testing"
	"time"
)

// FuzzSegment throws bytes at the reader, with the right key in its hand: whatever they are, it names troubles and takes no record that
// was not written.
func FuzzSegment(f *testing.F) {
	key := bytes.Repeat([]byte{7}, keySize)
	h := Header{File: "00112233445566778899aabbccddeeff", Track: "ffeeddccbbaa99887766554433221100", Session: "s", Person: "p", Kind: Audio, Codec: Opus,
		Source: "microphone", ClockRate: 48000, Class: "c", Purpose: "test", Started: began, Begins: began, ErasureKey: "000102030405060708090a0b0c0d0e0f", Version: version1}
	head, err := h.marshal()
	if err != nil {
		f.Fatal(err)
	}
	s, err := newSealer(key, h.File, head)
	if err != nil {
		f.Fatal(err)
	}
	written := map[string]bool{}
	good := bytes.Clone(head)
	var tag [tagSize]byte
	for n := range 4 {
		var e [entryHead]byte
		putEntry(&e, entryUnit, flagKeyFrame, 3, uint64(n), uint32(n), began)
		plain := append(e[:], "abc"...)
		if n == 3 {
			plain = endPlain(Stopped, 3, index{})
		}
		kind := recordData
		if n == 3 {
			kind = recordEnd
		}
		written[string(plain)] = true
		good, tag = s.seal(good, kind, uint64(n), tag, plain)
	}
	f.Add(good)
	f.Add(good[:len(good)-30])
	f.Add(append(bytes.Clone(good[:len(head)+90]), good[len(head)+40:]...))
	f.Add([]byte(magic))
	f.Add(append(bytes.Clone(good), make([]byte, 700)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := &Opener{tracks: map[string][]byte{h.Track: key}}
		got, err := o.parse("name", data)
		if err != nil || got == nil {
			return
		}
		if len(got.problems) == 0 && !bytes.Equal(data, good) {
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

// FuzzEntries feeds arbitrary authentic entries to timeline and assemblers.
func FuzzEntries(f *testing.F) {
	var e [entryHead]byte
	putEntry(&e, entryUnit, flagMarker, 4, 1, 2, began)
	one := append(e[:], 0x90, 0x80, 0x01, 0x00)
	putEntry(&e, entryClock, 0, 0, 0, 77, began.Add(time.Second))
	f.Add(append(bytes.Clone(one), e[:]...), true)
	f.Add(one[:10], false)
	putEntry(&e, entryRelease, 0, 2, 0, 0, began)
	f.Add(append(append(bytes.Clone(e[:]), "{}"...), one...), true)
	opener := &Opener{releases: map[[sha256.Size]byte][]byte{}}
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
		var sorted reorderBuffer
		var make assembler = opusBlocks{}
		if video {
			make = &vp8Frames{}
		}
		c := line.cursor()
		kind := Audio
		if video {
			kind = Video
		}
		frames := newFrameOpener(kind, opener.newFrameKeys(Header{Source: "camera"}))
		bytesIn, bytesOut := 0, 0
		for _, e := range list {
			if e.Release {
				if frames.keys.add(e.Payload) == nil && len(frames.keys.keys) > 0 {
					t.Error("a key was released that nothing sealed")
				}
				continue
			}
			n, rtp := c.next(e)
			if e.Clock {
				continue
			}
			bytesIn += len(e.Payload)
			for _, u := range sorted.push(timedUnit{e.Unit, line.wallTime(n, rtp)}) {
				for _, b := range make.push(u) {
					bytesOut += len(b.data)
					if _, opened := frames.open(b); opened {
						t.Error("a frame opened without a key")
					}
				}
			}
		}
		if bytesOut > bytesIn {
			t.Errorf("%d bytes became %d", bytesIn, bytesOut)
		}
	})
}
