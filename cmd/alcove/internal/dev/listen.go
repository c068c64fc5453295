package dev

import (
	"fmt"
	"net"
	"strconv"

	"alcove/cmd/alcove/internal/config"
)

// listenLoopback listens on an address that only this host can reach, and on the other family's loopback address with the same port
// where there is one: "localhost" is either to a browser.
func listenLoopback(address string) ([]net.Listener, error) {
	if !config.Loopback(address) {
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
