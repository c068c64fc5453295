package sfu

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"alcove/sfu/forward"
	"alcove/sfu/udp"
)

// An iceNet is a worker whose socket leads to hosts of the test's own; its time passes only when the test says so.
type iceNet struct {
	t    *testing.T
	w    *worker
	room *Room
	sent map[netip.AddrPort][][]byte // what each host got and has not read
	size map[netip.AddrPort]int      // bytes that each host got so far
}

func (n *iceNet) Read([]udp.Packet, time.Time) (int, error) { return 0, nil }
func (n *iceNet) Write(batch []udp.Packet) int              { return len(batch) }
func (n *iceNet) Wake()                                     {}
func (n *iceNet) Close() error                              { return nil }
func (n *iceNet) WriteTo(b []byte, to netip.AddrPort) (int, error) {
	n.sent[to] = append(n.sent[to], bytes.Clone(b))
	n.size[to] += len(b)
	return len(b), nil
}

func newICENet(t *testing.T) *iceNet {
	n := &iceNet{t: t, sent: map[netip.AddrPort][][]byte{}, size: map[netip.AddrPort]int{}}
	e := &Engine{log: slog.New(slog.DiscardHandler), closing: make(chan struct{})}
	n.w = newWorker(e, &udp.Socket{Conn: n, Local: netip.MustParseAddrPort("192.0.2.1:3478"), Stats: &udp.Stats{}})
	n.w.now = simBegin
	n.room = newRoom(n.w, func(Event) {})
	n.room.applyPlan(fullPlan("a", "b", "c"))
	return n
}

// An iceClient is a full ICE agent written by hand.
type iceClient struct {
	n      *iceNet
	peer   *peer
	offer  *offer
	ufrag  string // the server's
	pwd    string
	silent bool // answers no request
}

func (n *iceNet) join(id PeerID) *iceClient {
	n.t.Helper()
	c := &iceClient{n: n, offer: &offer{ufrag: "client-" + string(id), pwd: "the password of " + string(id)}, ufrag: "server-" + string(id), pwd: "the server's for " + string(id)}
	c.peer = &peer{id: id, generation: 1, worker: n.w, offer: c.offer}
	c.peer.agent = newAgent(c.peer, newCredentials(c.ufrag, c.pwd, c.offer))
	if err := n.room.adopt(c.peer, true); err != nil {
		n.t.Fatal(err)
	}
	return c
}

// check is a genuine one, not yet sent.
func (c *iceClient) check(priority uint32, nominate bool) []byte {
	set := []stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(c.ufrag + ":" + c.offer.ufrag), ice.PriorityAttr(priority), ice.AttrControlling(1)}
	if nominate {
		set = append(set, ice.UseCandidate())
	}
	m, err := stun.Build(append(set, stun.NewShortTermIntegrity(c.pwd), stun.Fingerprint)...)
	if err != nil {
		c.n.t.Fatal(err)
	}
	return m.Raw
}

// respond answers a request as a full agent does, "" and nil for no request.
func (c *iceClient) respond(request []byte, password string) []byte {
	m := &stun.Message{Raw: bytes.Clone(request)}
	if m.Decode() != nil || m.Type != stun.BindingRequest {
		return nil
	}
	r, err := stun.Build(m, stun.BindingSuccess, stun.NewShortTermIntegrity(password), stun.Fingerprint)
	if err != nil {
		c.n.t.Fatal(err)
	}
	return r.Raw
}

// answer answers what came to an address, and returns the requests among it.
func (c *iceClient) answer(at netip.AddrPort) (requests [][]byte) {
	got := c.n.sent[at]
	delete(c.n.sent, at)
	for _, b := range got {
		if r := c.respond(b, c.offer.pwd); r != nil {
			requests = append(requests, b)
			if !c.silent {
				c.n.w.drop(c.n.w.handleSTUN(r, at))
			}
		}
	}
	return requests
}

// connect nominates an address and proves it.
func (c *iceClient) connect(at netip.AddrPort) {
	c.n.t.Helper()
	c.n.w.drop(c.n.w.handleSTUN(c.check(100, true), at))
	c.answer(at)
	c.uses(at)
}

func (c *iceClient) uses(at netip.AddrPort) {
	c.n.t.Helper()
	if c.peer.remote != at {
		c.n.t.Fatalf("media goes to %v, want %v", c.peer.remote, at)
	}
}

// pass lets time pass, with all timers; clients answer at the addresses they are at.
func (n *iceNet) pass(d time.Duration, at map[netip.AddrPort]*iceClient) {
	for end := n.w.now.Add(d); n.w.now.Before(end); {
		n.w.now = n.w.now.Add(tick)
		for _, p := range slices.Clone(n.w.peers) {
			p.tick()
		}
		for addr, c := range at {
			c.answer(addr)
		}
	}
}

func host(i, port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), uint16(port))
}

// TestAddressValidation checks that an address is validated only by a response that the client itself sends to our request, from the
// address that was asked, before the request expires.
func TestAddressValidation(t *testing.T) {
	at, other := host(1, 5000), host(2, 5000)
	for name, c := range map[string]struct {
		from     netip.AddrPort
		password string
		spoil    func([]byte)
		after    time.Duration
		want     netip.AddrPort
		drop     forward.Drop
	}{
		"the client's":              {from: at, password: "the password of a", want: at},
		"late, but not too late":    {from: at, password: "the password of a", after: responseWindow - time.Second, want: at},
		"too late":                  {from: at, password: "the password of a", after: responseWindow + 2*time.Second, drop: forward.Unauthentic},
		"from elsewhere":            {from: other, password: "the password of a", drop: forward.Unauthentic},
		"under the server's secret": {from: at, password: "the server's for a", drop: forward.Unauthentic},
		"of nobody":                 {from: at, password: "guessed", drop: forward.Unauthentic},
	} {
		t.Run(name, func(t *testing.T) {
			n := newICENet(t)
			a := n.join("a")
			n.w.drop(n.w.handleSTUN(a.check(100, true), at))
			if a.uses(netip.AddrPort{}); len(n.sent[at]) != 2 {
				t.Fatalf("%d datagrams after a check, want a response and a request", len(n.sent[at]))
			}
			request := n.sent[at][1]
			n.w.now = n.w.now.Add(c.after)
			if drop := n.w.handleSTUN(a.respond(request, c.password), c.from); drop != c.drop {
				t.Errorf("the response: %v, want %v", drop, c.drop)
			}
			a.uses(c.want)
		})
	}
}

// TestTransactionIDCannotBeGuessed checks that a response with another transaction id proves nothing, even from the client.
func TestTransactionIDCannotBeGuessed(t *testing.T) {
	n, at := newICENet(t), host(1, 5000)
	a := n.join("a")
	n.w.drop(n.w.handleSTUN(a.check(100, true), at))
	request := n.sent[at][1]
	for bit := range 8 * stun.TransactionIDSize {
		b := bytes.Clone(request)
		b[8+bit/8] ^= 1 << (bit % 8)
		if drop := n.w.handleSTUN(a.respond(b, a.offer.pwd), at); drop == forward.Kept {
			t.Fatalf("bit %d does not matter", bit)
		}
	}
	a.uses(netip.AddrPort{})
}

// TestOwnRequests holds what RFC 8445, section 7.1, asks of it.
func TestOwnRequests(t *testing.T) {
	n, at := newICENet(t), host(1, 5000)
	a := n.join("a")
	ids := map[[stun.TransactionIDSize]byte]bool{}
	for i := range 10 {
		n.w.now = n.w.now.Add(time.Second)
		n.w.drop(n.w.handleSTUN(a.check(100, false), host(1, 5000+i%2)))
	}
	for _, b := range append(n.sent[at], n.sent[host(1, 5001)]...) {
		m := &stun.Message{Raw: b}
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		if m.Type != stun.BindingRequest {
			continue
		}
		var name stun.Username
		if err := name.GetFrom(m); err != nil || name.String() != "client-a:server-a" {
			t.Errorf("USERNAME %q, %v", name, err)
		}
		if err := m.Check(stun.NewShortTermIntegrity(a.offer.pwd), stun.Fingerprint); err != nil {
			t.Error(err)
		}
		if !m.Contains(stun.AttrICEControlled) || !m.Contains(stun.AttrPriority) || m.Contains(stun.AttrUseCandidate) {
			t.Error("the request is not that of a controlled agent")
		}
		ids[m.TransactionID] = true
	}
	if len(ids) != 10 {
		t.Errorf("%d transaction ids of 10 requests", len(ids))
	}
}

// TestAddressOfAnotherPeer checks that one peer's checks and responses from the address of another peer have no effect while the other peer
// receives there.
func TestAddressOfAnotherPeer(t *testing.T) {
	n, at := newICENet(t), host(1, 5000)
	a := n.join("a")
	a.connect(at)
	n.pass(time.Minute, map[netip.AddrPort]*iceClient{at: a})
	b := n.join("b")
	got := n.size[at]
	for range 100 {
		if drop := n.w.handleSTUN(b.check(100, true), at); drop != forward.AddressHeld {
			t.Fatalf("a check from the address of another: %v", drop)
		}
	}
	if a.uses(at); n.w.byAddr[at] != a.peer || n.size[at] != got {
		t.Error("something came of it")
	}
	b.uses(netip.AddrPort{})
	t.Run("and is free when consent ran out", func(t *testing.T) {
		a.silent = true
		n.pass(consentLimit+time.Second, nil)
		if !a.peer.closed {
			t.Fatal("who answers nothing is still there")
		}
		c := n.join("c") // b never validated anything and is gone, too
		c.connect(at)
	})
}

// TestForgedCheckFirst sends a forged check from the client's address before the client's own. The client still gets its address.
func TestForgedCheckFirst(t *testing.T) {
	n, at := newICENet(t), host(1, 5000)
	a, b := n.join("a"), n.join("b")
	n.w.drop(n.w.handleSTUN(b.check(100, true), at))
	b.silent = true // it does not receive there
	a.connect(at)
	b.uses(netip.AddrPort{})
	if n.w.byAddr[at] != a.peer || n.w.pendingPaths[at] != nil {
		t.Error("the address does not belong to who proved it")
	}
}

// TestReplayedChecks checks that replayed checks, from one address or many, neither move media nor fill the path table, and that the client
// can still change its address.
func TestReplayedChecks(t *testing.T) {
	n, at, to := newICENet(t), host(1, 5000), host(2, 6000)
	a := n.join("a")
	check := a.check(100, true)
	n.w.drop(n.w.handleSTUN(check, at))
	a.answer(at)
	a.peer.install(simKeys(t, 1, 1))
	home := map[netip.AddrPort]*iceClient{at: a}
	n.pass(2*nominationsSettleTime, home)
	for i := range 70 {
		n.w.drop(n.w.handleSTUN(check, host(3, 1000+i)))
	}
	if drops := n.w.count.Drops[forward.RepeatedCheck]; drops < 70-repeatedChecks-1 {
		t.Errorf("%d repeats were dropped", drops)
	}
	n.pass(time.Minute, home)
	for range 600 {
		n.w.drop(n.w.handleSTUN(check, host(3, 1000)))
		n.pass(100*time.Millisecond, home)
	}
	a.uses(at)
	if len(a.peer.agent.paths) > maxPaths {
		t.Errorf("%d paths", len(a.peer.agent.paths))
	}
	n.w.drop(n.w.handleSTUN(a.check(100, true), to))
	a.uses(at) // not before the validation
	a.answer(to)
	a.uses(to)
}

// TestCheckOvertakenByCopy checks that the client connects even if a copy of its first check arrives from another address before the check
// itself, which then looks like the replay.
func TestCheckOvertakenByCopy(t *testing.T) {
	n, at, spy := newICENet(t), host(1, 5000), host(3, 7000)
	a := n.join("a")
	check := a.check(100, true)
	n.w.drop(n.w.handleSTUN(check, spy))
	n.w.drop(n.w.handleSTUN(check, at))
	a.uses(netip.AddrPort{})
	a.answer(at)
	a.uses(at)
}

// TestPathTableIsBounded checks that replayed checks from many addresses do not evict validated paths, and that a client at a new address
// can still validate it at once.
func TestPathTableIsBounded(t *testing.T) {
	n, at, to := newICENet(t), host(1, 5000), host(2, 6000)
	a := n.join("a")
	a.connect(at)
	a.peer.install(simKeys(t, 1, 1))
	home := map[netip.AddrPort]*iceClient{at: a}
	n.pass(2*nominationsSettleTime, home)
	flood := func() {
		for range 10 * maxPaths {
			n.w.drop(n.w.handleSTUN(a.check(1<<30, true), host(100+len(n.size), 7000)))
		}
	}
	for range 10 {
		flood()
		n.pass(tick, home)
		if p := a.peer.agent; len(p.paths) > maxPaths || len(n.w.pendingPaths) > maxPaths || n.w.byAddr[at] != a.peer {
			t.Fatalf("%d paths, %d claims; the client's own is there: %v", len(p.paths), len(n.w.pendingPaths), n.w.byAddr[at] == a.peer)
		}
	}
	a.uses(at)
	n.w.drop(n.w.handleSTUN(a.check(100, true), to))
	flood() // drives it out of the table before the client's answer comes
	a.answer(to)
	a.uses(to) // the answer says what was nominated
}

// TestNominationOfEvictedPath checks that a response nominates a path that was evicted from the table, and that replaying the response
// later does not bring the path back.
func TestNominationOfEvictedPath(t *testing.T) {
	n, at, to := newICENet(t), host(1, 5000), host(2, 6000)
	a := n.join("a")
	a.connect(at)
	a.peer.install(simKeys(t, 1, 1))
	n.pass(2*nominationsSettleTime, map[netip.AddrPort]*iceClient{at: a})
	n.w.drop(n.w.handleSTUN(a.check(100, true), to))
	request := a.answer(to)[0]
	a.uses(to)
	n.w.drop(n.w.handleSTUN(a.check(100, true), at))
	a.answer(at)
	a.uses(at)
	n.w.drop(n.w.handleSTUN(a.respond(request, a.offer.pwd), to))
	a.uses(at)
	m := bytes.Clone(request)
	m[12] ^= 1 // what is not nominated cannot be made so
	if drop := n.w.handleSTUN(a.respond(m, a.offer.pwd), to); drop != forward.Unauthentic {
		t.Errorf("a changed transaction id: %v", drop)
	}
}

// TestAmplification checks that an address that never answers gets at most three times the bytes that it sent.
func TestAmplification(t *testing.T) {
	n, at := newICENet(t), host(1, 5000)
	a := n.join("a")
	came := 0
	for i := range 20 {
		b := a.check(100, i%2 == 0)
		came += len(b)
		n.w.drop(n.w.handleSTUN(b, at))
		a.peer.agent.sendDTLS(make([]byte, 1000)) // a flight of DTLS
		n.pass(time.Second, nil)
		if n.size[at] > maxAmplification*came {
			t.Fatalf("%d bytes for %d", n.size[at], came)
		}
	}
	if n.w.count.Drops[forward.UnvalidatedAddress] == 0 {
		t.Error("nothing was held back")
	}
	if n.size[at] < 1000 {
		t.Errorf("%d bytes went there: DTLS may begin before the proof", n.size[at])
	}
}

// TestPreviousAddress checks that media returns to an address that was validated long ago only after a new validation, and that until then
// the address gets at most three times the bytes that arrive from it.
func TestPreviousAddress(t *testing.T) {
	n, at, to := newICENet(t), host(1, 5000), host(2, 6000)
	a := n.join("a")
	a.connect(at)
	a.peer.install(simKeys(t, 1, 1))
	n.pass(2*nominationsSettleTime, map[netip.AddrPort]*iceClient{at: a})
	n.w.drop(n.w.handleSTUN(a.check(100, true), to))
	a.answer(to)
	a.uses(to)
	n.pass(5*time.Second, map[netip.AddrPort]*iceClient{to: a})
	got, came := n.size[at], 0
	for range 20 {
		b := a.check(100, true)
		came += len(b)
		n.w.drop(n.w.handleSTUN(b, at))
		n.pass(time.Second, map[netip.AddrPort]*iceClient{to: a})
	}
	a.uses(to)
	if sent := n.size[at] - got; sent > maxAmplification*came {
		t.Errorf("%d bytes for %d", sent, came)
	}
	n.pass(consentLimit+2*consentInterval, map[netip.AddrPort]*iceClient{to: a})
	if n.w.byAddr[at] != nil || len(a.peer.agent.paths) != 1 {
		t.Error("the old address is never forgotten")
	}
}

// TestConsent checks that a client that answers stays, with or without checks, and that one that only checks is closed.
func TestConsent(t *testing.T) {
	n, at, to := newICENet(t), host(1, 5000), host(2, 5000)
	a, b := n.join("a"), n.join("b")
	a.connect(at)
	b.connect(to)
	b.silent = true
	for range 12 {
		n.w.drop(n.w.handleSTUN(b.check(100, true), to))
		n.pass(5*time.Second, map[netip.AddrPort]*iceClient{at: a, to: b})
	}
	if a.peer.closed || !b.peer.closed {
		t.Errorf("who answers is gone: %v; who only checks is gone: %v", a.peer.closed, b.peer.closed)
	}
}

// TestLostRequests checks that a lost first request is repeated soon, without another check.
func TestLostRequests(t *testing.T) {
	n, at, to := newICENet(t), host(1, 5000), host(2, 6000)
	a := n.join("a")
	n.w.drop(n.w.handleSTUN(a.check(100, true), at))
	delete(n.sent, at)
	n.pass(validationRetry+tick, map[netip.AddrPort]*iceClient{at: a})
	a.uses(at)
	a.peer.install(simKeys(t, 1, 1))
	n.pass(2*nominationsSettleTime, map[netip.AddrPort]*iceClient{at: a})
	n.w.drop(n.w.handleSTUN(a.check(100, true), to))
	delete(n.sent, to)
	n.pass(validationRetry+tick, map[netip.AddrPort]*iceClient{to: a})
	a.uses(to)
}

// TestRestart checks that the old pair is used until one under the new credentials is validated and nominated, and that the old ones end
// then.
func TestRestart(t *testing.T) {
	for name, to := range map[string]netip.AddrPort{"elsewhere": host(2, 6000), "at the same address": host(1, 5000)} {
		t.Run(name, func(t *testing.T) {
			n, at := newICENet(t), host(1, 5000)
			a := n.join("a")
			a.connect(at)
			a.peer.install(simKeys(t, 1, 1))
			n.pass(2*nominationsSettleTime, map[netip.AddrPort]*iceClient{at: a})
			old := *a
			for round := range 3 {
				a.offer = &offer{ufrag: fmt.Sprint("again", round), pwd: fmt.Sprint("another password, of round ", round)}
				a.ufrag, a.pwd = fmt.Sprint("new", round), fmt.Sprint("the server's of round ", round)
				a.peer.agent.restart(newCredentials(a.ufrag, a.pwd, a.offer))
			}
			if len(n.w.byUfrag) != 2 || len(n.w.byTransaction) != 2 {
				t.Errorf("%d credentials after three restarts, want those in use and the last ones", len(n.w.byUfrag))
			}
			n.pass(10*time.Second, map[netip.AddrPort]*iceClient{at: &old})
			a.uses(at)
			n.w.drop(n.w.handleSTUN(a.check(100, false), to))
			a.answer(to)
			if a.peer.agent.next == nil {
				t.Error("a pair that is not nominated ended the old ones")
			}
			n.w.drop(n.w.handleSTUN(a.check(100, true), to))
			a.answer(to)
			a.uses(to)
			if a.peer.agent.next != nil || len(n.w.byUfrag) != 1 {
				t.Error("the old credentials live on")
			}
			if drop := n.w.handleSTUN(old.check(100, true), at); drop != forward.Unknown {
				t.Errorf("a check under the old ones: %v", drop)
			}
			n.pass(2*time.Minute, map[netip.AddrPort]*iceClient{to: a})
			if a.uses(to); a.peer.closed || len(a.peer.agent.paths) != 1 {
				t.Errorf("closed: %v, %d paths", a.peer.closed, len(a.peer.agent.paths))
			}
		})
	}
}

// TestAfterIntegrity checks that attributes after the MESSAGE-INTEGRITY of a captured check are ignored (RFC 8489, section 14.5). pion
// ignores them today; the test detects a change.
func TestAfterIntegrity(t *testing.T) {
	n, at, other := newICENet(t), host(1, 5000), host(2, 6000)
	a := n.join("a")
	a.connect(at)
	a.peer.install(simKeys(t, 1, 1))
	both := map[netip.AddrPort]*iceClient{at: a, other: a}
	n.pass(2*nominationsSettleTime, both)
	check := a.check(50, false)
	n.w.drop(n.w.handleSTUN(check, other)) // a pair that the client keeps and does not use
	a.answer(other)
	if a.uses(at); n.w.byAddr[other] != a.peer {
		t.Fatal("the second address is not proved")
	}
	m := &stun.Message{Raw: bytes.Clone(check)}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	m.Add(stun.AttrUseCandidate, nil)
	m.Add(stun.AttrPriority, []byte{0x7f, 0xff, 0xff, 0xff})
	m.WriteLength()
	for range 3 {
		if drop := n.w.handleSTUN(m.Raw, other); drop != forward.Kept {
			t.Fatalf("the check with an addition: %v", drop)
		}
		a.answer(other)
		n.pass(time.Second, both)
	}
	a.uses(at)
	forged, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewShortTermIntegrity(a.pwd), stun.NewUsername(a.ufrag+":"+a.offer.ufrag))
	if err != nil {
		t.Fatal(err)
	}
	if drop := n.w.handleSTUN(forged.Raw, other); drop != forward.Unauthentic {
		t.Errorf("a USERNAME behind the integrity: %v", drop)
	}
}

// TestSSRCSharedByPeers checks that several clients with the same SSRC, by chance or by copying, are each recognized when their media
// arrives from a new address.
func TestSSRCSharedByPeers(t *testing.T) {
	const ssrc = 77
	for moves := range 3 {
		n, to := newICENet(t), host(9, 6000)
		var mover *iceClient
		var last []byte
		for i, id := range []PeerID{"a", "b", "c"} {
			c, own := n.join(id), simKeys(t, 1+i, 1)
			c.connect(host(1+i, 5000))
			c.peer.install(simKeys(t, 1+i, 1))
			c.peer.streams[ssrc] = &stream{}
			packet := func(seq byte) []byte {
				b := append(make([]byte, 0, 200), 0x80, 111, 0, seq, 0, 0, 0, 0, 0, 0, 0, ssrc)
				return own.seal.RTP(append(b, make([]byte, 80)...), 12, ssrc, uint64(seq))
			}
			if _, err := c.peer.keys.open.RTP(packet(100), 12); err != nil {
				t.Fatal(err)
			}
			if i == moves {
				mover, last = c, packet(101)
			}
		}
		n.w.now = n.w.now.Add(2 * nominationsSettleTime)
		n.w.datagram(last, to)
		mover.answer(to)
		mover.uses(to)
	}
}

// FuzzChecks checks that no datagram moves media without validation, and that every table stays bounded.
func FuzzChecks(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, uint16(1))
	f.Add([]byte{1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, uint16(2))
	n := newICENet(&testing.T{})
	a := n.join("a")
	for _, nominate := range []bool{false, true} {
		f.Add(a.check(100, nominate), uint16(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, port uint16) {
		n := newICENet(t)
		a := n.join("a")
		at, from := host(1, 5000), host(2, int(port))
		a.connect(at)
		n.w.handleSTUN(data, from)
		n.w.handleDTLS(data, from)
		m := &stun.Message{Raw: bytes.Clone(data)}
		if m.Decode() == nil { // as the client itself would have sent it
			n.w.handleSTUN(a.check(uint32(port), m.Contains(stun.AttrUseCandidate)), from)
		}
		if a.uses(at); n.size[from] > maxAmplification*2*(len(data)+200) || len(a.peer.agent.paths) > maxPaths {
			t.Errorf("%d bytes sent, %d paths", n.size[from], len(a.peer.agent.paths))
		}
	})
}

// TestMediaFromUnknownAddress checks that authentic RTP from an unknown address makes the server send a check there, and that media moves
// only after the response, before any check of the client. Replayed and unauthentic packets have no effect.
func TestMediaFromUnknownAddress(t *testing.T) {
	n, at, to, spy := newICENet(t), host(1, 5000), host(2, 6000), host(3, 7000)
	a := n.join("a")
	a.connect(at)
	own := simKeys(t, 1, 1)
	a.peer.install(simKeys(t, 1, 1))
	n.pass(2*nominationsSettleTime, map[netip.AddrPort]*iceClient{at: a})
	const ssrc = 77
	a.peer.streams[ssrc] = &stream{}
	packet := func(seq uint16) []byte {
		b := make([]byte, 0, 200)
		b = append(b, 0x80, 111, byte(seq>>8), byte(seq), 0, 0, 0, 0, 0, 0, 0, ssrc)
		return own.seal.RTP(append(b, make([]byte, 80)...), 12, ssrc, uint64(seq))
	}
	if _, err := a.peer.keys.open.RTP(packet(100), 12); err != nil {
		t.Fatal(err)
	}
	forged := packet(101)
	forged[20] ^= 1
	for _, b := range [][]byte{packet(100), forged, packet(101)[:30]} {
		n.w.datagram(b, spy)
	}
	if n.size[spy] != 0 {
		t.Fatalf("%d bytes for what is not fresh", n.size[spy])
	}
	overheard := packet(102)
	n.w.datagram(bytes.Clone(overheard), spy)
	n.pass(10*time.Second, map[netip.AddrPort]*iceClient{at: a})
	if n.size[spy] == 0 || n.size[spy] > maxAmplification*len(overheard) {
		t.Errorf("%d bytes for a packet of %d that was overheard", n.size[spy], len(overheard))
	}
	a.uses(at)
	if _, err := a.peer.keys.open.RTP(overheard, 12); err != nil {
		t.Error("a copy from elsewhere used up the packet: ", err)
	}
	n.w.datagram(packet(103), to)
	a.uses(at)
	a.answer(to)
	a.uses(to)
	t.Run("strangers cannot make it work for them", func(t *testing.T) {
		asked := len(n.size)
		for i := range 1000 {
			n.w.datagram(packet(uint16(104+i)), host(10, 1000+i))
		}
		if more := len(n.size) - asked; more > strayTries || len(n.w.pendingPaths) > maxPaths {
			t.Errorf("%d addresses were asked, %d are claimed", more, len(n.w.pendingPaths))
		}
		a.uses(to)
	})
}
