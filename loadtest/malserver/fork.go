package main

import (
	"maps"
	"slices"
)

// A fork is a second order of a session's groups, for one half of its participants: their commits are accepted here and not by the daemon, so that
// both halves go on from the same state and neither hears of the other's changes. Owned by Rules.
type fork struct {
	half    map[string]bool // participants
	number  float64
	groups  map[string]float64 // the number of each group
	entries []forkEntry
}

type forkEntry struct {
	data, welcome message
	to            []any
	proofs        []any
}

// startFork takes the groups as the daemon left them.
func (r *Rules) startFork(half []string) {
	f := &fork{half: map[string]bool{}, number: r.number, groups: maps.Clone(r.groups)}
	for _, id := range half {
		f.half[id] = true
	}
	r.fork = f
}

// noteEntry follows the daemon's own order.
func (r *Rules) noteEntry(data message) {
	number, _ := data["number"].(float64)
	r.number = max(r.number, number)
	r.groups[text(data, "group")] = max(r.groups[text(data, "group")], number)
}

// forked reports whether a client is in the half of the fork.
func (r *Rules) forked(c *client) bool {
	return r.mode == modeFork && r.fork != nil && r.fork.half[c.id]
}

// fromBrowser answers a request of the fork's half about its groups. It returns false for one that the daemon answers. others are all clients.
func (r *Rules) fromBrowser(c *client, m message, others []*client) bool {
	if !r.forked(c) {
		return false
	}
	data, _ := m["data"].(message)
	answer := message{}
	group, known := r.fork.groups[text(data, "group")]
	switch text(m, "type") {
	case "e2ee.create":
		r.accept(c, others, forkEntry{data: message{"kind": "create", "group": data["group"], "previous": 0.0, "replaces": data["replaces"]}})
	case "e2ee.commit":
		if after, _ := data["after"].(float64); !known || after != group {
			r.refuse(c, m)
			return true
		}
		to, _ := data["to"].([]any)
		proofs, _ := data["proofs"].([]any)
		e := forkEntry{data: message{"kind": "commit", "group": data["group"], "previous": group, "blob": data["commit"]}, to: to, proofs: proofs}
		if data["welcome"] != nil {
			e.welcome = message{"group": data["group"], "from": c.id, "blob": data["welcome"]}
		}
		r.accept(c, others, e)
	case "e2ee.app":
		if after, _ := data["after"].(float64); !known || after != group {
			r.refuse(c, m)
			return true
		}
		for _, other := range others {
			if other != c && r.forked(other) {
				r.send(other, "e2ee.app", message{"group": data["group"], "number": group, "from": c.id, "blob": data["blob"]})
			}
		}
	case "e2ee.sync":
		after, _ := data["after"].(float64)
		for _, e := range r.fork.entries {
			if number := e.data["number"].(float64); number > after {
				r.tell(c, e)
				after = number
			}
		}
		answer["number"] = after
	default:
		return false
	}
	c.deliver(encode(message{"id": m["id"], "ok": true, "data": answer}))
	return true
}

func (r *Rules) accept(c *client, others []*client, e forkEntry) {
	r.changed++
	r.fork.number++
	r.fork.groups[text(e.data, "group")] = r.fork.number
	e.data["number"], e.data["from"] = r.fork.number, c.id
	maps.DeleteFunc(e.data, func(_ string, v any) bool { return v == nil })
	r.fork.entries = append(r.fork.entries, e)
	for _, other := range others {
		if r.forked(other) {
			r.tell(other, e)
		}
	}
}

func (r *Rules) tell(c *client, e forkEntry) {
	r.send(c, "e2ee.entry", e.data)
	at := slices.Index(e.to, any(c.id))
	if at < 0 || e.welcome == nil {
		return
	}
	welcome := maps.Clone(e.welcome)
	welcome["number"] = e.data["number"]
	if at < len(e.proofs) {
		welcome["proof"] = e.proofs[at]
	}
	r.send(c, "e2ee.welcome", welcome)
}

func (r *Rules) send(c *client, kind string, data message) {
	m := event(kind, 0.0, data)
	c.seq++
	m["seq"] = c.seq
	c.deliver(encode(m))
}

func (r *Rules) refuse(c *client, m message) {
	c.deliver(encode(message{"id": m["id"], "ok": false, "error": message{"code": "e2ee_stale", "message": "another number", "retryable": true}}))
}
