package signaling

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// RefusedHeader says why a handshake was refused, as one of the reasons below: for `alcove doctor --probe`.
const RefusedHeader = "Alcove-Refused"

// Why a handshake was refused. All but the first two are mistakes of a proxy in front, mostly: nobody can join through it.
const (
	RefusedOrigin      = "origin"          // another page's, which origins does not name
	RefusedSubprotocol = "subprotocol"     // no WebSocket of ours
	RefusedUpgrade     = "upgrade"         // the headers of a WebSocket came, and no Upgrade
	RefusedHost        = "host"            // through a proxy, with a Host that is not the page's
	RefusedHostPort    = "host_port"       // the page's Host without its port
	RefusedScheme      = "scheme"          // the page is https, and the proxy says http
	RefusedUntrusted   = "untrusted_proxy" // the page is https, and who passed it on in http is not one of trusted_proxies
	refusedUnproxied   = "proxy_protocol"  // a trusted proxy did not write it
	refusedDisputed    = "forwarded_twice" // X-Forwarded-For and Forwarded name two clients
)

// remedies are what the log says beside the reason. They hold nothing of a request.
var handshakeFixes = map[string]string{
	RefusedOrigin:    "a page of another origin wants to connect: name it in origins, if it is yours",
	RefusedUpgrade:   "the proxy has to pass on Upgrade and Connection: in nginx, proxy_http_version 1.1 and proxy_set_header for both",
	RefusedHost:      "the proxy has to pass on the Host of the page: in nginx, proxy_set_header Host $http_host",
	RefusedHostPort:  "the proxy has to pass on the Host with its port: in nginx, proxy_set_header Host $http_host",
	RefusedScheme:    "the proxy has to write X-Forwarded-Proto: https, or leave it out",
	RefusedUntrusted: "name the network of the proxy in trusted_proxies",
	refusedUnproxied: "a proxy does not write the PROXY protocol, or only looks whether the port is open: in HAProxy, send-proxy-v2 on the server line",
	refusedDisputed:  "the proxy writes one of X-Forwarded-For and Forwarded and passes on the other: have it remove that",
}

// complaints are the reasons that the log was told, and when: each once in complainEvery.
type reasonLog struct {
	mu         sync.Mutex
	lastLogged map[string]time.Time // Guarded by mu.
}

// complain writes a line to the log, once a minute for each reason.
func (s *Server) logRefusal(reason string) {
	fix, named := handshakeFixes[reason]
	now := s.now()
	s.handshakeLog.mu.Lock()
	last, told := s.handshakeLog.lastLogged[reason]
	due := !told || now.Sub(last) >= logReasonEvery || now.Before(last)
	if named && due {
		s.handshakeLog.lastLogged[reason] = now
	}
	s.handshakeLog.mu.Unlock()
	if named && due {
		s.log.Warn("a connection was refused, or its client is unknown", "reason", reason, "fix", fix)
	}
}

// Unproxied takes note of a trusted proxy that did not write the PROXY protocol.
func (s *Server) ReportMissingProxyHeader() { s.logRefusal(refusedUnproxied) }

// handshakeFault says why a handshake cannot be accepted; "" if it can.
func (s *Server) handshakeError(r *http.Request) string {
	upgrade := websocket.IsWebSocketUpgrade(r)
	switch {
	case !upgrade && r.Header.Get("Sec-WebSocket-Key") != "":
		return RefusedUpgrade
	case !s.originAllowed(r):
		return s.originError(r)
	case !upgrade || !slices.Contains(websocket.Subprotocols(r), Subprotocol):
		return RefusedSubprotocol
	}
	return ""
}

// originFault says why an Origin is not the page's. A browser that says that it is the page's own blames the proxy.
func (s *Server) originError(r *http.Request) string {
	given := r.Header.Values("Origin")
	if len(given) != 1 || origin(given[0]) == "" {
		return RefusedOrigin
	}
	scheme, host, _ := strings.Cut(origin(given[0]), "://")
	ownScheme, own, _ := strings.Cut(s.ownOrigin(r), "://")
	trusted := s.viaProxy(r)
	forwarded := r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != ""
	bare, _, port := strings.Cut(host, ":")
	switch {
	case host == own && scheme == "https" && ownScheme == "http" && trusted:
		return RefusedScheme
	case !trusted && scheme == "https" && r.TLS == nil && forwarded:
		return RefusedUntrusted
	case port && bare == own && !strings.HasPrefix(host, "["):
		return RefusedHostPort
	case trusted && (r.Header.Get("Sec-Fetch-Site") == "" || r.Header.Get("Sec-Fetch-Site") == "same-origin"):
		return RefusedHost
	}
	return RefusedOrigin
}
