package sfu

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"alcove/sfu/internal/simnet"
)

// sendFor lets clients send 50 packets of audio and of video a second, with a key frame each second.
func sendFor(d time.Duration, clients ...*testClient) {
	for n := range int(d / (20 * time.Millisecond)) {
		for _, c := range clients {
			c.say(n%50 == 0)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// joinPair joins two clients with links of their own.
func (v *virtualNet) joinPair(linkA, linkB simnet.Link) (r *testRoom, a, b *virtualClient) {
	v.t.Helper()
	r = v.room()
	r.applyPlan(fullPlan("a", "b"))
	a, b = v.client(r, "a", linkA), v.client(r, "b", linkB)
	a.join()
	b.join()
	return r, a, b
}

// TestVirtualJoin joins over long paths: the number of round trips that a join takes is fixed, so its time is too.
func TestVirtualJoin(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		r.applyPlan(fullPlan("a", "b"))
		for _, c := range []struct {
			id    PeerID
			delay time.Duration // one way
		}{{"a", 20 * time.Millisecond}, {"b", 300 * time.Millisecond}} {
			client := v.client(r, c.id, simnet.Link{Delay: c.delay})
			began := time.Now()
			client.join()
			if took := time.Since(began); took < 6*c.delay || took > 12*c.delay+200*time.Millisecond {
				t.Errorf("%s: connected after %v with %v one way", c.id, took, c.delay)
			}
		}
	})
}

// TestVirtualLoss loses 5 % of all datagrams on both links and lets them overtake each other. NACKs repair the video on both hops; audio
// is not retransmitted, for these clients do not offer it.
func TestVirtualLoss(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		_, a, b := v.joinPair(virtualLink, virtualLink)
		lossy := simnet.Link{Delay: 20 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.05}
		a.conn.SetLink(lossy)
		b.conn.SetLink(lossy)
		sendFor(time.Second, a.testClient)
		beforeVideo, beforeAudio, first := b.count(11), b.count(10), a.seq
		sendFor(20*time.Second, a.testClient)
		sent := int(a.seq - first)
		time.Sleep(2 * time.Second)
		video, audio := b.count(11)-beforeVideo, b.count(10)-beforeAudio
		count := v.engine.Counters()
		if count.NacksOut == 0 || count.NacksIn == 0 || count.Resent == 0 {
			t.Errorf("%d NACKs sent, %d received, %d packets resent", count.NacksOut, count.NacksIn, count.Resent)
		}
		if video < sent*99/100 {
			t.Errorf("%d of %d video packets arrived", video, sent)
		}
		if audio > sent*96/100 || audio < sent*80/100 { // 90 % are expected; the bounds are six standard deviations away and more
			t.Errorf("%d of %d audio packets arrived, with 5 %% loss on two hops", audio, sent)
		}
	})
}

// TestVirtualAudioRepeats lets a stock client ask for lost sound, on both hops, and as little as before if it does not offer to.
func TestVirtualAudioRepeats(t *testing.T) {
	for _, test := range []struct {
		name        string
		extend      extendAPI
		least, most int // of 1000 packets
	}{
		{"offered", audioNackInterceptors, 985, 1002},
		{"not offered", nackInterceptors, 800, 960},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, v *virtualNet) {
				r := v.room()
				r.applyPlan(fullPlan("a", "b"))
				client := func(id PeerID) *virtualClient {
					c := v.clientOf(r, id, test.extend, nil, func(c *testClient) {
						c.sendAll()
						c.addPairs(1)
					})
					c.conn.SetLink(virtualLink)
					c.join()
					return c
				}
				a, b := client("a"), client("b")
				sendFor(time.Second, a.testClient)
				lossy := simnet.Link{Delay: 20 * time.Millisecond, Loss: 0.05}
				a.conn.SetLink(lossy)
				b.conn.SetLink(lossy)
				before := b.count(10)
				sendFor(20*time.Second, a.testClient)
				time.Sleep(time.Second)
				if n := b.count(10) - before; n < test.least || n > test.most {
					t.Errorf("%d of 1000 packets of sound arrived, %d to %d should", n, test.least, test.most)
				}
			})
		})
	}
}

// TestVirtualRoaming gives a client another public address in the middle of a session, as a NAT or a handover does: media follows within
// a second in both directions, without a new handshake.
func TestVirtualRoaming(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r, a, b := v.joinPair(virtualLink, virtualLink)
		sendFor(2*time.Second, a.testClient, b.testClient)
		validated := v.engine.Counters().AddressesValidated
		for round := range 3 {
			moved := v.address()
			b.conn.Rebind(moved)
			sendFor(time.Second, a.testClient, b.testClient) // b's packets reveal its new address, which is validated at once
			video, audio := b.count(11), a.count(20)
			sendFor(2*time.Second, a.testClient, b.testClient)
			if n := b.count(11) - video; n < 95 {
				t.Errorf("round %d: b received %d of 100 packets at its new address", round, n)
			}
			if n := a.count(20) - audio; n < 95 {
				t.Errorf("round %d: a received %d of 100 packets from b's new address", round, n)
			}
			remote := make(chan bool, 1)
			r.worker.submit(func() { remote <- r.members["b"].peer.remote == moved })
			if !receive(t, remote, "b's address") {
				t.Errorf("round %d: media goes to another address", round)
			}
		}
		if n := v.engine.Counters().AddressesValidated - validated; n < 3 {
			t.Errorf("%d addresses were validated", n)
		}
		if n := v.engine.Counters().Peers; n != 2 {
			t.Errorf("%d peers", n)
		}
	})
}

// TestVirtualICERestart changes the network without notice and restarts ICE: media continues under the same keys.
func TestVirtualICERestart(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		_, a, b := v.joinPair(virtualLink, virtualLink)
		sendFor(time.Second, a.testClient)
		b.conn.Rebind(v.address())
		b.restartICE(t)
		sendFor(2*time.Second, a.testClient)
		before := b.count(11)
		sendFor(2*time.Second, a.testClient)
		if n := b.count(11) - before; n < 95 {
			t.Errorf("b received %d of 100 packets after the restart", n)
		}
		if n := v.engine.Counters().ICERestarts; n != 1 {
			t.Errorf("%d restarts", n)
		}
	})
}

// restartICE offers new credentials and takes the answer.
func (c *testClient) restartICE(t *testing.T) {
	t.Helper()
	o, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	answer, err := c.put(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		t.Fatal(err)
	}
}

// TestVirtualOutage cuts a client off. After 15 s the session continues as if nothing had happened; after 45 s the server has ended the
// connection for want of consent (RFC 7675), 30 s after the last answer.
func TestVirtualOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		_, a, b := v.joinPair(virtualLink, virtualLink)
		sendFor(2*time.Second, a.testClient)
		cut := simnet.Link{Loss: 1}
		b.conn.SetLink(cut)
		sendFor(15*time.Second, a.testClient)
		b.conn.SetLink(virtualLink)
		sendFor(5*time.Second, a.testClient)
		before := b.count(11)
		sendFor(2*time.Second, a.testClient)
		if n := b.count(11) - before; n < 95 {
			t.Errorf("b received %d of 100 packets after an outage of 15 s", n)
		}
		b.conn.SetLink(cut)
		began := time.Now()
		for v.engine.Counters().Peers == 2 && time.Since(began) < time.Minute {
			sendFor(100*time.Millisecond, a.testClient)
		}
		if took := time.Since(began); took < 22*time.Second || took > 31*time.Second { // 30 s after the last answer, which is up to 7.5 s old
			t.Errorf("the connection ended after %v of silence", took)
		}
		sendFor(time.Second, a.testClient)
		if n := v.engine.Counters().Peers; n != 1 {
			t.Errorf("%d peers", n)
		}
	})
}

// TestVirtualUptime lets an engine run for thirty days, with a session each day. The last join works as the first, with a certificate that
// is not older than a day.
func TestVirtualUptime(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		var fingerprints []string
		for day := range 31 {
			r := v.room()
			r.applyPlan(fullPlan("a", "b"))
			a, b := v.client(r, "a", virtualLink), v.client(r, "b", virtualLink)
			a.join()
			b.join()
			fingerprints = append(fingerprints, fingerprintOf(t, a.pc.RemoteDescription().SDP))
			sendFor(2*time.Second, a.testClient, b.testClient)
			if b.count(11) < 80 || a.count(20) < 80 {
				t.Fatalf("day %d: %d packets of video, %d of audio", day, b.count(11), a.count(20))
			}
			a.close()
			b.close()
			r.Close()
			time.Sleep(24 * time.Hour)
		}
		eventually(t, "all peers are gone", func() bool { return v.engine.Counters().Peers == 0 })
		slices.Sort(fingerprints)
		if n := len(slices.Compact(fingerprints)); n != 31 {
			t.Errorf("%d certificates in 31 days", n)
		}
	})
}
