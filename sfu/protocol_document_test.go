package sfu

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentedOffer checks that the offer in section 6a of PROTOCOL.md gets the answer that is documented there, and that a media section
// that sends and receives is refused.
func TestDocumentedOffer(t *testing.T) {
	page, err := os.ReadFile("../signaling/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	example := func(name string) string {
		_, rest, begins := strings.Cut(string(page), "<!-- "+name+" -->\n```\n")
		text, _, ends := strings.Cut(rest, "```\n<!-- /"+name+" -->")
		if !begins || !ends {
			t.Fatalf("PROTOCOL.md holds no %s", name)
		}
		return text
	}
	text := strings.ReplaceAll(example("offer"), "\n", "\r\n")
	o, err := parseOffer(text, ownTracks[:2])
	if err != nil {
		t.Fatal(err)
	}
	l := o.line("3")
	l.slotSSRC, l.slotRTX = 2231627014, 1102873543
	answer := o.answer(local{ufrag: "ufrag", pwd: "password"})
	if n := strings.Count(answer, "a=rtcp-fb:111 nack\r\n"); n != 1 {
		t.Errorf("repeats of sound are answered in %d lines, and offered in one", n)
	}
	for want := range strings.Lines(example("answer")) {
		i := strings.Index(answer, strings.TrimSpace(want)+"\r\n")
		if i < 0 {
			t.Fatalf("the answer lacks, in this order, %s%s", want, answer)
		}
		answer = answer[i:]
	}
	if _, err := parseOffer(strings.Replace(text, "a=recvonly", "a=sendrecv", 1), ownTracks[:2]); err == nil || !strings.Contains(err.Error(), "m-line 2") {
		t.Errorf("a slot that sends: %v", err)
	}
}
