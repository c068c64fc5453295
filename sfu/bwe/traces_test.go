package bwe_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"alcove/sfu/bwe/bwetest"
)

var page = flag.String("traces", "", "write a page with a picture of each trace to this `file`")

const (
	ms     = time.Millisecond
	second = time.Second
	kbit   = 1e3
)

// A target is what a trace must reach with each seed. Zero values are not judged.
type target struct {
	from, to  time.Duration // of the following
	video     float64       // bit/s that arrive, at least
	audio     time.Duration // delay of 95 % of it, at most
	queue     time.Duration // the same in front of the line
	whole     float64       // share of frames
	changes   float64       // of layers a minute
	overload  time.Duration // from 20 s on, until less is sent than the line takes
	back      time.Duration // after `at`, until the estimate is above this rate
	at        time.Duration
	rate      float64
	fair      float64 // the larger estimate of two receivers, of the smaller
	decreases uint64  // at most, where steady
	steady    bool
}

var targets = map[string]target{
	"20 Mbit/s":                                    {video: 1860 * kbit, audio: 21 * ms, queue: 2 * ms, whole: 0.999, steady: true},
	"1 Mbit/s, queue of 300 ms":                    {video: 630 * kbit, audio: 66 * ms, queue: 46 * ms, whole: 0.99},
	"1 Mbit/s, queue of 1 s":                       {video: 630 * kbit, audio: 66 * ms, queue: 46 * ms, whole: 0.99},
	"400 kbit/s, queue of 100 ms":                  {video: 140 * kbit, audio: 83 * ms, queue: 57 * ms, whole: 0.99},
	"2 Mbit/s, 400 kbit/s, 2 Mbit/s":               {overload: second, back: 5 * second, at: 40 * second, rate: 0.85 * 2e6, queue: 60 * ms, whole: 0.98},
	"the same, queue of 1 s":                       {overload: second, back: 5 * second, at: 40 * second, rate: 0.85 * 2e6, queue: 60 * ms, whole: 0.98},
	"2 Mbit/s beside a TCP download":               {from: 25 * second, to: 75 * second, video: 400 * kbit, changes: 15, back: 5 * second, at: 75 * second, rate: 0.85 * 2e6, whole: 0.97},
	"20 % random loss":                             {video: 1150 * kbit, audio: 41 * ms, queue: 2 * ms}, // 80 % of 1935 can arrive
	"5 % random loss, 80 ± 20 ms":                  {video: 1700 * kbit, queue: 2 * ms, changes: 8},
	"1 Mbit/s, 30 % of the feedback lost":          {video: 560 * kbit, audio: 70 * ms, queue: 50 * ms, whole: 0.99},
	"1 Mbit/s, feedback 500 ms late":               {video: 600 * kbit, audio: 90 * ms, queue: 70 * ms, whole: 0.99},
	"3 Mbit/s, jitter of ± 60 ms":                  {from: 20 * second, video: 1860 * kbit, whole: 0.99},
	"3 Mbit/s, jitter of ± 60 ms, sines":           {from: 20 * second, video: 1900 * kbit, whole: 0.99},
	"3 Mbit/s, jitter of ± 20 ms, sines":           {video: 1860 * kbit, whole: 0.99, steady: true},
	"3 Mbit/s, stalls of 250 ms":                   {video: 1860 * kbit, whole: 0.99, steady: true},
	"3 Mbit/s, 80 ms more from 20 s on":            {from: 40 * second, video: 1900 * kbit, whole: 0.99, steady: true, decreases: 1},
	"3 Mbit/s, cut for 10 s":                       {back: 3 * second, at: 30 * second, rate: 0.85 * 2e6},
	"3 Mbit/s, clock 200 ppm fast":                 {video: 1860 * kbit, whole: 0.99, steady: true},
	"3 Mbit/s, clock 200 ppm slow":                 {video: 1860 * kbit, whole: 0.99, steady: true},
	"3 Mbit/s, no video for 60 s":                  {back: 2 * second, at: 80 * second, rate: 0.85 * 2e6, whole: 0.99, steady: true},
	"3 Mbit/s, publishers lose 10 % of the frames": {video: 1650 * kbit, whole: 0.99, steady: true}, // 90 % of 1935 come
	"two receivers on 2 Mbit/s":                    {video: 1200 * kbit, fair: 2, whole: 0.99},
}

// seeds of each trace: every one of them must reach the targets.
const seeds = 3

// TestTraces runs each trace in virtual time.
func TestTraces(t *testing.T) {
	var results []*bwetest.Result
	seen := map[string]bool{}
	for i, trace := range bwetest.Traces(1) {
		want, ok := targets[trace.Name]
		if !ok {
			t.Fatalf("%s has no target", trace.Name)
		}
		seen[trace.Name] = true
		results = append(results, nil)
		t.Run(trace.Name, func(t *testing.T) {
			for seed := range uint64(seeds) {
				r := bwetest.Run(bwetest.Traces(seed + 1)[i])
				if want.judge(t, r); seed == 0 {
					results[i] = r
				}
			}
		})
	}
	for name := range targets {
		if !seen[name] {
			t.Errorf("there is no trace %q", name)
		}
	}
	if *page == "" {
		return
	}
	f, err := os.Create(*page)
	if err != nil {
		t.Fatal(err)
	}
	if err := bwetest.WritePage(f, results); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func (w target) judge(t *testing.T, r *bwetest.Result) {
	t.Helper()
	from, to := w.from, w.to
	if from == 0 {
		from = 10 * second
	}
	if to == 0 {
		to = r.Trace.Length
	}
	wrong := func(format string, args ...any) {
		t.Helper()
		t.Errorf("seed %d: "+format, append([]any{r.Trace.Seed}, args...)...)
	}
	if got := r.Video(from, to); got < w.video {
		wrong("%.0f kbit/s of video, want %.0f", got/kbit, w.video/kbit)
	}
	if got := r.AudioDelay(from, to, 0.95); w.audio > 0 && got > w.audio {
		wrong("audio takes %v, want %v", got, w.audio)
	}
	if got := r.QueueDelay(from, to, 0.95); w.queue > 0 && got > w.queue {
		wrong("packets wait %v, want %v", got, w.queue)
	}
	if got := r.Whole(); got < w.whole {
		wrong("%.3f of the frames are whole, want %.3f", got, w.whole)
	}
	if got := r.ChangesPerMinute(from, to); w.changes > 0 && got > w.changes {
		wrong("%.0f changes of layers a minute, want %.0f", got, w.changes)
	}
	if got := r.First(20*second, 300*ms, func(s bwetest.Sample) bool { return s.Sent <= s.Capacity }); w.overload > 0 && got > w.overload {
		wrong("the overload lasts %v, want %v", got, w.overload)
	}
	if got := r.First(w.at, 300*ms, func(s bwetest.Sample) bool { return s.Rate >= w.rate }); w.back > 0 && got > w.back {
		wrong("back after %v, want %v", got, w.back)
	}
	if rates := r.Rates(20*second, to); w.fair > 0 && max(rates[0], rates[1]) > w.fair*min(rates[0], rates[1]) {
		wrong("%.0f and %.0f kbit/s, want %.0f to 1", rates[0]/kbit, rates[1]/kbit, w.fair)
	}
	if got := r.Counters.Decreases + r.Counters.LossDecreases; w.steady && got > w.decreases {
		wrong("%d decreases, want %d", got, w.decreases)
	}
}
