package sfu

import (
	"net/netip"
	"slices"
	"time"

	"alcove/sfu/forward"
	"alcove/sfu/srtp"
	"alcove/sfu/udp"
)

// Bounds of the packets that wait to leave.
const (
	// slabPackets is how many packets may wait: 2 ms of a worker at 500,000 packets a second. Full: all leaves at once.
	slabPackets = 1024
	// maxPadding equalises packets of a frame, in bytes of RTP padding (RFC 3550, section 5.1): packetizers split frames into
	// parts that differ by a byte.
	maxPadding = 4
	// audioWait and videoWait are how long a loaded worker lets packets gather into trains, in its socket and here: well under
	// the jitter of any path. An idle one forwards at once.
	audioWait = 5 * time.Millisecond
	videoWait = 2 * time.Millisecond
)

// A pendingPacket is one packet that waits to be sealed; its header and payload are in the slab.
type pendingPacket struct {
	slot   *slot
	data   []byte // in the slab, with room for padding and tag
	ssrc   uint32
	index  uint64 // SRTP index
	next   int32  // of the same queue, in outbox.waiting; 0: none, as everywhere, for they count from 1
	sealed bool
	again  bool   // left before under the same index, so it must leave to the bit as before,
	number uint16 // and under this transport-wide number
}

// A packetQueue holds the pending packets of one peer, in order of arrival.
type packetQueue struct {
	first, last int32 // in outbox.waiting
	count       int32
}

// An outbox gathers the packets that one round sends, or a few rounds under load. Packets of equal size for one subscriber are adjacent, so
// that the socket can send them with segmentation offload; all audio leaves before any video. Owned by worker.run.
type outbox struct {
	slab     []byte
	used     int              // packets of the slab
	control  []udp.Packet     // RTCP, sealed already
	waiting  []pendingPacket  // of all peers, adjacent in memory
	batch    []*pendingPacket // of the peer whose packets are sealed now
	peers    []*peer          // with pending packets
	out      []udp.Packet
	slots    []*slot        // of out, nil for RTCP
	rounds   uint64         // never wraps: a slot that holds an old number would be passed over
	since    time.Time      // earliest arrival of a pending packet
	hasVideo bool           // some of them are video
	arrived  arrivalBatches // how many, by round
	departed arrivalBatches // the same of those that left in this round
	broken   []*peer        // whose packets caused a panic; closed when no packet is being forwarded
}

func newOutbox() outbox {
	return outbox{
		slab: make([]byte, slabPackets*udp.MaxDatagram), waiting: make([]pendingPacket, 0, slabPackets),
		out: make([]udp.Packet, 0, slabPackets), slots: make([]*slot, 0, slabPackets),
	}
}

// slabBuffer returns a buffer for one packet of up to udp.MaxDatagram bytes.
func (w *worker) slabBuffer() []byte {
	if w.box.used == slabPackets {
		w.flush()
	}
	if w.box.used == 0 {
		w.box.since, w.box.hasVideo = w.previousRound, false
	}
	i := w.box.used * udp.MaxDatagram
	w.box.used++
	return w.box.slab[i : i : i+udp.MaxDatagram]
}

// sendControl queues a sealed RTCP packet in the slab.
func (w *worker) sendControl(data []byte, to netip.AddrPort) {
	w.box.control = append(w.box.control, udp.Packet{Data: data, Addr: to})
}

// enqueue queues a packet of a slot that is in the slab.
func (w *worker) enqueue(s *slot, data []byte, ssrc uint32, index uint64) {
	p := s.peer
	if p.audioQueue.count+p.videoQueue.count == 0 {
		w.box.peers = append(w.box.peers, p)
	}
	if b := p.bandwidth; b != nil && (b.pacer.on || b.probe.open()) {
		b.charge(len(data) + srtp.TagSize + datagramOverhead)
	}
	w.box.arrived.add(w.now, 1)
	w.box.waiting = w.box.waiting[:len(w.box.waiting)+1]
	d := &w.box.waiting[len(w.box.waiting)-1]
	d.slot, d.data, d.ssrc, d.index = s, data, ssrc, index // not made aside and copied, see forward.Sent.Put
	if s.video() {
		w.box.link(&p.videoQueue)
		w.box.hasVideo = true
	} else {
		w.box.link(&p.audioQueue)
	}
}

// link puts the newest packet at the end of its queue.
func (b *outbox) link(q *packetQueue) {
	newest := int32(len(b.waiting))
	if q.count++; q.first == 0 {
		q.first = newest
	} else {
		b.waiting[q.last-1].next = newest
	}
	q.last = newest
}

// drain removes and returns all packets of a queue. The result is valid until the next call.
func (b *outbox) drain(q *packetQueue) []*pendingPacket {
	b.batch = b.batch[:0]
	for i := q.first; i != 0; {
		d := &b.waiting[i-1]
		b.batch, i = append(b.batch, d), d.next
	}
	*q = packetQueue{}
	return b.batch
}

// due is when the pending packets have to leave; zero if there are none.
func (w *worker) due() time.Time {
	switch {
	case w.box.used == 0:
		return time.Time{}
	case w.box.hasVideo:
		return w.box.since.Add(w.load.gatherTime(videoWait))
	}
	return w.box.since.Add(w.load.gatherTime(audioWait))
}

// flush seals and sends all that waits.
func (w *worker) flush() {
	b := &w.box
	if b.used == 0 {
		return
	}
	b.out, b.slots = append(b.out[:0], b.control...), b.slots[:0]
	for range b.control {
		b.slots = append(b.slots, nil)
	}
	for _, p := range b.peers {
		w.seal(p, &p.audioQueue, 0)
	}
	for _, p := range b.peers {
		padding := maxPadding
		if p.exact {
			padding = 0
		}
		w.seal(p, &p.videoQueue, padding)
	}
	taken := 0
	w.guard(nil, nil, func() {
		w.atStep(stepWrite, nil)
		taken = w.sock.Write(b.out)
		w.count.DatagramsOut += uint64(taken)
		for i := range b.out[:taken] {
			out := &b.out[i]
			w.count.BytesOut += uint64(len(out.Data))
			if out.TooLong {
				w.handleTooLong(out)
			}
		}
	})
	clear(b.peers)
	clear(b.waiting)
	b.control, b.peers, b.waiting, b.used = b.control[:0], b.peers[:0], b.waiting[:0], 0
	b.departed.take(&b.arrived)
	w.handleUnsent(b.slots[taken:]) // it asks for key frames: into the empty box
}

// seal seals the pending packets in one queue of a peer. A panic closes only that peer.
func (w *worker) seal(p *peer, q *packetQueue, padding int) {
	if slices.Contains(w.box.broken, p) {
		return
	}
	if !w.try(func() {
		w.atStep(stepSeal, p)
		w.batchPeer(p, w.box.drain(q), padding)
	}) {
		w.markBroken(p)
	}
}

// markBroken stops sending to a peer that closeBroken will close.
func (w *worker) markBroken(p *peer) {
	p.audioQueue, p.videoQueue, p.keys.seal = packetQueue{}, packetQueue{}, nil
	w.box.broken = append(w.box.broken, p)
}

// handleUnsent counts packets that the kernel did not take. Video continues with its next key frame.
func (w *worker) handleUnsent(slots []*slot) {
	w.count.Drops[forward.SocketFull] += uint64(len(slots))
	for _, s := range slots {
		if s == nil || !s.video() || slices.Contains(w.box.broken, s.peer) {
			continue
		}
		if !w.try(func() {
			w.atStep(stepUnsent, s.peer)
			s.restart()
		}) {
			w.markBroken(s.peer)
		}
	}
}

// batchPeer seals the pending packets of one peer in an order that makes long trains: all packets of about the size of the first
// pending one, then one shorter packet, and again. Packets of one slot keep their order.
func (w *worker) batchPeer(p *peer, list []*pendingPacket, padding int) {
	if !p.connected() {
		w.count.Drops[forward.Unmapped] += uint64(len(list))
		return
	}
	for left := len(list); left > 0; {
		w.box.rounds++
		size, first := w.trainSize(list, padding), true
		for i := range list {
			d := list[i]
			if d.sealed || d.slot.round == w.box.rounds {
				continue
			}
			if n := len(d.data); n > size || n+padding < size {
				d.slot.round = w.box.rounds // later packets of this slot must keep their order
				continue
			}
			w.sealAndQueue(p, d, size)
			left, first = left-1, false
		}
		if first {
			panic("sfu: a train without a packet")
		}
		if left > 0 {
			left -= w.shortTail(p, list, size)
		}
	}
}

// trainSize is the largest of a waiting packet that the first one can be padded to.
func (w *worker) trainSize(list []*pendingPacket, padding int) int {
	size, base := 0, 0
	for i := range list {
		if d := list[i]; !d.sealed {
			n := len(d.data)
			if base == 0 {
				base, size = n, n
			} else if n > size && n <= base+padding {
				size = n
			}
		}
	}
	return size
}

// shortTail ends the train with one shorter packet, as segmentation offload allows.
func (w *worker) shortTail(p *peer, list []*pendingPacket, size int) int {
	w.box.rounds++
	for i := range list {
		d := list[i]
		if d.sealed || d.slot.round == w.box.rounds {
			continue
		}
		if len(d.data) < size {
			w.sealAndQueue(p, d, len(d.data))
			return 1
		}
		d.slot.round = w.box.rounds
	}
	return 0
}

// sealAndQueue pads, seals and sends one packet.
func (w *worker) sealAndQueue(p *peer, d *pendingPacket, size int) {
	d.sealed = true
	if n := size - len(d.data); n > 0 {
		if d.data[0]&0x20 != 0 { // it is of padding alone
			n += int(d.data[len(d.data)-1])
		}
		d.data[0] |= 0x20 // P
		for len(d.data) < size {
			d.data = append(d.data, 0)
		}
		d.data[len(d.data)-1] = byte(n)
	}
	header := forward.SentHeaderSize
	if d.slot.numberExt != 0 {
		header = forward.NumberedHeaderSize
		forward.SetNumber(d.data, p.number(d))
	}
	sealed := p.keys.seal.RTP(d.data, header, d.ssrc, d.index)
	if sealed == nil {
		w.drop(p.markKeyUsedUp())
		return
	}
	w.box.out = w.box.out[:len(w.box.out)+1]
	out := &w.box.out[len(w.box.out)-1]
	out.Data, out.Addr, out.TooLong = sealed, p.remote, false
	w.box.slots = append(w.box.slots, d.slot)
}

// maxPlaintext is the largest plain packet for which padding and tag fit into the slab.
const maxPlaintext = udp.MaxDatagram - srtp.TagSize - maxPadding
