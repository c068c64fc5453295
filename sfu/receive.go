package sfu

import (
	"encoding/binary"
	"time"

	"alcove/sfu/forward"
	"alcove/sfu/srtp"
)

// handleRTP forwards one SRTP packet of a peer to all its receivers. This is the hot path: no lock, no queue, no
// allocation.
func (w *worker) handleRTP(p *peer, data []byte) forward.Drop {
	h, err := forward.ParseHeader(data)
	if err != nil {
		return forward.Malformed
	}
	plain, err := p.keys.open.RTP(data, h.Size)
	switch err {
	case nil:
	case srtp.ErrReplayed:
		return forward.Replayed
	case srtp.ErrKeyExhausted:
		return p.markKeyUsedUp()
	default:
		return forward.Unauthentic
	}
	p.heardAt = w.now
	s := p.streams[h.SSRC]
	if s == nil {
		s = p.bindNewSSRC(&h)
	}
	if s != nil && !s.withinLimit(w.now, len(data)) {
		return w.dropExcess(s, &h)
	}
	if p.twccExt != 0 {
		if seq := h.Extension(p.twccExt); len(seq) == 2 {
			p.feedback.Record(h.SSRC, binary.BigEndian.Uint16(seq), w.now.UnixMicro())
		}
	}
	if s == nil || !s.current(w.now) {
		return forward.Unannounced
	}
	payload, err := h.Payload(plain)
	if err != nil || len(payload) > maxPlaintext-forward.NumberedHeaderSize-2 { // 2: the original number in a repeat
		return forward.Malformed
	}
	if s.repeats {
		return w.retransmission(s, &h, payload)
	}
	return w.publish(s, &h, payload)
}

// dropExcess drops a packet above a limit. It counts as lost in transport-wide feedback, so that an honest sender slows down, but as
// received for NACKs, because a retransmission would increase the excess.
func (w *worker) dropExcess(s *stream, h *forward.Header) forward.Drop {
	if !s.repeats && s.current(w.now) {
		s.received(w.now, h.Seq, false)
	}
	return forward.RateLimit
}

// received counts a packet in. If the sequence restarted, all slots restart.
func (s *stream) received(now time.Time, seq uint16, nack bool) (uint64, forward.Verdict) {
	ext, verdict := s.track.Receive(now, seq, nack)
	if verdict == forward.Restarted {
		e := s.encoding
		e.key = storedKeyFrame{}
		for _, sub := range e.publication.subscribers {
			if sub.current == e {
				sub.restart()
			}
		}
		e.publication.tapped.restarted(e)
	}
	return ext, verdict
}

// bindNewSSRC finds the publication of a new SSRC by its MID (RFC 8843, section 9.2), the encoding by its RID (RFC 8852) and what
// it is by its payload type.
func (p *peer) bindNewSSRC(h *forward.Header) *stream {
	for _, pub := range p.publications {
		l := pub.line
		if mid := h.Extension(l.midExt); l.midExt == 0 || string(mid) != l.mid {
			continue
		}
		rid := h.Extension(l.ridExt)
		if h.PayloadType == l.rtx {
			if rid = h.Extension(l.repairedExt); rid == nil {
				rid = h.Extension(l.ridExt)
			}
		}
		e := pub.encoding(string(rid))
		if len(pub.encodings) == 1 {
			e = pub.encodings[0]
		}
		switch {
		case e == nil:
			return nil
		case h.PayloadType == l.payload:
			return e.bind(h.SSRC, false)
		case l.rtx != 0 && h.PayloadType == l.rtx:
			return e.bind(h.SSRC, true)
		}
	}
	return nil
}

// retransmission accepts an RTX packet if the packet in it is missing: browsers probe the path with retransmissions of received packets.
func (w *worker) retransmission(s *stream, h *forward.Header, payload []byte) forward.Drop {
	if len(payload) < 2 {
		return forward.Padding
	}
	main := s.encoding.main
	original := binary.BigEndian.Uint16(payload)
	if main == nil || !main.track.Missing(original) {
		return forward.Repeated
	}
	h.Seq, h.PayloadType = original, s.encoding.publication.line.payload
	return w.publish(main, h, payload[2:])
}

// publish counts the packet in, stores it and forwards it.
func (w *worker) publish(s *stream, h *forward.Header, payload []byte) forward.Drop {
	e := s.encoding
	pub := e.publication
	if h.PayloadType != pub.line.payload {
		return forward.Unannounced
	}
	ext, verdict := s.received(w.now, h.Seq, pub.repeatable())
	if verdict == forward.Duplicate {
		return forward.Repeated
	}
	if !pub.open() {
		return forward.Muted
	}
	if s.track.HasMissing() {
		w.wakeSoon()
	}
	packet := forward.Packet{Ext: ext, Timestamp: h.Timestamp, Empty: len(payload) == 0}
	var vp8 forward.VP8
	temporal, quiet := uint8(0), false
	if pub.video() {
		vp8, temporal = e.inspect(h, payload, verdict == forward.Late, &packet)
	} else {
		quiet = !pub.updateLevel(h)
	}
	if pub.tapped != nil {
		pub.tapped.forward(w.now, e, &packet, h.Marker, payload)
	}
	if quiet {
		return forward.Quiet
	}
	if !packet.Empty {
		e.store(w.now, ext, h, temporal, payload)
	}
	for _, sub := range pub.subscribers {
		packet.AboveTarget = sub.baseOnly && temporal > 0
		w.drop(w.forward(sub, e, &packet, h.Marker, &vp8, payload))
	}
	return forward.Kept
}

// inspect reads frame and layer information: from the payload, or, once a Dependency Descriptor was seen, only from the descriptor,
// because the payload may be end-to-end encrypted. Chromium agrees on descriptors for plain VP8 and
// writes none.
func (e *encoding) inspect(h *forward.Header, payload []byte, late bool, packet *forward.Packet) (vp8 forward.VP8, temporal uint8) {
	height := 0
	extension := h.Extension(e.publication.line.ddExt)
	if e.hasDescriptor = e.hasDescriptor || extension != nil; e.hasDescriptor {
		d := e.describe(extension, late)
		packet.KeyFrame, temporal, height = d.KeyFrame, d.Temporal, d.Height
	} else {
		vp8 = forward.ParseVP8(payload)
		packet.KeyFrame, packet.Picture, temporal, height = vp8.KeyFrame, vp8.Picture, vp8.Temporal, vp8.Height
	}
	if packet.KeyFrame {
		e.keyFrameArrived(packet.Ext)
		if height > 0 {
			e.height = height
		}
	}
	return vp8, temporal
}

// describe reads a descriptor. A late one must not restore an older structure; if the structure is missing, only a key frame helps.
func (e *encoding) describe(extension []byte, late bool) forward.Descriptor {
	if extension == nil {
		return forward.Descriptor{} // padding, as Chromium probes
	}
	structure := &e.structure
	if late {
		old := e.structure
		structure = &old
	}
	d, err := forward.ParseDescriptor(extension, structure)
	if err == forward.ErrTemplate && e.publication.watched() {
		e.requestKeyFrame()
	}
	if err != nil {
		return forward.Descriptor{}
	}
	return d
}

// keyFrameArrived takes the first packet of a key frame, which may be late.
func (e *encoding) keyFrameArrived(ext uint64) {
	e.publication.keyFramesWanted &^= 1 << e.index
	if ext > e.key.ext {
		e.key = storedKeyFrame{ext: ext, at: e.publication.peer.worker.now}
	}
}

// forward sends a packet into one slot.
func (w *worker) forward(s *slot, e *encoding, packet *forward.Packet, marker bool, vp8 *forward.VP8, payload []byte) forward.Drop {
	if !s.peer.connected() {
		return forward.Unmapped
	}
	w.atStep(stepForward, s.peer)
	if size := s.datagramSize(len(payload)); (size > s.peer.limit || s.tooLongSize > s.peer.limit) && s.tooLong(w.now, size) {
		return forward.PathMTU
	}
	if drop := s.accepts(e, packet); drop != forward.Kept {
		return drop
	}
	if s.replaying && packet.Ext >= s.replayNext {
		return forward.Kept // it leaves in its turn, from history
	}
	paced := s.isVideo && s.peer.bandwidth != nil && s.peer.bandwidth.pacer.on
	if paced && !packet.Empty && !s.peer.mayPace(s, packet) {
		s.selector.Switch()
		return forward.PacerFull
	}
	awaited := s.selector.AwaitsKey()
	out, drop := s.selector.Next(w.now, packet)
	if drop != forward.Kept {
		if drop == forward.AwaitKey {
			e.requestKeyFrame()
		}
		return drop
	}
	s.packets++
	s.octets += uint32(len(payload))
	origin := forward.Origin{Ext: packet.Ext, Timestamp: out.Timestamp, PictureIDOffset: out.PictureIDOffset, TL0Offset: out.TL0Offset, Encoding: uint8(e.index), Verbatim: e.hasDescriptor}
	if !s.video() {
		w.sendSound(s, out.Ext, &origin, marker, payload)
		return forward.Kept
	}
	if s.sent.Empty() {
		s.sent = forward.NewSentIndex(s.line.slotKind == slotScreen)
	}
	s.sent.Put(out.Ext, &origin)
	if !paced || !s.peer.waits(s, out.Ext, len(payload)) {
		w.write(s, s.payload, s.ssrc, out.Ext, &origin, marker, nil, vp8, payload)
	}
	w.countVideo(s.peer, len(payload))
	if awaited && !s.replaying && packet.Ext < e.main.track.Highest() {
		w.replayStored(s, e, packet.Ext+1)
	}
	return forward.Kept
}

func (w *worker) countVideo(p *peer, bytes int) {
	w.count.Video++
	w.count.VideoBytes += uint64(bytes)
	if p.videoBits == 0 && w.now.Sub(p.videoSince) > videoPause {
		p.videoSince = w.now
	}
	p.videoBits += 8 * bytes
}

// replayStored sends a slot that starts with the late first packet of a key frame the later packets of that frame, which were dropped while
// the slot waited. The receiver would request them in vain, and then another key frame.
func (w *worker) replayStored(s *slot, e *encoding, from uint64) {
	for ext := from; ext <= e.main.track.Highest(); ext++ {
		if packet, stored, vp8, ok := e.stored(ext); ok {
			packet.AboveTarget = s.baseOnly && stored.Temporal > 0
			w.drop(w.forward(s, e, &packet, stored.Marker, &vp8, stored.Payload))
		}
	}
}

// stored returns a packet from the history as it was received. Packets that were received but are not in it were padding.
func (e *encoding) stored(ext uint64) (packet forward.Packet, stored forward.Stored, vp8 forward.VP8, ok bool) {
	packet.Ext = ext
	if stored, ok = e.history.Get(ext); !ok {
		packet.Empty = true
		return packet, stored, vp8, e.main.track.Received(ext)
	}
	packet.Timestamp = stored.Timestamp
	if !e.hasDescriptor {
		vp8 = forward.ParseVP8(stored.Payload)
		packet.KeyFrame, packet.Picture = vp8.KeyFrame, vp8.Picture
	}
	return packet, stored, vp8, true
}

// write puts one packet into the slab, to be sealed when it leaves. index is the SRTP index and, in its low 16 bits, the
// sequence number: the same index is never given to two payloads.
func (w *worker) write(s *slot, pt uint8, ssrc uint32, index uint64, o *forward.Origin, marker bool, prefix []byte, vp8 *forward.VP8, payload []byte) {
	b := s.appendHeader(w.slabBuffer(), marker, pt, uint16(index), o.Timestamp, ssrc)
	b = append(b, prefix...)
	at := len(b)
	b = append(b, payload...)
	if o.PictureIDOffset != 0 || o.TL0Offset != 0 {
		vp8.Rewrite(b[at:], o.PictureIDOffset, o.TL0Offset)
	}
	w.enqueue(s, b, ssrc, index)
}

// appendHeader writes the header of a packet of a slot.
func (s *slot) appendHeader(b []byte, marker bool, pt uint8, seq uint16, timestamp, ssrc uint32) []byte {
	if s.numberExt != 0 {
		return forward.AppendNumberedHeader(b, marker, pt, seq, timestamp, ssrc, s.flow.send.CSRC, s.numberExt)
	}
	return forward.AppendHeader(b, marker, pt, seq, timestamp, ssrc, s.flow.send.CSRC)
}

// writeAgain sends a packet under the number that it left under, to the byte as then.
func (w *worker) writeAgain(s *slot, out uint64, o *forward.Origin, stored *forward.Stored, vp8 *forward.VP8) forward.Drop {
	number, numbered := uint16(0), true
	if s.numbers != nil {
		number, numbered = s.numbers.find(out)
	}
	if !numbered {
		return forward.HistoryGone
	}
	w.write(s, s.payload, s.ssrc, out, o, stored.Marker, nil, vp8, stored.Payload)
	newest := &w.box.waiting[len(w.box.waiting)-1]
	newest.again, newest.number = true, number
	return forward.Kept
}

// resend answers a NACK for one packet, through RTX where it was negotiated (RFC 4588), else as it was. A slot that changed
// hands has forgotten what it sent before.
func (w *worker) resend(s *slot, seq uint16) forward.Drop {
	if s.flow == nil || !s.flow.open() {
		return forward.HistoryGone
	}
	out, origin, ok := s.sent.Find(seq, s.selector.Last())
	if !ok {
		return forward.HistoryGone
	}
	e := s.flow.encodings[origin.Encoding]
	stored, ok := e.history.Get(origin.Ext)
	if !ok {
		return forward.HistoryGone
	}
	if size := s.datagramSize(len(stored.Payload) + 2); size > s.peer.limit { // 2: the original number in a repeat
		s.peer.path.needed = max(s.peer.path.needed, size)
		return forward.PathMTU
	}
	switch {
	case !s.video() && s.askedForSound(w.now, out):
		return forward.NackLimit
	case !s.video() && s.peer.rtt > audioNackRTT:
		return forward.NackLate
	case s.video() && s.paused: // it goes on with a key frame, and needs nothing of before
		return forward.NackLate
	case !s.mayResend(w.now):
		return forward.NackLimit
	}
	if b := s.peer.bandwidth; b != nil && b.pacer.on && s.line.slotRTX != 0 {
		return s.peer.waitsAgain(s, out, len(stored.Payload))
	}
	if s.line.slotRTX == 0 {
		var vp8 forward.VP8
		if s.video() && !origin.Verbatim {
			vp8 = forward.ParseVP8(stored.Payload)
		}
		drop := w.writeAgain(s, out, &origin, &stored, &vp8)
		if drop == forward.Kept {
			w.count.Resent++
		}
		return drop
	}
	w.count.Resent++
	w.writeRTX(s, seq, &origin, &stored)
	return forward.Kept
}

// writeRTX puts a repeat of a packet into the slab, under an index of its own.
func (w *worker) writeRTX(s *slot, seq uint16, origin *forward.Origin, stored *forward.Stored) {
	var vp8 forward.VP8
	if !origin.Verbatim {
		vp8 = forward.ParseVP8(stored.Payload)
	}
	prefix := [2]byte{byte(seq >> 8), byte(seq)}
	w.write(s, s.line.rtx, s.line.slotRTX, s.nextRTX, origin, stored.Marker, prefix[:], &vp8, stored.Payload)
	s.nextRTX++
}
