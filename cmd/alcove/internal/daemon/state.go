package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/cmd/alcove/internal/state"
	"alcove/room/live"
	"alcove/room/store"
)

// openState opens the audit log and the store.
func (d Daemon) openState(m *stateMetrics) (*store.Store, error) {
	s, err := state.Open(d.Config, d.Secrets, func(c *store.Config) { c.Log, c.Wrote = d.Log, m.observeWrite })
	if err != nil {
		return nil, err
	}
	if err := s.CopyErr(); err != nil {
		d.Log.Warn("the audit checkpoint was not copied", "error", err.Error())
	}
	m.state = s
	return s, nil
}

// restore resumes the sessions of the last run. One that cannot be read does not stop the others.
func (d Daemon) restore(rooms *live.Registry) {
	if err := rooms.Restore(); err != nil {
		d.Log.Error("some sessions of the last run were not restored", "error", err.Error())
	}
}

// stateMetrics reports the health of store and audit log.
type stateMetrics struct {
	writes   prometheus.Histogram
	failures *prometheus.CounterVec
	state    interface {
		Err() error
		CopyErr() error
		Entries() int64
	}
}

func newStateMetrics() stateMetrics {
	m := stateMetrics{
		writes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "alcove_store_write_seconds", Help: "How long it took until a group of records was safe on the disk.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3},
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alcove_store_failures_total", Help: "Groups of records that could not be written: the audit log, or the values.",
		}, []string{"part"}),
	}
	for _, part := range []store.Part{store.AuditPart, store.ValuesPart} {
		m.failures.WithLabelValues(string(part))
	}
	return m
}

// observeWrite counts the result of writing a group.
func (m stateMetrics) observeWrite(took time.Duration, failed store.Part) {
	m.writes.Observe(took.Seconds())
	if failed != "" {
		m.failures.WithLabelValues(string(failed)).Inc()
	}
}

type sample struct {
	name, help string
	value      float64
}

func (m stateMetrics) samples() []sample {
	failed := func(err error) float64 {
		if err != nil {
			return 1
		}
		return 0
	}
	return []sample{
		{"alcove_store_failed", "1 while acts that open are refused because they cannot be recorded.", failed(m.state.Err())},
		{"alcove_audit_copy_failed", "1 while the second place lacks the newest audit checkpoint.", failed(m.state.CopyErr())},
		{"alcove_audit_entries", "Entries of the audit log.", float64(m.state.Entries())},
	}
}

// Describe implements prometheus.Collector.
func (m stateMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m stateMetrics) Collect(ch chan<- prometheus.Metric) {
	m.writes.Collect(ch)
	m.failures.Collect(ch)
	for _, s := range m.samples() {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(s.name, s.help, nil, nil), prometheus.GaugeValue, s.value)
	}
}
