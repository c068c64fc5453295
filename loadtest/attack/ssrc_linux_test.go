package attack

import (
	"testing"

	"alcove/auth"
	"alcove/loadtest/client"
)

// TestManySSRCs restarts a microphone and a camera fifty times, each time with a new SSRC (RFC 3550, section 8) and the same MID. The media
// of each SSRC must be forwarded.
func TestManySSRCs(t *testing.T) {
	const changes = 50
	d := NewDaemon(t, "")
	voice, video := client.Microphone(), client.Camera()
	voice.MID, video.MID = true, true
	host := d.Enter(t, client.Persona{Room: "many", Subject: "host", Name: "Host", Role: auth.Host, Light: true, Audio: &voice, Video: &video})
	guest := d.Enter(t, client.Persona{Room: "many", Subject: "guest", Name: "Guest", Role: auth.Participant, Light: true})
	came := func(video bool) uint64 {
		a, v := guest.Group.Take()
		if video {
			return v.Packets
		}
		return a.Packets
	}
	Eventually(t, "the guest hears and sees the host", func() bool { return came(false) > 10 && came(true) > 10 })
	for n := 1; n <= changes; n++ {
		for _, video := range []bool{false, true} {
			host.RenewSSRC(video)
			Eventually(t, "another SSRC", func() bool { return host.RenewedSSRCs(video) == n })
		}
		audio, video := came(false), came(true)
		Eventually(t, "what comes under it", func() bool { return came(false) >= audio+5 && came(true) >= video+5 })
	}
	if lost := d.Drops(t, "unannounced"); lost > 0 {
		t.Errorf("%d packets were of an SSRC that the server did not take", lost)
	}
}
