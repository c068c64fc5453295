package config

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Modes of the relay.
const (
	RelayOff    = "off"
	RelayShared = "shared" // on the port of the page
	RelayOwn    = "own"
)

// RelayMode returns the mode of the relay: behind a proxy that forwards only HTTP it needs an address of its own. A proxy that writes the
// PROXY protocol forwards TCP unchanged, so that the daemon does TLS.
func (c Config) RelayMode() string {
	switch {
	case !c.Relay.Enabled:
		return RelayOff
	case c.Relay.Listen != "":
		return RelayOwn
	case len(c.TrustedProxies) > 0 && !(c.ProxyProtocol && c.TLS.Enabled()):
		return RelayOff
	}
	return RelayShared
}

// RelayOn reports whether there is a relay at all: over TCP, UDP or both.
func (c Config) RelayOn() bool {
	return c.RelayMode() != RelayOff || c.Relay.Enabled && len(c.Relay.UDP) > 0
}

// hostPort is a name or an address (RFC 3986, section 3.2.2), with a port or without.
var hostPort = regexp.MustCompile(`^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([1-9][0-9]{0,4}))?$`)

// HostOf returns the host of host[:port]; "" if that is invalid.
func HostOf(address string) string {
	if m := hostPort.FindStringSubmatch(address); m != nil {
		return m[1]
	}
	return ""
}

// RelayURL returns the URL of a relay over TCP (RFC 7065) at host[:port]; "" if that is invalid. A client may have sent the host.
func RelayURL(host string, port int, secure bool) string {
	scheme := "turn"
	if secure {
		scheme = "turns"
	}
	return relayURL(scheme, host, port, "tcp")
}

// RelayURLOverUDP returns the URL of a relay over UDP at a port of a host. It ignores a port that host names.
func RelayURLOverUDP(host string, port int) string {
	return relayURL("turn", HostOf(host), port, "udp")
}

func relayURL(scheme, host string, port int, transport string) string {
	m := hostPort.FindStringSubmatch(host)
	if m == nil {
		return ""
	}
	if bare, ok := strings.CutPrefix(m[1], "["); ok {
		if ip, err := netip.ParseAddr(strings.TrimSuffix(bare, "]")); err != nil || !ip.Is6() {
			return ""
		}
	}
	if m[2] != "" {
		port, _ = strconv.Atoi(m[2]) // five digits at most
	}
	if port > MaxPort {
		return ""
	}
	return scheme + ":" + m[1] + ":" + strconv.Itoa(port) + "?transport=" + transport
}
