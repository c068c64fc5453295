package forward

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/pion/rtp/codecs"
)

var vp8Payloads = map[string]struct {
	payload []byte
	key     bool
}{
	"nothing":                         {nil, false},
	"descriptor only":                 {[]byte{0x10}, false},
	"key frame":                       {[]byte{0x10, 0x00}, true},
	"inter frame":                     {[]byte{0x10, 0x01}, false},
	"not the start":                   {[]byte{0x00, 0x00}, false},
	"another partition":               {[]byte{0x11, 0x00}, false},
	"partition 7":                     {[]byte{0x17, 0x00}, false},
	"no reference, key":               {[]byte{0x30, 0x00}, true},
	"extended, cut":                   {[]byte{0x90}, false},
	"extended, empty":                 {[]byte{0x90, 0x00, 0x00}, true},
	"short picture id":                {[]byte{0x90, 0x80, 0x7f, 0x00}, true},
	"short picture id, cut":           {[]byte{0x90, 0x80}, false},
	"short picture id, no frame":      {[]byte{0x90, 0x80, 0x7e}, false},
	"long picture id":                 {[]byte{0x90, 0x80, 0xff, 0xff, 0x00}, true},
	"long picture id, inter":          {[]byte{0x90, 0x80, 0xff, 0xfe, 0x01}, false},
	"long picture id, cut":            {[]byte{0x90, 0x80, 0x80}, false},
	"TL0PICIDX":                       {[]byte{0x90, 0x40, 0x01, 0x00}, true},
	"TL0PICIDX, cut":                  {[]byte{0x90, 0x40}, false},
	"TID":                             {[]byte{0x90, 0x20, 0x01, 0x00}, true},
	"KEYIDX":                          {[]byte{0x90, 0x10, 0x01, 0x00}, true},
	"TID and KEYIDX share a byte":     {[]byte{0x90, 0x30, 0x01, 0x00}, true},
	"everything, long id":             {[]byte{0x90, 0xf0, 0x80, 0x01, 0x01, 0x01, 0x00}, true},
	"everything, long id, inter":      {[]byte{0x90, 0xf0, 0x80, 0x01, 0x00, 0x00, 0x01}, false},
	"everything, long id, no frame":   {[]byte{0x90, 0xf0, 0x80, 0x01, 0x00, 0x00}, false},
	"reserved bits are not looked at": {[]byte{0x58, 0x00}, true},
}

func TestParseVP8(t *testing.T) {
	for name, c := range vp8Payloads {
		if got := ParseVP8(c.payload).KeyFrame; got != c.key {
			t.Errorf("%s: %v", name, got)
		}
		checkVP8(t, c.payload)
	}
}

// checkVP8 asks pion's parser of the descriptor the same questions. A descriptor that is cut says nothing at all.
func checkVP8(t *testing.T, b []byte) {
	t.Helper()
	var p codecs.VP8Packet
	frame, err := p.Unmarshal(b)
	v := ParseVP8(b)
	if err != nil {
		if v != (VP8{}) {
			t.Fatalf("%x: %+v, pion: %v", b, v, err)
		}
		return
	}
	start := p.S == 1 && p.PID == 0
	want := VP8{
		Start: start, KeyFrame: start && len(frame) > 0 && frame[0]&1 == 0, Temporal: p.TID,
		Picture: Picture{ID: p.PictureID, TL0: p.TL0PICIDX, HasID: p.I == 1, ShortID: v.Picture.ShortID, HasTL0: p.L == 1},
	}
	got := v
	got.Width, got.Height, got.pictureAt, got.tl0At = 0, 0, 0, 0
	if got != want || v.Picture.ShortID != (p.I == 1 && b[2]&0x80 == 0) {
		t.Fatalf("%x: %+v, pion %+v", b, got, want)
	}
	if v.Width|v.Height != 0 && (!v.KeyFrame || len(frame) < 10) || v.Width >= 1<<14 || v.Height >= 1<<14 {
		t.Fatalf("%x: %d x %d", b, v.Width, v.Height)
	}
}

// keyFrame makes the header of one (RFC 6386, section 9.1); the scale stands in the two high bits of each size.
func keyFrame(width, height, scale int) []byte {
	return []byte{0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, byte(width), byte(width>>8 | scale<<6), byte(height), byte(height>>8 | scale<<6), 7}
}

func TestVP8Size(t *testing.T) {
	spoiled, inter := keyFrame(640, 360, 0), keyFrame(640, 360, 0)
	spoiled[4]++
	inter[0] |= 1
	for name, c := range map[string]struct {
		payload       []byte
		width, height int
	}{
		"plain":               {append([]byte{0x10}, keyFrame(640, 360, 0)...), 640, 360},
		"extended":            {append([]byte{0x90, 0xe0, 0x81, 0x02, 3, 0}, keyFrame(1280, 720, 0)...), 1280, 720},
		"scaled":              {append([]byte{0x10}, keyFrame(320, 180, 3)...), 320, 180},
		"the largest":         {append([]byte{0x10}, keyFrame(1<<14-1, 1<<14-1, 0)...), 1<<14 - 1, 1<<14 - 1},
		"cut by a byte":       {append([]byte{0x10}, keyFrame(640, 360, 0)[:9]...), 0, 0},
		"cut behind the size": {append([]byte{0x10}, keyFrame(640, 360, 0)[:10]...), 640, 360},
		"no start code":       {append([]byte{0x10}, spoiled...), 0, 0},
		"an inter frame":      {append([]byte{0x10}, inter...), 0, 0},
		"not the start":       {append([]byte{0x00}, keyFrame(640, 360, 0)...), 0, 0},
	} {
		if v := ParseVP8(c.payload); v.Width != c.width || v.Height != c.height {
			t.Errorf("%s: %d x %d", name, v.Width, v.Height)
		}
	}
}

func TestVP8Rewrite(t *testing.T) {
	for name, c := range map[string]struct {
		payload  []byte
		pictures uint16
		tl0      uint8
		want     []byte
	}{
		"nothing to name":      {[]byte{0x10, 0x00, 7}, 5, 5, []byte{0x10, 0x00, 7}},
		"nothing":              {nil, 5, 5, nil},
		"7 bits":               {[]byte{0x90, 0x80, 0x05, 0x01}, 3, 9, []byte{0x90, 0x80, 0x08, 0x01}},
		"7 bits, around":       {[]byte{0x90, 0x80, 0x7f, 0x01}, 1, 9, []byte{0x90, 0x80, 0x00, 0x01}},
		"7 bits, back":         {[]byte{0x90, 0x80, 0x00, 0x01}, 1<<16 - 1, 9, []byte{0x90, 0x80, 0x7f, 0x01}},
		"15 bits":              {[]byte{0x90, 0x80, 0x80, 0xff, 0x01}, 1, 9, []byte{0x90, 0x80, 0x81, 0x00, 0x01}},
		"15 bits, around":      {[]byte{0x90, 0x80, 0xff, 0xff, 0x01}, 1, 9, []byte{0x90, 0x80, 0x80, 0x00, 0x01}},
		"15 bits, back":        {[]byte{0x90, 0x80, 0x80, 0x00, 0x01}, 1<<16 - 1, 9, []byte{0x90, 0x80, 0xff, 0xff, 0x01}},
		"TL0PICIDX":            {[]byte{0x90, 0x40, 0x05, 0x01}, 9, 3, []byte{0x90, 0x40, 0x08, 0x01}},
		"TL0PICIDX, around":    {[]byte{0x90, 0x40, 0xff, 0x01}, 9, 2, []byte{0x90, 0x40, 0x01, 0x01}},
		"everything":           {[]byte{0x80, 0xf0, 0x80, 0x01, 0x02, 0xe3, 0x01}, 2, 3, []byte{0x80, 0xf0, 0x80, 0x03, 0x05, 0xe3, 0x01}},
		"a descriptor cut off": {[]byte{0x90, 0xf0, 0x80, 0x01, 0x02}, 2, 3, []byte{0x90, 0xf0, 0x80, 0x01, 0x02}},
	} {
		got := bytes.Clone(c.payload)
		if ParseVP8(c.payload).Rewrite(got, c.pictures, c.tl0); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %x, want %x", name, got, c.want)
		}
	}
}

func TestVP8Allocates(t *testing.T) {
	b := append([]byte{0x90, 0xe0, 0x81, 0x02, 3, 0}, keyFrame(1280, 720, 0)...)
	if n := testing.AllocsPerRun(100, func() { ParseVP8(b).Rewrite(b, 1, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParseVP8 checks that the parser agrees with pion's, and that rewriting changes only PictureID and TL0PICIDX.
func FuzzParseVP8(f *testing.F) {
	for _, c := range vp8Payloads {
		f.Add(c.payload, uint16(1), uint8(1))
		f.Add(append(bytes.Clone(c.payload), keyFrame(640, 360, 0)...), uint16(1<<15-1), uint8(255))
	}
	f.Fuzz(func(t *testing.T, b []byte, pictures uint16, tl0 uint8) {
		checkVP8(t, b)
		v, moved := ParseVP8(b), bytes.Clone(b)
		v.Rewrite(moved, pictures, tl0)
		var p, q codecs.VP8Packet
		if _, err := p.Unmarshal(b); err != nil {
			if !bytes.Equal(moved, b) {
				t.Fatalf("%x became %x", b, moved)
			}
			return
		}
		if _, err := q.Unmarshal(moved); err != nil {
			t.Fatalf("%x became %x: %v", b, moved, err)
		}
		if p.I == 1 {
			names := uint16(1<<7 - 1)
			if !v.Picture.ShortID {
				names = 1<<15 - 1
			}
			p.PictureID = (p.PictureID + pictures) & names
		}
		if p.L == 1 {
			p.TL0PICIDX += tl0
		}
		if !reflect.DeepEqual(p, q) {
			t.Fatalf("%x became %x: %+v, want %+v", b, moved, q, p)
		}
		if v.Rewrite(moved, 0, 0); !bytes.Equal(moved, b) {
			t.Fatalf("%x came back as %x", b, moved)
		}
	})
}
