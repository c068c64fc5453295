package signaling

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// How a request reached us. Only a trusted proxy may say more than the connection does; it is otherwise a stranger's claim.

// source is the address that a request came from: the last hop of X-Forwarded-For that is not a trusted proxy, if the
// connection is one's. What cannot be read ends the walk at the hop before: its owner is all we know.
func (s *Server) source(r *http.Request) netip.Addr {
	peer := peerAddr(r)
	if !s.trusted(peer) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i, seen := len(hops)-1, 0; i >= 0 && seen < maxForwarded; i, seen = i-1, seen+1 {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return peer
		}
		peer = hop.Unmap().WithZone("")
		if !s.trusted(peer) {
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

// quarter is whose quota an address uses: an IPv6 customer has at least a /64 (RFC 6177).
func quarter(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // an address that is not valid gives the zero prefix: one quota for all of them
	return p
}

// ownOrigin is how the page's own address reads in an Origin header (RFC 6454, section 6.2). Behind a proxy that does not say the scheme
// it is HTTPS, for no browser gives a camera to another page.
func (s *Server) ownOrigin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if s.trusted(peerAddr(r)) {
		scheme = "https"
		if r.Header.Get("X-Forwarded-Proto") == "http" {
			scheme = "http"
		}
	}
	return origin(scheme + "://" + s.host(r))
}

// host is what the client called us by.
func (s *Server) host(r *http.Request) string {
	if h := r.Header.Get("X-Forwarded-Host"); h != "" && s.trusted(peerAddr(r)) {
		return h
	}
	return r.Host
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
func (s *Server) admissible(r *http.Request) bool {
	given := r.Header.Values("Origin")
	if len(given) == 0 {
		return !bearer(r).Empty()
	}
	o := origin(given[0])
	return len(given) == 1 && o != "" && (o == s.ownOrigin(r) || slices.Contains(s.origins, o))
}
