package main

import (
	"strings"
	"testing"
	"time"

	"alcove/loadtest/report"
)

const benchOutput = `goos: linux
goarch: amd64
pkg: alcove/sfu
BenchmarkForward-2   	      32	         0 ns/op	         2.100 floor-us/pkt	         5.500 train	         2.520 us/pkt	         1.200 x-floor
BenchmarkForward-2   	      30	         0 ns/op	         2.000 floor-us/pkt	         5.700 train	         2.800 us/pkt	         1.400 x-floor
BenchmarkForward-2   	      31	         0 ns/op	         2.200 floor-us/pkt	         5.600 train	         2.640 us/pkt	         1.200 x-floor
BenchmarkForwardLayers/three-rids-2   	      31	         7.5 ns/op
Benchmark is a word
--- FAIL: BenchmarkOther
PASS
`

func TestParseBenchmarks(t *testing.T) {
	all, err := parseBenchmarks(strings.NewReader(benchOutput))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "Forward" || all[1].Name != "ForwardLayers/three-rids" {
		t.Fatalf("parsed %+v", all)
	}
	for unit, want := range map[string]float64{"us/pkt": 2.64, "floor-us/pkt": 2.1, "x-floor": 1.2, "train": 5.6, "ns/op": 0} {
		if got := all[0].Medians[unit]; got != want {
			t.Errorf("%s: %v, want %v", unit, got, want)
		}
	}
	if got := all[0].Runs["x-floor"]; len(got) != 3 {
		t.Errorf("runs: %v", got)
	}
	if ratio, err := worst(all, "x-floor"); err != nil || ratio != 1.2 {
		t.Errorf("worst: %v, %v", ratio, err)
	}
	if _, err := worst(all, "x-ceiling"); err == nil {
		t.Error("a unit that nobody printed has a worst value")
	}
}

func TestParseLineRefuses(t *testing.T) {
	for _, line := range []string{
		"", "PASS", "BenchmarkX-2", "BenchmarkX-2 12 5", "BenchmarkX-2 many 5 ns/op", "BenchmarkX-2 12 fast ns/op", "Xbench 12 5 ns/op",
	} {
		if name, values, ok := parseLine(line); ok {
			t.Errorf("%q gives %s %v", line, name, values)
		}
	}
}

func TestForwardLimits(t *testing.T) {
	runs := func(floor, record, p99 float64) forwardReport {
		return forwardReport{Benchmarks: []benchmark{
			{Name: "Forward", Medians: map[string]float64{"x-floor": floor}},
			{Name: "ForwardRecorded", Medians: map[string]float64{"record-x": record, "record-p99-ms": p99}},
		}}
	}
	for _, c := range []struct {
		r    forwardReport
		want string
	}{{runs(1.2, 1.1, 0.5), ""}, {runs(1.31, 1.1, 0.5), "x-floor is 1.31"}, {runs(1.2, 1.16, 0.5), "record-x is 1.16"}, {runs(1.2, 1.1, 1.5), "record-p99-ms is 1.50"}} {
		missed, err := c.r.missed()
		if err != nil || !strings.Contains(strings.Join(missed, ""), c.want) || (c.want == "") != (len(missed) == 0) {
			t.Errorf("missed %v, %v, want %q", missed, err, c.want)
		}
	}
	if _, err := (forwardReport{}).missed(); err == nil {
		t.Error("what nobody measured was held")
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v: %v, want %v", c.values, got, c.want)
		}
	}
}

func TestWriteForward(t *testing.T) {
	all, err := parseBenchmarks(strings.NewReader(benchOutput))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	writeForward(&b, forwardReport{Started: time.Unix(0, 0), Machine: report.Machine{CPU: "a processor"}, Commit: "abc", Limit: 1.3, Benchmarks: all})
	for _, want := range []string{"a processor", "commit abc", "2.64 (2.52–2.80)", "1.20 (1.20–1.40)", "x-floor ≤ 1.30: held", "record-x ≤ 1.15: MISSED"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	table{{"name", "µs"}, {"a", "12.5"}, {"longer", "3"}}.write(&b)
	want := "name      µs\n────────────\na       12.5\nlonger     3\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
