package forward

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// A bitString is written from high to low, as section A.8.2 reads.
type bitString struct {
	b []byte
	n int
}

func (w *bitString) put(n int, v uint32) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// ns is write_ns of section A.8.2.
func (w *bitString) ns(n, v uint32) {
	if n == 1 {
		return
	}
	width := 0
	for x := n; x != 0; x >>= 1 {
		width++
	}
	if m := uint32(1)<<width - n; v < m {
		w.put(width-1, v)
	} else {
		w.put(width, v+m)
	}
}

func (w *bitString) flag(v bool) {
	if v {
		w.put(1, 1)
	} else {
		w.put(1, 0)
	}
}

// A template is a line of the tables of section A.10.2.
type template struct {
	spatial, temporal uint8
	fdiffs, chains    []uint32
	dtis              string // -DSR
}

type structure struct {
	offset    uint32
	templates []template
	protected []uint32 // decode_target_protected_by
	sizes     [][2]uint32
}

// examples are the tables of section A.10.2, and L1T2 after the same plan.
var examples = map[string]structure{
	"L1T2": {0, []template{
		{0, 0, nil, []uint32{0}, "SS"},
		{0, 0, []uint32{2}, []uint32{2}, "SS"},
		{0, 1, []uint32{1}, []uint32{1}, "D-"},
	}, []uint32{0, 0}, [][2]uint32{{640, 360}}},
	"L1T3": {60, []template{ // the ids go over the end: 60 to 63 and 0
		{0, 0, nil, []uint32{0}, "SSS"},
		{0, 0, []uint32{4}, []uint32{4}, "SSS"},
		{0, 1, []uint32{2}, []uint32{2}, "SD-"},
		{0, 2, []uint32{1}, []uint32{1}, "D--"},
		{0, 2, []uint32{1}, []uint32{3}, "D--"},
	}, []uint32{0, 0, 0}, nil},
	"L3T3": {1, []template{
		{0, 0, nil, []uint32{0, 0, 0}, "SSSSSSSSS"},
		{0, 0, []uint32{12}, []uint32{12, 11, 10}, "RRRRRRSSS"},
		{0, 1, []uint32{6}, []uint32{6, 5, 4}, "RR-RR-SD-"},
		{0, 2, []uint32{3}, []uint32{3, 2, 1}, "R--R--D--"},
		{0, 2, []uint32{3}, []uint32{9, 8, 7}, "R--R--D--"},
		{1, 0, []uint32{1}, []uint32{1, 1, 1}, "SSSSSS---"},
		{1, 0, []uint32{12, 1}, []uint32{1, 1, 1}, "RRRSSS---"},
		{1, 1, []uint32{6, 1}, []uint32{7, 6, 5}, "RR-SD----"},
		{1, 2, []uint32{3, 1}, []uint32{4, 3, 2}, "R--D-----"},
		{1, 2, []uint32{3, 1}, []uint32{10, 9, 8}, "R--D-----"},
		{2, 0, []uint32{1}, []uint32{2, 1, 1}, "SSS------"},
		{2, 0, []uint32{12, 1}, []uint32{2, 1, 1}, "SSS------"},
		{2, 1, []uint32{6, 1}, []uint32{8, 7, 6}, "SD-------"},
		{2, 2, []uint32{3, 1}, []uint32{5, 4, 3}, "D--------"},
		{2, 2, []uint32{3, 1}, []uint32{11, 10, 9}, "D--------"},
	}, []uint32{2, 2, 2, 1, 1, 1, 0, 0, 0}, [][2]uint32{{320, 180}, {640, 360}, {65536, 1}}},
	"no chains": {63, []template{{0, 0, nil, nil, "S"}}, nil, nil},
}

func (s structure) write(w *bitString) {
	targets := len(s.templates[0].dtis)
	w.put(6, s.offset)
	w.put(5, uint32(targets-1))
	for i, t := range s.templates {
		switch {
		case i == 0:
		case t.spatial > s.templates[i-1].spatial:
			w.put(2, 2)
		case t.temporal > s.templates[i-1].temporal:
			w.put(2, 1)
		default:
			w.put(2, 0)
		}
	}
	w.put(2, 3)
	for _, t := range s.templates {
		for _, c := range t.dtis {
			w.put(2, uint32(strings.IndexRune("-DSR", c)))
		}
	}
	for _, t := range s.templates {
		for _, d := range t.fdiffs {
			w.put(1, 1)
			w.put(4, d-1)
		}
		w.put(1, 0)
	}
	chains := uint32(len(s.templates[0].chains))
	w.ns(uint32(targets)+1, chains)
	for _, p := range s.protected {
		w.ns(chains, p)
	}
	for _, t := range s.templates {
		for _, c := range t.chains {
			w.put(4, c)
		}
	}
	w.flag(s.sizes != nil)
	for _, size := range s.sizes {
		w.put(16, size[0]-1)
		w.put(16, size[1]-1)
	}
}

// descriptor writes a whole one. attached may be nil; active adds a bitmask of that many decode targets.
func descriptor(start, end bool, id uint32, number uint16, attached *structure, active int) []byte {
	var w bitString
	w.flag(start)
	w.flag(end)
	w.put(6, id%64)
	w.put(16, uint32(number))
	if attached == nil && active == 0 {
		return w.b
	}
	w.flag(attached != nil)
	w.flag(active > 0)
	w.put(3, 0)
	if attached != nil {
		attached.write(&w)
	}
	w.put(active, 1<<active-1)
	return w.b
}

func TestNonSymmetric(t *testing.T) {
	for n := uint32(1); n <= 33; n++ {
		for v := range n {
			var w bitString
			w.ns(n, v)
			r := bits{b: w.b}
			if got := r.nonSymmetric(n); got != v || r.truncated || r.at != w.n {
				t.Errorf("ns(%d) of %d: %d, %d of %d bits", n, v, got, r.at, w.n)
			}
		}
	}
	// The table of section A.8.2.
	for v, want := range []struct {
		bits uint32
		n    int
	}{{0b00, 2}, {0b01, 2}, {0b10, 2}, {0b110, 3}, {0b111, 3}} {
		r := bits{b: []byte{byte(want.bits << (8 - want.n))}}
		if got := r.nonSymmetric(5); got != uint32(v) || r.at != want.n {
			t.Errorf("ns(5): %d in %d bits, want %d", got, r.at, v)
		}
	}
}

func TestParseDescriptor(t *testing.T) {
	for name, e := range examples {
		for _, active := range []int{0, len(e.templates[0].dtis)} {
			var s Structure
			d, err := ParseDescriptor(descriptor(true, false, e.offset, 65535, &e, active), &s)
			if err != nil || !d.KeyFrame || !d.Start || d.End || d.FrameNumber != 65535 || uint32(d.Template) != e.offset {
				t.Errorf("%s: %+v, %v", name, d, err)
			}
			for i, template := range e.templates {
				want := Descriptor{
					End: true, FrameNumber: uint16(i), Template: uint8(e.offset+uint32(i)) % 64,
					Spatial: template.spatial, Temporal: template.temporal,
				}
				if e.sizes != nil {
					want.Width, want.Height = int(e.sizes[template.spatial][0]), int(e.sizes[template.spatial][1])
				}
				got, err := ParseDescriptor(descriptor(false, true, e.offset+uint32(i), uint16(i), nil, active), &s)
				if got != want || err != nil {
					t.Errorf("%s, template %d: %+v, %v; want %+v", name, i, got, err, want)
				}
			}
			for i := uint32(len(e.templates)); i < maxTemplates; i++ {
				if d, err := ParseDescriptor(descriptor(true, true, e.offset+i, 0, nil, 0), &s); !errors.Is(err, ErrTemplate) || d != (Descriptor{}) {
					t.Errorf("%s, template %d: %+v, %v", name, i, d, err)
				}
			}
			if int(s.targets) != len(e.templates[0].dtis) {
				t.Errorf("%s: %d decode targets", name, s.targets)
			}
		}
	}
}

// captured are descriptors as Chromium 156 sent them, in order; the sizes of VP8 stood in its clear key frames too.
var captured = map[string][]struct {
	hex  string
	want Descriptor
}{
	"VP8 L1T2": {
		{"800001800104eaac851450460409fc059c", Descriptor{true, false, true, 1, 0, 0, 0, 640, 360}},
		{"400001", Descriptor{false, true, false, 1, 0, 0, 0, 640, 360}},
		{"c30002", Descriptor{true, true, false, 2, 3, 0, 1, 640, 360}},
		{"820003", Descriptor{true, false, false, 3, 2, 0, 0, 640, 360}},
		{"c40004", Descriptor{true, true, false, 4, 4, 0, 1, 640, 360}},
		{"c10005", Descriptor{true, true, false, 5, 1, 0, 0, 640, 360}},
		{"82000a1200", Descriptor{true, false, false, 10, 2, 0, 0, 640, 360}}, // chains of its own
	},
	"VP8 L1T3": {
		{"c000018002044eaaaf2860414d34538a0940404fc02cc0", Descriptor{true, true, true, 1, 0, 0, 0, 320, 180}},
		{"c50002", Descriptor{true, true, false, 2, 5, 0, 2, 320, 180}},
		{"c30003", Descriptor{true, true, false, 3, 3, 0, 1, 320, 180}},
		{"c500051220", Descriptor{true, true, false, 5, 5, 0, 2, 320, 180}},
		{"c0000812c0", Descriptor{true, true, false, 8, 0, 0, 0, 320, 180}}, // the template of a key frame does not make one
	},
	"VP9 L3T3, two of the three": {
		{"c10001c00514853abfaaa18f04304302a02a006001001b934515e082704608c0c787004321651111543276809f8059813f80b38e",
			Descriptor{true, true, true, 1, 1, 0, 0, 320, 180}},
		{"c300021a000800", Descriptor{true, true, false, 2, 3, 0, 2, 320, 180}},
		{"c200031a201000", Descriptor{true, true, false, 3, 2, 0, 1, 320, 180}},
		{"8000055fe9808080", Descriptor{true, false, false, 5, 0, 0, 0, 320, 180}}, // other active targets, all its own
		{"860006", Descriptor{true, false, false, 6, 6, 1, 0, 640, 360}},
		{"c8000b5fea20030280", Descriptor{true, true, false, 11, 8, 1, 2, 640, 360}},
	},
	"AV1 L1T2, growing": { // each structure with ids of its own
		{"c0000180011ea85141010c04fc02cc", Descriptor{true, true, true, 1, 0, 0, 0, 320, 180}},
		{"c20002", Descriptor{true, true, false, 2, 2, 0, 1, 320, 180}},
		{"c10003", Descriptor{true, true, false, 3, 1, 0, 0, 320, 180}},
		{"83007980611ea85141010c077c0434", Descriptor{true, false, true, 121, 3, 0, 0, 480, 270}},
		{"c600b580c11ea85141010c09fc059c", Descriptor{true, true, true, 181, 6, 0, 0, 640, 360}},
	},
}

func TestDescriptorsCaptured(t *testing.T) {
	for name, packets := range captured {
		var s Structure
		for i, p := range packets {
			b, err := hex.DecodeString(p.hex)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ParseDescriptor(b, &s); got != p.want || err != nil {
				t.Errorf("%s, packet %d: %+v, %v; want %+v", name, i, got, err, p.want)
			}
		}
	}
}

// TestTruncatedDescriptor checks that a descriptor with a template structure is malformed if it is truncated anywhere, and does not change
// the state.
func TestTruncatedDescriptor(t *testing.T) {
	l1t2, l3t3 := examples["L1T2"], examples["L3T3"]
	var before Structure
	if _, err := ParseDescriptor(descriptor(true, true, 0, 1, &l1t2, 0), &before); err != nil {
		t.Fatal(err)
	}
	whole := descriptor(true, false, 1, 7, &l3t3, 9)
	for n := range whole {
		s := before
		d, err := ParseDescriptor(whole[:n], &s)
		if n == mandatoryBytes { // is one without a structure
			if err != nil || d.KeyFrame || d.FrameNumber != 7 {
				t.Errorf("three bytes: %+v, %v", d, err)
			}
		} else if !errors.Is(err, ErrMalformed) || d != (Descriptor{}) {
			t.Errorf("%d of %d bytes: %+v, %v", n, len(whole), d, err)
		}
		if s != before {
			t.Fatalf("%d of %d bytes changed the structure", n, len(whole))
		}
	}
	s := before
	if d, err := ParseDescriptor(append(whole, 0, 0), &s); err != nil || !d.KeyFrame || s == before { // zero_padding
		t.Errorf("with padding: %+v, %v", d, err)
	}
}

func TestDescriptorBounds(t *testing.T) {
	chain := func(n int, idc uint32) []byte { // n steps of one kind, one decode target
		var w bitString
		w.put(24, 1<<23)
		w.put(5, 1<<4)
		w.put(11, 0)
		for range n {
			w.put(2, idc)
		}
		w.put(2, 3)
		w.put(3*(n+1)+32, 0) // indications, no differences, no chains, no sizes
		return w.b
	}
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"eight temporal layers":  {chain(7, nextTemporal), nil},
		"nine":                   {chain(8, nextTemporal), ErrMalformed},
		"four spatial layers":    {chain(3, nextSpatial), nil},
		"five":                   {chain(4, nextSpatial), ErrMalformed},
		"64 templates":           {chain(63, 0), nil},
		"65":                     {chain(64, 0), ErrMalformed},
		"nothing":                {nil, ErrMalformed},
		"two bytes":              {[]byte{0x80, 0}, ErrMalformed},
		"no structure yet":       {[]byte{0x80, 0, 1}, ErrTemplate},
		"flags only":             {[]byte{0x80, 0, 1, 0}, ErrTemplate},
		"differences to the end": {append(chain(0, 0)[:5], bytes.Repeat([]byte{0xff}, 250)...), ErrMalformed},
	} {
		var s Structure
		if d, err := ParseDescriptor(c.b, &s); !errors.Is(err, c.want) || d.KeyFrame != (c.want == nil) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
	// The template that the very packet names is none of the structure it brings.
	l1t2 := examples["L1T2"]
	var s Structure
	if _, err := ParseDescriptor(descriptor(true, true, 9, 1, &l1t2, 0), &s); !errors.Is(err, ErrTemplate) || s != (Structure{}) {
		t.Errorf("a template beside the structure: %v", err)
	}
	// A structure in the middle of a frame is taken, but begins no key frame.
	if d, err := ParseDescriptor(descriptor(false, true, 0, 1, &l1t2, 0), &s); err != nil || d.KeyFrame || s == (Structure{}) {
		t.Errorf("a structure behind the start: %+v, %v", d, err)
	}
}

func TestDescriptorAllocates(t *testing.T) {
	l3t3 := examples["L3T3"]
	var s Structure
	key, inter, bad := descriptor(true, true, 1, 1, &l3t3, 9), descriptor(true, true, 2, 2, nil, 0), []byte{0, 0, 0, 0xff}
	if n := testing.AllocsPerRun(100, func() {
		for _, b := range [][]byte{key, inter, bad} {
			if _, err := ParseDescriptor(b, &s); (err == nil) != (len(b) != 4) {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseDescriptor(f *testing.F) {
	for _, e := range examples {
		f.Add(descriptor(true, false, e.offset, 1, &e, 0), descriptor(true, true, e.offset, 2, nil, len(e.protected)))
		f.Add(descriptor(false, false, e.offset, 1, &e, len(e.protected)), descriptor(true, true, e.offset, 2, nil, 0))
	}
	for _, packets := range captured {
		first, _ := hex.DecodeString(packets[0].hex)
		for _, p := range packets {
			second, _ := hex.DecodeString(p.hex)
			f.Add(first, second)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 7))
	for i := range 16 {
		b := make([]byte, i*16)
		for j := range b {
			b[j] = byte(rnd.Uint32())
		}
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var s Structure
		for _, b := range [][]byte{first, second} {
			before, again := s, s
			d, err := ParseDescriptor(b[:len(b):len(b)], &s)
			d2, err2 := ParseDescriptor(bytes.Clone(b), &again)
			if d != d2 || !errors.Is(err2, err) || s != again {
				t.Fatalf("%x: %+v, %v; then %+v, %v", b, d, err, d2, err2)
			}
			if err != nil && (s != before || d != (Descriptor{}) || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTemplate)) {
				t.Fatalf("%x: %v, but %+v", b, err, d)
			}
			if d.Spatial >= maxSpatial || d.Temporal >= maxTemporal || d.Template >= maxTemplates || d.KeyFrame && !d.Start ||
				s.templates > maxTemplates || s.targets > 32 || s.layers > maxSpatial || (d.Width == 0) != (d.Height == 0) {
				t.Fatalf("%x: %+v with %+v", b, d, s)
			}
		}
	})
}
