package sfu

import (
	"net"
	"runtime"
	"testing"
	"time"
)

// BenchmarkForward is the cost of a forwarded packet in CPU time of the worker's thread: ingress, RTCP and feedback included, as
// a ratio to the floor, which is measured in turn with it.
func BenchmarkForward(b *testing.B) { benchmarkForward(b, 0) }

// BenchmarkForwardNumbered is the same with receivers that send transport-wide feedback.
func BenchmarkForwardNumbered(b *testing.B) { benchmarkForward(b, 5) }

func benchmarkForward(b *testing.B, ext uint8) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const turn = 50 // windows of each in turn
	w := newBenchWith(b, 12, ext)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	raw, _ := conn.SyscallConn()
	fd := 0
	_ = raw.Control(func(f uintptr) { fd = int(f) })
	for range 3000 { // six seconds: histories have their size, and all that is wanted is sent
		w.work(w.window())
		w.drain(true)
	}
	w.floor = nil
	for _, x := range w.people {
		x.got = 0
	}
	before, datagrams, messages := w.w.count, w.w.sock.Stats.Datagrams, w.w.sock.Stats.Messages
	var ours, theirs time.Duration
	var floorPackets int
	for b.Loop() {
		var floors []*floor
		for range turn {
			n := w.window()
			ours += w.work(n)
			floors = append(floors, w.floor...)
			w.floor = nil
			w.drain(true)
		}
		for _, f := range floors {
			theirs += f.run(fd)
			floorPackets += len(f.packets)
			w.expectFloor(f)
			w.drain(false)
		}
	}
	c := w.w.count
	packets := c.Audio + c.Video - before.Audio - before.Video
	got := 0
	for _, x := range w.people {
		got += x.got
	}
	us := float64(ours.Nanoseconds()) / 1000 / float64(packets)
	floorUS := float64(theirs.Nanoseconds()) / 1000 / float64(floorPackets)
	b.ReportMetric(us, "us/pkt")
	b.ReportMetric(floorUS, "floor-us/pkt")
	b.ReportMetric(us/floorUS, "x-floor")
	b.ReportMetric(float64(w.w.sock.Stats.Datagrams-datagrams)/float64(w.w.sock.Stats.Messages-messages), "train")
	b.ReportMetric(0, "ns/op")
	if sent := c.DatagramsOut - before.DatagramsOut; float64(got) < 0.999*float64(sent) {
		b.Fatalf("%d of %d packets arrived whole", got, sent)
	}
}
