package signaling

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

// Metrics counts events of signaling and of the rooms. Every label has a closed set of values; none names a room, a person or an
// address. It implements live.Observer and session.Metrics.
type Metrics struct {
	registry    *prometheus.Registry
	joins       *prometheus.CounterVec   // result
	resumes     *prometheus.CounterVec   // result
	admissions  *prometheus.CounterVec   // result
	messages    *prometheus.CounterVec   // type, result
	closes      *prometheus.CounterVec   // code
	refused     *prometheus.CounterVec   // reason
	hellos      *prometheus.HistogramVec // result
	waits       prometheus.Histogram
	connections prometheus.Gauge
	panics      prometheus.Counter
	roomPanics  prometheus.Counter
	httpErrors  prometheus.Counter
	files       *prometheus.CounterVec // result
}

// NewMetrics registers the metrics on reg. version is the label of alcove_build_info.
func NewMetrics(reg *prometheus.Registry, version string) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	single := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &Metrics{
		registry:   reg,
		joins:      counter("alcove_joins_total", "First joins: admitted, waiting, or the error.", "result"),
		resumes:    counter("alcove_resumes_total", "Resumed seats: ok, or the error.", "result"),
		admissions: counter("alcove_admissions_total", "People a host tried to let in: ok, or the error.", "result"),
		messages:   counter("alcove_messages_total", "Requests of clients by type and result.", "type", "result"),
		closes:     counter("alcove_closes_total", "Closed connections by close code; 1001 also where the client went first.", "code"),
		refused:    counter("alcove_handshakes_refused_total", "WebSocket handshakes refused.", "reason"),
		hellos: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alcove_hello_duration_seconds", Help: "From a hello to its answer: admitted, waiting, resumed, refused.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"result"}),
		waits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "alcove_waiting_duration_seconds", Help: "How long people waited who were let in.",
			Buckets: []float64{5, 15, 30, 60, 120, 300, 600, 1200, 2400},
		}),
		files:       counter("alcove_file_requests_total", "HTTP requests for files: ok, or the error.", "result"),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "alcove_connections", Help: "Open WebSocket connections."}),
		panics:      single("alcove_connection_panics_total", "Connections that ended by a bug of ours."),
		roomPanics:  single("alcove_room_panics_total", "Rooms that ended by a bug of ours."),
		httpErrors:  single("alcove_http_errors_total", "Errors of the HTTP server, such as failed TLS handshakes."),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "alcove_build_info", Help: "Always 1; the label says what runs.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	reg.MustRegister(m.hellos, m.waits, m.joins, m.resumes, m.admissions, m.messages, m.closes, m.refused, m.connections, m.panics, m.roomPanics,
		m.httpErrors, m.files, build)
	m.initSeries()
	return m
}

// initSeries creates every series that an alert may watch, at 0: if a series appears with its first count, Prometheus sees no
// increase.
func (m *Metrics) initSeries() {
	for _, c := range []*prometheus.CounterVec{m.joins, m.resumes, m.admissions} {
		for _, result := range append(wire.ErrorCodes(), "ok", string(room.Admitted), string(room.Waiting), "other") {
			c.WithLabelValues(result)
		}
	}
	for _, code := range wire.CloseCodes() {
		m.closes.WithLabelValues(closeLabel(code))
	}
}

// Joined implements live.Observer.
func (m *Metrics) Joined(result string) { m.joins.WithLabelValues(knownLabel(result)).Inc() }

// Resumed implements live.Observer.
func (m *Metrics) Resumed(result string) { m.resumes.WithLabelValues(knownLabel(result)).Inc() }

// Admitted implements live.Observer.
func (m *Metrics) Admitted(result string) { m.admissions.WithLabelValues(knownLabel(result)).Inc() }

// Waited implements live.Observer.
func (m *Metrics) Waited(d time.Duration) { m.waits.Observe(d.Seconds()) }

// HelloAnswered implements session.Metrics.
func (m *Metrics) HelloAnswered(result string, took time.Duration) {
	m.hellos.WithLabelValues(result).Observe(took.Seconds())
}

// FileServed counts a request of package files.
func (m *Metrics) FileServed(result string) { m.files.WithLabelValues(knownLabel(result)).Inc() }

// ConnectionClosed implements session.Metrics.
func (m *Metrics) ConnectionClosed(code int) { m.closes.WithLabelValues(closeLabel(code)).Inc() }

// Panicked implements live.Observer.
func (m *Metrics) Panicked() { m.roomPanics.Inc() }

// RequestAnswered implements session.Metrics. An unknown type is text of a client, which must not become a label.
func (m *Metrics) RequestAnswered(kind string, f *wire.Failure) {
	if !wire.IsRequest(kind) {
		kind = "unknown"
	}
	result := "ok"
	if f != nil {
		result = string(f.Code)
	}
	m.messages.WithLabelValues(kind, result).Inc()
}

// knownLabel keeps the label result in its closed set.
func knownLabel(result string) string {
	switch result {
	case "ok", string(room.Admitted), string(room.Waiting):
		return result
	}
	if wire.IsErrorCode(room.Code(result)) {
		return result
	}
	return "other"
}

// MessageSeries is the number of series that alcove_messages_total can have: each type with each result.
func MessageSeries() int {
	return (len(wire.RequestTypes()) + 1) * (len(wire.ErrorCodes()) + 1)
}

func closeLabel(code int) string { return strconv.Itoa(code) }

// A roomCollector reads the registry of rooms at each scrape.
type roomCollector struct {
	count    func() live.Counts
	draining func() bool
}

var (
	roomsDesc        = prometheus.NewDesc("alcove_rooms", "Running rooms.", nil, nil)
	encryptedDesc    = prometheus.NewDesc("alcove_encrypted_rooms", "Running rooms that are encrypted end to end.", nil, nil)
	participantsDesc = prometheus.NewDesc("alcove_participants", "Admitted participants by role.", []string{"role"}, nil)
	drainingDesc     = prometheus.NewDesc("alcove_draining", "1 while no new rooms are taken.", nil, nil)
	waitingDesc      = prometheus.NewDesc("alcove_waiting", "Participants who wait.", nil, nil)
)

func (roomCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- roomsDesc
	ch <- encryptedDesc
	ch <- participantsDesc
	ch <- waitingDesc
	ch <- drainingDesc
}

func (c roomCollector) Collect(ch chan<- prometheus.Metric) {
	n, draining := c.count(), 0.0
	if c.draining() {
		draining = 1
	}
	ch <- prometheus.MustNewConstMetric(drainingDesc, prometheus.GaugeValue, draining)
	ch <- prometheus.MustNewConstMetric(roomsDesc, prometheus.GaugeValue, float64(n.Rooms))
	ch <- prometheus.MustNewConstMetric(encryptedDesc, prometheus.GaugeValue, float64(n.Encrypted))
	ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(n.Waiting))
	for _, role := range []auth.Role{auth.Host, auth.Cohost, auth.Participant, auth.Observer} {
		ch <- prometheus.MustNewConstMetric(participantsDesc, prometheus.GaugeValue, float64(n.Admitted[role]), string(role))
	}
}
