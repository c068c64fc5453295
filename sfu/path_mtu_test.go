package sfu

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/stun/v4"

	"alcove/sfu/forward"
	"alcove/sfu/udp"
)

// A probedPath is the way to one client in a sim: it answers probes up to a size, as a browser answers checks.
type probedPath struct {
	simConn
	to     *simPeer
	mtu    int // of the way, in bytes of a datagram
	near   int // of the interface
	probes []int
}

func (c *probedPath) WriteTo(b []byte, to netip.AddrPort) (int, error) {
	if to != c.to.addr || classify(b) != classSTUN {
		return len(b), nil
	}
	c.probes = append(c.probes, len(b))
	switch {
	case len(b) > c.near:
		return 0, &netError{syscall.EMSGSIZE}
	case len(b) <= c.mtu:
		c.to.sim.send(&c.to.up, flight{peer: c.to, data: c.answer(b)})
	}
	return len(b), nil
}

type netError struct{ error }

func (e *netError) Unwrap() error { return e.error }

// answer is what RFC 8445, section 7.3, says of a check.
func (c *probedPath) answer(b []byte) []byte {
	s, o := c.to.sim, c.to.peer.offer
	m := &stun.Message{Raw: b}
	if err := m.Decode(); err != nil {
		s.fatal("a probe that does not parse: %v", err)
	}
	var user stun.Username
	if err := user.GetFrom(m); err != nil || user.String() != o.ufrag+":"+c.to.peer.local.ufrag {
		s.fatal("user name %q, %v", user, err)
	}
	integrity := stun.NewShortTermIntegrity(o.pwd)
	if integrity.Check(m) != nil || stun.Fingerprint.Check(m) != nil || m.Type != stun.BindingRequest {
		s.fatal("%v: not a check that the client answers", m)
	}
	out, err := stun.Build(stun.BindingSuccess, stun.NewTransactionIDSetter(m.TransactionID), integrity, stun.Fingerprint)
	if err != nil {
		s.fatal("%v", err)
	}
	return out.Raw
}

func newProbedPath(t *testing.T, mtu, near int) (*sim, *probedPath, *simSource) {
	t.Helper()
	s, all := newGroup(t, 61, simSpec{}, "a", "b", "c")
	c := &probedPath{simConn: simConn{s}, to: all[0], mtu: mtu, near: near}
	s.w.sock.Conn = c
	all[0].peer.offer.ufrag, all[0].peer.offer.pwd, all[0].peer.local.ufrag = "theirs", "a password of the client", "ours"
	cam := all[1].source(Camera)
	cam.every = 100 * time.Millisecond
	return s, c, cam
}

// frames counts the frames of b that the receiver with the narrow path, and c, get in two seconds.
func pathFrames(s *sim) (narrow, wide int) {
	a, c := s.people["a"].shows("b", slotVideo), s.people["c"].shows("b", slotVideo)
	before := [2]int{a.frames, c.frames}
	s.run(2 * time.Second)
	return a.frames - before[0], c.frames - before[1]
}

// TestPathMTU lets a publisher send payloads of every size over ways of every size: what every path takes passes at once, more after a probe came
// through, and what does not fit is dropped by name, without audio or the others being hurt and without a storm of key frames.
func TestPathMTU(t *testing.T) {
	for _, c := range []struct {
		name          string
		payload       int
		mtu, near     int
		passes        bool
		leastP, mostP int // probes
	}{
		{"small payloads need no probe", 1180, 1232, 1472, true, 0, 0},
		{"an Ethernet path", 1400, 1472, 1472, true, 1, 2},
		{"a tunnel of 1,280", 1400, 1252, 1472, false, maxProbes, maxProbes},
		{"an interface of 1,280", 1400, 1252, 1252, false, 1, 1},
		{"more than a frame holds", 1500, 1472, 1472, false, 1, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, way, cam := newProbedPath(t, c.mtu, c.near)
			for _, id := range []PeerID{"c"} { // their ways are as wide as can be
				s.people[id].peer.limit = udp.MaxDatagram
				s.people[id].peer.path.confirmAfter = s.now.Add(time.Hour)
			}
			cam.size = c.payload
			s.run(5 * time.Second)
			plis := len(cam.plis)
			narrow, wide := pathFrames(s)
			if wide < 18 || (narrow >= 18) != c.passes || !c.passes && narrow > 0 {
				t.Errorf("%d pictures over this path, %d over the others; drops %v", narrow, wide, s.drops())
			}
			if n := len(cam.plis) - plis; n > 0 {
				t.Errorf("%d key frames asked for in vain", n)
			}
			if n := len(way.probes); n < c.leastP || n > c.mostP {
				t.Errorf("probes %v", way.probes)
			}
			if dropped := s.w.count.Drops[forward.PathMTU]; (dropped == 0) != (c.leastP == 0) {
				t.Errorf("%d drops", dropped)
			}
			sound := s.people["a"].shows("b", slotAudio)
			before := sound.count
			if s.run(time.Second); sound.count-before < 9 {
				t.Errorf("%d packets of sound", sound.count-before)
			}
		})
	}
}

// TestPathShrinks lets a way become narrow that was wide: large frames are dropped, by name, and small ones pass.
func TestPathShrinks(t *testing.T) {
	s, way, cam := newProbedPath(t, 1472, 1472)
	s.people["c"].peer.limit, s.people["c"].peer.path.confirmAfter = udp.MaxDatagram, s.now.Add(time.Hour)
	cam.size = 1400
	s.run(5 * time.Second)
	if narrow, _ := pathFrames(s); narrow < 18 {
		t.Fatalf("%d pictures before", narrow)
	}
	way.mtu = 1232
	s.run(confirmInterval + 4*time.Second)
	if p := s.people["a"].peer; p.limit != udp.BaseDatagram {
		t.Fatalf("the limit is %d", p.limit)
	}
	cam.size = 1100
	s.run(3 * time.Second)
	if narrow, _ := pathFrames(s); narrow < 18 {
		t.Errorf("%d small pictures; drops %v", narrow, s.drops())
	}
}

// TestProbeAnswers checks that only the answer of the client itself, to this probe, counts.
func TestProbeAnswers(t *testing.T) {
	s, way, _ := newProbedPath(t, 0, 1472)
	p := s.people["a"].peer
	p.path.needed = 1400
	p.probePath(s.now)
	if len(way.probes) != 1 || way.probes[0] != 1400 {
		t.Fatalf("probes %v", way.probes)
	}
	build := func(id [stun.TransactionIDSize]byte, pwd string) []byte {
		m, err := stun.Build(stun.BindingSuccess, stun.NewTransactionIDSetter(id), stun.NewShortTermIntegrity(pwd))
		if err != nil {
			t.Fatal(err)
		}
		return m.Raw
	}
	for _, forged := range [][]byte{build([12]byte{1}, p.offer.pwd), build(p.path.id, "another password"), build(p.path.id, p.offer.pwd)[:20], nil} {
		if p.probed(forged) || p.limit != udp.BaseDatagram {
			t.Errorf("%x counts", forged)
		}
	}
	if p.probed(build(p.path.id, p.offer.pwd)) != true || p.limit != 1400 {
		t.Errorf("the client's own answer: the limit is %d", p.limit)
	}
	p.selected(netip.MustParseAddrPort("192.0.2.99:5"))
	if p.limit != udp.BaseDatagram {
		t.Error("what was learnt of one path counts for another")
	}
}

// TestProbeDuringICERestart checks that, during an ICE restart, the selected pair is probed with its own credentials, because the client
// knows no others for it.
func TestProbeDuringICERestart(t *testing.T) {
	n, at := newICENet(t), host(1, 5000)
	a := n.join("a")
	a.connect(at)
	a.peer.install(simKeys(t, 1, 1))
	old := *a
	a.peer.offer = &offer{ufrag: "again", pwd: "another password"}
	a.peer.local.ufrag = "new"
	a.peer.agent.restart(newCredentials("new", "the server's new one", a.peer.offer))
	delete(n.sent, at)
	a.peer.path.needed = 1400
	a.peer.probePath(n.w.now)
	requests := n.sent[at]
	if len(requests) != 1 {
		t.Fatalf("%d probes", len(requests))
	}
	m := &stun.Message{Raw: requests[0]}
	var name stun.Username
	if m.Decode() != nil || name.GetFrom(m) != nil || name.String() != "client-a:server-a" || m.Check(stun.NewShortTermIntegrity(old.offer.pwd)) != nil {
		t.Errorf("the probe is for %q", name)
	}
	if n.w.datagram(old.respond(requests[0], old.offer.pwd), at); a.peer.limit != 1400 {
		t.Errorf("the limit is %d after the answer", a.peer.limit)
	}
}

// TestPathOfRealClient lets a pion client answer the probe: payloads of 1,400 bytes, as GStreamer makes them, come through.
func TestPathOfRealClient(t *testing.T) {
	r := openRoom(t, newEngine(t))
	r.applyPlan(fullPlan("a", "b"))
	a, b := newClient(r, "a", 1), newClient(r, "b", 1)
	a.join()
	b.join()
	picture := make([]byte, 1400)
	copy(picture, []byte{0x10, 0, 1})
	n := 0
	eventually(t, "a large packet comes through", func() bool {
		n++
		err := a.video.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n) * 3000, Marker: true}, Payload: picture})
		if err != nil {
			t.Fatal(err)
		}
		return b.count(11) > 3
	})
	if r.drops(forward.PathMTU) == 0 {
		eventually(t, "the first ones are dropped by name", func() bool { return r.drops(forward.PathMTU) > 0 })
	}
}
