package session

import (
	"slices"
	"strings"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

const rightCode = "ab2c-d3ef-g4hi"

// careHouse is a house whose rooms ask for everything and may record.
func careHouse(t *testing.T) (h *testServer, rules, sound room.Text) {
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
	h = newTestServer(t, func(c *Config, svc *Service) {
		if svc == nil {
			c.Rooms = live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: wiretest.Media{}})
			c.PasscodeHash = func(policy string) auth.PasscodeHash { return map[string]auth.PasscodeHash{"default": hash}[policy] }
		}
	})
	return h, rules, sound
}

func stringsOf(list any) []string {
	out := []string{}
	for _, w := range list.([]any) {
		out = append(out, w.(string))
	}
	return out
}

// TestNeeds checks that participants are admitted only after they met every requirement, and that they are notified of each.
func TestNeeds(t *testing.T) {
	h, rules, _ := careHouse(t)
	host, guest := h.enter(hostToken), h.dial()
	r := guest.Request("hello", wire.Object{"token": guestToken, "client": wiretest.ClientInfo})
	if !r.OK || !slices.Equal(stringsOf(r.Data["needs"]), []string{"passcode", "agreement", "verification"}) {
		t.Fatalf("%+v", r)
	}
	if shown := r.Data["agreement"].([]any)[0].(map[string]any); shown["text"] != rules.Text || shown["textHash"] != rules.Hash {
		t.Errorf("%v", shown)
	}
	id := r.Data["participantId"]
	admit := wire.Object{"participantIds": []any{id}}
	steps := []struct {
		by   *wiretest.Client
		kind string
		data wire.Object
		left []string
		code room.Code
	}{
		{guest, "passcode.enter", wire.Object{"code": rightCode}, []string{"agreement", "verification"}, room.AgreementRequired},
		{guest, "agreement.acknowledge", wire.Object{"textHash": rules.Hash}, []string{"verification"}, room.VerificationRequired},
		{host, "mod.verify", wire.Object{"participantId": id, "verified": true}, []string{}, ""},
	}
	host.Refused("waiting.admit", admit, room.PasscodeWrong)
	guest.Refused("passcode.enter", wire.Object{"code": "something else"}, room.PasscodeWrong)
	for _, step := range steps {
		step.by.Do(step.kind, step.data)
		if e := guest.WaitFor("self.updated"); !slices.Equal(stringsOf(e.Data["needs"]), step.left) {
			t.Errorf("after %s: %v", step.kind, e.Data["needs"])
		}
		if w := host.WaitFor("waiting.updated").Data["waiter"].(map[string]any); !slices.Equal(stringsOf(w["needs"]), step.left) {
			t.Errorf("the host after %s: %v", step.kind, w["needs"])
		}
		if step.code != "" {
			host.Refused("waiting.admit", admit, step.code)
		}
	}
	host.Do("waiting.admit", admit)
	if e := guest.WaitFor("access.changed"); e.Data["state"] != "admitted" {
		t.Errorf("%v", e)
	}
	host.Do("mod.verify", wire.Object{"participantId": id, "verified": false})
	if e := guest.WaitFor("access.changed"); e.Data["state"] != "waiting" || e.Data["reason"] != "sent_back" {
		t.Errorf("the mark was taken back: %v", e)
	}
}

// enterCare takes a seat in a careHouse all the way into the group.
func enterCare(t *testing.T, h *testServer, host *wiretest.Client, rules room.Text, token string) *wiretest.Client {
	t.Helper()
	guest := h.enter(token)
	guest.Do("passcode.enter", wire.Object{"code": rightCode})
	guest.Do("agreement.acknowledge", wire.Object{"textHash": rules.Hash})
	host.Do("mod.verify", wire.Object{"participantId": guest.Welcome.ParticipantID, "verified": true})
	host.Do("waiting.admit", wire.Object{"participantIds": "*"})
	guest.WaitFor("room.updated")
	return guest
}

// TestConsent checks that everyone is asked, that answers are shown only to their author, and that everyone sees the state.
func TestConsent(t *testing.T) {
	h, rules, sound := careHouse(t)
	host := h.enter(hostToken)
	guest := enterCare(t, h, host, rules, guestToken)
	recording := func(c *wiretest.Client, want string) {
		t.Helper()
		if e := c.WaitFor("room.updated"); e.Data["recording"] != want {
			t.Errorf("recording %v, want %s", e.Data["recording"], want)
		}
	}
	yes := wire.Object{"scope": "recording.audio", "textHash": sound.Hash, "decision": "granted"}
	guest.Refused("consent.respond", yes, room.InvalidState)
	host.Refused("recording.start", wire.Object{"scopes": []string{"recording.video"}}, room.RecordingUnavailable)
	host.Do("recording.start", wire.Object{"scopes": []string{"recording.audio"}})
	asked := guest.WaitFor("self.updated").Data["consents"].([]any)[0].(map[string]any)
	if _, answered := asked["decision"]; answered || asked["purpose"] != "supervision" {
		t.Errorf("%v", asked)
	}
	recording(guest, "asking")
	guest.Refused("consent.respond", wire.Object{"scope": "recording.audio", "textHash": rules.Hash, "decision": "granted"}, room.ConsentRequired)
	host.Do("consent.respond", yes)
	guest.Do("consent.respond", yes)
	recording(guest, "starting")
	guest.Do("consent.withdraw", nil)
	recording(guest, "asking")
	guest.Do("media.offer", wire.Object{"generation": 1, "sdp": "v=0", "tracks": []any{wire.Object{"mid": "0", "source": "microphone"}}})
	guest.Do("consent.respond", yes)
	recording(guest, "starting")
	recording(guest, "on")
	guest.Do("consent.withdraw", nil)
	recording(guest, "paused")
	host.Do("recording.stop", nil)
	recording(guest, "off")
	for _, e := range host.Events {
		if e.Type == "self.updated" && e.Data["consents"].([]any)[0].(map[string]any)["decision"] == "withdrawn" {
			t.Error("the host was told another's answer")
		}
	}
}

// TestHelpAndSideRoom checks that a call for help reaches the hosts only, and that a participant enters a side room and can leave it.
func TestHelpAndSideRoom(t *testing.T) {
	h, rules, _ := careHouse(t)
	host := h.enter(hostToken)
	guest, other := enterCare(t, h, host, rules, guestToken), enterCare(t, h, host, rules, "tuesday|participant|jonas|Jonas")
	id := guest.Welcome.ParticipantID
	guest.Do("help.signal", nil)
	if e := host.WaitFor("help.raised"); e.Data["participantId"] != id {
		t.Errorf("%v", e)
	}
	if e := guest.WaitFor("self.updated"); e.Data["helpRaised"] != true {
		t.Errorf("%v", e)
	}
	host.Do("mod.sideRoom", wire.Object{"participantId": id})
	for {
		e := guest.WaitFor("self.updated")
		if e.Data["sideRoom"] == host.Welcome.ParticipantID {
			break
		}
	}
	host.Do("help.clear", wire.Object{"participantId": id})
	guest.Do("sideRoom.leave", nil)
	other.Refused("sideRoom.leave", nil, room.InvalidState)
	for _, e := range other.Events {
		if p, ok := e.Data["participant"].(map[string]any); ok && (p["helpRaised"] != nil || p["verifiedName"] != nil) {
			t.Errorf("one of the group was told %v", p)
		}
		if e.Type == "help.raised" {
			t.Error("one of the group heard the call for help")
		}
	}
	host.Do("room.extend", wire.Object{"minutes": 15})
	var left time.Duration
	for left < 61*time.Minute { // before, the side room began and ended
		left = time.Until(time.UnixMilli(int64(other.WaitFor("room.updated").Data["endsAt"].(float64))))
	}
	if left < 70*time.Minute || left > 75*time.Minute {
		t.Errorf("%s left of an hour and a quarter", left)
	}
	host.Do("mod.setRole", wire.Object{"participantId": id, "role": "cohost"})
	if e := guest.WaitFor("access.changed"); !slices.Contains(stringsOf(e.Data["permissions"]), "waiting.manage") {
		t.Errorf("%v", e)
	}
}

// TestPasscodeThrottle checks that repeated guesses are delayed by a stated time, and that a room without a passcode accepts none.
func TestPasscodeThrottle(t *testing.T) {
	h, _, _ := careHouse(t)
	h.enter(hostToken)
	guest := h.enter(guestToken)
	for i := 0; ; i++ {
		r := guest.Request("passcode.enter", wire.Object{"code": "something else"})
		if r.Error == nil || i > 10 {
			t.Fatalf("guess %d: %+v", i, r)
		}
		if r.Error.Code == wire.RateLimited {
			if r.Error.RetryAfterMs < 1 || !r.Error.Retryable {
				t.Errorf("%+v", r.Error)
			}
			break
		}
		if r.Error.Code != room.PasscodeWrong {
			t.Fatalf("guess %d: %+v", i, r.Error)
		}
	}
	plain := newTestServer(t, nil)
	plain.enter(hostToken).Refused("passcode.enter", wire.Object{"code": rightCode}, room.InvalidState)
	wrong := h.dial()
	wrong.Refused("hello", wire.Object{"token": "friday|host|klein|Klein", "passcode": "something else",
		"client": wiretest.ClientInfo}, room.PasscodeWrong)
	if code := wrong.CloseCode(); code != wire.CloseForbidden {
		t.Errorf("closed with %d", code)
	}
}

// TestPasscodeOneBudget checks that guesses of a passcode with hello and from a seat count against one limit of the room.
func TestPasscodeOneBudget(t *testing.T) {
	h, _, _ := careHouse(t)
	now := time.Now()
	h.svc.cfg.Now = func() time.Time { return now } // the delay does not depend on the speed of the machine
	h.enter(hostToken)
	guest := h.enter(guestToken)
	for i := range 3 {
		c := h.dial()
		c.Refused("hello", wire.Object{"token": "tuesday|participant|klein|Klein", "nonce": strings.Repeat("n", wire.MinNonce+i), "passcode": "something else",
			"client": wiretest.ClientInfo}, room.PasscodeWrong)
	}
	if r := guest.Request("passcode.enter", wire.Object{"code": rightCode}); r.Error == nil || r.Error.Code != wire.RateLimited {
		t.Errorf("after three guesses with a hello, one from a seat: %+v", r)
	}
}
