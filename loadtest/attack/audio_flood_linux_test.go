package attack

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"alcove/auth"
	"alcove/loadtest/client"
)

// quality is the event that notifies hosts that somebody exceeds a limit.
type quality struct {
	ParticipantID string `json:"participantId"`
	Source        string `json:"source"`
	Reason        string `json:"reason"`
	Withheld      bool   `json:"withheld"`
	Taken         bool   `json:"taken"`
}

// qualityEvents collects the events of one type.
type qualityEvents struct {
	mu  sync.Mutex
	all []quality // Guarded by mu.
}

func (w *qualityEvents) onEvent(e client.Event) {
	var q quality
	if e.Type != "quality" || json.Unmarshal(e.Data, &q) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, q)
}

// taken reports whether the client was notified that the microphone was revoked.
func (w *qualityEvents) taken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.all, func(q quality) bool { return q.Withheld && q.Taken })
}

func (w *qualityEvents) received(withheld bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range w.all {
		if q.Source == "microphone" && q.Reason == "rate" && q.ParticipantID != "" && q.Withheld == withheld {
			return true
		}
	}
	return false
}

// TestAudioFlood sends 25 Mbit/s of valid Opus from an admitted member. Little of it is forwarded; the host is notified, then the
// publication is withheld, and after the second time the microphone is revoked. The others keep hearing each other.
func TestAudioFlood(t *testing.T) {
	d := NewDaemon(t, "")
	voice := client.Microphone()
	flood := client.MediaProfile{Interval: 2 * time.Millisecond, Sizes: []int{1250, 1250, 1250, 1250, 1250}}
	var host, guestHears qualityEvents
	d.EnterWithEvents(t, client.Persona{Room: "flood", Subject: "host", Name: "Host", Role: auth.Host, Light: true, Audio: &voice}, host.onEvent)
	guest := d.EnterWithEvents(t, client.Persona{Room: "flood", Subject: "guest", Name: "Guest", Role: auth.Participant, Light: true}, guestHears.onEvent)
	Eventually(t, "the guest hears the host", func() bool { return guest.AudioPackets() > 20 })
	mallory := d.Enter(t, client.Persona{Room: "flood", Subject: "mallory", Name: "Mallory", Role: auth.Participant, Light: true, Audio: &flood})
	Eventually(t, "the host is told", func() bool { return host.received(false) })
	Eventually(t, "the microphone is withheld, and the host is told", func() bool { return host.received(true) })
	if d.Drops(t, "rate_limit") < 2000 {
		t.Errorf("%d packets are above the limit", d.Drops(t, "rate_limit"))
	}
	in, out := d.Metric(t, "alcove_media_bytes_total", `direction="in"`), d.Metric(t, "alcove_media_payload_bytes_total", `kind="audio"`)
	if out > in/10 {
		t.Errorf("of %.0f bytes that came %.0f went to the others", in, out)
	}
	t.Logf("%.0f bytes came, %.0f went to the others; %d packets were above the limit", in, out, d.Drops(t, "rate_limit"))
	dropped, muted := d.Drops(t, "rate_limit"), d.Drops(t, "muted")
	Eventually(t, "it goes on, and goes nowhere", func() bool { return d.Drops(t, "rate_limit") > dropped+2000 && d.Drops(t, "muted") > muted })
	if guestHears.received(true) || guestHears.received(false) {
		t.Error("one who is no host is told")
	}
	before := guest.AudioPackets()
	Eventually(t, "the guest still hears the host", func() bool { return guest.AudioPackets() > before+50 })
	ctx, cancel := context.WithTimeout(t.Context(), eventuallyTimeout)
	defer cancel()
	if err := mallory.SetMuted(ctx, false, false); err != nil {
		t.Fatal("unmuting after the first time: ", err)
	}
	Eventually(t, "the second time the microphone is taken away, and the host is told", host.taken)
	if err := mallory.SetMuted(ctx, false, false); err == nil {
		t.Error("it may be unmuted after the second time")
	}
}
