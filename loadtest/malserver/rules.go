package main

import (
	"encoding/json"
	"maps"
	"strings"
)

// The modes of the proxy.
const (
	modeHonest        = "honest"
	modeSwapKeys      = "swap-keys"      // hosts get the victim's name with the key package of another who waits
	modeGhost         = "ghost"          // hosts are told that the one who waits is in, under the victim's verified name
	modeWrongName     = "wrong-name"     // hosts are told another verified name of the victim
	modeWrongRole     = "wrong-role"     // hosts are told that the victim is a host
	modeDropCommits   = "drop-commits"   // the victim is told of no change of the group
	modeReplayWelcome = "replay-welcome" // the victim gets the last welcome once more
	modeFork          = "fork"           // the victims, with commas between, are a half that goes on by itself
	modeAdmit         = "admit"          // the one who waits is admitted without a host's request
)

// The id of a request that a client did not make begins with this.
const forgedID = "malserver-"

const falseName = "Somebody Else"

// A message is a frame of alcove.v1 as JSON.
type message = map[string]any

// A client is one browser's connection. Owned by the proxy, under its lock.
type client struct {
	id, role string
	seq      float64 // of the last event that was delivered: altered streams have no gaps
	welcome  message // the last e2ee.welcome
	deliver  func([]byte)
	ask      func([]byte) // sends a request to the daemon
}

func (c *client) host() bool { return c.role == "host" || c.role == "cohost" }

// Rules alter what the server says. Owned by the proxy, under its lock.
type Rules struct {
	mode, victim string
	changed      int                // messages altered, dropped or made up
	keys         map[string]message // the data of the newest e2ee.keys of each participant
	people       map[string]message // of rosters and waiting lists, as the server sent them
	number       float64            // the newest of the daemon's entries
	groups       map[string]float64 // the number of each of the daemon's groups
	fork         *fork              // of modeFork
}

func newRules() *Rules {
	return &Rules{mode: modeHonest, keys: map[string]message{}, people: map[string]message{}, groups: map[string]float64{}}
}

// fromServer returns what a client gets of one message.
func (r *Rules) fromServer(c *client, m message) []message {
	data, _ := m["data"].(message)
	if _, answer := m["ok"]; answer {
		if strings.HasPrefix(text(m, "id"), forgedID) {
			return nil
		}
		if id, ok := data["participantId"].(string); ok && data["resumeSecret"] != nil {
			c.id, c.role = id, text(data, "role")
		}
		return []message{m}
	}
	r.remember(c, m, data)
	out := r.alter(c, m, data)
	for _, event := range out {
		c.seq++
		event["seq"] = c.seq
	}
	return out
}

func (r *Rules) remember(c *client, m, data message) {
	switch m["type"] {
	case "e2ee.entry":
		r.noteEntry(data)
	case "e2ee.keys":
		r.keys[text(data, "participantId")] = data
	case "e2ee.welcome":
		c.welcome = maps.Clone(m)
	case "participant.joined", "participant.updated":
		if p, ok := data["participant"].(message); ok {
			r.people[text(p, "id")] = p
		}
	}
}

func (r *Rules) alter(c *client, m, data message) []message {
	kind := text(m, "type")
	switch {
	case r.mode == modeDropCommits && c.id == r.victim && (kind == "e2ee.entry" || kind == "e2ee.welcome"):
		r.changed++
		return nil
	case r.forked(c) && (kind == "e2ee.entry" || kind == "e2ee.welcome" || kind == "e2ee.app"):
		return nil
	case !c.host():
		return []message{m}
	case r.mode == modeSwapKeys && kind == "e2ee.keys" && text(data, "participantId") == r.victim:
		for id, other := range r.keys {
			if id != r.victim && id != c.id {
				r.changed++
				swapped := maps.Clone(other)
				swapped["participantId"] = r.victim
				return []message{event("e2ee.keys", m["ts"], swapped)}
			}
		}
	case r.mode == modeWrongName || r.mode == modeWrongRole:
		if r.describe(m) {
			r.changed++
		}
	}
	return []message{m}
}

// describe changes what a message says of the victim, wherever it stands.
func (r *Rules) describe(v any) (changed bool) {
	switch v := v.(type) {
	case message:
		if text(v, "id") == r.victim && v["displayName"] != nil {
			if r.mode == modeWrongName {
				v["verifiedName"] = falseName
			} else {
				v["role"] = "host"
			}
			return true
		}
		for _, inner := range v {
			changed = r.describe(inner) || changed
		}
	case []any:
		for _, inner := range v {
			changed = r.describe(inner) || changed
		}
	}
	return changed
}

// onMode returns what a client is told, unasked, when a mode begins. ghost is who waits.
func (r *Rules) onMode(c *client, ghost string) []message {
	var out []message
	switch {
	case r.mode == modeReplayWelcome && c.id == r.victim && c.welcome != nil:
		out = append(out, maps.Clone(c.welcome))
	case r.mode == modeGhost && c.host() && r.keys[ghost] != nil:
		name := text(r.people[r.victim], "verifiedName")
		person := message{
			"id": ghost, "displayName": name, "verifiedName": name, "role": "participant", "connected": true, "handRaised": false, "verified": false,
			"away": false, "grants": []any{}, "taken": []any{}, "publications": []any{},
		}
		out = append(out, event("participant.joined", 0.0, message{"participant": person}), event("e2ee.keys", 0.0, maps.Clone(r.keys[ghost])))
	}
	for _, m := range out {
		r.changed++
		c.seq++
		m["seq"] = c.seq
	}
	return out
}

// requestOnMode returns what the daemon is asked in the name of a client when a mode begins, or nil. ghost is who waits.
func (r *Rules) requestOnMode(c *client, ghost string) message {
	if r.mode != modeAdmit || !c.host() {
		return nil
	}
	r.changed++
	return message{"id": forgedID + ghost, "type": "waiting.admit", "data": message{"participantIds": []any{ghost}}}
}

func event(kind string, ts any, data message) message {
	return message{"type": kind, "ts": ts, "data": data}
}

func text(m message, key string) string {
	s, _ := m[key].(string)
	return s
}

func encode(m message) []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic("malserver: a decoded message does not encode: " + err.Error())
	}
	return b
}
