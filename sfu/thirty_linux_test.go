package sfu

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// run lets the room go on for a while of its own time.
func (b *bench) run(d time.Duration) time.Duration {
	var cpu time.Duration
	for range d / benchWindow {
		cpu += b.work(b.window())
		b.drain(true)
	}
	return cpu
}

// TestRoomOfThirty checks that thirty people see all the others and hear the sixteen loudest, at once when somebody begins
// to speak.
func TestRoomOfThirty(t *testing.T) {
	const size, loud = 30, 3
	b := newBench(t, size)
	b.bare = true
	for i, x := range b.people {
		if x.level = 120; i < loud {
			x.level = 30
		}
	}
	b.run(3 * time.Second)
	last := b.people[size-1]
	last.heard = map[uint32]int{}
	b.run(2 * time.Second)
	pictures, voices := 0, 0
	for i := range size - 1 {
		if last.heard[uint32(10*(i+1)+1)] > 0 {
			pictures++
		}
		if last.heard[uint32(10*(i+1))] > 0 {
			voices++
		} else if i < loud {
			t.Errorf("%d speaks and is not heard", i)
		}
	}
	if pictures != size-1 || voices > maxVoices || voices < maxVoices-1 { // the last one may be among the sixteen
		t.Fatalf("%d pictures and %d voices", pictures, voices)
	}
	b.people[20].level, last.heard = 20, map[uint32]int{}
	b.run(time.Second)
	if n := last.heard[210]; n < 35 { // of 50 in a second: the rise of the level takes its time
		t.Fatalf("one who begins to speak is heard with %d packets", n)
	}
}

// BenchmarkWorkers is the cost of a packet while two workers run, on a thread each, as a ratio to one that runs alone.
func BenchmarkWorkers(b *testing.B) {
	const turn = 200 * time.Millisecond
	rooms := []*bench{newBench(b, 12), newBench(b, 12)}
	for _, r := range rooms {
		r.bare = true
		r.run(2 * time.Second)
	}
	cost := func(r *bench) (cpu time.Duration, packets uint64) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		before := r.w.count.Audio + r.w.count.Video
		return r.run(turn), r.w.count.Audio + r.w.count.Video - before
	}
	var alone, together time.Duration
	var packetsAlone, packetsTogether uint64
	for i := 0; b.Loop(); i++ {
		cpu, n := cost(rooms[i%2])
		alone, packetsAlone = alone+cpu, packetsAlone+n
		var both sync.WaitGroup
		var mu sync.Mutex
		for _, r := range rooms {
			both.Go(func() {
				cpu, n := cost(r)
				mu.Lock()
				defer mu.Unlock()
				together, packetsTogether = together+cpu, packetsTogether+n
			})
		}
		both.Wait()
	}
	one := float64(alone.Nanoseconds()) / 1000 / float64(packetsAlone)
	two := float64(together.Nanoseconds()) / 1000 / float64(packetsTogether)
	b.ReportMetric(one, "one-us/pkt")
	b.ReportMetric(two, "two-us/pkt")
	b.ReportMetric(two/one, "x-one")
	b.ReportMetric(0, "ns/op")
}
