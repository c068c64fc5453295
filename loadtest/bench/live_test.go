package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"alcove/loadtest/client"
	"alcove/loadtest/report"
)

func TestParseMetrics(t *testing.T) {
	const metrics = "# TYPE go_goroutines gauge\ngo_goroutines 42\nalcove_media_peers{worker=\"0\"} 3\n"
	if got, err := parseMetric(metrics, "go_goroutines"); err != nil || got != 42 {
		t.Errorf("go_goroutines: %v, %v", got, err)
	}
	if got, err := parseMetric(metrics, "go_threads"); err == nil {
		t.Errorf("go_threads: %v", got)
	}
}

func TestTraffic(t *testing.T) {
	v := traffic(client.Counts{Packets: 600, Lost: 1}, client.Counts{Packets: 390, Lost: 4, Withheld: 5}, 3960*time.Microsecond)
	if v["us"] != 4 || v["loss"] != 1 || v["packets"] != 990 {
		t.Errorf("got %v", v)
	}
	if v := traffic(client.Counts{}, client.Counts{}, time.Second); len(v) != 1 {
		t.Errorf("without packets: %v", v)
	}
}

func TestCompleted(t *testing.T) {
	people := map[string]client.FirstArrival{"a": {Packet: 5, KeyFrame: 9}, "b": {Packet: 7, KeyFrame: 6}, "c": {Packet: 12}}
	for others, want := range map[int]time.Duration{2: 9, 3: 0} {
		if got := allMediaAt(people, others); got != want {
			t.Errorf("%d others: %v, want %v", others, got, want)
		}
	}
	sources := map[uint32]client.FirstArrival{1: {Packet: 5}, 2: {Packet: 3, KeyFrame: 8}, 3: {Packet: 11}, 4: {Packet: 2}}
	for others, want := range map[int]time.Duration{1: 11, 2: 0} {
		if got := allSourcesAt(sources, others); got != want {
			t.Errorf("%d others: %v, want %v", others, got, want)
		}
	}
}

// exampleReport has three rounds of one measurement and one of another.
func exampleReport() liveReport {
	r := liveReport{Machine: report.Machine{CPU: "a processor"}, Commit: "abc", Rounds: 3, Runs: map[string]map[string][]values{
		"room8": {
			"alcove": {{"us": 5, "p99": 0.9}, {"us": 3.5, "p99": 0.8}, {"us": 3.9, "p99": 1.7}},
			"janus":  {{"us": 20, "p99": 1.2}, {"us": 24, "p99": 1.1}, {"us": 22, "p99": 1.3}},
		},
		"one40": {"alcove": {{"us": 3.1, "lag": 12}}},
	}}
	r.summarize()
	return r
}

func TestSummarize(t *testing.T) {
	r := exampleReport()
	if got := r.Medians["room8"]["alcove"]["us"]; got != 3.9 {
		t.Errorf("median: %v", got)
	}
	held := map[string]bool{}
	for _, v := range r.Verdicts {
		held[v.Target] = v.Held
	}
	want := map[string]bool{
		"room8 us at most 4": true, "room8 us at most 0.25 × janus": true, "room8 p99 at most 1": true, "one40 us at most 3": false,
	}
	for target, h := range want {
		if got, there := held[target]; !there || got != h {
			t.Errorf("%s: %v, there %v", target, got, there)
		}
	}
	if len(held) != len(want) {
		t.Errorf("what was not measured has a verdict: %v", held)
	}
}

func TestWriteLive(t *testing.T) {
	var b strings.Builder
	writeLive(&b, exampleReport())
	for _, want := range []string{"a processor", "one room of 8", "alcove  ", "3.90", "22.00", "alcove *", "MISSED  one40 us at most 3: 3.10", "–"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "room of 12") {
		t.Error("a table of what was not measured")
	}
}

func TestTargetsAreMeasured(t *testing.T) {
	columns := map[string]bool{}
	for _, m := range measurements {
		for _, c := range m.columns {
			columns[m.key+" "+c.key] = true
		}
	}
	for _, target := range targets {
		if !columns[target.measurement+" "+target.column] {
			t.Errorf("nobody measures %s of %s", target.column, target.measurement)
		}
	}
}

func TestSelection(t *testing.T) {
	if m, err := (options{only: "join,room8"}).chosen(); err != nil || len(m) != 2 || m[0].key != "join" {
		t.Errorf("got %v, %v", m, err)
	}
	if m, err := (options{}).chosen(); err != nil || len(m) != len(measurements) {
		t.Errorf("got %d, %v", len(m), err)
	}
	if _, err := (options{only: "room9"}).chosen(); err == nil {
		t.Error("room9 was found")
	}
	if _, err := (options{servers: "alcove,other"}).implementations(); err == nil {
		t.Error("another server was found")
	}
}

func TestRunRefuses(t *testing.T) {
	for _, args := range [][]string{nil, {"fast"}} {
		if err := run(context.Background(), args); err == nil {
			t.Errorf("%v ran", args)
		}
	}
}
