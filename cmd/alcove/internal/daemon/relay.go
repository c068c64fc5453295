package daemon

import (
	"cmp"
	"net"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/cmd/alcove/internal/config"
	"alcove/sfu"
	"alcove/sfu/relay"
	"alcove/signaling/wire"
)

// newRelay creates the relay to the ports of an engine; nil if it is off.
func newRelay(c config.Config, e *sfu.Engine) *relay.Server {
	if !c.RelayOn() {
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

// iceServers returns the relay's addresses and a credential for a client of a group. own is the listener of a relay that does not share
// that of the page, udp are the sockets of the relay over UDP.
func iceServers(r *relay.Server, c config.Config, own net.Listener, udp []*net.UDPConn) func(wire.ICEClient) []wire.ICEServer {
	if r == nil {
		return nil
	}
	return func(client wire.ICEClient) []wire.ICEServer {
		credential, ok := r.Credential(client.Seat)
		if !ok {
			return nil
		}
		urls := relayURLs(c, client.Host, own, udp)
		if len(urls) == 0 {
			return nil
		}
		return []wire.ICEServer{{URLs: urls, Username: credential.Username, Credential: credential.Password}}
	}
}

// relayURLs are those of the relay for a client that reached the page as page: over UDP first, which delays less.
func relayURLs(c config.Config, page string, own net.Listener, udp []*net.UDPConn) []string {
	var all []string
	named := cmp.Or(c.Relay.Host, config.HostOf(page))
	for _, sock := range udp {
		all = append(all, config.RelayURLOverUDP(named, sock.LocalAddr().(*net.UDPAddr).Port))
	}
	host, port := page, 80
	if c.TLS.Enabled() {
		port = 443
	}
	switch {
	case own != nil:
		all = append(all, config.RelayURL(named, own.Addr().(*net.TCPAddr).Port, c.TLS.Enabled()))
	case c.RelayMode() != config.RelayOff:
		all = append(all, config.RelayURL(host, port, c.TLS.Enabled()))
	}
	return slices.DeleteFunc(slices.Compact(all), func(url string) bool { return url == "" })
}

// relayMetrics reads the counters of the relay at each scrape.
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
