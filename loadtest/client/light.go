package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/stun/v4"

	"alcove/loadtest/pace"
	"alcove/sfu/srtp"
	"alcove/sfu/udp"
)

// A Light is a connection without a PeerConnection: a socket, one ICE check that nominates at once, DTLS, and the SRTP of package sfu/srtp.
//
//	socket ─► read goroutine ─► STUN, DTLS ─► handshake
//	                       └──► SRTP ─► open ─► Sink
//	pacer ─► frame ─► seal ─► socket
type Light struct {
	sock      *udp.Socket
	identity  *identity
	pacer     *pace.Pacer
	sink      *Sink
	sources   []*source
	ufrag     string
	pwd       string
	version   int
	slotCount Slots
	slots     []bool // receiving m-lines in order: video?

	server      remoteDescription // set before the handshake, then only read
	to          netip.AddrPort    // likewise
	answers     chan []byte       // STUN responses; full: dropped, checks repeat
	dtls        *dtlsConn
	keys        atomic.Pointer[keys] // set when the handshake was verified
	closed      chan struct{}
	once        sync.Once
	external    atomic.Bool // a Plain answers requests itself
	stalled     atomic.Bool // reads nothing: the kernel's buffer fills
	dropped     atomic.Uint64
	pendingSRTP [][]byte // packets received before the keys were known. Owned by read.
	recorder    *twcc.Recorder
	mu          sync.Mutex // guards recorder

	// Owned by the pacer.
	slab    []byte
	batch   []udp.Packet
	twcc    uint16
	ssrc    uint32 // sender of feedback
	consent time.Duration
}

// keys are the two directions of SRTP. seal is owned by the pacer, open by the reader.
type keys struct {
	seal *srtp.Sealer
	open *srtp.Opener
}

// newLight opens the socket of one connection; local is the address to send from.
func newLight(local netip.Addr, id *identity, p *pace.Pacer, sink *Sink, sources []*source) (*Light, error) {
	sock, err := udp.Listen(netip.AddrPortFrom(local, 0), udp.Trains)
	if err != nil {
		return nil, err
	}
	l := &Light{
		sock: sock, identity: id, pacer: p, sink: sink, ufrag: rand.Text()[:8], pwd: rand.Text(),
		answers: make(chan []byte, 4), closed: make(chan struct{}), ssrc: mrand.Uint32() | 1, sources: sources,
	}
	l.dtls = &dtlsConn{light: l, in: make(chan []byte, 32)}
	go l.read()
	return l, nil
}

// Offer describes the connection.
func (l *Light) Offer(slots Slots) (string, []Track, error) {
	sdp, tracks := l.offerLight(slots)
	return sdp, tracks, nil
}

// Answered sets the server's description. The first one connects.
func (l *Light) Answered(ctx context.Context, sdp string, via func(netip.AddrPort) netip.AddrPort) error {
	if l.keys.Load() != nil {
		return nil // more slots on the same transport
	}
	r, err := parseAnswer(sdp)
	if err != nil {
		return err
	}
	l.server, l.to = r, r.candidates[0]
	if via != nil {
		l.to = via(l.to)
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := l.check(ctx); err != nil {
		return err
	}
	k, err := l.handshake(ctx)
	if err != nil {
		return err
	}
	if r.feedback {
		l.recorder = twcc.NewRecorder(l.ssrc)
	}
	l.keys.Store(k)
	return nil
}

// Start starts the sources. phase spreads clients over the interval, so that they do not all send at once.
func (l *Light) Start(random *mrand.Rand) {
	l.slab = make([]byte, 8*udp.MaxDatagram)
	now := pace.Now()
	for _, s := range l.sources {
		phase := time.Duration(random.Int64N(int64(s.profile.Interval)))
		l.pacer.Add(now+phase, true, func(due, _ time.Duration) (time.Duration, bool) {
			return due + s.profile.Interval, l.send(s, due)
		})
	}
	l.pacer.Add(now, false, func(due, now time.Duration) (time.Duration, bool) {
		return due + reportInterval, l.report(now)
	})
	if l.recorder != nil {
		l.pacer.Add(now, false, func(due, _ time.Duration) (time.Duration, bool) {
			return due + feedbackInterval, l.feedback()
		})
	}
}

// send sends one frame. Runs on the pacer.
func (l *Light) send(s *source, due time.Duration) bool {
	if l.isClosed() {
		return false
	}
	if s.muted.Load() {
		return true
	}
	k := l.keys.Load()
	s.renew()
	ts := s.prepare(due)
	l.batch = l.batch[:0]
	for i := range s.bufs {
		b := l.slab[i*udp.MaxDatagram:][:0]
		second := byte(opusPayload)
		if s.video {
			second = vp8Payload
		}
		if i == len(s.bufs)-1 && s.video {
			second |= 0x80 // marker: last packet of the frame (RFC 7741, section 4.1)
		}
		b = append(b, 2<<6|0x10, second)
		b = binary.BigEndian.AppendUint16(b, uint16(s.seq))
		b = binary.BigEndian.AppendUint32(b, ts)
		b = binary.BigEndian.AppendUint32(b, s.ssrc)
		l.twcc++
		b = appendExtension(b, s.video, s.profile.Level, l.twcc, s.mid)
		header := len(b)
		b = append(b, s.stamped(i, due)...)
		l.batch = append(l.batch, udp.Packet{Data: k.seal.RTP(b, header, s.ssrc, s.seq), Addr: l.to})
		s.seq++
	}
	l.sock.Write(l.batch)
	return true
}

// report sends sender and receiver reports, and a check that keeps consent. Runs on the pacer.
func (l *Light) report(now time.Duration) bool {
	if l.isClosed() {
		return false
	}
	if now-l.consent >= consentInterval {
		l.consent = now
		if check, err := l.binding(); err == nil {
			_, _ = l.sock.WriteTo(check.Raw, l.to)
		}
	}
	packets := []rtcp.Packet{}
	for _, s := range l.sources {
		if s.packets > 0 && !s.muted.Load() {
			packets = append(packets, &rtcp.SenderReport{
				SSRC: s.ssrc, NTPTime: ntp(time.Now()), RTPTime: s.timestamp(now), PacketCount: s.packets, OctetCount: s.octets,
			})
		}
	}
	packets = append(packets, &rtcp.ReceiverReport{SSRC: l.ssrc, Reports: l.sink.reports(now)})
	for _, ssrc := range l.sink.withoutKeyFrame() { // a decoder would ask, too
		packets = append(packets, &rtcp.PictureLossIndication{SenderSSRC: l.ssrc, MediaSSRC: ssrc})
	}
	l.sendRTCP(packets...)
	return true
}

func (l *Light) sendRTCP(packets ...rtcp.Packet) {
	b := l.slab[:0]
	for _, p := range packets {
		raw, err := p.Marshal()
		if err == nil && len(b)+len(raw) < udp.MaxDatagram-srtp.TagSize-4 {
			b = append(b, raw...)
		}
	}
	if len(b) > 0 {
		_, _ = l.sock.WriteTo(l.keys.Load().seal.RTCP(b), l.to)
	}
}

// feedback reports to the server how its packets arrived. Runs on the pacer.
func (l *Light) feedback() bool {
	if l.isClosed() {
		return false
	}
	l.mu.Lock()
	packets := l.recorder.BuildFeedbackPacket()
	l.mu.Unlock()
	if len(packets) > 0 {
		l.sendRTCP(packets...)
	}
	return true
}

func (l *Light) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// Closed ends with the connection.
func (l *Light) Closed() <-chan struct{} { return l.closed }

// Close ends the connection. polite closes DTLS first; a crash does not.
func (l *Light) Close(polite bool) {
	l.once.Do(func() {
		close(l.closed)
		if polite {
			l.dtls.goodbye()
		}
		_ = l.sock.Close()
	})
}

// drops is the number of datagrams that the kernel dropped because this process read too late.
func (l *Light) drops() uint64 { return l.dropped.Load() }

var errGone = errors.New("client: the connection was closed")

func (l *Light) read() {
	batch := make([]udp.Packet, readBatch)
	for {
		n, err := l.sock.Read(batch, time.Time{})
		if errors.Is(err, net.ErrClosed) {
			return
		}
		for l.stalled.Load() && !l.isClosed() {
			<-l.closed
		}
		l.dropped.Store(l.sock.Stats.KernelDrops)
		now := pace.Now()
		l.sink.Batch()
		for i := range batch[:n] {
			l.demux(now, batch[i].Data, batch[i].Addr)
		}
		l.sink.Unlock()
		l.pacer.Poll()
	}
}

// demux distinguishes STUN, DTLS, RTP and RTCP (RFC 7983; RFC 5761, section 4).
func (l *Light) demux(now time.Duration, b []byte, from netip.AddrPort) {
	if len(b) < 12 || (l.to.IsValid() && from != l.to) {
		return
	}
	switch {
	case b[0] < 4:
		if b[0] == 0 && b[1] == 1 && !l.external.Load() { // a Binding request: the server asks whether we receive (RFC 8445, section 7.3)
			m := &stun.Message{Raw: append([]byte(nil), b...)}
			if m.Decode() == nil && stun.NewShortTermIntegrity(l.pwd).Check(m) == nil {
				l.answerCheck(m)
			}
			return
		}
		select {
		case l.answers <- append([]byte(nil), b...):
		default:
		}
	case b[0] >= 20 && b[0] < 64:
		l.dtls.push(b)
	case b[0]>>6 == 2:
		l.receiveSRTP(now, b)
	}
}

// receiveSRTP takes SRTP and SRTCP. The server may send as soon as its side of the handshake is done: what comes before ours is done
// waits, or the first key frame would be lost.
func (l *Light) receiveSRTP(now time.Duration, b []byte) {
	if l.keys.Load() == nil {
		if len(l.pendingSRTP) < maxPendingSRTP {
			l.pendingSRTP = append(l.pendingSRTP, append([]byte(nil), b...))
		}
		return
	}
	for _, waited := range l.pendingSRTP {
		l.dispatch(now, waited)
	}
	l.pendingSRTP = nil
	l.dispatch(now, b)
}

func (l *Light) dispatch(now time.Duration, b []byte) {
	if b[1] >= 192 && b[1] < 224 { // RFC 5761, section 4
		l.receiveRTCP(b)
	} else {
		l.receiveRTP(now, b)
	}
}

func (l *Light) receiveRTP(now time.Duration, b []byte) {
	k := l.keys.Load()
	header := 12 + 4*int(b[0]&0x0f)
	if k == nil || len(b) < header {
		return
	}
	if b[0]&0x10 != 0 {
		if len(b) < header+4 {
			return
		}
		extension := b[header:]
		header += 4 + 4*int(binary.BigEndian.Uint16(extension[2:]))
	}
	video := b[1]&0x7f == vp8Payload
	plain, err := k.open.RTP(b, header)
	if err != nil {
		if errors.Is(err, srtp.ErrReplayed) {
			l.sink.Replayed(video)
		}
		return
	}
	p := Packet{
		SSRC: binary.BigEndian.Uint32(b[8:]), Seq: binary.BigEndian.Uint16(b[2:]), Video: video, Marker: b[1]&0x80 != 0,
		Payload: plain[header:],
	}
	p.CSRC = p.SSRC // who sends what is its own (RFC 3550, section 5.1)
	if b[0]&0x0f > 0 {
		p.CSRC = binary.BigEndian.Uint32(b[12:])
	}
	if n := len(p.Payload); b[0]&0x20 != 0 && n > 0 && int(p.Payload[n-1]) <= n { // padding (RFC 3550, section 5.1)
		p.Payload = p.Payload[:n-int(p.Payload[n-1])]
	}
	l.recordTWCC(b[:header], p.SSRC)
	if len(p.Payload) > 0 {
		l.sink.Receive(now, p)
	}
}

// recordTWCC records arrivals for feedback.
func (l *Light) recordTWCC(header []byte, ssrc uint32) {
	if l.recorder == nil || header[0]&0x10 == 0 {
		return
	}
	e := header[12+4*int(header[0]&0x0f)+4:]
	for len(e) >= 3 {
		size := int(e[0]&0x0f) + 1
		switch {
		case e[0] == 0:
			e = e[1:]
		case e[0]>>4 == twccExtension && size == 2:
			l.mu.Lock()
			l.recorder.Record(ssrc, binary.BigEndian.Uint16(e[1:]), time.Now().UnixMicro())
			l.mu.Unlock()
			return
		case len(e) < 1+size:
			return
		default:
			e = e[1+size:]
		}
	}
}

// receiveRTCP reads reports and requests of the server.
func (l *Light) receiveRTCP(b []byte) {
	k := l.keys.Load()
	if k == nil {
		return
	}
	plain, err := k.open.RTCP(b)
	if err != nil {
		return
	}
	for len(plain) >= 8 {
		size := 4 * (int(binary.BigEndian.Uint16(plain[2:])) + 1)
		if size > len(plain) {
			return
		}
		p := plain[:size]
		switch format := p[0] & 0x1f; {
		case p[1] == 200 && size >= 20:
			l.sink.senderReport(binary.BigEndian.Uint32(p[4:]), binary.BigEndian.Uint32(p[10:]))
		case p[1] == 206 && (format == 1 || format == 4): // PLI (RFC 4585, section 6.3.1), FIR (RFC 5104, section 4.3.1)
			for _, s := range l.sources {
				if s.video {
					s.keyWanted.Store(true)
				}
			}
		}
		plain = plain[size:]
	}
}

// sendRequests asks for the newest packets of every slot again, and for key frames. Runs on the pacer.
func (l *Light) sendRequests() bool {
	if l.isClosed() {
		return false
	}
	var packets []rtcp.Packet
	for _, b := range l.sink.reports(pace.Now()) {
		seq := uint16(b.LastSequenceNumber)
		packets = append(packets,
			&rtcp.TransportLayerNack{SenderSSRC: l.ssrc, MediaSSRC: b.SSRC, Nacks: []rtcp.NackPair{{PacketID: seq - 16, LostPackets: 0xffff}}},
			&rtcp.PictureLossIndication{SenderSSRC: l.ssrc, MediaSSRC: b.SSRC})
	}
	l.sendRTCP(packets...)
	return true
}
