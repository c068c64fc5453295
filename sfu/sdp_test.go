package sfu

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
)

var update = flag.Bool("update", false, "write the golden answers anew")

// TestGoldenAnswers holds our answers to recorded offers, so that a change of what browsers read is seen.
func TestGoldenAnswers(t *testing.T) {
	for _, browser := range []string{"chromium", "chromium-untrimmed", "firefox"} {
		text, err := os.ReadFile("testdata/offers/" + browser + ".sdp")
		if err != nil {
			t.Fatal(err)
		}
		o, err := parseOffer(strings.ReplaceAll(string(text), "\n", "\r\n"), ownTracks)
		if err != nil {
			t.Fatalf("%s: %v", browser, err)
		}
		for i := range o.lines { // random otherwise
			if l := &o.lines[i]; l.use == useSlot {
				if l.slotSSRC = uint32(1000 + i); l.rtx != 0 {
					l.slotRTX = uint32(2000 + i)
				}
			}
		}
		got := strings.ReplaceAll(o.answer(local{
			ufrag: "ufrag", pwd: "password", fingerprint: webrtc.DTLSFingerprint{Algorithm: "sha-256", Value: "AA:BB"},
			candidates: []string{"192.0.2.1 50000", "2001:db8::1 50000"}, version: 1,
		}), "\r\n", "\n")
		golden := "testdata/answers/" + browser + ".sdp"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the answer changed; if that is meant, run with -update\n%s", browser, got)
		}
	}
}

func TestSlotsOfAnOffer(t *testing.T) {
	text, err := os.ReadFile("testdata/offers/firefox.sdp")
	if err != nil {
		t.Fatal(err)
	}
	o, err := parseOffer(string(text), ownTracks)
	if err != nil {
		t.Fatal(err)
	}
	want := []Slot{{"3", "audio", 0}, {"4", "video", 0}, {"5", "audio", 1}, {"6", "video", 1}, {"7", "screen", 0}}
	got := o.slots()
	if len(got) != len(want) {
		t.Fatal(got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("slot %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestRefusedOffers(t *testing.T) {
	text := offers(t)[0]
	without := func(s string) string { return strings.ReplaceAll(text, s, "") }
	tests := []struct {
		name, sdp string
		tracks    []Track
		want      error
	}{
		{"empty", "", nil, ErrSDP},
		{"no words of SDP", "hello", nil, ErrSDP},
		{"too many m-lines", text + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:x\r\n", MaxLines), nil, ErrTracks},
		{"no bundle", without("BUNDLE"), nil, ErrSDP},
		{"no rtcp-mux", without("a=rtcp-mux\r\n"), nil, ErrSDP},
		{"no fingerprint", strings.ReplaceAll(text, "fingerprint:sha-256", "fingerprint:md5"), nil, ErrSDP},
		{"we would be DTLS client", strings.ReplaceAll(text, "setup:actpass", "setup:passive"), nil, ErrSDP},
		{"another lite side", strings.Replace(text, "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", 1), nil, ErrSDP},
		{"no password", without("a=ice-pwd"), nil, ErrSDP},
		{"a track that is not there", text, []Track{{"nowhere", Camera}}, ErrSDP},
		{"a track twice", text, []Track{{"0", Microphone}, {"0", Microphone}}, ErrSDP},
		{"a camera on an audio line", text, []Track{{"0", Camera}}, ErrSDP},
		{"a track on a receiving line", text, []Track{{"3", Microphone}}, ErrSDP},
		{"a codec we do not speak", strings.ReplaceAll(text, "VP8/90000", "H264/90000"), ownTracks, ErrCodec},
	}
	for _, tt := range tests {
		if _, err := parseOffer(tt.sdp, tt.tracks); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}
