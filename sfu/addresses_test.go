package sfu

import (
	"net/netip"
	"testing"
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
