package sfu

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"alcove/sfu/forward"
)

// TestManySSRCs checks that a client is forwarded after every restart of its sources, each with a new SSRC (RFC 3550, section 8).
func TestManySSRCs(t *testing.T) {
	for _, rids := range [][]string{nil, {"q", "h", "f"}} {
		s, all := newGroup(t, 41, simSpec{rids: rids}, "a", "b")
		a, b := all[0], all[1]
		s.quantum = simTick
		for _, src := range a.sources {
			src.every, src.size = 50*time.Millisecond, 60
		}
		a.up.loss = 0.02 // so that RTX has its part
		for life := 1; life <= 60; life++ {
			for _, src := range a.sources {
				for i := range src.streams {
					src.newStream(i)
				}
			}
			heard := b.during(time.Second)
			for _, kind := range []string{slotAudio, slotVideo} {
				if n := heard[b.shows("a", kind)]; n < 8 {
					t.Fatalf("%v: under its SSRC number %d %d packets of %s come; drops %v", rids, life, n, kind, s.drops())
				}
			}
			if len(a.peer.streams) > maxPeerSSRCs {
				t.Fatalf("%d streams", len(a.peer.streams))
			}
		}
	}
}

// TestLateAndReturningSSRC checks that a late packet of a replaced SSRC does not bring it back, that an old SSRC is forwarded again once
// the new one is silent, and that two SSRCs that send at once do not alternate.
func TestLateAndReturningSSRC(t *testing.T) {
	s, all := newGroup(t, 42, simSpec{}, "a", "b")
	a, b := all[0], all[1]
	mic := a.source(Microphone)
	mic.every = 20 * time.Millisecond
	heard := func(d time.Duration) int { return b.during(d)[b.shows("a", slotAudio)] }
	first := mic.streams[0]
	s.run(time.Second)
	second := mic.newStream(0)
	s.run(100 * time.Millisecond)
	late := func() { first.send(true, first.clock(48), first.stamp(stampStart, nil, 60)) }
	for range 20 {
		late()
		s.run(100 * time.Millisecond)
	}
	if main := a.peer.streams[second.ssrc]; main != main.encoding.main || s.drops()["unannounced"] < 20 {
		t.Fatalf("a replaced SSRC took its place back while the other speaks; drops %v", s.drops())
	}
	mic.streams[0], first.life = first, second.life+1 // it goes on where the other falls silent
	if n := heard(3 * time.Second); n < 80 {
		t.Fatalf("%d packets of an SSRC that came back; drops %v", n, s.drops())
	}
	if s.failed {
		t.Fatal("a panic")
	}
}

// TestReportOfReplacedSSRC checks that the clock of a replaced SSRC does not affect its successor.
func TestReportOfReplacedSSRC(t *testing.T) {
	p := quietPeer()
	e := p.publications[0].encodings[0]
	e.bind(8, false)
	sr := slices.Concat([]byte{0x80, typeSR, 0, 6, 0, 0, 0, 7}, make([]byte, 20))
	if p.report(sr); e.reported {
		t.Fatal("a report of the SSRC before is taken for the new one's")
	}
	sr[7] = 8
	if p.report(sr); !e.reported {
		t.Fatal("its own report is not taken")
	}
}

// TestStreamTableKeepsLiveStreams checks that only replaced SSRCs are forgotten, the longest replaced first.
func TestStreamTableKeepsLiveStreams(t *testing.T) {
	p := quietPeer()
	p.worker.now = time.Unix(1790000000, 0)
	e := p.publications[0].encodings[0]
	other := newPublication(p, &mLine{mid: "2", kind: "audio", use: usePublish, source: Microphone, payload: 111, ssrc: 9000}).encodings[0]
	for n := uint32(100); n < 400; n++ {
		p.worker.now = p.worker.now.Add(aliveFor / 2)
		s := e.bind(n, n%2 == 0)
		if s == nil || *s.place() != s {
			t.Fatalf("SSRC %d is refused", n)
		}
		if len(p.streams) > maxPeerSSRCs {
			t.Fatalf("%d streams", len(p.streams))
		}
	}
	if p.streams[9000] != other.main || p.streams[399] != e.main || p.streams[398] != e.repeats || p.streams[397] == nil || p.streams[101] != nil {
		t.Fatal("another was forgotten than the one that was replaced first")
	}
	var track forward.Track
	at, _ := track.Receive(p.worker.now, 5, false)
	var next forward.Track
	next.Follow(&track)
	from, _ := next.Receive(p.worker.now, 1, false)
	track.Follow(&next)
	if back, verdict := track.Receive(p.worker.now, 5, false); from <= at || back <= from || verdict != forward.Fresh {
		t.Fatalf("numbers %d, %d, %d: one that comes back goes on above both", at, from, back)
	}
}

// TestExhaustedKeys checks that an exhausted key ends only its peer, whichever side exhausted it (RFC 3711, section 9.2).
func TestExhaustedKeys(t *testing.T) {
	for name, wear := range map[string]func(a *simPeer){
		"what it sends": func(a *simPeer) { // far more SSRCs than srtp can tell apart
			for range 5000 {
				st := a.source(Microphone).newStream(0)
				st.send(true, 0, st.stamp(stampStart, nil, 60))
			}
		},
		"reports that it sends": func(a *simPeer) {
			for n := range uint32(5000) {
				a.report(binary.BigEndian.AppendUint32([]byte{0x80, typeRR, 0, 0}, n))
			}
		},
		"what it gets": func(a *simPeer) {
			for _, slot := range a.peer.slots {
				slot.nextRTX = 1 << 48
			}
			a.nacksAll = true
		},
	} {
		s, all := newGroup(t, 43, simSpec{}, "a", "b", "c")
		a := all[0]
		wear(a)
		s.until(name+": the peer ends", 5*time.Second, func() bool { return a.peer.closed })
		if s.w.count.Drops[forward.KeyUsedUp] == 0 || s.failed || len(s.w.peers) != 2 {
			t.Errorf("%s: drops %v, %d peers", name, s.drops(), len(s.w.peers))
		}
		if n := all[1].during(2 * time.Second)[all[1].shows("c", slotAudio)]; n < 15 {
			t.Errorf("%s: the others get %d packets", name, n)
		}
	}
}
