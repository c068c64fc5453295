package client

import (
	"context"
	"encoding/json"
	"slices"
)

// requirements is what stands before admission, and what consent is asked for: in the answer to hello and in self.updated
// (PROTOCOL.md, section 4a). A server that asks nothing leaves it out.
type requirements struct {
	Needs     []string `json:"needs"`
	Agreement []text   `json:"agreement"`
	Consents  []struct {
		Scope    string `json:"scope"`
		Decision string `json:"decision"`
		Texts    []text `json:"texts"`
	} `json:"consents"`
}

// A text is one that a person reads, in one language.
type text struct {
	ID       string `json:"id"`
	TextHash string `json:"textHash"`
}

// respondAll meets all requirements: acknowledges one language of each text, consents, enters the passcode. It runs on a goroutine of its
// own; requirements that change meanwhile are met again.
func (m *Member) respondAll(conn *SignalConn, a requirements) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	try := func(kind string, data any) {
		if err := conn.Call(ctx, kind, data, nil); err != nil && !unexpectedState(err) {
			m.fail(err)
		}
	}
	if slices.Contains(a.Needs, "passcode") && m.env.Passcode != "" {
		try("passcode.enter", map[string]string{"code": m.env.Passcode})
	}
	if slices.Contains(a.Needs, "agreement") {
		done := map[string]bool{}
		for _, t := range a.Agreement {
			if !done[t.ID] {
				done[t.ID] = true
				try("agreement.acknowledge", map[string]string{"textHash": t.TextHash})
			}
		}
	}
	for _, c := range a.Consents {
		if !m.persona.NoConsent && c.Decision == "" && len(c.Texts) > 0 {
			try("consent.respond", map[string]string{"scope": c.Scope, "textHash": c.Texts[0].TextHash, "decision": "granted"})
		}
	}
}

// unexpectedState reports an error that a changed state of the room explains: nothing is required any more, or the signalling connection
// ended.
func unexpectedState(err error) bool {
	switch Code(err) {
	case "agreement_required", "consent_required", "invalid_state", "not_admitted":
		return true
	}
	return Code(err) == "" // ErrLost, or the end of the run
}

// respond records the requirements of the server. Called from the reader and after hello.
func (m *Member) respond(conn *SignalConn, data json.RawMessage) {
	var a requirements
	if json.Unmarshal(data, &a) == nil && (len(a.Needs) > 0 || len(a.Consents) > 0) {
		go m.respondAll(conn, a)
	}
}
