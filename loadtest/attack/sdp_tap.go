package attack

import (
	"context"
	"net/netip"
	"strings"
	"sync"

	"alcove/loadtest/client"
)

// A SDPTap reads the ICE credentials of both sides from a member's session descriptions: an attacker who is admitted knows his own.
type SDPTap struct {
	client.Transport

	mu             sync.Mutex
	ours, theirs   string // ufrags: the member's, the server's. Guarded by mu, as all below.
	ourPwd, srvPwd string
}

func (t *SDPTap) wrap(inner client.Transport) client.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Transport = inner
	return t
}

// Offer notes the member's credentials.
func (t *SDPTap) Offer(slots client.Slots) (string, []client.Track, error) {
	sdp, tracks, err := t.Transport.Offer(slots)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ours, t.ourPwd = attribute(sdp, "ice-ufrag"), attribute(sdp, "ice-pwd")
	return sdp, tracks, err
}

// Answered notes the server's.
func (t *SDPTap) Answered(ctx context.Context, sdp string, via func(netip.AddrPort) netip.AddrPort) error {
	t.mu.Lock()
	t.theirs, t.srvPwd = attribute(sdp, "ice-ufrag"), attribute(sdp, "ice-pwd")
	t.mu.Unlock()
	return t.Transport.Answered(ctx, sdp, via)
}

// Check is a genuine check of this member, to be sent from anywhere.
func (t *SDPTap) Check(nominate bool) Check {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Check{Username: t.theirs + ":" + t.ours, Password: t.srvPwd, Nominate: nominate}
}

func attribute(sdp, name string) string {
	for line := range strings.Lines(sdp) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "a="+name+":"); ok {
			return v
		}
	}
	return ""
}
