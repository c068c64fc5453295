package sfu

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"alcove/sfu/forward"
)

func TestThreePeersExchangeMedia(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		r.applyPlan(fullPlan("a", "b", "c"))
		clients := []*testClient{newClient(r, "a", 3), newClient(r, "b", 3), newClient(r, "c", 3)}
		for _, c := range clients {
			c.join()
		}
		sendUntil(t, "everybody gets sound and picture of the two others", clients, func() bool {
			for i, c := range clients {
				for j := range clients {
					if own := uint32(10 * (j + 1)); i != j && (c.count(own) < 20 || c.count(own+1) < 20) {
						return false
					}
				}
			}
			return true
		})
		for i, c := range clients {
			if own := uint32(10 * (i + 1)); c.count(own)+c.count(own+1) > 0 {
				t.Errorf("%s gets its own media back", c.id)
			}
			for _, csrc := range []uint32{10, 11, 20, 21, 30, 31} {
				packets := c.packets(csrc)
				for k, p := range packets[min(1, len(packets)):] {
					if p.SequenceNumber != packets[k].SequenceNumber+1 {
						t.Errorf("%s: a gap or a repeat in the numbers of %d", c.id, csrc)
					}
				}
			}
		}
		for _, p := range clients[1].packets(10) {
			if string(p.Payload) != "opusa" {
				t.Fatalf("payload %q under the name of a", p.Payload)
			}
		}
	})
}

// TestListens joins over real sockets: on 0.0.0.0, the daemon's default, and on addresses of both families.
func TestListens(t *testing.T) {
	for listen, advertise := range map[string]string{"0.0.0.0:0": "127.0.0.1", "127.0.0.1:0": "", "[::1]:0": ""} {
		t.Run(listen, func(t *testing.T) {
			c := Config{Listen: listen, Workers: 1}
			if advertise != "" {
				c.Advertise = []string{advertise}
			}
			e, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { e.Close() })
			r := openRoom(t, e)
			r.applyPlan(fullPlan("a"))
			newClient(r, "a", 1).join()
		})
	}
}

func TestOnlyPeersOfThePlan(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		r.applyPlan(fullPlan("a"))
		c := newClient(r, "stranger", 1)
		if _, err := c.offer(1); !errors.Is(err, ErrRefused) {
			t.Fatalf("an offer from outside the plan: %v", err)
		}
	})
}

func TestRemovedAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r, _, _ := v.pair()
		r.applyPlan(fullPlan("a")) // b is out
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.members["b"] != nil {
			t.Fatal("b is still a member")
		}
		if n := len(r.maps["a"]); n != 0 {
			t.Fatalf("a's slots still carry %d publications", n)
		}
	})
}

func TestMutedSourceIsDropped(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		plan := fullPlan("a", "b")
		r.applyPlan(plan)
		a, b := newClient(r, "a", 1), newClient(r, "b", 1)
		a.join()
		b.join()
		sendUntil(t, "b hears a", []*testClient{a}, func() bool { return b.count(10) > 5 })
		plan = fullPlan("a", "b")
		plan.Entries[0].Sends[0].Muted = true
		r.applyPlan(plan)
		before := len(b.packets(11))
		sendUntil(t, "the picture goes on", []*testClient{a}, func() bool { return b.count(11) > before+20 })
		quiet := b.count(10)
		sendUntil(t, "the picture goes on", []*testClient{a}, func() bool { return b.count(11) > before+60 })
		if b.count(10) > quiet {
			t.Fatal("a muted microphone is heard")
		}
		r.applyPlan(fullPlan("a", "b"))
		sendUntil(t, "b hears a again", []*testClient{a}, func() bool { return b.count(10) > quiet+5 })
		packets := b.packets(10)
		for i, p := range packets[1:] {
			if p.SequenceNumber != packets[i].SequenceNumber+1 {
				t.Fatal("unmuting left a gap in the numbers")
			}
		}
	})
}

func TestNothingBeforeAnnouncement(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		r.hold.Store(true)
		r.applyPlan(fullPlan("a", "b"))
		a, b := newClient(r, "a", 1), newClient(r, "b", 1)
		a.join()
		b.join()
		eventually(t, "b's slot map", func() bool { return len(r.slotMap("b")) == 2 })
		n := 0
		sendUntil(t, "time passes", []*testClient{a}, func() bool { n++; return n > 100 })
		if b.count(10)+b.count(11) > 0 {
			t.Fatal("media before its slot map")
		}
		r.mu.Lock()
		version := r.version["b"]
		r.mu.Unlock()
		r.Announced("b", version)
		sendUntil(t, "b sees a", []*testClient{a}, func() bool { return b.count(10) > 5 && b.count(11) > 5 })
		if first := b.packets(11)[0]; first.Payload[1]&1 != 0 {
			t.Fatal("the first picture is no key frame")
		}
	})
}

func TestSlotChangesSource(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r, a, b, c := v.trio()
		all := []*testClient{a, b, c}
		sendUntil(t, "c sees a, for whom it has the one pair", all, func() bool { return c.count(11) > 10 && c.count(10) > 10 })
		if c.count(20)+c.count(21) > 0 {
			t.Fatal("c has one pair and gets two people")
		}
		last := c.packets(11)
		plan := fullPlan("a", "b", "c")
		plan.Entries[2].Receives = []PeerID{"b"}
		r.applyPlan(plan)
		sendUntil(t, "c sees b in the same slot", all, func() bool { return c.count(21) > 10 && c.count(20) > 10 })
		first := c.packets(21)[0]
		end := last[len(last)-1]
		if more := c.packets(11); len(more) > len(last) {
			end = more[len(more)-1]
		}
		if first.SSRC != end.SSRC || first.SequenceNumber != end.SequenceNumber+1 {
			t.Fatalf("the slot is not one stream: %v then %v", end.Header, first.Header)
		}
		if first.Payload[1]&1 != 0 {
			t.Fatal("the new picture does not begin with a key frame")
		}
		if b.plis.Load() == 0 && v.engine.Counters().Replays == 0 {
			t.Fatal("b was not asked for a key frame, and nothing came from history")
		}
	})
}

func TestMoreSlotsWhileMediaRuns(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		_, a, b, c := v.trio()
		all := []*testClient{a, b, c}
		sendUntil(t, "c sees a", all, func() bool { return c.count(11) > 5 })
		c.addPairs(2)
		answer, err := c.offer(1)
		if err != nil || len(answer.Slots) != 6 {
			t.Fatal(len(answer.Slots), err)
		}
		sendUntil(t, "c sees a and b", all, func() bool { return c.count(21) > 5 && c.count(20) > 5 })
	})
}

func TestGenerations(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r, _, b := v.pair()
		again := newClient(r, "a", 1)
		if _, err := again.offer(2); err != nil {
			t.Fatal(err)
		}
		again.connected()
		had := b.count(11)
		sendUntil(t, "b sees the new a", []*testClient{again}, func() bool { return b.count(11) > had+5 })
		stale := newClient(r, "a", 1)
		if _, err := stale.offer(1); !errors.Is(err, ErrStale) {
			t.Fatalf("an older generation: %v", err)
		}
	})
}

func TestPanicClosesPeer(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		e := v.engine
		r, other := v.room(), v.room()
		r.applyPlan(fullPlan("a", "b", "c"))
		other.applyPlan(fullPlan("x", "y"))
		a, b, c := newClient(r, "a", 2), newClient(r, "b", 2), newClient(r, "c", 2)
		x, y := newClient(other, "x", 1), newClient(other, "y", 1)
		all := []*testClient{a, b, c, x, y}
		for _, k := range all {
			k.join()
		}
		fault := func(id PeerID) {
			e.workers[0].submit(func() {
				e.workers[0].onStep = func(at step, p *peer) {
					if at == stepPacket && p.id == id {
						panic("a bug")
					}
				}
			})
		}
		sendUntil(t, "all rooms run", all, func() bool { return c.count(11) > 5 && y.count(11) > 5 })
		fault("a")
		sendUntil(t, "a's peer is closed", all, func() bool { return len(r.slotMap("c")) == 2 })
		had, others := c.count(21), y.count(11)
		sendUntil(t, "the others go on", all, func() bool { return c.count(21) > had+5 && y.count(11) > others+5 })
		fault("b")
		sendUntil(t, "the second one ends the room's media", all, r.failed.Load)
		others = y.count(11)
		sendUntil(t, "the other room goes on", all, func() bool { return y.count(11) > others+20 })
		eventually(t, "both panics are counted", func() bool { n := e.Counters().Drops; return n[len(n)-1] == 2 })
	})
}

func TestLostPacketsAreResent(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r, _, b := v.pair()
		// b asks for a packet it has: what comes back must be the same payload, by RTX or again.
		packet := b.packets(11)[10]
		b.nack(packet.SSRC, packet.SequenceNumber)
		eventually(t, "a repeat", func() bool { return r.e.Counters().Resent > 0 })
		b.nack(packet.SSRC, packet.SequenceNumber-9000)
		eventually(t, "a named drop for what was never sent", func() bool { return r.drops(forward.HistoryGone) > 0 })
	})
}

var fingerprintLine = regexp.MustCompile(`(?m)^a=fingerprint:sha-256 \S+`)

// TestRefusedOfferChangesNothing checks that neither an invalid offer nor one that the room refuses changes the running connection, and
// that the room is asked only about valid offers.
func TestRefusedOfferChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r, a, b := v.pair()
		text := a.pc.LocalDescription().SDP
		own := []Track{{"0", Microphone}, {"1", Camera}}
		no := errors.New("no")
		tests := []struct {
			name  string
			offer Offer
			want  error
			asked bool
		}{
			{"no description", Offer{Generation: 2, SDP: "hello", Tracks: own}, ErrSDP, false},
			{"a track that is not there", Offer{Generation: 2, SDP: text, Tracks: []Track{{"77", Camera}}}, ErrSDP, false},
			{"a track less", Offer{Generation: 1, SDP: text, Tracks: own[:1]}, ErrSDP, false},
			{"another certificate", Offer{Generation: 1, SDP: fingerprintLine.ReplaceAllString(text, "a=fingerprint:sha-256 00:00"), Tracks: own}, ErrSDP, false},
			{"an ICE restart, not accepted", Offer{Generation: 1, SDP: strings.ReplaceAll(text, "a=ice-ufrag:", "a=ice-ufrag:x"), Tracks: own}, no, true},
			{"an old number", Offer{Generation: 0, SDP: text, Tracks: own}, ErrStale, false},
			{"not accepted", Offer{Generation: 2, SDP: text, Tracks: own}, no, true},
			{"not accepted again", Offer{Generation: 1, SDP: text, Tracks: own}, no, true},
		}
		for _, tt := range tests {
			tt.offer.Peer = "a"
			asked := false
			done := make(chan error, 1)
			r.Answer(tt.offer, func() error { asked = true; return no }, func(_ Answer, err error) { done <- err })
			if err := receive(t, done, "a refusal"); !errors.Is(err, tt.want) || asked != tt.asked {
				t.Errorf("%s: %v, accepted by the room: %v", tt.name, err, asked)
			}
		}
		before := b.count(11)
		sendUntil(t, "the picture goes on", []*testClient{a, b}, func() bool { return b.count(11) > before+20 })
		state := make(chan string, 1)
		r.worker.submit(func() {
			p := r.members["a"].peer
			state <- fmt.Sprintf("generation %d, description %d, %d m-lines, restarting: %v", p.generation, p.local.version, len(p.offer.lines), p.agent.next != nil)
		})
		if got := receive(t, state, "the peer"); got != "generation 1, description 1, 4 m-lines, restarting: false" {
			t.Error(got)
		}
	})
}

// TestICERestart checks that an offer with new credentials on the same connection (RFC 8839, section 4.4.1.1.1) gets an answer with new
// ones, that the old ones expire, and that media continues under the same keys.
func TestICERestart(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r, a, b := v.pair()
		for round := range 3 {
			before := ufragLine.FindStringSubmatch(b.pc.RemoteDescription().SDP)[1]
			o, err := b.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.pc.SetLocalDescription(o); err != nil {
				t.Fatal(err)
			}
			answer, err := b.put(1)
			if err != nil {
				t.Fatal("a restart: ", err)
			}
			after := ufragLine.FindStringSubmatch(answer.SDP)[1]
			if after == before {
				t.Fatal("the answer has the old credentials")
			}
			if err := b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the old credentials are dead", func() bool {
				known := make(chan bool, 2)
				w := r.worker
				w.submit(func() { known <- w.byUfrag[before] != nil; known <- w.byUfrag[after] != nil })
				return !receive(t, known, "the worker") && receive(t, known, "the worker")
			})
			heard := b.count(11)
			sendUntil(t, "b sees a after the restart", []*testClient{a, b}, func() bool { return b.count(11) > heard+20 })
			seen := a.count(21)
			sendUntil(t, "a sees b after the restart", []*testClient{a, b}, func() bool { return a.count(21) > seen+20 })
			if n := r.e.Counters().ICERestarts; n > uint64(round+1) {
				t.Errorf("%d restarts after %d", n, round+1)
			}
		}
	})
}
