package signaling

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"alcove/signaling/wire"
)

// RefusedHeader holds the reason of a refused handshake, for `alcove doctor --probe`.
const RefusedHeader = "Alcove-Refused"

// Reasons of refused handshakes. All but the first two are usually mistakes of a reverse proxy, which prevent all joins through it.
const (
	RefusedOrigin      = "origin"          // a page that is not listed in origins
	RefusedSubprotocol = "subprotocol"     // a request without the subprotocol alcove.v1
	RefusedUpgrade     = "upgrade"         // headers of a WebSocket without Upgrade
	RefusedHost        = "host"            // a Host that is not the page's, through a proxy
	RefusedHostPort    = "host_port"       // the page's Host without its port
	RefusedScheme      = "scheme"          // the page is https, and the proxy says http
	RefusedUntrusted   = "untrusted_proxy" // the page is https, and the proxy is not in trusted_proxies
	refusedUnproxied   = "proxy_protocol"  // a trusted proxy did not send the PROXY protocol
	refusedDisputed    = "forwarded_twice" // X-Forwarded-For and Forwarded name two clients
)

// handshakeFixes are logged with the reason. They contain nothing of a request.
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

// A reasonLog remembers when each reason was logged last, to log it once in logReasonEvery.
type reasonLog struct {
	mu         sync.Mutex
	lastLogged map[string]time.Time // Guarded by mu.
}

// logRefusal logs a reason, once in logReasonEvery.
func (s *Server) logRefusal(reason string) {
	fix, named := handshakeFixes[reason]
	now := s.now()
	s.handshakeLog.mu.Lock()
	last, logged := s.handshakeLog.lastLogged[reason]
	due := !logged || now.Sub(last) >= logReasonEvery || now.Before(last)
	if named && due {
		s.handshakeLog.lastLogged[reason] = now
	}
	s.handshakeLog.mu.Unlock()
	if named && due {
		s.log.Warn("a connection was refused, or its client is unknown", "reason", reason, "fix", fix)
	}
}

// ReportMissingProxyHeader logs that a trusted proxy did not send the PROXY protocol.
func (s *Server) ReportMissingProxyHeader() { s.logRefusal(refusedUnproxied) }

// handshakeError returns the reason to refuse a handshake, "" if there is none.
func (s *Server) handshakeError(r *http.Request) string {
	upgrade := websocket.IsWebSocketUpgrade(r)
	switch {
	case !upgrade && r.Header.Get("Sec-WebSocket-Key") != "":
		return RefusedUpgrade
	case !s.originAllowed(r):
		return s.originError(r)
	case !upgrade || !slices.Contains(websocket.Subprotocols(r), wire.Subprotocol):
		return RefusedSubprotocol
	}
	return ""
}

// originError returns the reason why an Origin is not allowed. If the browser says that the page is the server's own, the proxy
// is at fault.
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

const (
	originNotAllowed = "this origin may not connect: a page is to be named in origins of the configuration, and a program without Origin sends Authorization: Bearer"
	notWebSocket     = "WebSocket with subprotocol " + wire.Subprotocol + " is needed"
)

// refuseHandshake answers a handshake with a reason of handshakeError.
func (s *Server) refuseHandshake(w http.ResponseWriter, reason string) {
	s.metrics.refused.WithLabelValues(reason).Inc()
	s.logRefusal(reason)
	w.Header().Set(RefusedHeader, reason)
	switch reason {
	case RefusedSubprotocol, RefusedUpgrade:
		http.Error(w, notWebSocket, http.StatusBadRequest)
	default:
		http.Error(w, originNotAllowed, http.StatusForbidden)
	}
}
