package signaling

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"alcove/signaling/api"
)

// Forwarding headers count only from a trusted proxy; from anybody else they are claims of the client.

// ClientAddr returns the address of the client: the address of the connection, or if that is a trusted proxy, the last hop that
// is none. At a hop that cannot be parsed the hop behind it counts.
//
// Proxies write X-Forwarded-For or Forwarded, and most pass on the client's own value of the other. So if the two disagree,
// neither counts, and the proxy itself is the client.
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

// walk follows a chain from the server's end to the first hop that is not a trusted proxy.
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

// clientPrefix is the network whose addresses share a quota: an IPv6 customer has at least a /64 (RFC 6177).
func clientPrefix(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // all invalid addresses share the zero prefix
	return p
}

// viaProxy reports whether a request or its connection came through a trusted proxy.
func (s *Server) viaProxy(r *http.Request) bool {
	return s.trusted(peerAddr(r)) || connOriginOf(r.Context()).proxied
}

// ownOrigin returns the origin of the page as the browser knows it (RFC 6454, section 6.2). Behind a proxy that does not send the
// scheme it is HTTPS, because browsers give a camera to no other page.
func (s *Server) ownOrigin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || s.viaProxy(r) {
		scheme = "https"
	}
	if s.trusted(peerAddr(r)) {
		proto := r.Header.Get("X-Forwarded-Proto")
		if proto == "" {
			proto = s.forwarded(r).proto
		}
		if proto == "http" {
			scheme = "http"
		}
	}
	return origin(scheme + "://" + s.host(r))
}

// host is the name by which the client reached the server.
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

// forwarded returns the hop of a Forwarded header that the outermost trusted proxy wrote: the client's request.
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

// origin normalises an origin: lower case, without the default port. It returns "" for anything else.
func origin(s string) string {
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil ||
		u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return ""
	}
	port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(u.Host, port)
}

// originAllowed reports whether the page that opens the connection may. Otherwise a foreign page could use the session of a
// person who visits it. Programs send no Origin; they need an Authorization header, which no page can make a browser send.
func (s *Server) originAllowed(r *http.Request) bool {
	given := r.Header.Values("Origin")
	if len(given) == 0 {
		return !api.BearerToken(r).Empty()
	}
	o := origin(given[0])
	return len(given) == 1 && o != "" && (o == s.ownOrigin(r) || slices.Contains(s.origins, o))
}
