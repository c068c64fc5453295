package front

import (
	"github.com/prometheus/client_golang/prometheus"

	"alcove/cmd/alcove/internal/config"
	"alcove/signaling/conns"
)

// ConnLimiters bound the connections of all listeners together. The relay may have half of them, so that the page can always be reached.
type ConnLimiters struct{ All, Relay *conns.Limiter }

// NewConnLimiters returns the limiters of limits.connections; connections of trusted proxies are counted by client.
func NewConnLimiters(c config.Config) ConnLimiters {
	many := config.ParseProxies(c.TrustedProxies)
	return ConnLimiters{conns.New(c.Limits.Connections, many...), conns.New(halfOf(c.Limits.Connections), many...)}
}

// SetLimit changes limits.connections.
func (d ConnLimiters) SetLimit(n int) {
	d.All.SetLimit(n)
	d.Relay.SetLimit(halfOf(n))
}

// halfOf rounds up, so that a limit of one allows one.
func halfOf(limit int) int { return (limit + 1) / 2 }

// Register registers the counters of the limiters.
func (d ConnLimiters) Register(registry *prometheus.Registry) {
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "alcove_connections_refused_total", Help: "TCP connections closed at once because all of limits.connections have a seat.",
	}, func() float64 { return float64(d.All.Refused()) }))
	for i, reason := range conns.DisplacedReasons() {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "alcove_connections_displaced_total", Help: "TCP connections without a seat that were closed for others: full, for a newcomer; crowded, after some idle seconds.",
			ConstLabels: prometheus.Labels{"reason": reason},
		}, func() float64 { return float64(d.All.Displaced()[i] + d.Relay.Displaced()[i]) }))
	}
}
