package demotest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Answers is what one answered, by scope.
func (c care) Answers() map[string]string {
	all := map[string]string{}
	for _, one := range c.Consents {
		all[one.Scope] = one.Decision
	}
	return all
}

// Texts waits for what is asked to hold some text, and gives the own answers.
func (s *Session) Texts(text string) map[string]string {
	s.t.Helper()
	s.Heard("self.updated", text)
	var c care
	if err := json.Unmarshal(s.events["self.updated"], &c); err != nil {
		s.t.Fatal(err)
	}
	return c.Answers()
}

// Answer answers one scope with the hash of the text that is asked now.
func (s *Session) Answer(scope, decision string) map[string]any {
	s.t.Helper()
	s.Heard("self.updated", scope)
	var c care
	if err := json.Unmarshal(s.events["self.updated"], &c); err != nil {
		s.t.Fatal(err)
	}
	for _, one := range c.Consents {
		if one.Scope == scope {
			return map[string]any{"scope": scope, "textHash": one.Texts[0].TextHash, "decision": decision}
		}
	}
	s.t.Fatalf("nobody asks for %s", scope)
	return nil
}

// A Session is one connection.
type Session struct {
	t      *testing.T
	Conn   *websocket.Conn
	events map[string]json.RawMessage // the newest of each type
	n      int
	ID     string `json:"sessionId"`
	Secret string `json:"resumeSecret"`
	Seat   string `json:"participantId"`
	State  string `json:"state"`

	care
}

// care is what is asked of one.
type care struct {
	Needs     []string                    `json:"needs"`
	Agreement []struct{ TextHash string } `json:"agreement"`
	Consents  []struct {
		Scope    string
		Decision string
		Texts    []struct{ TextHash string }
	} `json:"consents"`
}

// A frame is an answer or an event.
type frame struct {
	ID    string          `json:"id"`
	OK    bool            `json:"ok"`
	Type  string          `json:"type"`
	Data  json.RawMessage `json:"data"`
	Error struct {
		Code string `json:"code"`
	} `json:"error"`
}

var Nothing = map[string]any{}

var Client = map[string]string{"name": "canary-client", "version": "1"}

// Addresses that a client could be traced by (RFC 5737): one it says it comes from, one in its offer.
const (
	canaryForwarded = "203.0.113.77"
	CanaryCandidate = "198.51.100.88"
)

func (s *Session) Send(kind string, data any) string {
	s.t.Helper()
	s.n++
	id := kind + "-" + string(rune('a'+s.n))
	if err := s.Conn.WriteJSON(map[string]any{"id": id, "type": kind, "data": data}); err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *Session) next() frame {
	s.t.Helper()
	s.Conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	var f frame
	if err := s.Conn.ReadJSON(&f); err != nil {
		s.t.Fatal(err)
	}
	if f.ID == "" {
		s.events[f.Type] = f.Data
	}
	return f
}

func (s *Session) Ask(kind string, data any) frame {
	s.t.Helper()
	id := s.Send(kind, data)
	for {
		if f := s.next(); f.ID == id {
			return f
		}
	}
}

func (s *Session) Must(kind string, data any) {
	s.t.Helper()
	if f := s.Ask(kind, data); !f.OK {
		s.t.Fatalf("%s is answered %+v", kind, f)
	}
}

// Heard waits for an event that holds some text.
func (s *Session) Heard(kind, text string) {
	s.t.Helper()
	for !strings.Contains(string(s.events[kind]), text) {
		s.next()
	}
}

func (s *Session) entered(f frame) *Session {
	s.t.Helper()
	if err := json.Unmarshal(f.Data, s); err != nil || !f.OK {
		s.t.Fatalf("hello is answered %+v", f)
	}
	return s
}

// NeedsOf is what a hello says one has to do, and how many texts there are to acknowledge.
func (s *Session) NeedsOf(f frame) (needs string, texts []string) {
	s.t.Helper()
	s.entered(f)
	for _, t := range s.Agreement {
		texts = append(texts, t.TextHash)
	}
	return strings.Join(s.Needs, " "), texts
}
