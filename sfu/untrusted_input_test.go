package sfu

import (
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"alcove/sfu/forward"
)

func (r *testRoom) drops(d forward.Drop) uint64 { return r.e.Counters().Drops[d] }

// TestUnknownAddressesGetNothing sends every class of datagram from an address that passed no check.
func TestUnknownAddressesGetNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r, _, _ := v.pair()
		unknown := v.stranger()
		for _, datagram := range [][]byte{
			{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1},                         // DTLS
			append([]byte{0x80, 111, 0, 1}, make([]byte, 60)...),                    // RTP
			append([]byte{0x80, 200, 0, 1}, make([]byte, 60)...),                    // RTCP
			append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...), // STUN without a name
			{}, {0xff}, {64, 1, 2},
		} {
			if _, err := unknown.WriteToUDPAddrPort(datagram, virtualServer); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "all are dropped by name", func() bool {
			return r.drops(forward.Unknown) >= 3 && r.drops(forward.Malformed) >= 3
		})
		_ = unknown.SetReadDeadline(time.Now().Add(time.Minute))
		if n, _, err := unknown.ReadFromUDPAddrPort(make([]byte, 1500)); err == nil {
			t.Fatalf("an unknown address was answered with %d bytes", n)
		}
	})
}

// TestMediaFollowsChecksOnly replays a client's own packets from elsewhere: the stream must not follow them.
func TestMediaFollowsChecksOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r, _, _ := v.pair()
		remote := make(chan netip.AddrPort, 1)
		r.worker.submit(func() { remote <- r.members["b"].peer.remote })
		before := receive(t, remote, "b's address")
		unknown := v.stranger()
		for range 20 {
			if _, err := unknown.WriteToUDPAddrPort(append([]byte{0x80, 111, 0, 1}, make([]byte, 100)...), virtualServer); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "they are dropped", func() bool { return r.drops(forward.Unknown) >= 20 })
		r.worker.submit(func() { remote <- r.members["b"].peer.remote })
		if after := receive(t, remote, "b's address"); after != before {
			t.Fatal("media follows packets instead of checks")
		}
	})
}

// TestProfileIsAES256 asserts the profile that was negotiated, as the client sees it.
func TestProfileIsAES256(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		r.applyPlan(fullPlan("a"))
		a := newClient(r, "a", 1)
		a.join()
		for _, s := range a.pc.GetStats() {
			if ts, ok := s.(webrtc.TransportStats); ok && ts.SRTPCipher != "" && ts.SRTPCipher != "AEAD_AES_256_GCM" {
				t.Fatalf("SRTP cipher %q", ts.SRTPCipher)
			}
		}
		open := make(chan int, 1)
		r.worker.submit(func() {
			p := r.members["a"].peer
			open <- map[bool]int{true: 16, false: 32}[p.keys.aes128]
		})
		if size := receive(t, open, "the key size"); size != 32 {
			t.Fatalf("keys of %d bytes", size)
		}
	})
}

// TestWeakCiphersAreRefused offers a client that knows AES-CM with HMAC-SHA1 only.
func TestWeakCiphersAreRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		r.applyPlan(fullPlan("a"))
		c := newClientWith(r, "a", 1, func(s *webrtc.SettingEngine) {
			s.SetSRTPProtectionProfiles(1) // SRTP_AES128_CM_HMAC_SHA1_80 (RFC 5764, section 4.1.2)
		})
		if _, err := c.offer(1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the handshake fails", func() bool {
			s := c.pc.ConnectionState()
			return s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed
		})
		if n := r.e.Counters().Peers; n != 0 {
			t.Fatalf("%d peers with keys", n)
		}
	})
}

func descriptors(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

// TestClosedRoomsLeaveNothing lets 200 clients vanish without notice, half of them during their handshakes. The bubble fails the test if a
// goroutine remains.
func TestClosedRoomsLeaveNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		for i := range 20 {
			closeRoomWithVanishedClients(t, v.room(), 10, i%2 == 0)
		}
		eventually(t, "all peers are gone", func() bool { return v.engine.Counters().Peers == 0 })
		w := v.engine.workers[0]
		eventually(t, "no address and no credentials are left", func() bool {
			left := make(chan int, 1)
			w.submit(func() { left <- len(w.byUfrag) + len(w.byTransaction) + len(w.byAddr) + len(w.pendingPaths) })
			return receive(t, left, "the worker's tables") == 0
		})
	})
}

// TestClosedRoomsKeepNoDescriptors does the same over real sockets with a few clients and counts file descriptors.
func TestClosedRoomsKeepNoDescriptors(t *testing.T) {
	e := newEngine(t)
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	closeRoomWithVanishedClients(t, openRoom(t, e), 2, true)
	closeRoomWithVanishedClients(t, openRoom(t, e), 2, false)
	eventually(t, "goroutines and descriptors are back at the baseline", func() bool {
		return runtime.NumGoroutine() <= goroutines && descriptors(t) <= files
	})
}

// closeRoomWithVanishedClients joins clients, ends them without notice to the server, and closes the room.
func closeRoomWithVanishedClients(t *testing.T, r *testRoom, size int, connected bool) {
	t.Helper()
	ids := []PeerID{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}[:size]
	r.applyPlan(fullPlan(ids...))
	var clients []*testClient
	for _, id := range ids {
		c := newClient(r, id, 1)
		if _, err := c.offer(1); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	for _, c := range clients {
		if connected {
			c.connected()
		}
	}
	for _, c := range clients {
		c.vanish()
	}
	r.Close()
}

// TestOversized checks that a datagram larger than any client's STUN or DTLS message is dropped and counted before it is parsed or copied,
// because pion would otherwise queue it.
func TestOversized(t *testing.T) {
	n, from := newICENet(t), netip.MustParseAddrPort("192.0.2.9:4000")
	a := n.join("a")
	a.connect(from)
	a.peer.transport = &transport{pipe: newPipe()}
	w, conn := n.w, a.peer.transport.pipe
	check := func(size int) []byte {
		m, err := stun.Build(stun.BindingRequest, stun.NewUsername(a.ufrag+":theirs"))
		if err != nil {
			t.Fatal(err)
		}
		m.Add(stun.AttrSoftware, make([]byte, size-len(m.Raw)-4))
		return m.Raw
	}
	record := func(size int) []byte { return append([]byte{22, 254, 253}, make([]byte, size-3)...) }
	for _, c := range []struct {
		name string
		of   func(int) []byte
		most int
	}{{"STUN", check, maxSTUN}, {"DTLS", record, maxDTLS}} {
		big := c.of(60_000)
		if n := testing.AllocsPerRun(100, func() { w.datagram(big, from) }); n != 0 {
			t.Errorf("%s: %v allocations for one that is too large", c.name, n)
		}
		before := w.count.Drops[forward.Oversized]
		w.datagram(c.of(c.most+4), from)
		if w.count.Drops[forward.Oversized] != before+1 || len(conn.in) != 0 {
			t.Errorf("%s of %d bytes is taken; %d wait", c.name, c.most+4, len(conn.in))
		}
		w.datagram(c.of(c.most), from)
		if w.count.Drops[forward.Oversized] != before+1 {
			t.Errorf("%s of %d bytes is dropped: %v", c.name, c.most, w.count.Drops)
		}
	}
	if len(conn.in) != 1 || w.count.Drops[forward.Unauthentic] != 1 {
		t.Errorf("%d datagrams wait; drops: %v", len(conn.in), w.count.Drops)
	}
}
