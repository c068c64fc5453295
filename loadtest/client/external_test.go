package client

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

const serverOffer = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=sendonly\r\n" +
	"m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=inactive\r\n"

func TestExternalAnswer(t *testing.T) {
	lab := &Env{Local: netip.MustParseAddr("127.0.0.1")}
	p, err := NewExternal(lab, NewGroup(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	answer, err := p.Answer(serverOffer)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a=group:BUNDLE 0 1 2\r\n", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n",
		"a=mid:2\r\na=inactive\r\n", "a=rtcp-fb:96 nack pli\r\n", "a=setup:active\r\n", "127.0.0.1 ", " typ host\r\n",
	} {
		if !strings.Contains(answer, want) {
			t.Errorf("no %q in\n%s", want, answer)
		}
	}
	if n := strings.Count(answer, "a=recvonly"); n != 2 {
		t.Errorf("%d lines receive, not 2", n)
	}
	if _, err := p.Answer(strings.Replace(serverOffer, "SAVPF 96 97", "SAVPF 98", 1)); !errors.Is(err, errFormats) {
		t.Errorf("an unknown payload type: %v", err)
	}
}
