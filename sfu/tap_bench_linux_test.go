package sfu

import (
	"runtime"
	"testing"
	"time"
)

// BenchmarkForwardRecorded is what recording a whole room of 12 costs its worker: CPU time of the worker's thread against that
// of the same room unrecorded, measured in turn. record-x must stay below 1.15.
func BenchmarkForwardRecorded(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const turn = 50 // windows of each in turn
	tap := &memoryTap{}
	rooms := []*bench{newBench(b, 12), newBench(b, 12)}
	rooms[1].record(tap)
	for _, w := range rooms {
		w.bare = true
		for range 1000 { // two seconds: histories have their size
			w.work(w.window())
			w.drain(true)
		}
	}
	units := tap.units
	var took [2]time.Duration
	var packets [2]int
	for b.Loop() {
		for i, w := range rooms {
			for range turn {
				n := w.window()
				took[i] += w.work(n)
				packets[i] += n
				w.drain(true)
			}
		}
	}
	cost := func(i int) float64 { return float64(took[i].Nanoseconds()) / 1000 / float64(packets[i]) }
	b.ReportMetric(cost(0), "us/in")
	b.ReportMetric(cost(1), "record-us/in")
	b.ReportMetric(cost(1)/cost(0), "record-x")
	b.ReportMetric(0, "ns/op")
	if n := tap.units - units; n < packets[1]*95/100 {
		b.Fatalf("%d units of %d packets were recorded", n, packets[1])
	}
}
