package forward

import (
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
		if got := pionKeyFrame(c.payload); got != c.key {
			t.Errorf("%s: pion says %v", name, got)
		}
	}
}

// pionKeyFrame is the same question, answered with pion's parser of the descriptor.
func pionKeyFrame(b []byte) bool {
	var p codecs.VP8Packet
	frame, err := p.Unmarshal(b)
	return err == nil && p.S == 1 && p.PID == 0 && len(frame) > 0 && frame[0]&1 == 0
}

func FuzzParseVP8(f *testing.F) {
	for _, c := range vp8Payloads {
		f.Add(c.payload)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := ParseVP8(b).KeyFrame, pionKeyFrame(b); got != want {
			t.Fatalf("%x: %v, pion says %v", b, got, want)
		}
	})
}
