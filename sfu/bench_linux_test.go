package sfu

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"alcove/sfu/forward"
	"alcove/sfu/srtp"
	"alcove/sfu/udp"
)

// A bench is a worker with one room of participants who all send, on real sockets, without handshakes: its clock is the
// test's, its packets go through the kernel.
type bench struct {
	tb      testing.TB
	w       *worker
	people  []*person
	now     time.Time
	rnd     *rand.Rand
	scratch [partBytes + 1]byte
	bare    bool     // no copies for the floor
	ext     uint8    // header extension of the transport-wide numbers of slots, of which all send feedback; 0: none
	floor   []*floor // the same packets for the bare loop, one for each flush
}

// A person is one participant: a socket that sends what a browser would and counts what it receives.
type person struct {
	sock       *udp.Socket
	peer       *peer
	seal       *srtp.Sealer
	open       *srtp.Opener
	seq        [2]uint64 // of audio and video
	nextAudio  time.Time
	nextFrame  time.Time
	nextReport time.Time
	wide       uint16          // transport-wide number of the last packet sent
	next       uint16          // the same of the next packet received that feedback reports,
	arrivals   []time.Duration // and when it and those after it came
	nextWide   time.Time
	out        []byte
	expected   int // packets that left for this person
	got        int // and arrived whole
	in         []udp.Packet
	level      byte           // of the audio that is sent, as RFC 6464 counts: 127 is silence
	heard      map[uint32]int // packets opened, by CSRC
}

var benchBegin = time.Unix(1790000000, 0)

// What everybody sends: Opus at a constant rate, VP8 of 600 kbit/s in 30 frames a second.
const (
	audioInterval = 20 * time.Millisecond
	frameEvery    = time.Second / 30
	audioPayload  = 100
	frameBytes    = 600_000 / 8 / 30
	partBytes     = 1100 // a frame is split into equal parts up to this
	keyPackets    = 30   // the first packets are of key frames: long enough for a track to be ready
	benchWindow   = videoWait
	manyKeys      = 2000 // the same where what is sent grows with what the path is known to take
)

func newBench(tb testing.TB, people int) *bench { return newBenchWith(tb, people, 0) }

func newBenchWith(tb testing.TB, people int, ext uint8) *bench {
	tb.Helper()
	sock, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"), udp.Trains)
	if err != nil {
		tb.Fatal(err)
	}
	e := &Engine{log: slog.New(slog.DiscardHandler), closing: make(chan struct{})}
	b := &bench{tb: tb, w: newWorker(e, sock), now: benchBegin, rnd: rand.New(rand.NewPCG(1, 2)), ext: ext}
	tb.Cleanup(func() { sock.Close() })
	room := newRoom(b.w, nil)
	room.events = func(ev Event) {
		if m, ok := ev.(SlotsMapped); ok {
			b.w.queue.put(func() { room.members[m.Peer].announced(m.Version) })
		}
	}
	b.w.now = b.now
	var ids []PeerID
	for i := range people {
		ids = append(ids, PeerID(fmt.Sprint(i)))
	}
	room.applyPlan(fullPlan(ids...))
	for i, id := range ids {
		b.people = append(b.people, b.enter(room, id, i, people))
	}
	b.w.round(b.now, 0) // the tasks: all slot maps are announced
	b.expect()
	b.drain(false)
	return b
}

func (b *bench) enter(room *Room, id PeerID, i, people int) *person {
	sock, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"), udp.Batch)
	if err != nil {
		b.tb.Fatal(err)
	}
	b.tb.Cleanup(func() { sock.Close() })
	x := &person{sock: sock, level: 40, arrivals: make([]time.Duration, 0, 1024), in: make([]udp.Packet, 64), out: make([]byte, 0, udp.MaxDatagram)}
	x.nextAudio = b.now.Add(audioInterval * time.Duration(i) / time.Duration(people))
	x.nextReport = b.now.Add(time.Second * time.Duration(i) / time.Duration(people))
	x.nextFrame = b.now.Add(frameEvery * time.Duration(b.rnd.IntN(1000)) / 1000)
	lines := []mLine{
		{mid: "0", kind: "audio", use: usePublish, source: Microphone, payload: 111, ssrc: 1, levelExt: 1, twccExt: 3},
		{mid: "1", kind: "video", use: usePublish, source: Camera, payload: 96, rtx: 97, ssrc: 2, rtxSSRC: 3, twccExt: 3},
	}
	for k := range people - 1 {
		lines = append(lines,
			mLine{kind: "audio", use: useSlot, slotKind: slotAudio, slotIndex: k, payload: 111, slotSSRC: uint32(1000 + k), twccExt: b.ext},
			mLine{kind: "video", use: useSlot, slotKind: slotVideo, slotIndex: k, payload: 96, rtx: 97, slotSSRC: uint32(2000 + k), slotRTX: uint32(3000 + k), twccExt: b.ext})
	}
	x.peer = &peer{id: id, generation: 1, worker: b.w, offer: &offer{lines: lines}}
	if err := room.adopt(x.peer, true); err != nil {
		b.tb.Fatal(err)
	}
	up, down := keysOf(b.tb, byte(i)), keysOf(b.tb, byte(i+100))
	x.seal, x.open = up.seal, down.open
	x.peer.selected(sock.Local)
	x.peer.install(keys{open: up.open, seal: down.seal})
	return x
}

func keysOf(tb testing.TB, n byte) keys {
	tb.Helper()
	key, salt := make([]byte, 32), make([]byte, srtp.SaltSize)
	key[0], salt[0] = n, n
	s, err := srtp.NewSealer(key, salt)
	if err != nil {
		tb.Fatal(err)
	}
	o, err := srtp.NewOpener(key, salt)
	if err != nil {
		tb.Fatal(err)
	}
	return keys{seal: s, open: o}
}

// window lets everybody send what is due within the next window and returns how many packets that were.
func (b *bench) window() int {
	b.now = b.now.Add(benchWindow)
	sent := 0
	for _, x := range b.people {
		for ; x.nextAudio.Before(b.now); x.nextAudio = x.nextAudio.Add(audioInterval) {
			b.send(x, 0, 111, true, b.scratch[:audioPayload])
			sent++
		}
		for ; x.nextFrame.Before(b.now); x.nextFrame = x.nextFrame.Add(frameEvery) {
			sent += b.frame(x)
		}
		for ; x.nextReport.Before(b.now); x.nextReport = x.nextReport.Add(time.Second) {
			b.report(x)
			sent++
		}
		if len(x.arrivals) > 0 && !b.now.Before(x.nextWide) {
			x.nextWide = b.now.Add(feedbackInterval)
			b.feedback(x)
			sent++
		}
	}
	return sent
}

// frame sends one frame, split as browsers do: into equal parts, the remainder in the last ones.
func (b *bench) frame(x *person) int {
	left := frameBytes + b.rnd.IntN(400) - 200
	parts := (left + partBytes - 1) / partBytes
	for k := range parts {
		payload := b.scratch[:left/(parts-k)]
		left -= len(payload)
		payload[0], payload[1] = 0, 1
		if k == 0 {
			payload[0] = 0x10 // start of the frame
		}
		if x.seq[1] < keyPackets || b.ext != 0 && x.seq[1] < manyKeys {
			payload[1] = 0 // key frame
		}
		b.send(x, 1, 96, k == parts-1, payload)
	}
	return parts
}

// send seals and sends a packet with the extensions of a browser: transport-wide number and audio level.
func (b *bench) send(x *person, track int, pt uint8, marker bool, payload []byte) {
	x.seq[track]++
	x.wide++
	ts := uint32(b.now.Sub(benchBegin) * time.Duration([]int{48, 90}[track]) / time.Millisecond)
	packet := forward.AppendHeader(x.out[:0], marker, pt, uint16(x.seq[track]), ts, uint32(track+1), 7)
	packet[0] |= 0x10
	packet = append(packet, 0xBE, 0xDE, 0, 2, 1<<4, x.level, 3<<4|1, byte(x.wide>>8), byte(x.wide), 0, 0, 0)
	size := len(packet)
	packet = x.seal.RTP(append(packet, payload...), size, uint32(track+1), x.seq[track])
	if _, err := x.sock.WriteTo(packet, b.w.sock.Local); err != nil {
		b.tb.Fatal(err)
	}
}

// report sends a receiver report of all slots.
func (b *bench) report(x *person) {
	packet := append(x.out[:0], 0x80|byte(len(x.peer.slots)), typeRR, 0, byte(1+6*len(x.peer.slots)), 0, 0, 0, 9)
	for _, s := range x.peer.slots {
		packet = binary.BigEndian.AppendUint32(packet, s.line.slotSSRC)
		packet = append(packet, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	if _, err := x.sock.WriteTo(x.seal.RTCP(packet), b.w.sock.Local); err != nil {
		b.tb.Fatal(err)
	}
}

// feedback sends transport-wide feedback of all that arrived.
func (b *bench) feedback(x *person) {
	const reference, delta = 64 * time.Millisecond, 250 * time.Microsecond
	at := x.arrivals[0] / reference * reference
	packet := append(x.out[:0], 0x80|formatTWCC, typeRTPFB, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0)
	packet = binary.BigEndian.AppendUint16(packet, x.next)
	packet = binary.BigEndian.AppendUint16(packet, uint16(len(x.arrivals)))
	packet = binary.BigEndian.AppendUint32(packet, uint32(at/reference)<<8)
	packet = binary.BigEndian.AppendUint16(packet, 1<<13|uint16(len(x.arrivals)))
	for _, arrival := range x.arrivals {
		packet = append(packet, byte((arrival-at)/delta))
		at = arrival
	}
	for len(packet)%4 != 0 {
		packet = append(packet, 0)
	}
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)/4-1))
	x.next, x.arrivals = x.next+uint16(len(x.arrivals)), x.arrivals[:0]
	if _, err := x.sock.WriteTo(x.seal.RTCP(packet), b.w.sock.Local); err != nil {
		b.tb.Fatal(err)
	}
}

// work lets the worker take n packets and returns the CPU time it took.
func (b *bench) work(n int) time.Duration {
	var cpu time.Duration
	for took := 0; took < n; {
		start := threadTime()
		got, err := b.w.sock.Read(b.w.batch, time.Time{})
		b.w.round(b.now, got)
		cpu += threadTime() - start
		if err != nil {
			b.tb.Fatal(err)
		}
		took += got
		b.expect()
	}
	return cpu
}

// expect notes what left for whom, and makes the floor's copy of it.
func (b *bench) expect() {
	out := b.w.box.out
	if len(out) == 0 {
		return
	}
	if !b.bare {
		b.floor = append(b.floor, newFloor(out))
	}
	for i := range out {
		b.person(out[i].Addr).expected++
	}
	b.w.box.out = out[:0]
}

func (b *bench) person(at netip.AddrPort) *person {
	for _, x := range b.people {
		if x.sock.Local == at {
			return x
		}
	}
	b.tb.Fatal("a packet for nobody")
	return nil
}

// expectFloor notes what the bare loop sent.
func (b *bench) expectFloor(f *floor) {
	for at, n := range f.sent {
		b.person(at).expected += n
	}
}

// drain reads and opens what arrived.
func (b *bench) drain(opened bool) {
	for _, x := range b.people {
		for x.expected > 0 {
			n, err := x.sock.Read(x.in, time.Now().Add(time.Second))
			if err != nil || n == 0 {
				b.tb.Fatalf("%d packets are lost: %v", x.expected, err)
			}
			x.expected -= n
			for _, p := range x.in[:n] {
				if opened && p.Data[0]&0x10 != 0 && classify(p.Data) == classRTP {
					x.arrivals = append(x.arrivals, b.now.Sub(benchBegin))
				}
				if opened && x.opens(p.Data) {
					x.got++
				}
			}
		}
	}
}

func (x *person) opens(data []byte) bool {
	if classify(data) == classRTCP {
		_, err := x.open.RTCP(data)
		return err == nil
	}
	h, err := forward.ParseHeader(data)
	if err != nil {
		return false
	}
	if _, err = x.open.RTP(data, h.Size); err == nil && x.heard != nil {
		x.heard[binary.BigEndian.Uint32(data[12:])]++
	}
	return err == nil
}
