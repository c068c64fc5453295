package signaling

import (
	"slices"
	"strings"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

const rightCode = "ab2c-d3ef-g4hi"

// careHouse is a house whose rooms ask for everything and may record.
func careHouse(t *testing.T) (h *house, rules, sound room.Text) {
	t.Helper()
	hash, err := auth.HashPasscode(auth.NewSecret(rightCode))
	if err != nil {
		t.Fatal(err)
	}
	rules = room.NewText("rules", "4", "en", "What is said here stays here.")
	sound = room.NewText("audio", "2", "en", "Sound of this session.")
	policy := room.Policy{
		Name: "default", MaxParticipants: 20, MaxWaiting: 20, ResumeWindow: time.Minute, Agreement: []room.Text{rules}, Verify: true,
		Passcode: true, Recording: room.WithEveryone, SessionLimit: time.Hour,
		Consents: []room.ConsentForm{{Scope: room.RecordingAudio, Purpose: "supervision", Texts: []room.Text{sound}}},
	}
	h = newHouse(t, func(c *Config, srv *Server) {
		if srv == nil {
			c.Rooms = live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: fakeMedia{}})
			c.Passcodes = map[string]auth.PasscodeHash{"default": hash}
		}
	})
	return h, rules, sound
}

func words(list any) []string {
	out := []string{}
	for _, w := range list.([]any) {
		out = append(out, w.(string))
	}
	return out
}

// TestNeeds: nobody is admitted who has not done what the room asks, and each step is told.
func TestNeeds(t *testing.T) {
	h, rules, _ := careHouse(t)
	host, guest := h.enter(hostToken), h.dial()
	r := guest.ask("hello", Object{"token": guestToken, "client": Object{"name": "t", "version": "1"}})
	if !r.OK || !equal(words(r.Data["needs"]), []string{"passcode", "agreement", "verification"}) {
		t.Fatalf("%+v", r)
	}
	if shown := r.Data["agreement"].([]any)[0].(map[string]any); shown["text"] != rules.Text || shown["textHash"] != rules.Hash {
		t.Errorf("%v", shown)
	}
	id := r.Data["participantId"]
	admit := Object{"participantIds": []any{id}}
	steps := []struct {
		by   *caller
		kind string
		data Object
		left []string
		code room.Code
	}{
		{guest, "passcode.enter", Object{"code": rightCode}, []string{"agreement", "verification"}, room.AgreementRequired},
		{guest, "agreement.acknowledge", Object{"textHash": rules.Hash}, []string{"verification"}, room.VerificationRequired},
		{host, "mod.verify", Object{"participantId": id, "verified": true}, []string{}, ""},
	}
	host.refused("waiting.admit", admit, room.PasscodeWrong)
	guest.refused("passcode.enter", Object{"code": "something else"}, room.PasscodeWrong)
	for _, step := range steps {
		step.by.done(step.kind, step.data)
		if e := guest.until("self.updated"); !equal(words(e.Data["needs"]), step.left) {
			t.Errorf("after %s: %v", step.kind, e.Data["needs"])
		}
		if w := host.until("waiting.updated").Data["waiter"].(map[string]any); !equal(words(w["needs"]), step.left) {
			t.Errorf("the host after %s: %v", step.kind, w["needs"])
		}
		if step.code != "" {
			host.refused("waiting.admit", admit, step.code)
		}
	}
	host.done("waiting.admit", admit)
	if e := guest.until("access.changed"); e.Data["state"] != "admitted" {
		t.Errorf("%v", e)
	}
	host.done("mod.verify", Object{"participantId": id, "verified": false})
	if e := guest.until("access.changed"); e.Data["state"] != "waiting" || e.Data["reason"] != "sent_back" {
		t.Errorf("the mark was taken back: %v", e)
	}
}

// enterCare takes a seat in a careHouse all the way into the group.
func enterCare(t *testing.T, h *house, host *caller, rules room.Text, token string) *caller {
	t.Helper()
	guest := h.enter(token)
	guest.done("passcode.enter", Object{"code": rightCode})
	guest.done("agreement.acknowledge", Object{"textHash": rules.Hash})
	host.done("mod.verify", Object{"participantId": guest.said.ParticipantID, "verified": true})
	host.done("waiting.admit", Object{"participantIds": "*"})
	guest.until("room.updated")
	return guest
}

// TestConsent: everyone is asked, one's own answer is told to oneself only, and everyone sees the state.
func TestConsent(t *testing.T) {
	h, rules, sound := careHouse(t)
	host := h.enter(hostToken)
	guest := enterCare(t, h, host, rules, guestToken)
	recording := func(c *caller, want string) {
		t.Helper()
		if e := c.until("room.updated"); e.Data["recording"] != want {
			t.Errorf("recording %v, want %s", e.Data["recording"], want)
		}
	}
	yes := Object{"scope": "recording.audio", "textHash": sound.Hash, "decision": "granted"}
	guest.refused("consent.respond", yes, room.InvalidState)
	host.refused("recording.start", Object{"scopes": []string{"recording.video"}}, room.RecordingUnavailable)
	host.done("recording.start", Object{"scopes": []string{"recording.audio"}})
	asked := guest.until("self.updated").Data["consents"].([]any)[0].(map[string]any)
	if _, answered := asked["decision"]; answered || asked["purpose"] != "supervision" {
		t.Errorf("%v", asked)
	}
	recording(guest, "asking")
	guest.refused("consent.respond", Object{"scope": "recording.audio", "textHash": rules.Hash, "decision": "granted"}, room.ConsentRequired)
	host.done("consent.respond", yes)
	guest.done("consent.respond", yes)
	recording(guest, "starting")
	guest.done("consent.withdraw", nil)
	recording(guest, "asking")
	guest.done("media.offer", Object{"generation": 1, "sdp": "v=0", "tracks": []any{Object{"mid": "0", "source": "microphone"}}})
	guest.done("consent.respond", yes)
	recording(guest, "starting")
	recording(guest, "on")
	guest.done("consent.withdraw", nil)
	recording(guest, "paused")
	host.done("recording.stop", nil)
	recording(guest, "off")
	for _, e := range host.events {
		if e.Type == "self.updated" && e.Data["consents"].([]any)[0].(map[string]any)["decision"] == "withdrawn" {
			t.Error("the host was told another's answer")
		}
	}
}

// TestCrisis: help is between one and the hosts, a side room between two, and both ways lead back.
func TestCrisis(t *testing.T) {
	h, rules, _ := careHouse(t)
	host := h.enter(hostToken)
	guest, other := enterCare(t, h, host, rules, guestToken), enterCare(t, h, host, rules, "tuesday|participant|jonas|Jonas")
	id := guest.said.ParticipantID
	guest.done("help.signal", nil)
	if e := host.until("help.raised"); e.Data["participantId"] != id {
		t.Errorf("%v", e)
	}
	if e := guest.until("self.updated"); e.Data["helpRaised"] != true {
		t.Errorf("%v", e)
	}
	host.done("mod.sideRoom", Object{"participantId": id})
	for {
		e := guest.until("self.updated")
		if e.Data["sideRoom"] == host.said.ParticipantID {
			break
		}
	}
	host.done("help.clear", Object{"participantId": id})
	guest.done("sideRoom.leave", nil)
	other.refused("sideRoom.leave", nil, room.InvalidState)
	for _, e := range other.events {
		if p, ok := e.Data["participant"].(map[string]any); ok && (p["helpRaised"] != nil || p["verifiedName"] != nil) {
			t.Errorf("one of the group was told %v", p)
		}
		if e.Type == "help.raised" {
			t.Error("one of the group heard the call for help")
		}
	}
	host.done("room.extend", Object{"minutes": 15})
	ends := time.UnixMilli(int64(other.until("room.updated").Data["endsAt"].(float64)))
	if left := time.Until(ends); left < 70*time.Minute || left > 75*time.Minute {
		t.Errorf("%s left of an hour and a quarter", left)
	}
	host.done("mod.setRole", Object{"participantId": id, "role": "cohost"})
	if e := guest.until("access.changed"); !slices.Contains(words(e.Data["permissions"]), "waiting.manage") {
		t.Errorf("%v", e)
	}
}

// TestPasscodeThrottle: whoever guesses waits, and hears how long; a room without a passcode is not guessed at.
func TestPasscodeThrottle(t *testing.T) {
	h, _, _ := careHouse(t)
	h.enter(hostToken)
	guest := h.enter(guestToken)
	for i := 0; ; i++ {
		r := guest.ask("passcode.enter", Object{"code": "something else"})
		if r.Error == nil || i > 10 {
			t.Fatalf("guess %d: %+v", i, r)
		}
		if r.Error.Code == RateLimited {
			if r.Error.RetryAfterMs < 1 || !r.Error.Retryable {
				t.Errorf("%+v", r.Error)
			}
			break
		}
		if r.Error.Code != room.PasscodeWrong {
			t.Fatalf("guess %d: %+v", i, r.Error)
		}
	}
	plain := newHouse(t, nil)
	plain.enter(hostToken).refused("passcode.enter", Object{"code": rightCode}, room.InvalidState)
	wrong := h.dial()
	wrong.refused("hello", Object{"token": "friday|host|klein|Klein", "passcode": "something else",
		"client": Object{"name": "t", "version": "1"}}, room.PasscodeWrong)
	if code := wrong.closed(); code != CloseForbidden {
		t.Errorf("closed with %d", code)
	}
}

// TestPasscodeOneBudget: guesses with a hello and guesses from a seat are guesses at one room.
func TestPasscodeOneBudget(t *testing.T) {
	h, _, _ := careHouse(t)
	now := time.Now()
	h.srv.now = func() time.Time { return now } // who has to wait still has to, however slow this machine is
	h.enter(hostToken)
	guest := h.enter(guestToken)
	for i := range 3 {
		c := h.dial()
		c.refused("hello", Object{"token": "tuesday|participant|klein|Klein", "nonce": strings.Repeat("n", MinNonce+i), "passcode": "something else",
			"client": Object{"name": "t", "version": "1"}}, room.PasscodeWrong)
	}
	if r := guest.ask("passcode.enter", Object{"code": rightCode}); r.Error == nil || r.Error.Code != RateLimited {
		t.Errorf("after three guesses with a hello, one from a seat: %+v", r)
	}
}
