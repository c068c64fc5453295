package sfu

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/pion/webrtc/v4"
)

// TestReach checks that each worker is reachable at one address, all of one family, also on this host.
func TestReach(t *testing.T) {
	for _, tt := range []struct {
		name, listen  string
		advertise     []string
		public, local string // without the port; empty: an address of this machine
	}{
		{"as it listens", "127.0.0.1:0", nil, "127.0.0.1", "127.0.0.1"},
		{"behind a router", "0.0.0.0:0", []string{"203.0.113.7"}, "203.0.113.7", ""},
		{"IPv4 goes first", "0.0.0.0:0", []string{"2001:db8::7", "203.0.113.7"}, "203.0.113.7", ""},
		{"IPv6 alone", "[::1]:0", []string{"2001:db8::7"}, "2001:db8::7", "::1"},
		{"on all interfaces", "0.0.0.0:0", nil, "", ""},
	} {
		e, err := New(Config{Listen: tt.listen, Workers: 2, Advertise: tt.advertise})
		if err != nil {
			t.Fatal(err)
		}
		all := e.Reach()
		if len(all) != 2 {
			t.Fatalf("%s: %v", tt.name, all)
		}
		for i, r := range all {
			port := e.Addresses()[i].Port()
			for want, got := range map[string]netip.AddrPort{tt.local: r.Local, tt.public: r.Public} {
				if want == "" {
					want = e.workers[i].hosts()[0]
				}
				if got != netip.AddrPortFrom(netip.MustParseAddr(want), port) {
					t.Errorf("%s: %v, want %s, port %d", tt.name, got, want, port)
				}
			}
		}
		e.Close()
	}
}

// TestBothFamilies checks that a worker with both families names both, each with its own port, and lets a client in by either.
func TestBothFamilies(t *testing.T) {
	for _, tt := range []struct {
		name      string
		advertise []string
		want      []string
	}{
		{"as it listens", nil, []string{"127.0.0.1", "::1"}},
		{"behind a router for IPv4", []string{"203.0.113.7"}, []string{"203.0.113.7", "::1"}},
		{"behind one for both", []string{"2001:db8::7", "203.0.113.7"}, []string{"203.0.113.7", "2001:db8::7"}},
	} {
		e, err := New(Config{Listen: "127.0.0.1:0", ListenIPv6: "[::1]:0", Workers: 2, Advertise: tt.advertise})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range e.workers {
			var want []string
			for _, host := range tt.want {
				port := w.sock.Local.Port()
				if isIPv6(host) {
					port = w.sock.Second.Port()
				}
				want = append(want, fmt.Sprintf("%s %d", host, port))
			}
			if got := w.candidates(); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", tt.name, got, want)
			}
		}
		for _, r := range e.Reach() {
			if !r.Public.Addr().Is4() || !r.Local.Addr().Is4() {
				t.Errorf("%s: the relay reaches it at %+v", tt.name, r)
			}
		}
		e.Close()
	}
	if _, err := New(Config{Listen: "[::1]:0", ListenIPv6: "127.0.0.1:0"}); err == nil {
		t.Error("the families the other way round are accepted")
	}
}

// TestSessionOverBothFamilies lets one client in by IPv4 and one by IPv6: each receives the other.
func TestSessionOverBothFamilies(t *testing.T) {
	e, err := New(Config{Listen: "127.0.0.1:0", ListenIPv6: "[::1]:0", Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	r := openRoom(t, e)
	r.applyPlan(fullPlan("a", "b"))
	over := func(family webrtc.NetworkType) func(*webrtc.SettingEngine) {
		return func(s *webrtc.SettingEngine) { s.SetNetworkTypes([]webrtc.NetworkType{family}) }
	}
	a, b := newClientWith(r, "a", 1, over(webrtc.NetworkTypeUDP4)), newClientWith(r, "b", 1, over(webrtc.NetworkTypeUDP6))
	a.join()
	b.join()
	sendUntil(t, "each gets the other's video", []*testClient{a, b}, func() bool { return b.count(11) > 30 && a.count(21) > 30 })
	families := make(chan [2]bool, 1)
	r.worker.submit(func() {
		families <- [2]bool{r.members["a"].peer.remote.Addr().Is4(), r.members["b"].peer.remote.Addr().Is6()}
	})
	if got := receive(t, families, "the addresses"); got != [2]bool{true, true} {
		t.Errorf("a by IPv4, b by IPv6: %v", got)
	}
}
