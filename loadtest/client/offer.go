package client

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Slots is how many receiving m-lines the server wants in an offer (PROTOCOL.md, section 6).
type Slots struct {
	Pairs   int `json:"pairs"`
	Screens int `json:"screens"`
}

// A Track is the m-line of a source of the member.
type Track struct {
	MID    string `json:"mid"`
	Source string `json:"source"`
}

// offerLight writes the session description of a light client: the order of m-lines of PROTOCOL.md, section 6.
func (l *Light) offerLight(slots Slots) (sdp string, tracks []Track) {
	var b strings.Builder
	l.version++
	l.addSlots(slots)
	fmt.Fprintf(&b, "v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE", l.version)
	for i := range len(l.sources) + len(l.slots) {
		b.WriteString(" " + strconv.Itoa(i))
	}
	b.WriteString("\r\na=msid-semantic: WMS *\r\n")
	mid := 0
	line := func(video bool, direction string, s *source) {
		kind, codec, pt := "audio", "opus/48000/2", opusPayload
		if video {
			kind, codec, pt = "video", "VP8/90000", vp8Payload
		}
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF %d\r\nc=IN IP4 0.0.0.0\r\na=mid:%d\r\na=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", kind, pt, mid, direction)
		fmt.Fprintf(&b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:active\r\n", l.ufrag, l.pwd, l.identity.fingerprint)
		fmt.Fprintf(&b, "a=rtpmap:%d %s\r\na=rtcp-fb:%d transport-cc\r\na=extmap:%d %s\r\n", pt, codec, pt, twccExtension, twccURI)
		if video {
			fmt.Fprintf(&b, "a=rtcp-fb:%d nack pli\r\na=rtcp-fb:%d ccm fir\r\n", pt, pt)
		} else {
			fmt.Fprintf(&b, "a=fmtp:%d minptime=10;useinbandfec=1\r\na=extmap:%d %s\r\n", pt, levelExtension, levelURI)
		}
		if s != nil {
			if s.profile.MID {
				if s.mid == "" {
					s.mid = strconv.Itoa(mid)
				}
				fmt.Fprintf(&b, "a=extmap:%d %s\r\n", midExtension, midURI)
			}
			fmt.Fprintf(&b, "a=msid:own %s\r\na=ssrc:%d cname:load\r\n", kind, s.announced)
		}
		mid++
	}
	for _, s := range l.sources {
		tracks = append(tracks, Track{strconv.Itoa(mid), sourceName(s.video)})
		line(s.video, "sendonly", s)
	}
	for _, video := range l.slots {
		line(video, "recvonly", nil)
	}
	return b.String(), tracks
}

// addSlots adds receiving m-lines behind those there are: m-lines never change their place (RFC 8829, section 5.2.2).
func (l *Light) addSlots(want Slots) {
	for ; l.slotCount.Pairs < want.Pairs; l.slotCount.Pairs++ {
		l.slots = append(l.slots, false, true)
	}
	for ; l.slotCount.Screens < want.Screens; l.slotCount.Screens++ {
		l.slots = append(l.slots, true)
	}
}

func sourceName(video bool) string {
	if video {
		return "camera"
	}
	return "microphone"
}

// URIs of header extensions.
const (
	midURI   = "urn:ietf:params:rtp-hdrext:sdes:mid"
	levelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	twccURI  = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// remoteDescription is the parsed answer of the server.
type remoteDescription struct {
	ufrag, pwd, fingerprint string
	candidates              []netip.AddrPort
	feedback                bool // the server numbers its packets and expects feedback
}

// parseAnswer reads the bundle's transport from an answer (RFC 8839, RFC 8122).
func parseAnswer(sdp string) (remoteDescription, error) {
	var r remoteDescription
	sending := false // the m-line is a slot
	twcc := false
	for text := range strings.Lines(sdp) {
		text = strings.TrimSpace(text)
		key, value, _ := strings.Cut(strings.TrimPrefix(text, "a="), ":")
		switch {
		case strings.HasPrefix(text, "m="):
			sending, twcc = false, false
		case key == "ice-ufrag":
			r.ufrag = value
		case key == "ice-pwd":
			r.pwd = value
		case key == "fingerprint":
			r.fingerprint = value
		case key == "candidate":
			if f := strings.Fields(value); len(f) >= 8 && strings.EqualFold(f[2], "udp") {
				if at, err := netip.ParseAddrPort(f[4] + ":" + f[5]); err == nil {
					r.candidates = append(r.candidates, at)
				} else if at, err := netip.ParseAddrPort("[" + f[4] + "]:" + f[5]); err == nil {
					r.candidates = append(r.candidates, at)
				}
			}
		case key == "sendonly":
			sending = true
		case key == "extmap":
			twcc = twcc || strings.Contains(value, twccURI)
		}
		r.feedback = r.feedback || sending && twcc
	}
	if r.ufrag == "" || r.pwd == "" || r.fingerprint == "" || len(r.candidates) == 0 {
		return r, errors.New("client: the answer lacks ICE or DTLS parameters")
	}
	return r, nil
}
