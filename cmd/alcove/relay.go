package main

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/sfu"
	"alcove/sfu/relay"
	"alcove/signaling/wire"
)

// Where the relay is.
const (
	relayOff    = "off"
	relayShared = "shared" // on the port of the page
	relayOwn    = "own"
)

// relayAt says where the relay is: behind a proxy that speaks HTTP only it needs an address of its own. One that writes the PROXY
// protocol passes TCP on as it is, where TLS is ours.
func (c config) relayAt() string {
	switch {
	case !c.Relay.Enabled:
		return relayOff
	case c.Relay.Listen != "":
		return relayOwn
	case len(c.TrustedProxies) > 0 && !(c.ProxyProtocol && c.TLS.on()):
		return relayOff
	}
	return relayShared
}

// newRelay makes the relay to the ports of an engine; nil where there is none.
func newRelay(c config, e *sfu.Engine) *relay.Server {
	if c.relayAt() == relayOff {
		return nil
	}
	return relay.New(func() []relay.Media {
		var all []relay.Media
		for _, r := range e.Reach() {
			all = append(all, relay.Media(r))
		}
		return all
	})
}

// iceServers tells a client in the group where the relay is, and its credential. own listens for a relay that does not share
// that of the page.
func iceServers(r *relay.Server, c config, own net.Listener) func(wire.ICEClient) []wire.ICEServer {
	if r == nil {
		return nil
	}
	return func(client wire.ICEClient) []wire.ICEServer {
		credential, ok := r.Credential(client.Seat)
		host, port := client.Host, 80
		if c.TLS.on() {
			port = 443
		}
		if own != nil {
			host, port = c.Relay.Host, own.Addr().(*net.TCPAddr).Port
			if host == "" {
				if m := hostPort.FindStringSubmatch(client.Host); m != nil {
					host = m[1]
				}
			}
		}
		url := relayURL(host, port, c.TLS.on())
		if !ok || url == "" {
			return nil
		}
		return []wire.ICEServer{{URLs: []string{url}, Username: credential.Username, Credential: credential.Password}}
	}
}

// hostPort is a name or an address (RFC 3986, section 3.2.2), with a port or without.
var hostPort = regexp.MustCompile(`^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([1-9][0-9]{0,4}))?$`)

// relayURL is that of a relay over TCP (RFC 7065) at host[:port]; "" if it is none. The host may be what a client said.
func relayURL(host string, port int, secure bool) string {
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
	if port > maxPort {
		return ""
	}
	scheme := "turn"
	if secure {
		scheme = "turns"
	}
	return scheme + ":" + m[1] + ":" + strconv.Itoa(port) + "?transport=tcp"
}

// relayMetrics reads the counters of the relay when somebody scrapes.
type relayMetrics struct {
	relay                       *relay.Server
	allocations, bytes, refused *prometheus.Desc
}

func newRelayMetrics(r *relay.Server) *relayMetrics {
	return &relayMetrics{
		relay:       r,
		allocations: prometheus.NewDesc("alcove_relay_allocations", "Allocations of the relay, one for each network that a client is in.", nil, nil),
		bytes:       prometheus.NewDesc("alcove_relay_bytes_total", "Bytes of datagrams that the relay passed on.", []string{"direction"}, nil),
		refused:     prometheus.NewDesc("alcove_relay_refused_total", "What the relay refused, by reason.", []string{"reason"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *relayMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *relayMetrics) Collect(ch chan<- prometheus.Metric) {
	c := m.relay.Counts()
	ch <- prometheus.MustNewConstMetric(m.allocations, prometheus.GaugeValue, float64(c.Allocations))
	ch <- prometheus.MustNewConstMetric(m.bytes, prometheus.CounterValue, float64(c.BytesIn), "in")
	ch <- prometheus.MustNewConstMetric(m.bytes, prometheus.CounterValue, float64(c.BytesOut), "out")
	for i, reason := range relay.Refusals() {
		ch <- prometheus.MustNewConstMetric(m.refused, prometheus.CounterValue, float64(c.Refused[i]), reason)
	}
}
