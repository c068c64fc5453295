package sfu

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"alcove/sfu/internal/simnet"
	"alcove/sfu/udp"
)

// A virtualNet is an engine on a simulated network, in a synctest bubble: the engine and stock pion clients run their own goroutines and
// timers, time is virtual, and no real socket exists.
type virtualNet struct {
	t      *testing.T
	net    *simnet.Network
	server *simnet.Conn // the socket of the engine's worker
	engine *Engine
	hosts  int // clients so far
}

var virtualServer = netip.MustParseAddrPort("198.51.100.1:3478")

// inBubble runs a test on a virtualNet.
func inBubble(t *testing.T, test func(*testing.T, *virtualNet)) {
	t.Helper()
	inBubbleWith(t, Config{}, test)
}

func inBubbleWith(t *testing.T, c Config, test func(*testing.T, *virtualNet)) {
	t.Helper()
	c.Listen, c.Workers = virtualServer.String(), 1
	synctest.Test(t, func(t *testing.T) {
		v := &virtualNet{t: t, net: simnet.New(1)}
		var err error
		v.engine, err = openEngine(c, func(at, _ netip.AddrPort) (*udp.Socket, error) {
			if v.server, err = v.net.Listen(at, simnet.Link{}); err != nil {
				return nil, err
			}
			return udp.Wrap(v.server, at), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.engine.Close() })
		test(t, v)
	})
}

// A virtualClient is a pion client on a virtualNet.
type virtualClient struct {
	*testClient
	conn *simnet.Conn
}

// virtualLink is the access link of a client unless a test sets another.
var virtualLink = simnet.Link{Delay: 10 * time.Millisecond}

// clientWith creates a pion client with a socket of its own that publishes a microphone and a camera.
func (v *virtualNet) clientWith(r *testRoom, id PeerID, pairs int, settings func(*webrtc.SettingEngine)) *virtualClient {
	v.t.Helper()
	return v.clientOf(r, id, nackInterceptors, settings, func(c *testClient) {
		c.sendAll()
		c.addPairs(pairs)
	})
}

// clientOf creates a pion client whose m-lines add adds.
func (v *virtualNet) clientOf(r *testRoom, id PeerID, extend extendAPI, settings func(*webrtc.SettingEngine), add func(*testClient)) *virtualClient {
	v.t.Helper()
	conn, err := v.net.Listen(v.address(), virtualLink)
	if err != nil {
		v.t.Fatal(err)
	}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: silent{}})
	v.t.Cleanup(func() { mux.Close() })
	api := newAPIWith(v.t, extend, func(s *webrtc.SettingEngine) {
		s.SetICEUDPMux(mux)
		s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
		if settings != nil {
			settings(s)
		}
	})
	c := newClientOn(r, id, api)
	add(c)
	return &virtualClient{testClient: c, conn: conn}
}

// client creates a pion client with a given link.
func (v *virtualNet) client(r *testRoom, id PeerID, link simnet.Link) *virtualClient {
	v.t.Helper()
	c := v.clientWith(r, id, 1, nil)
	c.conn.SetLink(link)
	return c
}

// address returns an unused address of a client.
func (v *virtualNet) address() netip.AddrPort {
	v.hosts++
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(v.hosts >> 8), byte(v.hosts)}), 50000)
}

// room opens a room whose clients use the network.
func (v *virtualNet) room() *testRoom {
	v.t.Helper()
	r := openRoom(v.t, v.engine)
	r.net = v
	return r
}

// pair opens a room with two clients that have joined and of which b receives a's video.
func (v *virtualNet) pair() (r *testRoom, a, b *testClient) {
	v.t.Helper()
	r = v.room()
	r.applyPlan(fullPlan("a", "b"))
	a, b = newClient(r, "a", 1), newClient(r, "b", 1)
	a.join()
	b.join()
	sendUntil(v.t, "b gets a's video", []*testClient{a, b}, func() bool { return b.count(11) > 30 })
	return r, a, b
}

// trio opens a room with three clients that have joined, each with one pair of slots.
func (v *virtualNet) trio() (r *testRoom, a, b, c *testClient) {
	v.t.Helper()
	r = v.room()
	r.applyPlan(fullPlan("a", "b", "c"))
	a, b, c = newClient(r, "a", 1), newClient(r, "b", 1), newClient(r, "c", 1)
	for _, x := range []*testClient{a, b, c} {
		x.join()
	}
	return r, a, b, c
}

// stranger opens a socket that belongs to no client.
func (v *virtualNet) stranger() *simnet.Conn {
	v.t.Helper()
	c, err := v.net.Listen(v.address(), virtualLink)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { c.Close() })
	return c
}
