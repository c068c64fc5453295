package sfu

import (
	"encoding/binary"
	"testing"
	"time"

	"alcove/sfu/forward"
)

// TestAudioAboveLimit sends 25 Mbit/s of valid Opus and checks that packets above the limit are not forwarded, that the room is notified,
// and that the publication is then withheld until one plan mutes it and another unmutes it.
func TestAudioAboveLimit(t *testing.T) {
	s, all := newGroup(t, 91, simSpec{twcc: true}, "a", "b", "c")
	a, b := all[0], all[1]
	mic, slot := a.source(Microphone), b.shows("a", slotAudio)
	mic.on, mic.size = false, 1200
	flood := func(d time.Duration) int {
		before := slot.count
		for range d / simTick {
			for i := range uint32(26) {
				mic.frame++
				st := mic.streams[0]
				st.send(true, st.clock(48)+i, st.stamp(stampStart, nil, mic.size))
			}
			s.run(simTick)
		}
		return slot.count - before
	}
	n := flood(4 * time.Second)
	if bits := 8 * n * mic.size; bits > (4+2)*audioBits || bits < 4*audioBits*3/4 {
		t.Errorf("%d bits in 4 s reach the others", bits)
	}
	if s.drops()["rate_limit"] < 8000 || s.w.count.NacksOut > 0 {
		t.Errorf("drops %v, %d packets asked for again", s.drops(), s.w.count.NacksOut)
	}
	if len(s.exceeded) != 1 || s.exceeded[0] != (RateExceeded{Peer: "a", Publication: "a-microphone", Source: Microphone}) {
		t.Fatalf("the room was told %+v", s.exceeded)
	}
	flood(1500 * time.Millisecond)
	if len(s.exceeded) != 2 || !s.exceeded[1].Withheld {
		t.Fatalf("the room was told %+v", s.exceeded)
	}
	if n := flood(5 * time.Second); n > 0 {
		t.Errorf("%d packets of a withheld publication", n)
	}
	s.applyPlan(s.plan) // says nothing of it
	if n := flood(time.Second); n > 0 {
		t.Errorf("%d packets after a plan that says nothing of it", n)
	}
	if len(s.exceeded) != 2 {
		t.Errorf("told again while nothing passes: %+v", s.exceeded[2:])
	}
	mic.on, mic.every, mic.size = true, 20*time.Millisecond, 120
	muted := fullPlan("a", "b", "c")
	muted.Entries[0].Sends[0].Muted = true
	if muted.Entries[0].Sends[0].Source != Microphone {
		t.Fatal("another source is muted")
	}
	s.applyPlan(muted)
	s.run(100 * time.Millisecond)
	s.applyPlan(fullPlan("a", "b", "c"))
	if n := b.during(4 * time.Second)[slot]; n < 180 {
		t.Errorf("%d packets after it was muted and unmuted", n)
	}
}

// TestVideoAboveLimit checks that an encoding may send twice the rate that its sender was told. Packets above that are dropped and reported
// repeatedly, but the publication is never withheld. Everything that it sends counts.
func TestVideoAboveLimit(t *testing.T) {
	told := map[Source][]int{Camera: {100_000, 300_000, 900_000}}
	flood := func(st *simStream, packets int, each func(*simStream, int)) {
		for range 100 {
			st.source.owner.sim.run(simTick)
			for i := range packets / 100 {
				each(st, i)
			}
		}
	}
	whole := func(st *simStream, i int) { st.part(st.frame(0)+uint32(i), 0, false, 0) }
	for name, c := range map[string]struct {
		index, packets int // in a second
		each           func(*simStream, int)
		most           int // bits that are admitted in a second after the burst
	}{
		"an encoding": {0, 1000, whole, 2 * 900_000},
		"repeats":     {0, 2500, func(st *simStream, _ int) { st.repeat(st.seq) }, 2 * 1_300_000},
		"padding": {0, 60_000, func(st *simStream, _ int) {
			st.seq++
			st.write(st.ssrc, 96, st.seq, st.clock(90), false, nil)
		}, 2 * 900_000},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, 92)
			s.w.engine.config.MaxBitrates = told
			s.applyPlan(fullPlan("a", "b"))
			spec := simSpec{pairs: 1, rids: []string{"q", "h", "f"}}
			a, _ := s.join("a", spec), s.join("b", spec)
			s.run(time.Second)
			st := a.source(Camera).streams[c.index]
			st.source.on, st.source.parts, st.source.size = false, 1, 1000
			s.run(simTick)
			whole(st, 0)
			flood(st, c.packets, c.each) // the burst
			drops, in := s.w.count.Drops[forward.RateLimit], s.w.count.BytesIn
			flood(st, c.packets, c.each)
			dropped := int(s.w.count.Drops[forward.RateLimit] - drops)
			bits := 8 * int(s.w.count.BytesIn-in)
			passed := bits - bits*dropped/c.packets
			if dropped == 0 || passed > c.most*5/4 {
				t.Errorf("%d of %d bits pass; drops %v", passed, bits, s.drops())
			}
			for range 8 {
				flood(st, c.packets, c.each)
			}
			if len(s.exceeded) != 1 || s.exceeded[0].Source != Camera || s.exceeded[0].Withheld {
				t.Errorf("in 10 s the room was told %+v", s.exceeded)
			}
			if s.w.count.NacksOut > 20 {
				t.Errorf("%d packets were asked for again", s.w.count.NacksOut)
			}
		})
	}
}

// TestSmallVideoPackets checks that the number of video packets is limited above what any browser sends, because a small packet costs the
// server and the receivers as much as a large one.
func TestSmallVideoPackets(t *testing.T) {
	s := newSim(t, 95)
	s.w.engine.config.MaxBitrates = map[Source][]int{Camera: {100_000, 300_000, 900_000}}
	s.applyPlan(fullPlan("a", "b"))
	spec := simSpec{pairs: 1, rids: []string{"q", "h", "f"}}
	a, _ := s.join("a", spec), s.join("b", spec)
	s.run(time.Second)
	st := a.source(Camera).streams[2]
	st.source.on, st.source.parts, st.source.size = false, 1, 8
	flood := func() (passed int) {
		drops := s.w.count.Drops[forward.RateLimit]
		for range 100 {
			s.run(simTick)
			for i := range uint32(100) {
				st.part(st.frame(0)+i, 0, false, 0)
			}
		}
		return 10_000 - int(s.w.count.Drops[forward.RateLimit]-drops)
	}
	flood() // the burst
	if n, most := flood(), 2*1_300_000/8/minMeanPacket; n > most*5/4 {
		t.Errorf("%d packets in a second pass, of %d", n, most)
	}
	pub := a.peer.find(Camera)
	if l := pub.limit; l.Packets*minMeanPacket*8 < l.Bits*99/100 {
		t.Errorf("%d packets of %d bytes are less than %d bits", l.Packets, minMeanPacket, l.Bits)
	}
}

// TestControlLimit checks that RTCP has a limit of its own, far above what a browser in a large group on a bad path needs.
func TestControlLimit(t *testing.T) {
	s, all := newGroup(t, 93, simSpec{}, "a", "b")
	a := all[0]
	nack := []byte{0x81, typeRTPFB, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0}
	binary.BigEndian.PutUint32(nack[8:], 12345)
	for range 300 {
		a.report(nack)
	}
	s.run(time.Second)
	if n := s.drops()["control_limit"]; n > 0 {
		t.Errorf("%d of 300 reports are dropped", n)
	}
	asked := s.w.count.KeyFrameRequestsIn
	for range 5000 {
		a.report(nack)
	}
	s.run(time.Second)
	if n := s.drops()["control_limit"]; n < 3500 || n > 4500 {
		t.Errorf("%d of 5000 reports are dropped", n)
	}
	if s.failed || s.w.count.KeyFrameRequestsIn != asked {
		t.Error("something came of it")
	}
}

// TestBrowserRatesBelowLimits checks that what browsers send stays below every limit: Opus in packets of 10 ms, and simulcast with key
// frames, retransmissions and probing padding.
func TestBrowserRatesBelowLimits(t *testing.T) {
	s := newSim(t, 94)
	s.w.engine.config.MaxBitrates = map[Source][]int{Camera: {100_000, 300_000, 900_000}, Screen: {1_500_000}}
	s.applyPlan(fullPlan("a", "b"))
	spec := simSpec{pairs: 1, rids: []string{"q", "h", "f"}, screen: true, twcc: true}
	a, b := s.join("a", spec), s.join("b", spec)
	for _, x := range []*simPeer{a, b} {
		x.up.loss, x.up.jitter = 0.05, 40*time.Millisecond
		mic, cam, screen := x.source(Microphone), x.source(Camera), x.source(Screen)
		mic.every, mic.size = 10*time.Millisecond, 80 // 64 kbit/s
		cam.every, cam.size, cam.parts = 40*time.Millisecond, 240, 2
		screen.every, screen.size, screen.parts = 100*time.Millisecond, 1100, 17
		cam.probes, screen.probes = 0.3, 0.3
	}
	s.run(30 * time.Second)
	if n := s.drops()["rate_limit"] + s.drops()["control_limit"]; n > 0 || len(s.exceeded) > 0 {
		t.Errorf("drops %v, told %+v", s.drops(), s.exceeded)
	}
}
