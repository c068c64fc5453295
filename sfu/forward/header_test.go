package forward

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pion/rtp"
)

func TestParseHeader(t *testing.T) {
	fixed := []byte{0x80, 0xe0, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8}
	with := func(first byte, tail ...byte) []byte {
		b := append(bytes.Clone(fixed), tail...)
		b[0] = first
		return b
	}
	for name, c := range map[string]struct {
		packet []byte
		size   int // 0: malformed
	}{
		"nothing":                 {nil, 0},
		"one byte short":          {fixed[:11], 0},
		"the fixed header":        {fixed, 12},
		"version 1":               {with(0x40), 0},
		"version 3":               {with(0xc0), 0},
		"a payload":               {with(0x80, 9, 9), 12},
		"one CSRC":                {with(0x81, 1, 2, 3, 4), 16},
		"half a CSRC":             {with(0x81, 1, 2), 0},
		"fifteen CSRCs, none":     {with(0x8f), 0},
		"no extension header":     {with(0x90), 0},
		"half a header":           {with(0x90, 0xbe, 0xde, 0), 0},
		"an empty extension":      {with(0x90, 0xbe, 0xde, 0, 0), 16},
		"one word":                {with(0x90, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0), 20},
		"a word that is not here": {with(0x90, 0xbe, 0xde, 0, 2, 0x10, 7, 0, 0), 0},
		"65535 words":             {with(0x90, 0xbe, 0xde, 0xff, 0xff), 0},
		"CSRC and extension":      {with(0x91, 1, 2, 3, 4, 0xbe, 0xde, 0, 0), 20},
	} {
		h, err := ParseHeader(c.packet)
		if c.size == 0 {
			if !errors.Is(err, ErrMalformed) || h.Size != 0 {
				t.Errorf("%s: %+v, %v", name, h, err)
			}
			continue
		}
		if err != nil || h.Size != c.size || !h.Marker || h.PayloadType != 0x60 || h.Seq != 0x1234 ||
			h.Timestamp != 0x01020304 || h.SSRC != 0x05060708 {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

// block builds a packet whose extension block has this profile and body, filled up to whole words.
func block(profile uint16, body ...byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	b := []byte{0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, byte(profile >> 8), byte(profile), 0, byte(len(body) / 4)}
	return append(append(b, body...), "payload"...)
}

func TestExtension(t *testing.T) {
	for name, c := range map[string]struct {
		packet []byte
		id     uint8
		want   []byte // nil: none
	}{
		"one byte":                      {block(0xbede, 0x10, 7), 1, []byte{7}},
		"the second":                    {block(0xbede, 0x10, 7, 0x21, 8, 9), 2, []byte{8, 9}},
		"behind padding":                {block(0xbede, 0, 0, 0x21, 8, 9), 2, []byte{8, 9}},
		"sixteen bytes":                 {block(0xbede, append([]byte{0x3f}, make([]byte, 16)...)...), 3, make([]byte, 16)},
		"another":                       {block(0xbede, 0x10, 7), 2, nil},
		"id 0":                          {block(0xbede, 0x00, 7), 0, nil},
		"longer than the block":         {block(0xbede, 0x13, 7, 7, 7), 1, nil},
		"id 15 ends the block":          {block(0xbede, 0xf0, 7, 0x10, 7), 1, nil},
		"id 15 itself":                  {block(0xbede, 0xf0, 7), 15, nil},
		"id 0 of a length ends it":      {block(0xbede, 0x01, 7, 7, 0x10, 7), 1, nil},
		"before id 0 of a length":       {block(0xbede, 0x10, 7, 0x01, 7, 7), 1, []byte{7}},
		"two bytes":                     {block(0x1000, 200, 2, 8, 9), 200, []byte{8, 9}},
		"two bytes, empty":              {block(0x1000, 5, 0), 5, []byte{}},
		"two bytes, application bits":   {block(0x100a, 5, 1, 7), 5, []byte{7}},
		"two bytes, padding":            {block(0x1000, 0, 5, 1, 7), 5, []byte{7}},
		"two bytes, no length":          {block(0x1000, 0, 0, 0, 5), 5, nil},
		"two bytes, over the end":       {block(0x1000, 5, 3, 7, 7), 5, nil},
		"a profile that is not RFC8285": {block(0x1010, 5, 1, 7), 5, nil},
		"no extensions":                 {[]byte{0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, 1, nil},
	} {
		h, err := ParseHeader(c.packet)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := h.Extension(c.id); !bytes.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestExtensionAgainstPion(t *testing.T) {
	for profile, size := range map[uint16]int{oneByteProfile: 16, twoByteProfile: 255} {
		p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 9, SSRC: 4, CSRC: []uint32{1, 2}}, Payload: []byte("payload")}
		p.Extension, p.ExtensionProfile = true, profile
		for id := uint8(1); id < 15; id++ {
			if err := p.SetExtension(id, bytes.Repeat([]byte{id}, 1+int(id)*7%size)); err != nil {
				t.Fatal(err)
			}
		}
		b, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		h, err := ParseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		for id := range uint8(16) {
			if got := h.Extension(id); !bytes.Equal(got, p.GetExtension(id)) {
				t.Errorf("profile %x, id %d: %v, pion %v", profile, id, got, p.GetExtension(id))
			}
		}
		if got, err := h.Payload(b); err != nil || string(got) != "payload" {
			t.Errorf("payload %q, %v", got, err)
		}
	}
}

func TestPayload(t *testing.T) {
	header := []byte{0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}
	for name, c := range map[string]struct {
		tail []byte
		want []byte // nil: malformed
	}{
		"one byte of padding": {[]byte{7, 8, 1}, []byte{7, 8}},
		"padding only":        {[]byte{0, 0, 3}, []byte{}},
		"no room for a count": {nil, nil},
		"a count of zero":     {[]byte{7, 0}, nil},
		"more than there is":  {[]byte{7, 3}, nil},
	} {
		b := append(bytes.Clone(header), c.tail...)
		h, err := ParseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.Payload(b)
		if (err != nil) != (c.want == nil) || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if _, err := h.Payload(b[:11]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s, another packet: %v", name, err)
		}
	}
}

func TestAppendHeaderAgainstPion(t *testing.T) {
	for _, marker := range []bool{false, true} {
		b := AppendHeader([]byte("kept"), marker, 111, 0xfffe, 0xdeadbeef, 0xcafe0001, 0xcafe0002)
		want, err := (&rtp.Header{
			Version: 2, Marker: marker, PayloadType: 111, SequenceNumber: 0xfffe, Timestamp: 0xdeadbeef, SSRC: 0xcafe0001,
			CSRC: []uint32{0xcafe0002},
		}).Marshal()
		if err != nil || !bytes.Equal(b, append([]byte("kept"), want...)) || len(want) != SentHeaderSize {
			t.Errorf("%x, want %x, %v", b, want, err)
		}
	}
	// A payload type has seven bits: an eighth never becomes the marker.
	if b := AppendHeader(nil, false, 0xff, 1, 2, 3, 4); b[1] != 0x7f {
		t.Errorf("second byte %x", b[1])
	}
}

// TestNumberedHeaderAgainstPion reads the header and its number with pion.
func TestNumberedHeaderAgainstPion(t *testing.T) {
	for _, id := range []uint8{1, 5, MaxNumberID} {
		b := AppendNumberedHeader([]byte("kept"), true, 96, 0xfffe, 0xdeadbeef, 0xcafe0001, 0xcafe0002, id)
		SetNumber(b[4:], 0xa1b2)
		var h rtp.Header
		n, err := h.Unmarshal(b[4:])
		if err != nil || n != NumberedHeaderSize || len(b) != 4+NumberedHeaderSize || !bytes.Equal(h.GetExtension(id), []byte{0xa1, 0xb2}) {
			t.Errorf("id %d: %d bytes, number %x, %v", id, n, h.GetExtension(id), err)
		}
		if h.SequenceNumber != 0xfffe || h.Timestamp != 0xdeadbeef || h.SSRC != 0xcafe0001 || len(h.CSRC) != 1 || h.CSRC[0] != 0xcafe0002 || !h.Marker || h.PayloadType != 96 {
			t.Errorf("id %d: %+v", id, h)
		}
		ours, err := ParseHeader(b[4:])
		if err != nil || ours.Size != NumberedHeaderSize || !bytes.Equal(ours.Extension(id), []byte{0xa1, 0xb2}) {
			t.Errorf("id %d: our own reading: %+v, %v", id, ours, err)
		}
	}
}

func TestHeaderAllocates(t *testing.T) {
	b, dst := block(0xbede, 0x10, 7, 0x21, 8, 9), make([]byte, 0, SentHeaderSize)
	if n := testing.AllocsPerRun(100, func() {
		h, err := ParseHeader(b)
		if p, bad := h.Payload(b); err != nil || bad != nil || len(p) == 0 || len(h.Extension(2)) != 2 {
			t.Fatal("not parsed")
		}
		dst = AppendHeader(dst[:0], h.Marker, h.PayloadType, h.Seq, h.Timestamp, h.SSRC, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x82, 0xe0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 1, 1, 1, 2, 2, 2, 2, 9})
	f.Add([]byte{0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 0, 0, 3})
	f.Add(block(0xbede, 0x10, 7, 0x21, 8, 9))
	f.Add(block(0xbede, 0x01, 7, 7, 0x10, 7))
	f.Add(block(0x1000, 5, 1, 7, 9, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		var p rtp.Header
		n, pionErr := p.Unmarshal(b)
		if err != nil {
			if pionErr == nil && p.Version == 2 {
				t.Fatalf("refused what pion accepts: %x", b)
			}
			return
		}
		checkInside(t, b, &h)
		if pionErr == nil {
			checkAgainstPion(t, b, &h, &p, n)
		}
	})
}

// checkInside demands that every extension is a part of the packet's header.
func checkInside(t *testing.T, b []byte, h *Header) {
	t.Helper()
	if h.Size > len(b) || h.Size < fixedHeaderSize {
		t.Fatalf("size %d of %d bytes", h.Size, len(b))
	}
	for id := range 256 {
		if e := h.Extension(uint8(id)); len(e) > 0 && !within(b[fixedHeaderSize:h.Size], e) {
			t.Fatalf("extension %d lies outside the header", id)
		}
	}
	if p, err := h.Payload(b); err == nil && len(p) > len(b)-h.Size {
		t.Fatalf("payload of %d bytes", len(p))
	}
}

// within reports whether part is a slice of whole, by address.
func within(whole, part []byte) bool {
	for i := range whole {
		if &whole[i] == &part[0] {
			return i+len(part) <= len(whole)
		}
	}
	return false
}

func checkAgainstPion(t *testing.T, b []byte, h *Header, p *rtp.Header, n int) {
	t.Helper()
	if h.Marker != p.Marker || h.Padding != p.Padding || h.PayloadType != p.PayloadType || h.Seq != p.SequenceNumber ||
		h.Timestamp != p.Timestamp || h.SSRC != p.SSRC || h.Size != n {
		t.Fatalf("%+v, pion %+v of %d bytes", h, p, n)
	}
	if p.ExtensionProfile == oneByteProfile || p.ExtensionProfile == twoByteProfile {
		for id := 1; id < 256; id++ {
			if got, want := h.Extension(uint8(id)), p.GetExtension(uint8(id)); !bytes.Equal(got, want) {
				t.Fatalf("extension %d: %x, pion %x", id, got, want)
			}
		}
	}
	var packet rtp.Packet
	pionErr := packet.Unmarshal(b)
	got, err := h.Payload(b)
	if (err == nil) != (pionErr == nil) || !bytes.Equal(got, packet.Payload) && err == nil {
		t.Fatalf("payload %x, %v; pion %x, %v", got, err, packet.Payload, pionErr)
	}
}
