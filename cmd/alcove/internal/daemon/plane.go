package daemon

import (
	"context"
	"errors"
	"io"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/sfu"
	"alcove/sfu/relay"
)

// A Plane is the part of the media plane that the daemon closes, measures and maintains. It is one interface, so that a wrapper (a test,
// another plane) that omits retention, metrics or the ends of recordings does not compile.
type Plane interface {
	io.Closer
	prometheus.Collector
	Finish(context.Context) error // ends recordings, before the media plane does
	recorder() *recorder          // nil: nothing is recorded
	relayServer() *relay.Server   // nil: there is none
	mediaEngine() *sfu.Engine     // nil: there is none
}

// A mediaPlane is the Plane of a real media plane.
type mediaPlane struct {
	*mediaMetrics
	rec  *recorder     // nil: nothing is recorded
	turn *relay.Server // nil: there is none
}

func (p mediaPlane) recorder() *recorder { return p.rec }

func (p mediaPlane) relayServer() *relay.Server { return p.turn }

func (p mediaPlane) mediaEngine() *sfu.Engine { return p.engine }

// Finish writes the ends of recordings.
func (p mediaPlane) Finish(ctx context.Context) error { return p.rec.close(ctx) }

// Close ends the media plane and its recordings.
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
