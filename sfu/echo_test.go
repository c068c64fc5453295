package sfu

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// TestEcho lets a stock client hear itself, and nobody else, until the time is over.
func TestEcho(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		c := v.client(r, "a", virtualLink)
		o, err := c.pc.CreateOffer(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.pc.SetLocalDescription(o); err != nil {
			t.Fatal(err)
		}
		answers := make(chan Answer, 1)
		const lasts = 10 * time.Second
		began := time.Now()
		_, err = v.engine.Echo(Offer{Peer: "a", Generation: 1, SDP: c.described(), Tracks: []Track{{"0", Microphone}, {"1", Camera}}}, lasts, func(a Answer, err error) {
			if err != nil {
				t.Error(err)
			}
			answers <- a
		})
		if err != nil {
			t.Fatal(err)
		}
		answer := receive(t, answers, "an answer")
		if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
			t.Fatal(err)
		}
		sendFor(5*time.Second, c.testClient)
		if audio, video := c.count(1), c.count(2); audio < 200 || video < 150 {
			t.Errorf("%d packets of sound and %d of pictures came back", audio, video)
		}
		count := v.engine.Counters()
		if count.AdmissionViolations > 0 || count.DatagramsOut > 2*count.DatagramsIn {
			t.Errorf("%d violations, %d datagrams in, %d out", count.AdmissionViolations, count.DatagramsIn, count.DatagramsOut)
		}
		sendFor(lasts-time.Since(began)+time.Second, c.testClient)
		before := c.count(1)
		sendFor(2*time.Second, c.testClient)
		if n := c.count(1) - before; n > 0 || v.engine.Counters().Peers != 0 {
			t.Errorf("%d packets came back after the end, %d peers", n, v.engine.Counters().Peers)
		}
	})
}
