package daemon

import (
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/front"
	"alcove/room/live"
	"alcove/sfu"
	"alcove/sfu/record"
	"alcove/sfu/relay"
	"alcove/signaling"
	"alcove/signaling/conns"
	"alcove/signaling/wire"
)

// maxSeries is what one daemon may ever show: a small Prometheus keeps hundreds of such targets.
const maxSeries = 2500

// labelled are all labels of all metrics, and how many values each can have. What is not in here has no labels.
func labelled() map[string]map[string]int {
	results := len(wire.ErrorCodes()) + 4 // ok, admitted, waiting, other
	return map[string]map[string]int{
		"alcove_joins_total":                    {"result": results},
		"alcove_resumes_total":                  {"result": results},
		"alcove_admissions_total":               {"result": results},
		"alcove_messages_total":                 {"type": 0, "result": 0}, // bounded as pairs, see below
		"alcove_file_requests_total":            {"result": results},
		"alcove_closes_total":                   {"code": 12},
		"alcove_handshakes_refused_total":       {"reason": 8},
		"alcove_connections_displaced_total":    {"reason": len(conns.DisplacedReasons())},
		"alcove_hello_duration_seconds":         {"result": 4},
		"alcove_participants":                   {"role": 4},
		"alcove_build_info":                     {"version": 1},
		"alcove_reloads_total":                  {"result": 2},
		"alcove_store_failures_total":           {"part": 2},
		"alcove_media_datagrams_total":          {"direction": 2},
		"alcove_media_bytes_total":              {"direction": 2},
		"alcove_media_packets_forwarded_total":  {"kind": 2},
		"alcove_media_payload_bytes_total":      {"kind": 2},
		"alcove_media_nacks_total":              {"direction": 2},
		"alcove_media_key_frame_requests_total": {"direction": 2},
		"alcove_media_handshakes_failed_total":  {"reason": len(sfu.HandshakeFaults)},
		"alcove_media_drops_total":              {"reason": len(sfu.DropReasons()) - 1},
		"alcove_relay_bytes_total":              {"direction": 2},
		"alcove_relay_refused_total":            {"reason": len(relay.Refusals())},
		"alcove_recording_units_total":          {"result": 3},
		"alcove_recording_releases_total":       {"result": 2},
		"alcove_recording_failures_total":       {"cause": 6},
		"go_info":                               {"version": 1},
		"promhttp_metric_handler_errors_total":  {"cause": 2},
	}
}

var variables = regexp.MustCompile(`constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}`)

// noTokens is asked by nobody.
type noTokens struct{ signaling.TokenVerifier }

// describedMetrics gives all metrics that a daemon can have, with their labels.
func describedMetrics(t *testing.T) map[string][]string {
	t.Helper()
	engine, err := sfu.New(sfu.Config{Listen: "127.0.0.1:0", Workers: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	media := newMediaMetrics(engine)
	defer media.Close()
	recorded := newRecorderMetrics()
	recorded.stats = func() record.Stats { return record.Stats{} }
	counts := newStateMetrics()
	counts.state = fakeState{}
	certs := &front.Certificates{}
	registry := prometheus.NewRegistry()
	d := Daemon{Config: config.Default()}
	metrics, _, err := d.register(registry, &silence{}, front.NewConnLimiters(d.Config), certs, counts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signaling.NewServer(signaling.Config{Tokens: noTokens{}, Rooms: live.NewRegistry(live.Config{}), Metrics: metrics}); err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, c := range []prometheus.Collector{registry, media, recorded, newRelayMetrics(relay.New(nil))} {
		descs := make(chan *prometheus.Desc)
		go func() { c.Describe(descs); close(descs) }()
		for d := range descs {
			m := variables.FindStringSubmatch(d.String())
			if m == nil {
				t.Fatalf("%s tells no labels: the client library writes them otherwise now", d)
			}
			name := described.FindStringSubmatch(d.String())[1]
			all[name] = []string{}
			for _, list := range m[1:] {
				for label := range strings.SplitSeq(list, ",") {
					if label, _, _ = strings.Cut(label, "="); label != "" {
						all[name] = append(all[name], label)
					}
				}
			}
		}
	}
	return all
}

// TestLabels checks that every metric label is in the table, and that the number of possible series stays below the limit.
func TestLabels(t *testing.T) {
	t.Parallel()
	table, seen := labelled(), describedMetrics(t)
	if len(seen) < 60 {
		t.Fatalf("found %d metrics only: %v", len(seen), slices.Sorted(maps.Keys(seen)))
	}
	series := signaling.MessageSeries()
	for name, labels := range seen {
		n := 1
		for _, label := range labels {
			values, known := table[name][label]
			if !known {
				t.Errorf("%s has the label %s, which is not registered in this test", name, label)
			}
			n *= values
		}
		if len(labels) != len(table[name]) {
			t.Errorf("%s has the labels %v, the table %v", name, labels, slices.Sorted(maps.Keys(table[name])))
		}
		if strings.HasSuffix(name, "_seconds") && strings.HasPrefix(name, "alcove_") && !strings.Contains(name, "timestamp") {
			n *= 14 // the largest histogram: eleven buckets, the last, sum and count
		}
		series += n
	}
	for name := range table {
		if _, there := seen[name]; !there && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "promhttp_") {
			t.Errorf("the table knows %s, which nobody counts", name)
		}
	}
	if series > maxSeries {
		t.Errorf("%s series are possible, at most %d", strconv.Itoa(series), maxSeries)
	}
	t.Logf("%d metrics, at most %d series", len(seen), series)
}

// TestLabelsInUse scrapes a daemon after invalid requests of all kinds, and checks that nothing from a request becomes a label.
func TestLabelsInUse(t *testing.T) {
	t.Parallel()
	r := startDev(t)
	conn, _ := r.hello(t, r.token(t, "role=host"))
	for _, message := range []string{`{"id":"2","type":"planted.type"}`, `{"id":"3","type":"waiting.admit","data":{"participantIds":["planted"]}}`} {
		if err := conn.WriteMessage(1, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	for !strings.Contains(alcovetest.Next(t, conn), `"id":"3"`) {
	}
	r.hello(t, "planted-token")
	_, page := alcovetest.Get(t, r.admin+"/metrics")
	table, lines := labelled(), 0
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "#") || !strings.Contains(line, "{") {
			continue
		}
		lines++
		name, rest, _ := strings.Cut(line, "{")
		name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		for _, m := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(rest, -1) {
			if _, known := table[name][m[1]]; !known && m[1] != "le" && m[1] != "quantile" {
				t.Errorf("%s has the label %s", name, m[1])
			}
		}
	}
	if lines < 20 || strings.Contains(page, "planted") {
		t.Errorf("%d series with labels; or what a stranger said is among them", lines)
	}
	r.signals <- nil
	if err := <-r.stopped; err != nil {
		t.Error(err)
	}
}
