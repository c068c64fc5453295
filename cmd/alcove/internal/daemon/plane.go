package daemon

import (
	"context"
	"errors"
	"io"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/sfu/relay"
)

// A Plane is all that the daemon ends, counts and looks after of the media plane. Each of it is asked for by its type, so that nothing that
// stands between (a test, another plane) can leave out retention, metrics or the ends of recordings without a word.
type Plane interface {
	io.Closer
	prometheus.Collector
	Finish(context.Context) error // ends recordings, before the media plane does
	recorder() *recorder          // nil: nothing is recorded
	relayServer() *relay.Server   // nil: there is none
}

// A mediaPlane is what the daemon has to end, and to count.
type mediaPlane struct {
	*mediaMetrics
	rec  *recorder     // nil: nothing is recorded
	turn *relay.Server // nil: there is none
}

func (p mediaPlane) recorder() *recorder { return p.rec }

func (p mediaPlane) relayServer() *relay.Server { return p.turn }

// Finish writes the ends of recordings.
func (p mediaPlane) Finish(ctx context.Context) error { return p.rec.close(ctx) }

// Close ends the media plane, and what is still recorded.
func (p mediaPlane) Close() error {
	if p.turn != nil {
		p.turn.Close()
	}
	return errors.Join(p.rec.close(context.Background()), p.mediaMetrics.Close())
}

// Describe implements prometheus.Collector.
func (p mediaPlane) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(p, ch) }

// Collect implements prometheus.Collector.
func (p mediaPlane) Collect(ch chan<- prometheus.Metric) {
	p.mediaMetrics.Collect(ch)
	if p.rec != nil {
		p.rec.metrics.Collect(ch)
	}
	if p.turn != nil {
		newRelayMetrics(p.turn).Collect(ch)
	}
}
