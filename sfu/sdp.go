package sfu

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"alcove/sfu/forward"
)

// Errors of an offer. Wrapping errors name the m-line, never its content.
var (
	ErrSDP    = errors.New("sdp_invalid")
	ErrCodec  = errors.New("codec_unsupported")
	ErrTracks = errors.New("track_limit")
)

// Extensions that we read upstream (RFC 8285). Downstream we send extTWCC only.
const (
	extMID      = "urn:ietf:params:rtp-hdrext:sdes:mid"
	extLevel    = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	extRID      = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	extRepaired = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	extDD       = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
	extTWCC     = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// An offer is the parsed session description of a client (RFC 8829).
type offer struct {
	ufrag, pwd   string
	fingerprints []webrtc.DTLSFingerprint
	lines        []mLine
}

// An mLine is one m-line: the client's offer, and its negotiated use.
type mLine struct {
	mid         string
	kind        string // audio, video, or another kind
	sends       bool   // the client
	receives    bool
	payload     uint8 // of Opus or VP8
	rtx         uint8 // of RTX for it, 0 without
	midExt      uint8
	levelExt    uint8
	twccExt     uint8
	ridExt      uint8
	repairedExt uint8
	ddExt       uint8
	rids        []string // of a simulcast, the lowest first
	paused      []string // those that the client does not send yet
	codecs      []uint8  // all payload types of Opus or VP8 that the offer holds
	rtxOf       map[uint8]uint8
	nackOf      []string // payload types of audio that the client repeats, or asks for again, on request; "*": all
	nack        bool     // audio is repeated on request (RFC 4585, section 4.2); video always is
	ssrc        uint32   // the client's, 0 if unsaid
	rtxSSRC     uint32
	extNames    map[uint8]string
	use         mLineUse
	source      Source // use == usePublish
	slotKind    string // use == useSlot: audio, video or screen
	slotIndex   int
	slotSSRC    uint32
	slotRTX     uint32
}

type mLineUse uint8

const (
	useNone mLineUse = iota
	usePublish
	useSlot
)

func parseOffer(text string, tracks []Track) (*offer, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("%w: not a session description", ErrSDP)
	}
	switch n := len(d.MediaDescriptions); {
	case n == 0:
		return nil, fmt.Errorf("%w: no m-line", ErrSDP)
	case n > MaxLines:
		return nil, fmt.Errorf("%w: more than %d m-lines", ErrTracks, MaxLines)
	}
	o := &offer{}
	bundle, seen := bundled(&d), map[string]bool{}
	for i, m := range d.MediaDescriptions {
		l, err := parseLine(m)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w (m-line %d)", err, i)
		case seen[l.mid]:
			return nil, fmt.Errorf("%w: m-line %d has the mid of another", ErrSDP, i)
		case !bundle[l.mid] && !stopped(m):
			return nil, fmt.Errorf("%w: m-line %d is not in the BUNDLE group", ErrSDP, i)
		}
		seen[l.mid] = true
		o.lines = append(o.lines, l)
	}
	if err := o.transport(&d); err != nil {
		return nil, err
	}
	return o, o.assign(tracks)
}

func bundled(d *sdp.SessionDescription) map[string]bool {
	mids := map[string]bool{}
	for _, a := range d.Attributes {
		if rest, ok := strings.CutPrefix(a.Value, "BUNDLE "); a.Key == "group" && ok {
			for _, mid := range strings.Fields(rest) {
				mids[mid] = true
			}
		}
	}
	return mids
}

// line finds an m-line that is known to be there.
func (o *offer) line(mid string) *mLine {
	return &o.lines[slices.IndexFunc(o.lines, func(l mLine) bool { return l.mid == mid })]
}

// attribute looks in the m-line, then in the session.
func attribute(d *sdp.SessionDescription, m *sdp.MediaDescription, key string) (string, bool) {
	if v, ok := m.Attribute(key); ok {
		return v, true
	}
	return d.Attribute(key)
}

// transport reads ICE and DTLS parameters of the first m-line, which the bundle shares (RFC 8843).
func (o *offer) transport(d *sdp.SessionDescription) error {
	m := d.MediaDescriptions[0]
	o.ufrag, _ = attribute(d, m, "ice-ufrag")
	o.pwd, _ = attribute(d, m, "ice-pwd")
	setup, _ := attribute(d, m, "setup")
	_, lite := d.Attribute("ice-lite")
	switch {
	case len(o.ufrag) < 4 || len(o.ufrag) > 256 || len(o.pwd) < 22 || len(o.pwd) > 256:
		return fmt.Errorf("%w: ice-ufrag or ice-pwd missing", ErrSDP)
	case setup != "actpass" && setup != "active":
		return fmt.Errorf("%w: setup must be actpass or active", ErrSDP)
	case lite:
		return fmt.Errorf("%w: two ICE-lite sides cannot meet", ErrSDP)
	}
	value, _ := attribute(d, m, "fingerprint")
	algorithm, digest, ok := strings.Cut(value, " ")
	if !ok || !strings.EqualFold(algorithm, "sha-256") {
		return fmt.Errorf("%w: a sha-256 fingerprint is needed", ErrSDP)
	}
	o.fingerprints = []webrtc.DTLSFingerprint{{Algorithm: strings.ToLower(algorithm), Value: digest}}
	return nil
}

// stopped reports whether an m-line is of a transceiver that was stopped or rejected (RFC 8829, section 5.2.2; RFC 9143, section 6).
func stopped(m *sdp.MediaDescription) bool {
	_, only := m.Attribute("bundle-only")
	return m.MediaName.Port.Value == 0 && !only
}

func parseLine(m *sdp.MediaDescription) (mLine, error) {
	l := mLine{kind: m.MediaName.Media, extNames: map[uint8]string{}}
	l.mid, _ = m.Attribute("mid")
	if l.mid == "" || len(l.mid) > maxMID || strings.ContainsAny(l.mid, " \r\n") {
		return l, fmt.Errorf("%w: mid missing", ErrSDP)
	}
	if l.kind != "audio" && l.kind != "video" || stopped(m) {
		return l, nil
	}
	if _, ok := m.Attribute("rtcp-mux"); !ok {
		return l, fmt.Errorf("%w: rtcp-mux missing", ErrSDP)
	}
	l.sends, l.receives = true, true
	l.rtxOf = map[uint8]uint8{}
	for _, a := range m.Attributes {
		l.attribute(a.Key, a.Value)
	}
	if len(l.codecs) > 0 {
		l.choosePayload(l.codecs[0])
	}
	l.nack = l.kind == "audio" && l.nackOffered()
	if l.ridExt == 0 {
		l.rids, l.paused = nil, nil // packets could not say which encoding they are of
	}
	return l, nil
}

// nackOffered reports whether the client offered generic NACK for the payload type in use. An answer may only keep what was offered (RFC
// 4585, section 4.2).
func (l *mLine) nackOffered() bool {
	return slices.Contains(l.nackOf, "*") || slices.Contains(l.nackOf, strconv.Itoa(int(l.payload)))
}

// choosePayload chooses one of the offered payload types, and its RTX payload type.
func (l *mLine) choosePayload(payload uint8) { l.payload, l.rtx = payload, l.rtxOf[payload] }

func (l *mLine) attribute(key, value string) {
	switch key {
	case "sendonly":
		l.receives = false
	case "recvonly":
		l.sends = false
	case "inactive":
		l.sends, l.receives = false, false
	case "rtpmap":
		if pt, name, ok := strings.Cut(value, " "); ok && strings.EqualFold(name, codecOf(l.kind)) {
			if n := payloadType(pt); n != 0 {
				l.codecs = append(l.codecs, n)
			}
		}
	case "fmtp":
		if pt, params, ok := strings.Cut(value, " "); ok {
			if apt, ok := strings.CutPrefix(params, "apt="); ok {
				apt, _, _ = strings.Cut(apt, ";")
				l.rtxOf[payloadType(apt)] = payloadType(pt)
			}
		}
	case "rtcp-fb":
		if pt, kind, ok := strings.Cut(value, " "); ok && strings.TrimSpace(kind) == "nack" && len(l.nackOf) < maxCodecs {
			l.nackOf = append(l.nackOf, pt)
		}
	case "extmap":
		l.extension(value)
	case "simulcast":
		l.simulcast(value)
	case "ssrc-group":
		if f := strings.Fields(value); len(f) == 3 && f[0] == "FID" && l.rtxSSRC == 0 {
			l.ssrc, l.rtxSSRC = ssrc(f[1]), ssrc(f[2])
		}
	case "ssrc":
		if id, _, _ := strings.Cut(value, " "); l.ssrc == 0 {
			l.ssrc = ssrc(id)
		}
	}
}

func (l *mLine) extension(value string) {
	f := strings.Fields(value)
	if len(f) < 2 {
		return
	}
	number, _, _ := strings.Cut(f[0], "/")
	id, err := strconv.ParseUint(number, 10, 8)
	if err != nil || id == 0 {
		return
	}
	switch f[1] {
	case extMID:
		l.midExt = uint8(id)
	case extLevel:
		l.levelExt = uint8(id)
	case extTWCC:
		l.twccExt = uint8(id)
	case extRID:
		l.ridExt = uint8(id)
	case extRepaired:
		l.repairedExt = uint8(id)
	case extDD:
		l.ddExt = uint8(id)
	default:
		return
	}
	l.extNames[uint8(id)] = f[1]
}

// simulcast reads "send a;~b;c,d" (RFC 8853, section 5.1): streams, the lowest first as the page and browsers name them; "~" marks
// one that is not sent for now, which Chromium writes once setParameters paused it; "," parts alternatives of one stream, of which
// we take the first that is sent. More streams than we forward are left out of the answer.
func (l *mLine) simulcast(value string) {
	f := strings.Fields(value)
	at := slices.Index(f, "send")
	if at < 0 || at+1 >= len(f) || len(l.rids) > 0 {
		return
	}
	var rids, paused []string
	for stream := range strings.SplitSeq(f[at+1], ";") {
		rid, sent := alternative(stream)
		switch {
		case rid == "" || slices.Contains(rids, rid):
			return
		case len(rids) == maxRIDs:
			continue
		case !sent:
			paused = append(paused, rid)
		}
		rids = append(rids, rid)
	}
	l.rids, l.paused = rids, paused
}

// alternative chooses one of the alternatives of a simulcast stream; none if one of them is no RID.
func alternative(stream string) (rid string, sent bool) {
	for name := range strings.SplitSeq(stream, ",") {
		name, paused := strings.CutPrefix(name, "~")
		if name == "" || len(name) > maxRID || strings.ContainsFunc(name, notRID) {
			return "", false
		}
		if rid == "" || !sent && !paused {
			rid, sent = name, !paused
		}
	}
	return rid, sent
}

// notRID matches characters that no RID may contain (RFC 8851, section 10).
func notRID(r rune) bool {
	return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '_')
}

func codecOf(kind string) string {
	if kind == "audio" {
		return "opus/48000/2"
	}
	return "VP8/90000"
}

// payloadType parses a dynamic or static payload type; 0 (PCMU, which we do not speak) stands for none.
func payloadType(s string) uint8 {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 7)
	if err != nil {
		return 0
	}
	return uint8(n)
}

func ssrc(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}

// assign determines the use of each m-line: an own source of the client, a slot, or nothing. A receive-only video line right behind a
// receive-only audio line shows the same person; any other receive-only video line is for a screen.
func (o *offer) assign(tracks []Track) error {
	sources := map[string]Source{}
	for _, t := range tracks {
		if sources[t.MID] != "" {
			return fmt.Errorf("%w: a mid is named twice", ErrSDP)
		}
		sources[t.MID] = t.Source
	}
	pairs, screens := 0, 0
	for i := range o.lines {
		l := &o.lines[i]
		if source, ok := sources[l.mid]; ok {
			delete(sources, l.mid)
			if err := l.publish(source); err != nil {
				return err
			}
			continue
		}
		if l.sends && l.receives {
			return fmt.Errorf("%w: a slot must be recvonly, a track of the client sendonly and named by tracks: m-line %d is sendrecv", ErrSDP, i)
		}
		if !l.receives || l.payload == 0 {
			continue // rejected in the answer
		}
		l.use = useSlot
		switch behind := i > 0 && o.lines[i-1].slotKind == slotAudio; {
		case l.kind == "audio":
			l.slotKind, l.slotIndex = slotAudio, pairs
			pairs++
		case behind:
			l.slotKind, l.slotIndex = slotVideo, pairs-1
		default:
			l.slotKind, l.slotIndex = slotScreen, screens
			screens++
		}
	}
	if len(sources) > 0 {
		return fmt.Errorf("%w: tracks name a mid that is not in the offer", ErrSDP)
	}
	return nil
}

func (l *mLine) publish(s Source) error {
	if (l.kind == "audio") != (s == Microphone) || !l.sends || l.receives {
		return fmt.Errorf("%w: the m-line of a track must be sendonly and of its kind", ErrSDP)
	}
	if l.payload == 0 {
		return fmt.Errorf("%w: offer opus and VP8", ErrCodec)
	}
	l.use, l.source = usePublish, s
	return nil
}

// local is the server's part of its answers.
type local struct {
	ufrag, pwd  string
	fingerprint webrtc.DTLSFingerprint
	candidates  []string // "address port"
	version     uint64   // of the description, grows with each answer
}

// answer writes the server's description: ICE-lite, DTLS server (setup:passive), one bundle.
func (o *offer) answer(p local) string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE", p.version)
	for i := range o.lines {
		if o.lines[i].use != useNone {
			b.WriteString(" " + o.lines[i].mid)
		}
	}
	b.WriteString("\r\na=msid-semantic: WMS *\r\n")
	for i := range o.lines {
		if l := &o.lines[i]; l.use == useNone {
			fmt.Fprintf(&b, "m=%s 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:%s\r\n", l.kind, l.mid)
		} else {
			l.write(&b, p)
		}
	}
	return b.String()
}

func (l *mLine) write(b *strings.Builder, p local) {
	rtx := ""
	if l.rtx != 0 {
		rtx = " " + strconv.Itoa(int(l.rtx))
	}
	fmt.Fprintf(b, "m=%s 9 UDP/TLS/RTP/SAVPF %d%s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\n", l.kind, l.payload, rtx, l.mid)
	fmt.Fprintf(b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s %s\r\na=setup:passive\r\n", // upper-case hex: RFC 8122, section 5, and Firefox holds us to it
		p.ufrag, p.pwd, p.fingerprint.Algorithm, strings.ToUpper(p.fingerprint.Value))
	for i, c := range p.candidates {
		fmt.Fprintf(b, "a=candidate:%d 1 udp %d %s typ host\r\n", i+1, 2130706431-i, c)
	}
	b.WriteString("a=end-of-candidates\r\na=rtcp-mux\r\na=rtcp-rsize\r\n")
	fmt.Fprintf(b, "a=rtpmap:%d %s\r\n", l.payload, codecOf(l.kind))
	if l.kind == "audio" {
		// In-band FEC mends single losses; constant bit rate hides speech patterns from traffic analysis (RFC 6562).
		fmt.Fprintf(b, "a=fmtp:%d minptime=10;useinbandfec=1;cbr=1\r\n", l.payload)
		if l.nack {
			fmt.Fprintf(b, "a=rtcp-fb:%d nack\r\n", l.payload)
		}
	} else {
		fmt.Fprintf(b, "a=rtcp-fb:%d nack\r\na=rtcp-fb:%d nack pli\r\na=rtcp-fb:%d ccm fir\r\n", l.payload, l.payload, l.payload)
	}
	if l.rtx != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", l.rtx, l.rtx, l.payload)
	}
	if l.use == usePublish {
		l.writePublish(b)
	} else {
		l.writeSlot(b)
	}
}

func (l *mLine) writePublish(b *strings.Builder) {
	if l.twccExt != 0 {
		fmt.Fprintf(b, "a=rtcp-fb:%d transport-cc\r\n", l.payload)
	}
	for _, e := range l.extensions() {
		if simulcast := e == &l.ridExt || e == &l.repairedExt; *e != 0 && (!simulcast || len(l.rids) > 0) {
			fmt.Fprintf(b, "a=extmap:%d %s\r\n", *e, l.extNames[*e])
		}
	}
	if len(l.rids) > 0 {
		for _, rid := range l.rids {
			fmt.Fprintf(b, "a=rid:%s recv\r\n", rid)
		}
		fmt.Fprintf(b, "a=simulcast:recv %s\r\n", strings.Join(l.rids, ";"))
	}
	b.WriteString("a=recvonly\r\n")
}

// extensions are the ids of the extensions that we read, in the order of the answer.
func (l *mLine) extensions() [6]*uint8 {
	return [...]*uint8{&l.midExt, &l.levelExt, &l.twccExt, &l.ridExt, &l.repairedExt, &l.ddExt}
}

// numberExt is the id of the extension in which a slot sends transport-wide numbers, 0: none were negotiated.
func (l *mLine) numberExt() uint8 {
	if l.use != useSlot || l.twccExt > forward.MaxNumberID {
		return 0
	}
	return l.twccExt
}

// writeSlot names the slot's stream: audio and video of one index share it, for lip-sync.
func (l *mLine) writeSlot(b *strings.Builder) {
	stream := "pair" + strconv.Itoa(l.slotIndex)
	if l.slotKind == slotScreen {
		stream = "screen" + strconv.Itoa(l.slotIndex)
	}
	if l.numberExt() != 0 {
		fmt.Fprintf(b, "a=rtcp-fb:%d transport-cc\r\na=extmap:%d %s\r\n", l.payload, l.twccExt, extTWCC)
	}
	fmt.Fprintf(b, "a=sendonly\r\na=msid:%s %s-%s\r\n", stream, stream, l.kind)
	if l.slotRTX == 0 {
		fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\n", l.slotSSRC, cname)
		return
	}
	// Chromium takes the first SSRC of an m-line for the source itself, whatever the group says.
	fmt.Fprintf(b, "a=ssrc-group:FID %d %d\r\na=ssrc:%d cname:%s\r\na=ssrc:%d cname:%s\r\n",
		l.slotSSRC, l.slotRTX, l.slotSSRC, cname, l.slotRTX, cname)
}
