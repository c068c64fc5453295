package browser

import (
	"context"
	"errors"
	"strings"
	"testing"

	"alcove/loadtest/client"
)

// TestPeerOffers checks that a tab offers what section 6 of PROTOCOL.md requires, and appends more slots later.
func TestPeerOffers(t *testing.T) {
	ctx := context.Background()
	c, err := Start(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.NewPeer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, slots := range []client.Slots{{Pairs: 1}, {Pairs: 3, Screens: 1}} {
		sdp, tracks, err := p.Offer(slots)
		if err != nil {
			t.Fatal(err)
		}
		if want := 2 + 2*slots.Pairs + slots.Screens; strings.Count(sdp, "m=") != want || strings.Count(sdp, "a=sendonly") != 2 {
			t.Errorf("%+v: the offer has %d m-lines, want %d:\n%s", slots, strings.Count(sdp, "m="), want, sdp)
		}
		if len(tracks) != 2 || tracks[0].Source != "microphone" || tracks[1] != (client.Track{MID: "1", Source: "camera"}) {
			t.Errorf("tracks %+v", tracks)
		}
		if strings.Contains(sdp, "H264") || strings.Contains(sdp, "VP9") {
			t.Error("the offer holds codecs that the server does not speak")
		}
	}
	if l, err := p.Stats(ctx); err != nil || l.Frames != 0 || l.At == 0 {
		t.Errorf("looks %+v, %v", l, err)
	}
	if err := p.Answered(ctx, "nonsense", nil); err == nil || !strings.Contains(err.Error(), "browser:") {
		t.Errorf("an answer that is none: %v", err)
	}
	p.Close(true)
	p.Close(false)
	<-p.Closed()
	c.Close()
	if _, err := c.NewPeer(ctx); !errors.Is(err, errGone) {
		t.Errorf("after the end: %v", err)
	}
}

// TestPeerFrameTransforms checks that every media section of an encrypting tab has a transform, also those of later offers, and that a tab
// that does not encrypt has none.
func TestPeerFrameTransforms(t *testing.T) {
	ctx := context.Background()
	c, err := Start(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.ServeWorker([]byte("onmessage = () => {}; onrtctransform = () => {};"))
	for _, seals := range []bool{true, false} {
		p, err := c.NewPeer(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if seals {
			if err := p.Seal(ctx, 3); err != nil {
				t.Fatal(err)
			}
			if err := p.SetOwners(ctx, []Owner{{CSRC: 7, Leaf: 1, Stream: StreamCamera}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, slots := range []client.Slots{{Pairs: 1}, {Pairs: 3, Screens: 1}} {
			if _, _, err := p.Offer(slots); err != nil {
				t.Fatal(err)
			}
			want := 2 + 2*slots.Pairs + slots.Screens
			if !seals {
				want = 0
			}
			var got int
			const count = `peer.pc.getTransceivers().filter((t) => t.sender.transform || t.receiver.transform).length`
			if err := c.evaluate(ctx, p.session, count, &got); err != nil || got != want {
				t.Errorf("%+v: %d lines have a transform, want %d: %v", slots, got, want, err)
			}
		}
		p.Close(true)
	}
}
