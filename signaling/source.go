package signaling

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// How a request reached us. Only a trusted proxy may say more than the connection does; it is otherwise a stranger's claim.

// ClientAddr is the address that a request came from: the last hop that is not a trusted proxy, if the connection is one's. What cannot be
// read ends the walk at the hop before: its owner is all we know.
//
// Proxies write X-Forwarded-For or Forwarded, and mostly pass on what a client wrote into the other. So two that disagree tell nothing,
// and count for the proxy.
func (s *Server) ClientAddr(r *http.Request) netip.Addr {
	peer := peerAddr(r)
	if !s.trusted(peer) {
		return peer
	}
	plain, standard := r.Header.Values("X-Forwarded-For"), r.Header.Values("Forwarded")
	switch {
	case len(standard) == 0:
		return s.walk(peer, plainHops(plain))
	case len(plain) == 0:
		return s.walk(peer, hopAddrs(forwardedHops(standard)))
	}
	one, other := s.walk(peer, plainHops(plain)), s.walk(peer, hopAddrs(forwardedHops(standard)))
	if one != other {
		s.logRefusal(refusedDisputed)
		return peer
	}
	return one
}

// walk goes from our end of a chain to its first stranger.
func (s *Server) walk(peer netip.Addr, hops []netip.Addr) netip.Addr {
	for i, seen := len(hops)-1, 0; i >= 0 && seen < maxForwarded; i, seen = i-1, seen+1 {
		if !hops[i].IsValid() {
			return peer
		}
		if peer = hops[i]; !s.trusted(peer) {
			return peer
		}
	}
	return peer
}

func peerAddr(r *http.Request) netip.Addr {
	p, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap().WithZone("")
}

func (s *Server) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// clientNet is whose quota an address uses: an IPv6 customer has at least a /64 (RFC 6177).
func clientPrefix(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // an address that is not valid gives the zero prefix: one quota for all of them
	return p
}

// proxied reports whether a trusted proxy passed a request or its connection on.
func (s *Server) viaProxy(r *http.Request) bool {
	return s.trusted(peerAddr(r)) || connOriginOf(r.Context()).proxied
}

// ownOrigin is how the page's own address reads in an Origin header (RFC 6454, section 6.2). Behind a proxy that does not say the scheme
// it is HTTPS, for no browser gives a camera to another page.
func (s *Server) ownOrigin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || s.viaProxy(r) {
		scheme = "https"
	}
	if s.trusted(peerAddr(r)) {
		said := r.Header.Get("X-Forwarded-Proto")
		if said == "" {
			said = s.forwarded(r).proto
		}
		if said == "http" {
			scheme = "http"
		}
	}
	return origin(scheme + "://" + s.host(r))
}

// host is what the client called us by.
func (s *Server) host(r *http.Request) string {
	if s.trusted(peerAddr(r)) {
		if h := r.Header.Get("X-Forwarded-Host"); h != "" {
			return h
		}
		if h := s.forwarded(r).host; h != "" {
			return h
		}
	}
	return r.Host
}

// forwarded is the hop of a Forwarded header that the outermost trusted proxy wrote: what the client asked for.
func (s *Server) forwarded(r *http.Request) (outer forwardedHop) {
	hops := forwardedHops(r.Header.Values("Forwarded"))
	for i, seen := len(hops)-1, 0; i >= 0 && seen < maxForwarded; i, seen = i-1, seen+1 {
		outer = hops[i]
		if !outer.client.IsValid() || !s.trusted(outer.client) {
			break
		}
	}
	return outer
}

// origin normalises: lower case, without the default port. "" if it is none.
func origin(s string) string {
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil ||
		u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return ""
	}
	port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(u.Host, port)
}

// admissible reports whether the page that opens the connection may: a foreign page could otherwise use the browser of
// somebody inside. Programs without Origin must show a token at once, which no browser can be made to send.
func (s *Server) originAllowed(r *http.Request) bool {
	given := r.Header.Values("Origin")
	if len(given) == 0 {
		return !bearer(r).Empty()
	}
	o := origin(given[0])
	return len(given) == 1 && o != "" && (o == s.ownOrigin(r) || slices.Contains(s.origins, o))
}
