package main

import (
	"fmt"
	"net"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/signaling/conns"
)

// listenLoopback listens on an address that only this host can reach, and on the other family's loopback address with the same port
// where there is one: "localhost" is either to a browser.
func listenLoopback(address string) ([]net.Listener, error) {
	if !loopback(address) {
		return nil, fmt.Errorf("%q is not a loopback address: dev gives tokens to whoever asks, so it listens on 127.0.0.1, [::1] or localhost only; use `alcove serve` for others", address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	twin := map[string]string{"127.0.0.1": "::1", "::1": "127.0.0.1", "localhost": "::1"}[host]
	if host == "localhost" {
		host = "127.0.0.1"
	}
	first, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w (another port: --listen 127.0.0.1:0)", err)
	}
	all := []net.Listener{first}
	if twin != "" {
		port = strconv.Itoa(first.Addr().(*net.TCPAddr).Port)
		if second, err := net.Listen("tcp", net.JoinHostPort(twin, port)); err == nil { // a host without the other family is fine
			all = append(all, second)
		}
	}
	return all, nil
}

// doors bound the connections of all listeners together: all, and those of the relay, which may have half of them, so that it keeps nobody
// from the page.
type doors struct{ all, relayed *conns.Limiter }

func newDoors(c config) doors {
	many := proxies(c.TrustedProxies)
	return doors{conns.New(c.Limits.Connections, many...), conns.New(half(c.Limits.Connections), many...)}
}

func (d doors) setLimit(n int) {
	d.all.SetLimit(n)
	d.relayed.SetLimit(half(n))
}

// half of one is one.
func half(limit int) int { return (limit + 1) / 2 }

// register registers what the doors count.
func (d doors) register(registry *prometheus.Registry) {
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "alcove_connections_refused_total", Help: "TCP connections closed at once because all of limits.connections have a seat.",
	}, func() float64 { return float64(d.all.Refused()) }))
	for i, reason := range conns.DisplacedReasons() {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "alcove_connections_displaced_total", Help: "TCP connections without a seat that were closed for others: full, for a newcomer; crowded, after some idle seconds.",
			ConstLabels: prometheus.Labels{"reason": reason},
		}, func() float64 { return float64(d.all.Displaced()[i] + d.relayed.Displaced()[i]) }))
	}
}
