package attack

import (
	"context"
	"testing"

	"alcove/auth"
	"alcove/loadtest/browser"
	"alcove/loadtest/client"
)

// TestChromium runs attacks on a real Chromium in place of the light client: its address is forged, its checks are replayed, its own
// address changes, and it restarts ICE. It must receive media after each.
func TestChromium(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*eventuallyTimeout)
	defer cancel()
	d, w := NewDaemon(t, ""), NewRawConn(t)
	spy := w.spoofedHost("127.0.0.66")
	_, attacker := hostAndGuest(t, d, "hostile")
	voice, camera := client.Microphone(), client.Camera()
	c, err := browser.Start(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	host := d.Enter(t, client.Persona{Room: "real", Subject: "host", Name: "Host", Role: auth.Host, Light: true, Audio: &voice, Video: &camera})
	var tab *browser.Peer
	victim := d.Enter(t, client.Persona{Room: "real", Subject: "victim", Name: "Victim", Role: auth.Participant, Connect: func() (client.Transport, error) {
		var err error
		tab, err = c.NewPeer(ctx)
		return tab, err
	}})
	received := func() float64 {
		look, err := tab.Stats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return look.Received
	}
	goesOn := func(when string) {
		t.Helper()
		before := received()
		Eventually(t, "packets in Chromium "+when, func() bool { return received() > before+100 })
		waitForAudio(t, "of Chromium "+when, 50, host)
	}
	goesOn("before the attack")

	for range 100 {
		w.Send(victim.Outside(), d.Media, attacker.Check(true).Bytes())
	}
	Eventually(t, "forged checks are dropped: the address is held", func() bool { return d.Drops(t, "address_held") >= 100 })
	goesOn("after forged checks")

	var check []byte
	for _, o := range w.CapturedSTUN() {
		if _, nominates := stunValue(o.Data, attrUseCandidate); nominates && o.From == victim.Outside() && stunKind(o.Data) == bindingRequest {
			check = o.Data
		}
	}
	if check == nil {
		t.Fatal("Chromium nominated nothing")
	}
	for i := range 70 {
		w.Send(spy.port(1000+i), d.Media, check)
	}
	goesOn("after repeated checks")
	if n := spy.rest.Load(); n != 0 {
		t.Errorf("the spy got %d bytes that are not STUN", n)
	}

	roamed := w.spoofedHost("127.0.0.5")
	victim.Rebind(roamed.at)
	Eventually(t, "media at the new address", func() bool { return roamed.rest.Load() > 0 })
	goesOn("after its address changed")

	restarts := d.Metric(t, "alcove_media_ice_restarts_total")
	old := victim.Check(true).Bytes()
	if err := tab.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	sdp, tracks, err := victim.Offer(client.Slots{})
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ SDP string }
	if err := victim.Call(ctx, "media.offer", map[string]any{"generation": 1, "sdp": sdp, "tracks": tracks}, &answer); err != nil {
		t.Fatal("an ICE restart: ", err)
	}
	if err := victim.Answered(ctx, answer.SDP, victim.via); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "the restart is counted", func() bool { return d.Metric(t, "alcove_media_ice_restarts_total") == restarts+1 })
	Eventually(t, "the old credentials are dead", func() bool {
		unknown := d.Drops(t, "unknown_address")
		w.Send(spy.port(2000), d.Media, old)
		return d.Drops(t, "unknown_address") > unknown
	})
	goesOn("after an ICE restart")
}
