package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/sfu/record"
)

// recorderMetrics say how recordings are. No label names a room or a person.
type recorderMetrics struct {
	stats   func() record.Stats // nil until the recorder is open
	syncs   prometheus.Histogram
	refused prometheus.Counter

	releases *prometheus.CounterVec

	tracks, bytes, units, failures *prometheus.Desc
}

func newRecorderMetrics() *recorderMetrics {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("alcove_recording_"+name, help, labels, nil)
	}
	m := &recorderMetrics{
		syncs: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "alcove_recording_sync_seconds", Help: "How long it took until what was recorded was safe on the disk.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3},
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "alcove_recording_refused_total", Help: "Tracks that could not begin: each stops the recording of its room.",
		}),
		releases: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alcove_recording_releases_total", Help: "Keys of frames that participants released to the clinic, by message.",
		}, []string{"result"}),
		tracks:   d("tracks", "Sources that are recorded now."),
		bytes:    d("bytes_total", "Bytes written, encrypted."),
		units:    d("units_total", "Packets taken, refused because their track had failed, and dropped because no key was released for them.", "result"),
		failures: d("failures_total", "Tracks that had to stop: each stops the recording of its room.", "cause"),
	}
	for _, result := range []string{"kept", "refused"} {
		m.releases.WithLabelValues(result)
	}
	return m
}

func (m *recorderMetrics) synced(took time.Duration) { m.syncs.Observe(took.Seconds()) }

// Describe implements prometheus.Collector.
func (m *recorderMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *recorderMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.stats()
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	ch <- prometheus.MustNewConstMetric(m.tracks, prometheus.GaugeValue, float64(s.Tracks))
	counter(m.bytes, float64(s.Bytes))
	counter(m.units, float64(s.Units), "kept")
	counter(m.units, float64(s.Refused), "refused")
	counter(m.units, float64(s.Unreleased), "unreleased")
	for _, cause := range []record.Cause{record.DiskFull, record.SlowDisk, record.QueueFull, record.WriteFailed, record.TooLong, record.NoRelease} {
		counter(m.failures, float64(s.Failures[cause]), string(cause))
	}
	m.syncs.Collect(ch)
	m.refused.Collect(ch)
	m.releases.Collect(ch)
}
