package signaling

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// statesFile says what comes of every request in every state: `go test ./signaling -run EveryRequest -update` prints it, and a person
// reads it.
const statesFile = "testdata/states.txt"

// A stage is a room in which every request has something to act upon: somebody in the group, somebody waiting, somebody removed.
type stage struct {
	*house
	boss, other, knock *caller
	gone               string
}

var sessionRules = room.NewText("rules", "4", "en", "What is said here stays here.")
var soundText = room.NewText("audio", "2", "en", "Sound of this session.")

// enterAs takes a seat and reads the rules.
func (s *stage) enterAs(role auth.Role, name string) *caller {
	c := s.enter("r|" + string(role) + "|" + name + "|" + name)
	if !role.Hosts() {
		c.done("agreement.acknowledge", Object{"textHash": sessionRules.Hash})
	}
	return c
}

func (s *stage) admit(c *caller) *caller {
	s.boss.done("waiting.admit", Object{"participantIds": []string{c.said.ParticipantID}})
	return c
}

func newStage(t *testing.T) *stage {
	t.Helper()
	policy := room.Policy{
		Name: "default", MaxParticipants: 20, MaxWaiting: 20, ResumeWindow: time.Minute, Agreement: []room.Text{sessionRules},
		Recording: room.WithEveryone, SessionLimit: time.Hour,
		Consents: []room.ConsentForm{{Scope: room.RecordingAudio, Purpose: "supervision", Texts: []room.Text{soundText}}},
	}
	s := &stage{house: newHouse(t, func(c *Config, srv *Server) {
		if srv == nil {
			c.Rooms = live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: fakeMedia{}})
		}
	})}
	s.boss = s.enterAs(auth.Host, "boss")
	s.other = s.admit(s.enterAs(auth.Participant, "other"))
	s.other.done("media.offer", Object{"generation": 1, "sdp": "v=0\r\n", "tracks": []Object{{"mid": "0", "source": "camera"}}})
	s.other.done("publication.set", Object{"source": "camera", "muted": true})
	s.other.done("help.signal", nil)
	gone := s.enterAs(auth.Participant, "gone")
	s.gone = gone.said.ParticipantID
	s.boss.done("mod.remove", Object{"participantId": s.gone})
	s.boss.done("recording.start", Object{"scopes": []string{"recording.audio"}})
	s.knock = s.enterAs(auth.Participant, "knock")
	return s
}

// states are where a client can be; each makes one that is there.
var states = map[string]func(*stage) *caller{
	"host":        func(s *stage) *caller { return s.enterAs(auth.Host, "who") },
	"cohost":      func(s *stage) *caller { return s.enterAs(auth.Cohost, "who") },
	"participant": func(s *stage) *caller { return s.admit(s.enterAs(auth.Participant, "who")) },
	"observer":    func(s *stage) *caller { return s.admit(s.enterAs(auth.Observer, "who")) },
	"waiting":     func(s *stage) *caller { return s.enterAs(auth.Participant, "who") },
	"sent back": func(s *stage) *caller {
		c := s.admit(s.enterAs(auth.Participant, "who"))
		s.boss.done("mod.sendBack", Object{"participantId": c.said.ParticipantID})
		return c
	},
	"aside": func(s *stage) *caller {
		c := s.admit(s.enterAs(auth.Participant, "who"))
		s.boss.done("mod.sideRoom", Object{"participantId": c.said.ParticipantID})
		return c
	},
}

// request is a request of this type that is right as far as its form goes.
func (s *stage) request(kind string) Object {
	other, knock := s.other.said.ParticipantID, s.knock.said.ParticipantID
	data := map[string]Object{
		"hello":    {"token": "r|host|x|x", "client": Object{"name": "t", "version": "1"}},
		"hand.set": {"raised": true}, "publication.set": {"source": "microphone", "muted": true}, "permission.ask": {"permission": "screen"},
		"waiting.admit": {"participantIds": []string{knock}}, "waiting.deny": {"participantId": knock}, "waiting.message": {"text": "hello"},
		"media.offer":    {"generation": 1, "sdp": "v=0\r\n", "tracks": []any{}},
		"view.set":       {"views": []any{}, "paused": []any{}},
		"passcode.enter": {"code": "let me in"}, "agreement.acknowledge": {"textHash": sessionRules.Hash},
		"consent.respond": {"scope": "recording.audio", "textHash": soundText.Hash, "decision": "refused"},
		"recording.start": {"scopes": []string{"recording.audio"}}, "room.extend": {"minutes": 15},
		"mod.verify": {"verified": true}, "mod.setRole": {"role": "observer"}, "mod.mute": {"source": "camera"},
		"mod.askUnmute": {"source": "camera"}, "mod.grant": {"grant": "screen", "granted": true},
	}[kind]
	if data == nil {
		data = Object{}
	}
	switch {
	case kind == "mod.lift":
		data["participantId"] = s.gone
	case strings.HasPrefix(kind, "mod."), kind == "help.clear":
		data["participantId"] = other
	}
	return data
}

// TestEveryRequestInEveryState: every request has in every state the effect or the error that is written down, each code is of the
// closed list, and who is refused stays connected.
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
	for _, kind := range slices.Sorted(maps.Keys(requests)) {
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
		data["participantId"] = s.knock.said.ParticipantID
	}
	if kind == "publication.set" { // what is muted must be published, where that may be
		who.ask("media.offer", Object{"generation": 1, "sdp": "v=0\r\n", "tracks": []Object{{"mid": "0", "source": "microphone"}}})
	}
	r := who.ask(kind, data)
	if r.OK {
		return "done"
	}
	if _, listed := errorRules[r.Error.Code]; !listed {
		t.Errorf("%s as %s: %s is not listed", kind, state, r.Error.Code)
	}
	who.done("ping", nil)
	return string(r.Error.Code)
}

// TestStrangersSayHello: before hello nothing else is answered, and the connection is closed.
func TestStrangersSayHello(t *testing.T) {
	h := newHouse(t, nil)
	for kind := range requests {
		if kind == "hello" {
			continue
		}
		c := h.dial()
		c.send(`{"id":"1","type":"` + kind + `","data":{}}`)
		if code := c.closed(); code != CloseProtocol || len(c.events) != 0 {
			t.Errorf("%s: closed with %d after %v", kind, code, c.events)
		}
	}
}

// TestPanicBesideRequest: a bug in what stands around a request leaves no request open. Who resumes and asks again is answered at once,
// by what was done.
func TestPanicBesideRequest(t *testing.T) {
	h := newHouse(t, func(_ *Config, srv *Server) {
		if srv != nil {
			srv.metrics.messages = prometheus.V2.NewCounterVec(prometheus.CounterVecOpts{
				CounterOpts: prometheus.CounterOpts{Name: "messages"},
				VariableLabels: prometheus.ConstrainedLabels{{Name: "type", Constraint: func(kind string) string {
					if kind == "room.lock" {
						panic("CANARY")
					}
					return kind
				}}, {Name: "result"}},
			})
		}
	})
	host := h.enter(hostToken)
	host.until("media.ready")
	host.send(`{"id":"lock-1","type":"room.lock"}`)
	if code := host.closed(); code != CloseInternal {
		t.Errorf("closed with %d", code)
	}
	again := h.dial()
	again.greet(Object{"resume": Object{"sessionId": host.said.SessionID, "secret": host.said.ResumeSecret}})
	if r := again.askAs("lock-1", "room.lock", nil); !r.OK {
		t.Errorf("what was done is answered %+v", r.Error)
	}
	if e := again.until("room.updated"); e.Data["locked"] != true {
		t.Errorf("the room: %v", e.Data)
	}
}
