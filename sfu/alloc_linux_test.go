package sfu

import (
	"testing"
	"time"
)

// TestNoAllocations checks that taking, forwarding, recording, repeating and reporting leave no work to the garbage collector.
func TestNoAllocations(t *testing.T) {
	t.Run("receiver reports", func(t *testing.T) { testNoAllocations(t, newBench(t, 4)) })
	t.Run("transport-wide feedback", func(t *testing.T) {
		b := newBenchWith(t, 4, 5)
		testNoAllocations(t, b)
		for _, x := range b.people {
			if c := x.peer.bandwidth.estimator.Counters; !x.peer.bandwidth.heard || c.Unknown > 0 {
				t.Errorf("feedback did not count: %+v", c)
			}
		}
	})
}

func testNoAllocations(t *testing.T, b *bench) {
	b.bare = true
	tap := &memoryTap{}
	b.record(tap)
	for range 2500 { // five seconds: rates are measured, and all that is wanted is sent
		b.work(b.window())
		b.drain(true)
	}
	b.w.nextTick = b.now.Add(time.Hour) // feedback is built by a library, a few times a second
	forwarded := b.w.count.Audio + b.w.count.Video
	if n := testing.AllocsPerRun(500, func() {
		b.work(b.window())
		b.drain(true)
	}); n != 0 {
		t.Errorf("%v allocations in a window of media and reports", n)
	}
	if b.w.count.Audio+b.w.count.Video == forwarded {
		t.Fatal("nothing was forwarded")
	}
	if tap.units < 500 {
		t.Fatalf("%d units were recorded", tap.units)
	}
	x := b.people[0]
	nack := []byte{0x81, typeRTPFB, 0, 3, 0, 0, 0, 9, 0, 0, 7, 0xd0, 0, 0, 0, 3} // of slot 2000: three packets
	resent := b.w.count.Resent
	if n := testing.AllocsPerRun(200, func() {
		last := uint16(x.peer.slotOf[2000].selector.Last())
		nack[12], nack[13] = byte((last-10)>>8), byte(last-10)
		b.now = b.now.Add(20 * time.Millisecond)
		packet := x.seal.RTCP(append(x.out[:0], nack...))
		if _, err := x.sock.WriteTo(packet, b.w.sock.Local); err != nil {
			t.Fatal(err)
		}
		b.work(1)
		b.drain(true)
	}); n != 0 {
		t.Errorf("%v allocations for a NACK", n)
	}
	if b.w.count.Resent-resent < 600 {
		t.Fatalf("%d packets resent, drops %v", b.w.count.Resent-resent, b.w.count.Drops)
	}
}
