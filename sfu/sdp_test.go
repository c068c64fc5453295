package sfu

import (
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
)

var update = flag.Bool("update", false, "write the golden answers anew")

// TestGoldenAnswers holds our answers to recorded offers, so that a change of what browsers read is seen.
func TestGoldenAnswers(t *testing.T) {
	for _, browser := range []string{"chromium", "chromium-untrimmed", "chromium-simulcast", "firefox", "firefox-simulcast"} {
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

// simulcastOffer is what Chromium offers for a camera in three sizes: without SSRCs, and with what is paused marked.
func simulcastOffer(t *testing.T, attribute string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/offers/chromium-simulcast.sdp")
	if err != nil {
		t.Fatal(err)
	}
	const was = "a=simulcast:send q;h;f"
	if !strings.Contains(string(text), was) {
		t.Fatalf("the recorded offer holds no %q", was)
	}
	return strings.ReplaceAll(strings.Replace(string(text), was, attribute, 1), "\n", "\r\n")
}

// TestSimulcastOfAnOffer reads what RFC 8853, section 5.1, lets an offer say.
func TestSimulcastOfAnOffer(t *testing.T) {
	tests := []struct {
		attribute    string
		rids, paused []string
	}{
		{"a=simulcast:send q;h;f", []string{"q", "h", "f"}, nil},
		{"a=simulcast:send q;~h;f", []string{"q", "h", "f"}, []string{"h"}},
		{"a=simulcast:send ~q;~h;~f", []string{"q", "h", "f"}, []string{"q", "h", "f"}},
		{"a=simulcast:send q,x;h;f", []string{"q", "h", "f"}, nil},
		{"a=simulcast:send ~q,x;h;f", []string{"x", "h", "f"}, nil},
		{"a=simulcast:send ~q,~x;h,y;f", []string{"q", "h", "f"}, []string{"q"}},
		{"a=simulcast:recv a;b send q;~h", []string{"q", "h"}, []string{"h"}},
		{"a=simulcast:send q;h recv a;b", []string{"q", "h"}, nil},
		{"a=simulcast:send q", []string{"q"}, nil},
		{"a=simulcast:send a;b;c;d", []string{"a", "b", "c"}, nil},
		{"a=simulcast:recv q;h;f", nil, nil},
		{"a=simulcast:send", nil, nil},
		{"a=simulcast:send q;;f", nil, nil},
		{"a=simulcast:send q;q;f", nil, nil},
		{"a=simulcast:send q;~;f", nil, nil},
		{"a=simulcast:send q;h,;f", nil, nil},
		{"a=simulcast:send q;~~h", nil, nil},
		{"a=simulcast:send q;" + strings.Repeat("x", maxRID+1), nil, nil},
	}
	for _, tt := range tests {
		o, err := parseOffer(simulcastOffer(t, tt.attribute), ownTracks)
		if err != nil {
			t.Errorf("%s: %v", tt.attribute, err)
			continue
		}
		if l := o.line("1"); !slices.Equal(l.rids, tt.rids) || !slices.Equal(l.paused, tt.paused) {
			t.Errorf("%s: %q with %q paused, want %q with %q", tt.attribute, l.rids, l.paused, tt.rids, tt.paused)
		}
		answer := o.answer(local{})
		if want := "a=simulcast:recv " + strings.Join(tt.rids, ";") + "\r\n"; len(tt.rids) > 0 && !strings.Contains(answer, want) {
			t.Errorf("%s: the answer lacks %q", tt.attribute, want)
		}
	}
}

// TestReofferIsAnsweredAsBefore checks that a running connection keeps what it agreed on, whatever a later offer says in other words.
func TestReofferIsAnsweredAsBefore(t *testing.T) {
	parse := func(text string) *offer {
		t.Helper()
		o, err := parseOffer(text, ownTracks)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	plain := simulcastOffer(t, "a=simulcast:send q;h;f")
	first := parse(plain)
	if err := first.assignSSRCs(); err != nil {
		t.Fatal(err)
	}
	before := first.answer(local{})
	with := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(plain) }
	tests := []struct {
		name, sdp string
		want      string // in place of the answer before
		refused   bool
	}{
		{"a layer is paused", simulcastOffer(t, "a=simulcast:send q;~h;f"), before, false},
		{"all layers are paused", simulcastOffer(t, "a=simulcast:send ~q;~h;~f"), before, false},
		{"alternatives", simulcastOffer(t, "a=simulcast:send q,x;~h;f"), before, false},
		{"another order", simulcastOffer(t, "a=simulcast:send f;h;q"), before, false},
		{"a layer more", simulcastOffer(t, "a=simulcast:send x;q;h;f"), strings.NewReplacer("a=rid:f recv\r\n", "", "recv q;h;f", "recv q;h").Replace(before), false},
		{"a layer less", simulcastOffer(t, "a=simulcast:send q;f"), strings.NewReplacer("a=rid:h recv\r\n", "", "recv q;h;f", "recv q;f").Replace(before), false},
		{"no layers at all", with("a=simulcast:send q;h;f\r\n", ""), "", true},
		{"no RID extension", with("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", "urn:x"), "", true},
		{"an extension under another id", with("a=extmap:3 ", "a=extmap:9 "), "", true},
		{"another payload type", with(" 96", " 98", ":96 ", ":98 ", "apt=96", "apt=98"), "", true},
		{"no RTX any more", with("a=fmtp:97 apt=96\r\n", ""), "", true},
	}
	for _, tt := range tests {
		next := parse(tt.sdp)
		err := next.carryOver(first)
		switch {
		case tt.refused && !errors.Is(err, ErrSDP):
			t.Errorf("%s: %v, want a refusal", tt.name, err)
		case tt.refused:
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case next.answer(local{}) != tt.want:
			t.Errorf("%s: the answer changed:\n%s", tt.name, next.answer(local{}))
		}
	}
}

// TestBrowsersReoffer holds our answers to what browsers offer when a room grows, once their camera is paused: the m-lines that were
// there are answered as before.
func TestBrowsersReoffer(t *testing.T) {
	for _, browser := range []string{"chromium", "firefox"} {
		var answers []string
		var before *offer
		for _, name := range []string{"-simulcast", "-simulcast-again"} {
			text, err := os.ReadFile("testdata/offers/" + browser + name + ".sdp")
			if err != nil {
				t.Fatal(err)
			}
			o, err := parseOffer(strings.ReplaceAll(string(text), "\n", "\r\n"), ownTracks)
			if err != nil {
				t.Fatalf("%s%s: %v", browser, name, err)
			}
			if before != nil {
				if err := o.carryOver(before); err != nil {
					t.Fatalf("%s%s: %v", browser, name, err)
				}
			}
			if err := o.assignSSRCs(); err != nil {
				t.Fatal(err)
			}
			before = o
			_, lines, _ := strings.Cut(o.answer(local{}), "\r\nm=")
			answers = append(answers, lines)
		}
		if len(answers[1]) <= len(answers[0]) || !strings.HasPrefix(answers[1], answers[0]) || !strings.Contains(answers[0], "a=simulcast:recv q;h;f") {
			t.Errorf("%s: the second answer\n%s\ndoes not go on from the first\n%s", browser, answers[1], answers[0])
		}
	}
}
