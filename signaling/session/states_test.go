package session

import (
	"flag"
	"fmt"
	"os"
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

var update = flag.Bool("update", false, "write "+statesFile)

// statesFile lists the result of every request in every state: `go test ./signaling/session -run EveryRequest -update` prints it for
// review.
const statesFile = "testdata/states.txt"

// A stage is a room in which every request has a target: an admitted, a waiting and a removed participant.
type stage struct {
	*testServer
	boss, other, knock *wiretest.Client
	gone               string
}

var sessionRules = room.NewText("rules", "4", "en", "What is said here stays here.")
var soundText = room.NewText("audio", "2", "en", "Sound of this session.")

// enterAs takes a seat and reads the rules.
func (s *stage) enterAs(role auth.Role, name string) *wiretest.Client {
	c := s.enter("r|" + string(role) + "|" + name + "|" + name)
	if !role.Hosts() {
		c.Do("agreement.acknowledge", wire.Object{"textHash": sessionRules.Hash})
	}
	return c
}

func (s *stage) admit(c *wiretest.Client) *wiretest.Client {
	s.boss.Do("waiting.admit", wire.Object{"participantIds": []string{c.Welcome.ParticipantID}})
	return c
}

func newStage(t *testing.T) *stage {
	t.Helper()
	policy := room.Policy{
		Name: "default", MaxParticipants: 20, MaxWaiting: 20, ResumeWindow: time.Minute, Agreement: []room.Text{sessionRules},
		E2EE: room.E2EERequired, Files: room.ReachAll, ClinicPapers: true, Recording: room.WithEveryone, SessionLimit: time.Hour,
		Consents: []room.ConsentForm{{Scope: room.RecordingAudio, Purpose: "supervision", Texts: []room.Text{soundText}}},
	}
	s := &stage{testServer: newTestServer(t, func(c *Config, svc *Service) {
		if svc == nil {
			c.Files = openFiles(t)
			c.Rooms = live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: wiretest.Media{}, Files: c.Files})
			c.Files.Serve(c.Rooms)
		}
	})}
	s.boss = s.enterAs(auth.Host, "boss")
	s.other = s.admit(s.enterAs(auth.Participant, "other"))
	s.other.Do("media.offer", wire.Object{"generation": 1, "sdp": "v=0\r\n", "tracks": []wire.Object{{"mid": "0", "source": "camera"}}})
	s.other.Do("publication.set", wire.Object{"source": "camera", "muted": true})
	s.other.Do("help.signal", nil)
	gone := s.enterAs(auth.Participant, "gone")
	s.gone = gone.Welcome.ParticipantID
	s.boss.Do("mod.remove", wire.Object{"participantId": s.gone})
	s.boss.Do("e2ee.create", wire.Object{"group": groupID})
	s.boss.Do("recording.start", wire.Object{"scopes": []string{"recording.audio"}})
	s.knock = s.enterAs(auth.Participant, "knock")
	return s
}

// states returns a client in each state.
var states = map[string]func(*stage) *wiretest.Client{
	"host":        func(s *stage) *wiretest.Client { return s.enterAs(auth.Host, "who") },
	"cohost":      func(s *stage) *wiretest.Client { return s.enterAs(auth.Cohost, "who") },
	"participant": func(s *stage) *wiretest.Client { return s.admit(s.enterAs(auth.Participant, "who")) },
	"observer":    func(s *stage) *wiretest.Client { return s.admit(s.enterAs(auth.Observer, "who")) },
	"waiting":     func(s *stage) *wiretest.Client { return s.enterAs(auth.Participant, "who") },
	"sent back": func(s *stage) *wiretest.Client {
		c := s.admit(s.enterAs(auth.Participant, "who"))
		s.boss.Do("mod.sendBack", wire.Object{"participantId": c.Welcome.ParticipantID})
		return c
	},
	"aside": func(s *stage) *wiretest.Client {
		c := s.admit(s.enterAs(auth.Participant, "who"))
		s.boss.Do("mod.sideRoom", wire.Object{"participantId": c.Welcome.ParticipantID})
		return c
	},
}

// request is a request of this type that is right as far as its form goes.
func (s *stage) request(kind string) wire.Object {
	other, knock := s.other.Welcome.ParticipantID, s.knock.Welcome.ParticipantID
	data := map[string]wire.Object{
		"hello":    {"token": "r|host|x|x", "client": wiretest.ClientInfo},
		"hand.set": {"raised": true}, "publication.set": {"source": "microphone", "muted": true}, "permission.ask": {"permission": "screen"},
		"waiting.admit": {"participantIds": []string{knock}}, "waiting.deny": {"participantId": knock}, "waiting.message": {"text": "hello"},
		"check.offer":    {"sdp": "v=0\r\n", "tracks": []any{}},
		"media.offer":    {"generation": 1, "sdp": "v=0\r\n", "tracks": []any{}},
		"view.set":       {"views": []any{}, "paused": []any{}},
		"passcode.enter": {"code": "let me in"}, "agreement.acknowledge": {"textHash": sessionRules.Hash},
		"consent.respond": {"scope": "recording.audio", "textHash": soundText.Hash, "decision": "refused"},
		"recording.start": {"scopes": []string{"recording.audio"}}, "room.extend": {"minutes": 15},
		"file.create": {"size": 100, "to": []string{s.boss.Welcome.ParticipantID}, "sealed": "c2VhbGVk"}, "file.withdraw": {"fileId": "none"},
		"self.rename": {"displayName": "Robin"}, "participant.rename": {"displayName": "Robin"}, "help.reply": {"text": "soon"},
		"mod.verify": {"verified": true}, "mod.setRole": {"role": "observer"}, "mod.mute": {"source": "camera"}, "mod.muteAll": {"source": "microphone"},
		"e2ee.key":     {"keyPackage": sealed, "tokenHash": digest},
		"e2ee.create":  {"group": "bmV3", "replaces": groupID},
		"e2ee.commit":  {"group": groupID, "after": 1, "commit": sealed},
		"e2ee.app":     {"group": groupID, "after": 1, "blob": sealed},
		"e2ee.sync":    {"after": 0},
		"e2ee.release": {"scope": "recording.audio", "number": 1, "sealed": sealed, "keys": []wire.Object{{"kid": 7, "blob": sealed}}},

		"mod.askUnmute": {"source": "camera"}, "mod.grant": {"grant": "screen", "granted": true},
	}[kind]
	if data == nil {
		data = wire.Object{}
	}
	switch {
	case kind == "mod.lift":
		data["participantId"] = s.gone
	case kind == "mod.lowerHands":
		data["participantIds"] = []string{other}
	case strings.HasPrefix(kind, "mod."), kind == "help.clear", kind == "help.reply", kind == "participant.rename":
		data["participantId"] = other
	}
	return data
}

// TestEveryRequestInEveryState checks that every request has in every state the documented result, that each code is of the closed list,
// and that a refused client stays connected.
func TestEveryRequestInEveryState(t *testing.T) {
	columns := []string{"host", "cohost", "participant", "observer", "aside", "waiting", "sent back"}
	if len(columns) != len(states) {
		t.Fatalf("%d columns for %d states", len(columns), len(states))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-22s", "")
	for _, c := range columns {
		fmt.Fprintf(&b, " %-21s", c)
	}
	b.WriteString("\n")
	for _, kind := range slices.Sorted(slices.Values(wire.RequestTypes())) {
		fmt.Fprintf(&b, "%-22s", kind)
		for _, state := range columns {
			fmt.Fprintf(&b, " %-21s", outcome(t, kind, state))
		}
		b.WriteString("\n")
	}
	var lines []string
	for line := range strings.Lines(b.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(statesFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(statesFile)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("what comes of requests is another than in %s:\n%s", statesFile, got)
	}
}

func outcome(t *testing.T, kind, state string) string {
	t.Helper()
	s := newStage(t)
	who := states[state](s)
	data := s.request(kind)
	if kind == "waiting.message" && state != "waiting" && state != "sent back" {
		data["participantId"] = s.knock.Welcome.ParticipantID
	}
	if kind == "publication.set" { // what is muted must be published, where that may be
		who.Request("media.offer", wire.Object{"generation": 1, "sdp": "v=0\r\n", "tracks": []wire.Object{{"mid": "0", "source": "microphone"}}})
	}
	r := who.Request(kind, data)
	if r.OK {
		return "done"
	}
	if !wire.IsErrorCode(r.Error.Code) {
		t.Errorf("%s as %s: %s is not listed", kind, state, r.Error.Code)
	}
	who.Do("ping", nil)
	return string(r.Error.Code)
}

// TestFirstRequestMustBeHello checks that any request before hello closes the connection without an answer.
func TestFirstRequestMustBeHello(t *testing.T) {
	h := newTestServer(t, nil)
	for _, kind := range wire.RequestTypes() {
		if kind == "hello" {
			continue
		}
		c := h.dial()
		c.Send(`{"id":"1","type":"` + kind + `","data":{}}`)
		if code := c.CloseCode(); code != wire.CloseProtocol || len(c.Events) != 0 {
			t.Errorf("%s: closed with %d after %v", kind, code, c.Events)
		}
	}
}

// TestPanicBesideRequest checks that a panic outside the handling of a request leaves no request unanswered: after a resume the repeated
// request gets the stored answer.
func TestPanicBesideRequest(t *testing.T) {
	h := newTestServer(t, nil)
	h.metrics.panicOn = "room.lock"
	host := h.enter(hostToken)
	host.WaitFor("media.ready")
	host.Send(`{"id":"lock-1","type":"room.lock"}`)
	if code := host.CloseCode(); code != wire.CloseInternal {
		t.Errorf("closed with %d", code)
	}
	again := h.dial()
	again.Hello(wire.Object{"resume": wire.Object{"sessionId": host.Welcome.SessionID, "secret": host.Welcome.ResumeSecret}})
	if r := again.RequestAs("lock-1", "room.lock", nil); !r.OK {
		t.Errorf("what was done is answered %+v", r.Error)
	}
	if e := again.WaitFor("room.updated"); e.Data["locked"] != true {
		t.Errorf("the room: %v", e.Data)
	}
}
