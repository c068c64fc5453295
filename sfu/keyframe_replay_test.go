package sfu

import (
	"slices"
	"testing"
	"time"
)

// stopCamera stops a camera: the test sends its frames itself.
func stopCamera(x *simPeer) *simStream {
	src := x.source(Camera)
	src.on, src.parts, src.size = false, 5, 300
	return src.streams[0]
}

// frame begins a frame and tells its RTP time.
func (st *simStream) frame(temporal uint8) uint32 {
	st.source.frame++
	st.started, st.picture = true, st.picture+1
	if temporal == 0 {
		st.tl0++
	}
	return st.clock(90)
}

// TestLateKeyFrameStart checks that, if the first packet of a key frame arrives last, each waiting slot and the recorder get the packets
// before it, without padding, so that no other key frame is requested.
func TestLateKeyFrameStart(t *testing.T) {
	for name, c := range map[string]struct {
		spec    simSpec
		padding bool
		base    bool
	}{
		"RTX": {}, "no RTX": {spec: simSpec{plain: true}}, "described": {spec: simSpec{dd: true}}, "padding": {padding: true},
		"base layer": {base: true}, "base layer, described": {spec: simSpec{dd: true}, base: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, 51)
			s.tap = newSimTap(s)
			plan := fullPlan("a", "b", "c")
			for _, seat := range plan.Entries {
				for _, send := range seat.Sends {
					plan.Record = append(plan.Record, send.ID)
				}
			}
			s.applyPlan(plan)
			c.spec.pairs = 2
			all := []*simPeer{s.join("a", c.spec), s.join("b", c.spec), s.join("c", c.spec)}
			s.run(3 * time.Second)
			st := stopCamera(all[0])
			s.run(keyFrameRepeat)
			e := all[0].peer.publications[1].encodings[0]
			for _, sub := range e.publication.subscribers {
				sub.restart()
				sub.baseOnly = c.base
			}
			e.publication.tapped.restart()
			s.run(500 * time.Millisecond) // the request goes out, and is not answered
			recorded := s.tap.tracks[slices.IndexFunc(s.tap.tracks, func(x *simTrack) bool { return x.about.Peer == "a" && x.about.Source == Camera })]
			before, units := s.w.count, recorded.units
			shown := map[PeerID]*simSlot{"b": all[1].shows("a", slotVideo), "c": all[2].shows("a", slotVideo)}
			counts := map[PeerID]int{"b": shown["b"].count, "c": shown["c"].count}

			slow := 50 * time.Millisecond
			ts := st.frame(0)
			all[0].up.delay = slow
			st.part(ts, 0, true, 0)
			all[0].up.delay = simTick
			for part := 1; part < 5; part++ {
				st.part(ts, 0, true, part)
				if c.padding && part == 2 {
					st.seq++
					st.write(st.ssrc, 96, st.seq, ts, false, nil)
				}
			}
			s.run(simTick)
			for _, temporal := range []uint8{1, 0} {
				ts = st.frame(temporal)
				for part := range 5 {
					st.part(ts, temporal, false, part)
				}
				s.run(simTick)
			}
			s.run(time.Second)

			want := 15
			if c.base {
				want = 10
			}
			for id, slot := range shown {
				if n := slot.count - counts[id]; n != want {
					t.Errorf("%s got %d packets of %d; drops %v", id, n, want, s.drops())
				}
				if len(slot.missing) > 0 {
					t.Errorf("%s misses %d numbers", id, len(slot.missing))
				}
			}
			if n := recorded.units - units; n != 15 {
				t.Errorf("%d units were recorded", n)
			}
			if now := s.w.count; now.KeyFrameRequestsIn != before.KeyFrameRequestsIn || now.NacksIn != before.NacksIn || s.drops()["history_gone"] > 0 {
				t.Errorf("%d key frames and %d packets were asked for again; drops %v", now.KeyFrameRequestsIn-before.KeyFrameRequestsIn, now.NacksIn-before.NacksIn, s.drops())
			}
			if e.publication.keyFramesWanted != 0 {
				t.Error("a key frame is still wanted")
			}
		})
	}
}
