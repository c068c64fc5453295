package sfu

import (
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"alcove/sfu/forward"
	"alcove/sfu/srtp"
	"alcove/sfu/udp"
)

// A sim is a worker with one room in virtual time, without sockets and goroutines. All chance comes from its seed; every
// packet that leaves is checked (sim_check_test.go) before its link loses, delays or doubles it.
type sim struct {
	t       *testing.T
	seed    uint64
	rnd     *rand.Rand
	now     time.Time
	quantum time.Duration // between two rounds of the worker, a multiple of simTick
	w       *worker
	room    *Room
	tap     *simTap
	takes   int  // packets that the socket takes in one Write; negative: all
	refused bool // it did not take all once
	writes  int  // packets that it took

	people  map[PeerID]*simPeer // connected
	byAddr  map[netip.AddrPort]*simPeer
	order   []*simPeer
	sources []*simSource // by number
	number  int          // of connections so far

	plan     Plan                   // as last asked for
	plans    int                    // so far
	force    map[PeerID]simSeat     // in force, from done on
	record   []string               // the same
	mapped   map[PeerID]SlotsMapped // newest
	told     map[PeerID]SlotsMapped // newest announced
	hold     func(SlotsMapped) bool // do not announce yet
	wanted   []EncodingsWanted
	speakers []SpeakersChanged
	lines    []LinesChanged
	exceeded []RateExceeded
	failed   bool
	ready    int                    // plans in force, or of a closed room
	apart    map[PeerID]*Room       // who is in another room than the group: nothing that happens to the group may reach them
	onRTCP   func(*simPeer, []byte) // what leaves, opened; nil: nobody looks

	wheel map[int64][]flight
	tick  int64
}

// A simSeat is a PlanEntry in force, for look-ups.
type simSeat struct {
	hears map[PeerID]bool
	sends map[Source]Send
}

// A flight is a datagram on its way: up as bytes, down as what the receiver understood of it.
type flight struct {
	peer *simPeer
	data []byte // up
	call func() // no datagram: something that happens then
	got  arrival
}

const simTick = 10 * time.Millisecond

var simBegin = time.Unix(1790000000, 0)

// A simConn is a socket that hands everything to the sim.
type simConn struct{ sim *sim }

func (c simConn) Read([]udp.Packet, time.Time) (int, error)       { return 0, net.ErrClosed }
func (c simConn) WriteTo(b []byte, _ netip.AddrPort) (int, error) { return len(b), nil }
func (c simConn) Wake()                                           {}
func (c simConn) Close() error                                    { return nil }
func (c simConn) Write(batch []udp.Packet) int {
	n := len(batch)
	if c.sim.takes >= 0 {
		n = min(n, c.sim.takes)
		c.sim.refused = c.sim.refused || n < len(batch)
	}
	for _, p := range batch[:n] {
		c.sim.leaves(p)
	}
	for _, p := range batch[n:] {
		c.sim.misses(p)
	}
	c.sim.writes += n
	return n
}

func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{
		t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 7)), now: simBegin, quantum: simTick, takes: -1,
		people: map[PeerID]*simPeer{}, byAddr: map[netip.AddrPort]*simPeer{}, force: map[PeerID]simSeat{},
		mapped: map[PeerID]SlotsMapped{}, told: map[PeerID]SlotsMapped{}, wheel: map[int64][]flight{},
	}
	e := &Engine{log: slog.New(slog.DiscardHandler), closing: make(chan struct{})}
	local := netip.MustParseAddrPort("192.0.2.1:3478")
	s.w = newWorker(e, &udp.Socket{Conn: simConn{s}, Local: local, Stats: &udp.Stats{}})
	s.w.now = s.now
	s.room = newRoom(s.w, s.event)
	return s
}

// addRoom opens another room on the same worker, whose peers all receive each other.
func (s *sim) addRoom(ids ...PeerID) []*simPeer {
	r := newRoom(s.w, nil)
	r.events = func(ev Event) {
		if _, ok := ev.(Failed); ok {
			s.fatal("the other room failed")
		}
		s.event(ev)
	}
	p := fullPlan(ids...)
	s.apart = map[PeerID]*Room{}
	for _, id := range ids {
		s.apart[id] = r
	}
	r.Apply(p, func() { s.enforce(p) })
	var all []*simPeer
	for _, id := range ids {
		all = append(all, s.join(id, simSpec{pairs: len(ids) - 1}))
	}
	return all
}

// roomOf returns the room of a peer.
func (s *sim) roomOf(id PeerID) *Room {
	if r := s.apart[id]; r != nil {
		return r
	}
	return s.room
}

func (s *sim) event(ev Event) {
	switch ev := ev.(type) {
	case SlotsMapped:
		s.mapped[ev.Peer] = ev
		if s.hold == nil || !s.hold(ev) {
			s.announce(ev)
		}
	case EncodingsWanted:
		s.wanted = append(s.wanted, ev)
	case RateExceeded:
		s.exceeded = append(s.exceeded, ev)
	case SpeakersChanged:
		s.speakers = append(s.speakers, ev)
	case LinesChanged:
		s.lines = append(s.lines, ev)
	case Failed:
		s.failed = true
	}
}

// announce tells a client its slot map, and the worker that it knows.
func (s *sim) announce(ev SlotsMapped) {
	s.w.queue.put(func() {
		if s.mapped[ev.Peer].Version == ev.Version {
			s.told[ev.Peer] = ev
		}
	})
	s.roomOf(ev.Peer).Announced(ev.Peer, ev.Version)
}

// fatal ends the test with what is needed to see it again.
func (s *sim) fatal(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("seed %d at %v: %s", s.seed, s.now.Sub(simBegin), fmt.Sprintf(format, args...))
}

// applyPlan requests a plan; it is in force once done runs.
func (s *sim) applyPlan(p Plan) {
	s.plan = p
	s.plans++
	number := s.plans
	s.room.Apply(p, func() {
		s.ready = number
		maps.DeleteFunc(s.force, func(id PeerID, _ simSeat) bool { return s.apart[id] == nil })
		s.record = p.Record
		s.enforce(p)
		for _, seat := range p.Entries {
			if number == s.plans { // one that the next overtook was never in force: nothing fell silent
				s.unmuted(seat)
			}
		}
		for id, x := range s.people {
			if _, ok := s.force[id]; !ok {
				s.left(x)
			}
		}
	})
}

func (s *sim) enforce(p Plan) {
	for _, seat := range p.Entries {
		f := simSeat{hears: map[PeerID]bool{}, sends: map[Source]Send{}}
		for _, id := range seat.Receives {
			f.hears[id] = true
		}
		for _, send := range seat.Sends {
			f.sends[send.Source] = send
		}
		s.force[seat.Peer] = f
	}
}

// run lets time pass.
func (s *sim) run(d time.Duration) {
	for end := s.now.Add(d); s.now.Before(end); {
		s.now = s.now.Add(s.quantum)
		s.w.now, s.w.previousRound = s.now, s.now // nothing lay in a socket
		for last := int64(s.now.Sub(simBegin) / simTick); s.tick < last; {
			s.tick++
			flights := s.wheel[s.tick]
			delete(s.wheel, s.tick)
			for i := range flights {
				s.deliver(&flights[i])
			}
		}
		for _, x := range s.order {
			x.act()
		}
		s.w.round(s.now, 0)
		if due := s.w.due(); !due.IsZero() && !s.now.Before(due) {
			s.w.round(s.now, 0) // what a full socket made it ask for: the loop comes round at once
		}
		if s.w.load.ratio == 0 && s.w.box.used != 0 {
			s.fatal("%d packets wait though nothing is to do", s.w.box.used)
		}
	}
}

// until lets time pass until ok holds.
func (s *sim) until(what string, limit time.Duration, ok func() bool) {
	s.t.Helper()
	for end := s.now.Add(limit); !ok(); s.run(s.quantum) {
		if !s.now.Before(end) {
			s.fatal("not within %v: %s; drops %v", limit, what, s.drops())
		}
	}
}

func (s *sim) deliver(f *flight) {
	x := f.peer
	switch {
	case f.call != nil:
		f.call()
	case s.byAddr[x.addr] != x:
	case f.data != nil:
		s.w.datagram(f.data, x.addr)
	default:
		x.arrives(f.got)
	}
}

// drops are the worker's named drops that are not zero.
func (s *sim) drops() map[string]uint64 {
	m := map[string]uint64{}
	for d, n := range s.w.count.Drops {
		if n > 0 {
			m[forward.Drop(d).String()] = n
		}
	}
	return m
}

// A simLink is one direction of a path.
type simLink struct {
	rnd           *rand.Rand
	loss, twice   float64
	delay, jitter time.Duration
}

// send puts a flight on the wheel, or not.
func (s *sim) send(l *simLink, f flight) {
	n := 1
	if l.twice > 0 && l.rnd.Float64() < l.twice {
		n = 2
	}
	for range n {
		if l.loss > 0 && l.rnd.Float64() < l.loss {
			continue
		}
		at := s.now.Add(l.delay)
		if l.jitter > 0 {
			at = at.Add(time.Duration(l.rnd.Int64N(int64(l.jitter))))
		}
		tick := max(s.tick+1, int64(at.Sub(simBegin)/simTick)+1)
		if f.data != nil && n > 1 {
			f.data = slices.Clone(f.data) // the worker opens in place
		}
		s.wheel[tick] = append(s.wheel[tick], f)
	}
}

// simNumberExt is the header extension of the transport-wide numbers of slots.
const simNumberExt = 5

// A simSpec says how somebody joins.
type simSpec struct {
	pairs, screens int
	rids           []string // of the camera
	screen         bool     // publishes one
	twcc, plain    bool     // transport-wide feedback; no RTX
	audioNack      bool     // sound is repeated on request
	dd             bool     // descriptors, and payloads nobody can read
	numbered       bool     // its slots have transport-wide numbers, of which it sends feedback
}

// join connects a seat of the plan, without handshake.
func (s *sim) join(id PeerID, spec simSpec) *simPeer {
	s.number++
	x := &simPeer{
		sim: s, id: id, number: s.number, rnd: rand.New(rand.NewPCG(s.seed, uint64(s.number))), slots: map[uint32]*simSlot{},
		addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(s.number >> 8), byte(s.number)}), 5000), mids: 25,
	}
	for _, l := range []*simLink{&x.up, &x.down} {
		*l = simLink{rnd: rand.New(rand.NewPCG(s.seed, x.rnd.Uint64())), delay: simTick}
	}
	x.nextReport = s.now.Add(time.Duration(x.rnd.Int64N(int64(time.Second))))
	x.peer = &peer{id: id, generation: uint32(s.number), worker: s.w, offer: &offer{lines: x.lines(spec)}}
	up, down := simKeys(s.t, s.number, 1), simKeys(s.t, s.number, 2)
	x.seal, x.open = up.seal, down.open
	s.w.queue.add(task{s.roomOf(id), x.peer, func() {
		if old := s.people[id]; old != nil {
			s.left(old)
		}
		if err := s.roomOf(id).adopt(x.peer, true); err != nil {
			if s.roomOf(id).closed {
				return
			}
			s.fatal("%s joins: %v", id, err)
		}
		s.people[id], s.byAddr[x.addr] = x, x
		s.order = append(s.order, x)
		x.peer.selected(x.addr)
		x.peer.install(keys{open: up.open, seal: down.seal})
	}})
	return x
}

func (s *sim) left(x *simPeer) {
	delete(s.byAddr, x.addr)
	if s.people[x.id] == x {
		delete(s.people, x.id)
		delete(s.told, x.id)
		delete(s.mapped, x.id)
	}
	s.order = slices.DeleteFunc(s.order, func(y *simPeer) bool { return y == x })
}

func simKeys(tb testing.TB, number, direction int) keys {
	tb.Helper()
	key, salt := make([]byte, 32), make([]byte, srtp.SaltSize)
	key[0], key[1], key[2] = byte(number), byte(number>>8), byte(direction)
	seal, err := srtp.NewSealer(key, salt)
	if err != nil {
		tb.Fatal(err)
	}
	open, err := srtp.NewOpener(key, salt)
	if err != nil {
		tb.Fatal(err)
	}
	return keys{seal: seal, open: open}
}

// lines are the m-lines of an offer, and the sources behind them.
func (x *simPeer) lines(spec simSpec) []mLine {
	own := mLine{use: usePublish, midExt: 4}
	if spec.twcc {
		own.twccExt = 3
	}
	mic, cam, screen := own, own, own
	mic.mid, mic.kind, mic.source, mic.payload, mic.levelExt = "0", "audio", Microphone, 111, 1
	cam.mid, cam.kind, cam.source, cam.payload, cam.rtx = "1", "video", Camera, 96, 97
	cam.rids, cam.ridExt, cam.repairedExt = spec.rids, 5, 6
	if spec.dd {
		cam.ddExt = 7
	}
	mic.nack = spec.audioNack
	screen.mid, screen.kind, screen.source, screen.payload, screen.rtx = "2", "video", Screen, 96, 97
	lines := []mLine{mic, cam}
	if spec.screen {
		lines = append(lines, screen)
	}
	for i := range lines {
		x.publishes(&lines[i], spec)
	}
	slot := func(l mLine, n int) {
		l.use, l.payload, l.slotSSRC = useSlot, 96, uint32(n*1000+l.slotIndex)
		if spec.numbered {
			l.twccExt = simNumberExt
		}
		if l.kind == "audio" {
			l.payload, l.nack = 111, spec.audioNack
		} else if !spec.plain {
			l.rtx, l.slotRTX = 97, l.slotSSRC+10_000
		}
		lines = append(lines, l)
	}
	for i := range spec.pairs {
		slot(mLine{kind: "audio", slotKind: slotAudio, slotIndex: i}, 1)
		slot(mLine{kind: "video", slotKind: slotVideo, slotIndex: i}, 2)
	}
	for i := range spec.screens {
		slot(mLine{kind: "video", slotKind: slotScreen, slotIndex: i}, 3)
	}
	for i := range lines {
		if l := &lines[i]; l.use == useSlot {
			out := &simSlot{line: l, needsKey: l.kind == "video"}
			x.slots[l.slotSSRC] = out
			x.list = append(x.list, out)
			if l.slotRTX != 0 {
				x.slots[l.slotRTX] = out
			}
		}
	}
	return lines
}
