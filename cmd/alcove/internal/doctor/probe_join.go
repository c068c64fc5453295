package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"alcove/signaling"
	"alcove/signaling/wire"
)

// probeJoin opens the WebSocket as the page at target does. A proxy that forwards pages may still break the handshake; then nobody can join.
func probeJoin(ctx context.Context, target string, roots *x509.CertPool) finding {
	const what = "join"
	host := strings.TrimSuffix(target, ":443") // as browsers write it
	dialer := websocket.Dialer{
		TLSClientConfig:  &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		Subprotocols:     []string{wire.Subprotocol},
		HandshakeTimeout: probeTimeout,
	}
	conn, answer, err := dialer.DialContext(ctx, "wss://"+host+"/v1/rtc", http.Header{"Origin": {"https://" + host}})
	if err == nil {
		conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		conn.Close()
		return fine(what, "a page at %s can open its WebSocket", target)
	}
	if answer == nil {
		return fault(what, "the WebSocket at "+target+" does not open: "+err.Error(), "the proxy in front, or a firewall, ends connections that are no plain requests")
	}
	return diagnoseJoin(target, answer.StatusCode, answer.Header.Get(signaling.RefusedHeader), answer.Header.Get("Server"))
}

// A proxyMistake is a proxy setting that prevents joins, with the line that corrects it in each proxy.
type proxyMistake struct {
	text                           string
	nginx, traefik, caddy, haproxy string
}

// proxyMistakes are those that the daemon names in its refusal.
var proxyMistakes = map[string]proxyMistake{
	signaling.RefusedUpgrade: {
		text:    "the proxy in front does not pass on the upgrade to WebSocket",
		nginx:   "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
		traefik: "passes it on: remove the middleware whose customRequestHeaders set Connection or Upgrade",
		caddy:   "passes it on: remove the header_up lines of Connection and Upgrade",
		haproxy: "passes it on in mode http: remove http-request del-header or set-header of connection and upgrade",
	},
	signaling.RefusedHost: {
		text:    "the proxy in front does not forward the Host header of the request",
		nginx:   "proxy_set_header Host $http_host;",
		traefik: "passHostHeader: true, in the loadBalancer of the service",
		caddy:   "remove the line header_up Host",
		haproxy: "remove the line http-request set-header Host",
	},
	signaling.RefusedHostPort: {
		text:    "the proxy in front passes on the Host without its port",
		nginx:   "proxy_set_header Host $http_host; ($host has no port)",
		traefik: "passHostHeader: true, in the loadBalancer of the service, and no customRequestHeaders for Host",
		caddy:   "header_up Host {http.request.hostport}, or no such line",
		haproxy: "remove the line http-request set-header Host",
	},
	signaling.RefusedScheme: {
		text:    "the proxy in front reports http for this page",
		nginx:   "proxy_set_header X-Forwarded-Proto $scheme; (or https, if TLS ends before nginx)",
		traefik: "forwardedHeaders: {trustedIPs: [...]}, in the entry point, where TLS ends before Traefik",
		caddy:   "trusted_proxies, in the servers block, where TLS ends before Caddy",
		haproxy: "http-request set-header X-Forwarded-Proto https",
	},
	signaling.RefusedSubprotocol: {
		text:    "the proxy in front does not pass on Sec-WebSocket-Protocol",
		nginx:   "proxy_set_header Sec-WebSocket-Protocol $http_sec_websocket_protocol;",
		traefik: "remove the middleware whose customRequestHeaders set Sec-WebSocket-Protocol",
		caddy:   "remove the line header_up -Sec-WebSocket-Protocol",
		haproxy: "remove the line http-request del-header sec-websocket-protocol",
	},
}

// fix is the line of the proxy that names itself, or of all four.
func (m proxyMistake) fix(server string) string {
	server, _, _ = strings.Cut(strings.ToLower(server), "/")
	lines := []struct{ name, line string }{{"nginx", m.nginx}, {"traefik", m.traefik}, {"caddy", m.caddy}, {"haproxy", m.haproxy}}
	var all []string
	for _, l := range lines {
		if l.name == server {
			return l.name + ": " + l.line
		}
		all = append(all, l.name+": "+l.line)
	}
	return strings.Join(all, " | ")
}

// diagnoseJoin explains a refused handshake.
func diagnoseJoin(target string, status int, reason, server string) finding {
	const what = "join"
	if m, ok := proxyMistakes[reason]; ok {
		return fault(what, "nobody can join at "+target+": "+m.text, m.fix(server))
	}
	switch {
	case reason == signaling.RefusedUntrusted:
		return fault(what, "nobody can join at "+target+": the daemon does not trust the proxy in front", "name the proxy's address in trusted_proxies of alcove.yaml")
	case reason == signaling.RefusedOrigin:
		return fault(what, "nobody can join at "+target+": the daemon expects another host name", "probe the host name in people's links; or "+proxyMistakes[signaling.RefusedHost].fix(server))
	case status == http.StatusBadGateway || status == http.StatusGatewayTimeout || status == http.StatusServiceUnavailable:
		return fault(what, fmt.Sprintf("the WebSocket at %s gets %d: the proxy in front gets no answer to it", target, status), "the proxy has to send /v1/rtc to the same daemon as the page")
	}
	return fault(what, fmt.Sprintf("the WebSocket at %s gets %d, not from Alcove", target, status), "the proxy in front has to pass /v1/rtc on as it does the page; "+proxyMistakes[signaling.RefusedUpgrade].fix(server))
}
