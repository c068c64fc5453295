package sfu

import (
	"testing"

	"alcove/sfu/forward"
)

// TestDescriptorAgreedOnAndNotWritten is what Chromium does with plain VP8: the picture must be found in the payload, until a
// first descriptor comes, and from then on never again.
func TestDescriptorAgreedOnAndNotWritten(t *testing.T) {
	e := quietPeer().publications[0].encodings[0]
	e.publication.line.ddExt = 5
	keyFrame := []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01}
	plain, err := forward.ParseHeader(forward.AppendHeader(nil, true, 96, 1, 0, 7, 0))
	if err != nil {
		t.Fatal(err)
	}
	var p forward.Packet
	if e.inspect(&plain, keyFrame, false, &p); !p.KeyFrame || e.height != 360 {
		t.Fatalf("%+v, height %d", p, e.height)
	}
	raw := forward.AppendHeader(nil, true, 96, 2, 0, 7, 0)
	raw[0] |= 0x10
	described, err := forward.ParseHeader(append(raw, 0xBE, 0xDE, 0, 1, 5<<4|2, 0x80, 0, 1)) // a start, of no known structure
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []forward.Header{described, plain} {
		p = forward.Packet{}
		if vp8, _ := e.inspect(&h, keyFrame, false, &p); p.KeyFrame || vp8 != (forward.VP8{}) {
			t.Fatalf("looked into a payload that may be sealed: %+v", p)
		}
	}
}
