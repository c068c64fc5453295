package control

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// LocalClient is an HTTP client for a daemon on this host: never through a proxy of the environment, which would read the bearer token, and never to where
// an answer points. timeout 0 leaves it to the context.
func LocalClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// LocalAddress is the address at which this host reaches a listener.
func LocalAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	ip, err := netip.ParseAddr(host)
	if host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if strings.Contains(listen, "[") {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}
