package run

import (
	"bytes"
	"context"
	"fmt"
	"math"
	mrand "math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"alcove/auth"
	"alcove/loadtest/client"
	"alcove/loadtest/pace"
	"alcove/loadtest/report"
	"alcove/loadtest/scenario"
)

func options(f *fakeServer) Options {
	return Options{
		Server: f.http.URL, Seed: 1,
		Minter: client.Minter{Key: auth.GenerateSigningKey(), Issuer: "https://id.example.org", Audience: "alcove"},
	}
}

func small(t *testing.T, text string) scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse([]byte("light: true\nramp: 0s\narrive: 0s\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func within5(got, want float64) bool { return math.Abs(got-want) <= 0.05*want }

// TestReportMatchesServer checks that the report matches the server: latencies between 200 and 1,000 ms, and every twentieth packet lost. A
// busy machine can make a run invalid, so the test allows three.
func TestReportMatchesServer(t *testing.T) {
	var wrong []string
	for range 3 {
		if wrong = truth(t); len(wrong) == 0 {
			return
		}
	}
	t.Error(strings.Join(wrong, "\n"))
}

func truth(t *testing.T) (wrong []string) {
	const loss = 0.05
	f := newFakeServer(t, func(r *mrand.Rand) time.Duration {
		return time.Duration(200+800*r.Float64()*r.Float64()) * time.Millisecond
	}, loss)
	rep, err := Run(context.Background(), small(t, "rooms: 1\nsize: 5\nduration: 2s\n"), options(f))
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if rep.Participants != 5 || rep.Failed() != 0 {
		note("%d participants, failures %v", rep.Participants, rep.Failures)
	}
	sent := float64(rep.Audio.Packets + rep.Video.Packets + uint64(rep.Audio.Lost+rep.Video.Lost))
	got, want := float64(rep.Audio.Lost+rep.Video.Lost)/sent, float64(f.lost)/float64(f.sent)
	// The window holds a sample of all that was sent: three standard deviations of it, and 5 %.
	if slack := 0.05*want + 3*math.Sqrt(want/sent); math.Abs(got-want) > slack {
		note("reported loss %.4f, the server lost %.4f", got, want)
	}
	for p, of := range map[float64]func(report.Distribution) float64{
		50: func(d report.Distribution) float64 { return d.P50 },
		95: func(d report.Distribution) float64 { return d.P95 },
		99: func(d report.Distribution) float64 { return d.P99 },
	} {
		want := float64(f.truth.ValueAtQuantile(p)) / 1000
		for _, m := range []report.Media{rep.Audio, rep.Video} {
			if got := of(m.Latency); !within5(got, want) {
				note("p%.0f: reported %.1f ms, the truth is %.1f ms", p, got, want)
			}
		}
	}
	if rep.Audio.Reordered == 0 || rep.Video.Duplicates != 0 {
		note("latency by chance reorders: %d, and doubles nothing: %d", rep.Audio.Reordered, rep.Video.Duplicates)
	}
	var page, file bytes.Buffer
	if err := rep.WriteHTML(&page); err != nil || !strings.Contains(page.String(), "One-way latency") {
		t.Errorf("no page: %v", err)
	}
	if err := rep.WriteJSON(&file); err != nil {
		t.Error(err)
	}
	if _, err := report.Read(file.Bytes()); err != nil {
		t.Error(err)
	}
	return wrong
}

// TestStarvedGeneratorIsInvalid checks that a run is invalid if its pacer is delayed, as on a busy machine.
func TestStarvedGeneratorIsInvalid(t *testing.T) {
	t.Parallel()
	f := newFakeServer(t, func(*mrand.Rand) time.Duration { return time.Millisecond }, 0)
	sc := small(t, "rooms: 1\nsize: 2\nduration: 1s\n")
	pacer, err := pace.NewPacer()
	if err != nil {
		t.Fatal(err)
	}
	defer pacer.Close()
	hold := func(due, _ time.Duration) (time.Duration, bool) {
		timer := time.NewTimer(40 * time.Millisecond)
		<-timer.C
		return due + 50*time.Millisecond, true
	}
	r := newRunner(sc, options(f), pacer)
	pacer.Add(pace.Now(), false, hold)
	if err := r.prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	rep, err := r.run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Valid() || !strings.Contains(strings.Join(rep.Invalid, " "), "sent late") {
		t.Errorf("a starved generator calls itself valid: %v, lag p99 %.1f ms", rep.Invalid, rep.Generator.SendLag.P99)
	}
	// The server was as fast as ever: what is corrected counts the wait, what is not does not.
	if rep.Audio.Corrected.P95 < rep.Audio.Latency.P50+10 {
		t.Errorf("the wait is omitted: corrected p95 %.1f ms", rep.Audio.Corrected.P95)
	}
}

// TestInterruptedRunWritesReport checks that Ctrl-C writes a report of the measurements so far.
func TestInterruptedRunWritesReport(t *testing.T) {
	t.Parallel()
	f := newFakeServer(t, func(*mrand.Rand) time.Duration { return 0 }, 0)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o, seconds := options(f), 0
	o.Progress = func(p Progress) {
		if p.Second.InWindow && p.Second.Audio > 0 {
			seconds++ // the first may have begun before the window
		}
		if seconds == 2 {
			cancel()
		}
	}
	rep, err := Run(ctx, small(t, "rooms: 1\nsize: 2\nduration: 1h\n"), o)
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Interrupted || rep.Audio.Packets == 0 || rep.Failed() != 0 {
		t.Errorf("interrupted %v, %d packets, failures %v", rep.Interrupted, rep.Audio.Packets, rep.Failures)
	}
}

// TestDialRetriesBusyServer checks that a client retries after the time that a busy server names.
func TestDialRetriesBusyServer(t *testing.T) {
	t.Parallel()
	f := newFakeServer(t, func(*mrand.Rand) time.Duration { return 0 }, 0)
	var asked atomic.Int64
	f.early = func(*http.Request) bool { return asked.Add(1) == 1 }
	rep, err := Run(context.Background(), small(t, "rooms: 1\nsize: 1\nduration: 100ms\n"), options(f))
	if err != nil {
		t.Fatal(err)
	}
	if rep.Participants != 1 || asked.Load() != 2 {
		t.Errorf("%d came in after %d attempts: %v", rep.Participants, asked.Load(), rep.Failures)
	}
}

func TestMetricLines(t *testing.T) {
	for _, c := range []struct {
		line, name, labels string
		value              float64
		ok                 bool
	}{
		{`alcove_media_drops_total{reason="await_key"} 12`, "alcove_media_drops_total", `reason="await_key"}`, 12, true},
		{`go_goroutines 41`, "go_goroutines", "", 41, true},
		{`# HELP go_goroutines Number`, "", "", 0, false},
		{``, "", "", 0, false},
		{`alone`, "", "", 0, false},
		{`alcove_rooms NaNo`, "alcove_rooms", "", 0, false},
	} {
		name, labels, value, ok := metric(c.line)
		if ok != c.ok || (ok && (name != c.name || labels != c.labels || value != c.value)) {
			t.Errorf("%q: %q %q %v %v", c.line, name, labels, value, ok)
		}
	}
	if got := label(`worker="0",reason="muted"}`, "reason"); got != "muted" {
		t.Errorf("label: %q", got)
	}
}
