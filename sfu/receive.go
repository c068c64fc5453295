package sfu

import (
	"encoding/binary"

	"alcove/sfu/forward"
	"alcove/sfu/srtp"
)

// rtp takes one SRTP packet of a peer to all who receive it. This is the path that is counted in microseconds: no lock, no
// queue, no allocation.
func (w *worker) rtp(p *peer, data []byte) forward.Drop {
	h, err := forward.ParseHeader(data)
	if err != nil {
		return forward.Malformed
	}
	plain, err := p.keys.open.RTP(data, h.Size)
	switch err {
	case nil:
	case srtp.ErrReplayed:
		return forward.Replayed
	default:
		return forward.Unauthentic
	}
	if p.twccExt != 0 {
		if seq := h.Extension(p.twccExt); len(seq) == 2 {
			p.feedback.Record(h.SSRC, binary.BigEndian.Uint16(seq), w.now.UnixMicro())
		}
	}
	s := p.streams[h.SSRC]
	if s == nil {
		if s = p.learn(&h); s == nil {
			return forward.Unannounced
		}
	}
	payload, err := h.Payload(plain)
	if err != nil || len(payload) > maxPlain-forward.SentHeader-2 { // 2: the original number in a repeat
		return forward.Malformed
	}
	if s.repeats {
		return w.repeated(s, &h, payload)
	}
	return w.publish(s, &h, payload)
}

// learn finds the publication of a new SSRC by its MID (RFC 8843, section 9.2) and payload type.
func (p *peer) learn(h *forward.Header) *stream {
	for _, pub := range p.publications {
		l := pub.line
		if mid := h.Extension(l.midExt); l.midExt == 0 || string(mid) != l.mid {
			continue
		}
		switch h.PayloadType {
		case l.payload:
			return pub.bind(h.SSRC, false)
		case l.rtx:
			return pub.bind(h.SSRC, true)
		}
	}
	return nil
}

// repeated takes an RTX packet if what it repeats is missing: browsers probe the path with repeats of what came.
func (w *worker) repeated(s *stream, h *forward.Header, payload []byte) forward.Drop {
	if len(payload) < 2 {
		return forward.Padding
	}
	main := s.publication.main
	original := binary.BigEndian.Uint16(payload)
	if main == nil || !main.track.Missing(original) {
		return forward.Repeated
	}
	h.Seq, h.PayloadType = original, s.publication.line.payload
	return w.publish(main, h, payload[2:])
}

// publish counts the packet in, stores it and forwards it.
func (w *worker) publish(s *stream, h *forward.Header, payload []byte) forward.Drop {
	pub := s.publication
	if h.PayloadType != pub.line.payload {
		return forward.Unannounced
	}
	video := pub.line.kind == "video"
	ext, verdict := s.track.Receive(w.now, h.Seq, video)
	switch verdict {
	case forward.Duplicate:
		return forward.Repeated
	case forward.Restarted:
		for _, sub := range pub.subscribers {
			sub.restart()
		}
	}
	if !pub.open() {
		return forward.MutedSource
	}
	packet := forward.Packet{Ext: ext, Timestamp: h.Timestamp, Empty: len(payload) == 0}
	if video {
		if packet.KeyFrame = forward.KeyFrameVP8(payload); packet.KeyFrame {
			pub.keyWanted = false
		}
	} else if level := h.Extension(pub.line.levelExt); len(level) > 0 {
		pub.level.Put(w.now, level[0])
	}
	if !packet.Empty {
		pub.put(ext, h, payload)
	}
	for _, sub := range pub.subscribers {
		w.drop(w.forward(sub, packet, h.Marker, payload))
	}
	return forward.Kept
}

// forward sends a packet into one slot.
func (w *worker) forward(s *slot, packet forward.Packet, marker bool, payload []byte) forward.Drop {
	if !s.peer.connected() {
		return forward.Unmapped
	}
	if s.paused {
		s.selector.Switch()
		return forward.Bandwidth
	}
	out, drop := s.selector.Next(w.now, packet)
	if drop != forward.Kept {
		if drop == forward.AwaitKey {
			s.flow.wantKey()
		}
		return drop
	}
	if s.video() { // Opus mends itself (in-band FEC): nobody asks for it again
		if s.sent == nil {
			s.sent = &forward.Sent{}
		}
		s.sent.Put(out.Ext, packet.Ext, out.Timestamp)
	}
	w.write(s, s.line.payload, s.line.slotSSRC, out.Ext, out.Timestamp, marker, nil, payload)
	s.packets++
	s.octets += uint32(len(payload))
	if s.video() {
		w.count.Video++
		w.count.VideoBytes += uint64(len(payload))
		s.peer.videoBits += 8 * len(payload)
	} else {
		w.count.Audio++
		w.count.AudioBytes += uint64(len(payload))
	}
	return forward.Kept
}

// write puts one packet into the slab, to be sealed when it leaves. index is the SRTP index and, in its low 16 bits, the sequence number: the
// same index is never given to two payloads.
func (w *worker) write(s *slot, pt uint8, ssrc uint32, index uint64, ts uint32, marker bool, prefix, payload []byte) {
	b := forward.AppendHeader(w.room(), marker, pt, uint16(index), ts, ssrc, s.flow.send.CSRC)
	b = append(append(b, prefix...), payload...)
	w.depart(s, b, ssrc, index)
}

// resend answers a NACK for one packet, through RTX where it was negotiated (RFC 4588), else as it was. A slot that changed
// hands has forgotten what it sent before.
func (w *worker) resend(s *slot, seq uint16) forward.Drop {
	if s.sent == nil || s.flow == nil || !s.flow.open() {
		return forward.HistoryGone
	}
	out, source, ok := s.sent.Source(seq, s.selector.Last())
	if !ok {
		return forward.HistoryGone
	}
	stored, ok := s.flow.history.Get(source)
	if !ok {
		return forward.HistoryGone
	}
	if !s.peer.mayResend(w.now) {
		return forward.NackLimit
	}
	w.count.Resent++
	ts := s.sent.Timestamp(out)
	if s.line.slotRTX == 0 {
		w.write(s, s.line.payload, s.line.slotSSRC, out, ts, stored.Marker, nil, stored.Payload)
		return forward.Kept
	}
	prefix := [2]byte{byte(seq >> 8), byte(seq)}
	w.write(s, s.line.rtx, s.line.slotRTX, s.nextRTX, ts, stored.Marker, prefix[:], stored.Payload)
	s.nextRTX++
	return forward.Kept
}
