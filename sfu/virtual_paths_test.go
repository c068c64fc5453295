package sfu

import (
	"flag"
	"testing"
	"time"

	"alcove/sfu/bwe/bwetest"
	"alcove/sfu/internal/simnet"
)

var timelines = flag.Bool("timelines", false, "log the sessions over virtual paths second by second")

// constantLink is a link that does not change.
func constantLink(l simnet.Link) func(time.Duration) simnet.Link {
	return func(time.Duration) simnet.Link { return l }
}

// dipLink is a link of 2 Mbit/s that is narrower for a while.
func dipLink(narrow int, from, to time.Duration) func(time.Duration) simnet.Link {
	return func(at time.Duration) simnet.Link {
		l := simnet.Link{Delay: 20 * time.Millisecond, Rate: 2_000_000, Queue: 300 * time.Millisecond}
		if at >= from && at < to {
			l.Rate = narrow
		}
		return l
	}
}

// cutLink is a link of 3 Mbit/s that loses everything for a while.
func cutLink(from, to time.Duration) func(time.Duration) simnet.Link {
	return func(at time.Duration) simnet.Link {
		l := simnet.Link{Delay: 20 * time.Millisecond, Rate: 3_000_000, Queue: 300 * time.Millisecond}
		if at >= from && at < to {
			l.Loss = 1
		}
		return l
	}
}

func narrowLink(rate int, queue time.Duration) func(time.Duration) simnet.Link {
	return constantLink(simnet.Link{Delay: 20 * time.Millisecond, Rate: rate, Queue: queue})
}

// virtualPaths are the lines that the estimator is made for, with the whole server before them. Without loss of its own, video of all three
// in full takes 1,935 kbit/s.
var virtualPaths = []virtualPath{
	{name: "nothing wrong", length: 30 * time.Second, link: narrowLink(20_000_000, 300*time.Millisecond),
		target: target{video: 1_850_000, queue: 5 * time.Millisecond, audioLost: 0.005, frozen: 0.005, frames: 24, changes: 1}},
	{name: "1 Mbit/s, queue of 300 ms", length: 60 * time.Second, link: narrowLink(1_000_000, 300*time.Millisecond),
		target: target{video: 450_000, queue: 70 * time.Millisecond, audio: 110 * time.Millisecond, audioLost: 0.005, frozen: 0.02, frames: 23, changes: 15}},
	{name: "1 Mbit/s, queue of 1 s", length: 60 * time.Second, link: narrowLink(1_000_000, time.Second),
		target: target{video: 450_000, queue: 70 * time.Millisecond, audio: 110 * time.Millisecond, audioLost: 0.005, frozen: 0.02, frames: 23, changes: 15}},
	{name: "400 kbit/s, queue of 100 ms", length: 60 * time.Second, link: narrowLink(400_000, 100*time.Millisecond), pinned: true,
		target: target{video: 90_000, queue: 85 * time.Millisecond, audioLost: 0.02, frozen: 0.05, frames: 18, changes: 2}},
	{name: "2 Mbit/s, 300 kbit/s, 2 Mbit/s", length: 60 * time.Second, link: dipLink(300_000, 20*time.Second, 30*time.Second),
		target: target{video: 650_000, queue: 60 * time.Millisecond, audioLost: 0.02, frozen: 0.25, frames: 17, changes: 15, at: 30 * time.Second, rate: 1_600_000, back: 6 * time.Second}},
	{name: "5 % loss, 80 ± 20 ms", length: 40 * time.Second, link: constantLink(simnet.Link{Delay: 60 * time.Millisecond, Loss: 0.05, Wait: bwetest.Wander(5, 20*time.Millisecond, 0.8)}),
		target: target{video: 1_500_000, frozen: 0.03, frames: 23, changes: 15}},
	{name: "20 % loss, 40 ms", length: 40 * time.Second, link: constantLink(simnet.Link{Delay: 40 * time.Millisecond, Loss: 0.2}),
		target: target{video: 500_000, frozen: 0.06, frames: 22}},
	{name: "3 Mbit/s, jitter of ± 60 ms", length: 60 * time.Second, link: constantLink(simnet.Link{Delay: 20 * time.Millisecond, Rate: 3_000_000, Queue: 300 * time.Millisecond, Wait: bwetest.Wander(3, 60*time.Millisecond, 0.8)}),
		target: target{video: 1_750_000, audioLost: 0.005, frozen: 0.02, frames: 23, changes: 10}},
	{name: "3 Mbit/s, cut for 10 s", length: 60 * time.Second, link: cutLink(20*time.Second, 30*time.Second),
		target: target{video: 1_000_000, queue: 100 * time.Millisecond, frozen: 0.28, frames: 17, at: 30 * time.Second, rate: 1_700_000, back: 3 * time.Second}},
}

// TestVirtualPaths runs a session over each path, with stock pion clients. The race detector makes it ten times slower, and finds nothing in
// a worker of one goroutine: under it, it runs the first path alone, and `make unit` runs all of them without it.
func TestVirtualPaths(t *testing.T) {
	paths := len(virtualPaths)
	if underRace {
		paths = 1
	}
	for i := range paths {
		path := virtualPaths[i]
		path.from = 10 * time.Second
		t.Run(path.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, v *virtualNet) {
				x := v.watch(&path, feedbackInterceptors)
				got := x.result(&path)
				t.Log(got)
				path.judge(t, got)
				if *timelines || t.Failed() {
					t.Log("\n" + x.timeline())
				}
			})
		})
	}
}

// judge compares a session with its target.
func (w *target) judge(t *testing.T, got viewed) {
	t.Helper()
	for _, c := range []struct {
		what        string
		judged, bad bool
	}{
		{"too little video", w.video > 0, got.video < w.video},
		{"packets wait too long", w.queue > 0, got.queue > w.queue},
		{"audio takes too long", w.audio > 0, got.audio > w.audio},
		{"too much audio is lost", w.audioLost > 0, got.audioLost > w.audioLost},
		{"video is frozen for too long", w.frozen > 0, got.frozen > w.frozen},
		{"too few frames", w.frames > 0, got.frames < w.frames},
		{"too many changes of size", w.changes > 0, got.changes > w.changes},
		{"the estimate comes back too late", w.back > 0, got.back > w.back},
	} {
		if c.judged && c.bad {
			t.Errorf("%s: %+v", c.what, *w)
		}
	}
}
