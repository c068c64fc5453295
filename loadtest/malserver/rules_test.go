package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
)

func decode(t *testing.T, s string) message {
	t.Helper()
	var m message
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func joined(t *testing.T, r *Rules, role, id string) *client {
	t.Helper()
	c := &client{}
	answer := decode(t, `{"id":"1","ok":true,"data":{"participantId":"`+id+`","resumeSecret":"s","role":"`+role+`"}}`)
	if out := r.fromServer(c, answer); len(out) != 1 || c.id != id || c.host() != (role != "participant") {
		t.Fatalf("hello: %v, %+v", out, c)
	}
	return c
}

const maraJoins = `{"seq":7,"type":"participant.joined","ts":1,"data":{"participant":{"id":"mara","displayName":"Mara","verifiedName":"Mara","role":"participant"}}}`

func keysOf(t *testing.T, id string) message {
	return decode(t, `{"seq":9,"type":"e2ee.keys","ts":1,"data":{"participantId":"`+id+`","keyPackage":"of `+id+`","tokenHash":"h","proof":"p"}}`)
}

// TestRulesAlterMessages checks that each mode alters only the messages that it is meant to alter, and that the browser sees no gap in the
// event numbers.
func TestRulesAlterMessages(t *testing.T) {
	for mode, want := range map[string]struct{ host, guest int }{
		modeHonest: {0, 0}, modeWrongName: {1, 0}, modeWrongRole: {1, 0}, modeSwapKeys: {1, 0}, modeDropCommits: {0, 1},
	} {
		r := newRules()
		host, mara := joined(t, r, "host", "lind"), joined(t, r, "participant", "mara")
		r.mode, r.victim = mode, "mara"
		delivered := map[*client][]message{}
		for _, c := range []*client{host, mara} {
			r.changed = 0
			for _, m := range []message{decode(t, maraJoins), keysOf(t, "eve"), keysOf(t, "mara"), decode(t, `{"seq":3,"type":"e2ee.entry","ts":1,"data":{"number":2}}`)} {
				delivered[c] = append(delivered[c], r.fromServer(c, m)...)
			}
			changed := map[*client]int{host: want.host, mara: want.guest}[c]
			if r.changed != changed {
				t.Errorf("%s: %d altered for %s, want %d", mode, r.changed, c.id, changed)
			}
			for i, m := range delivered[c] {
				if m["seq"] != float64(i+1) {
					t.Errorf("%s: event %d has the number %v", mode, i+1, m["seq"])
				}
			}
		}
		person := delivered[host][0]["data"].(message)["participant"].(message)
		keys := delivered[host][2]["data"].(message)
		if (person["verifiedName"] == falseName) != (mode == modeWrongName) || (person["role"] == "host") != (mode == modeWrongRole) {
			t.Errorf("%s: hosts see %v", mode, person)
		}
		if keys["participantId"] != "mara" || (keys["keyPackage"] == "of eve") != (mode == modeSwapKeys) {
			t.Errorf("%s: hosts get %v", mode, keys)
		}
		if dropped := len(delivered[mara]) == 3; dropped != (mode == modeDropCommits) {
			t.Errorf("%s: %d events for Mara", mode, len(delivered[mara]))
		}
	}
}

// TestRulesForgeMessages checks that each mode sends its forged messages to the intended clients only.
func TestRulesForgeMessages(t *testing.T) {
	r := newRules()
	host, mara := joined(t, r, "host", "lind"), joined(t, r, "participant", "mara")
	r.fromServer(host, decode(t, maraJoins))
	r.fromServer(host, keysOf(t, "eve"))
	r.fromServer(mara, decode(t, `{"seq":4,"type":"e2ee.welcome","ts":1,"data":{"group":"g","blob":"b"}}`))
	r.victim = "mara"
	r.mode = modeGhost
	out := r.onMode(host, "eve")
	if len(out) != 2 || out[0]["data"].(message)["participant"].(message)["verifiedName"] != "Mara" || out[1]["data"].(message)["keyPackage"] != "of eve" {
		t.Errorf("ghost: %v", out)
	}
	if out := r.onMode(mara, "eve"); out != nil {
		t.Errorf("a guest is told %v", out)
	}
	r.mode = modeReplayWelcome
	if out := r.onMode(mara, ""); len(out) != 1 || out[0]["type"] != "e2ee.welcome" || out[0]["seq"] != 2.0 {
		t.Errorf("replay: %v", out)
	}
}

// TestRulesAdmit checks that the daemon is asked to admit in the name of a host, and that the host's page hears of no answer.
func TestRulesAdmit(t *testing.T) {
	r := newRules()
	host, mara := joined(t, r, "host", "lind"), joined(t, r, "participant", "mara")
	r.mode = modeAdmit
	if m := r.requestOnMode(mara, "eve"); m != nil {
		t.Errorf("a participant asks %v", m)
	}
	m := r.requestOnMode(host, "eve")
	if got, want := string(encode(m)), `{"data":{"participantIds":["eve"]},"id":"malserver-eve","type":"waiting.admit"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if out := r.fromServer(host, decode(t, `{"id":"malserver-eve","ok":true,"data":{"admitted":["eve"],"refused":[]}}`)); len(out) != 0 {
		t.Errorf("the page gets %v", out)
	}
}

// TestRulesFork checks that the half of a fork gets its own entries, welcomes and messages and none of the daemon's, that the daemon hears of
// none of its requests about groups, and that numbers go on from the daemon's.
func TestRulesFork(t *testing.T) {
	r := newRules()
	var all []*client
	heard := map[string][]string{}
	for id, role := range map[string]string{"lind": "host", "ruth": "host", "theo": "participant"} {
		c := joined(t, r, role, id)
		c.deliver = func(data []byte) { heard[id] = append(heard[id], string(data)) }
		all = append(all, c)
	}
	of := func(id string) *client { return all[slices.IndexFunc(all, func(c *client) bool { return c.id == id })] }
	entry := decode(t, `{"seq":3,"type":"e2ee.entry","ts":1,"data":{"number":7,"group":"g"}}`)
	if out := r.fromServer(of("theo"), entry); len(out) != 1 {
		t.Fatalf("before the fork: %v", out)
	}
	r.mode = modeFork
	r.startFork([]string{"ruth", "theo"})
	commit := decode(t, `{"id":"5","type":"e2ee.commit","data":{"group":"g","after":7,"commit":"c","welcome":"w","to":["theo","lind"],"proofs":["p","q"]}}`)
	if r.fromBrowser(of("lind"), commit, all) || !r.fromBrowser(of("ruth"), commit, all) || r.fromBrowser(of("ruth"), decode(t, `{"id":"6","type":"ping","data":{}}`), all) {
		t.Error("each half asks its own server")
	}
	stale := decode(t, `{"id":"7","type":"e2ee.app","data":{"group":"g","after":7,"blob":"b"}}`)
	if !r.fromBrowser(of("theo"), stale, all) {
		t.Error("the daemon is asked")
	}
	for _, id := range []string{"ruth", "theo"} {
		for _, kind := range []string{"e2ee.entry", "e2ee.welcome", "e2ee.app"} {
			if out := r.fromServer(of(id), decode(t, `{"seq":9,"type":"`+kind+`","ts":1,"data":{"number":8,"group":"g"}}`)); len(out) != 0 {
				t.Errorf("%s hears of the other half: %v", id, out)
			}
		}
	}
	const told = `{"data":{"blob":"c","from":"ruth","group":"g","kind":"commit","number":8,"previous":7},"seq":%d,"ts":0,"type":"e2ee.entry"}`
	want := map[string][]string{
		"ruth": {fmt.Sprintf(told, 1), `{"data":{},"id":"5","ok":true}`},
		"theo": {
			fmt.Sprintf(told, 2), `{"data":{"blob":"w","from":"ruth","group":"g","number":8,"proof":"p"},"seq":3,"ts":0,"type":"e2ee.welcome"}`,
			`{"error":{"code":"e2ee_stale","message":"another number","retryable":true},"id":"7","ok":false}`,
		},
	}
	if !reflect.DeepEqual(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
	heard = map[string][]string{}
	r.fromBrowser(of("theo"), decode(t, `{"id":"8","type":"e2ee.sync","data":{"after":7}}`), all)
	if got := heard["theo"]; len(got) != 3 || got[2] != `{"data":{"number":8},"id":"8","ok":true}` {
		t.Errorf("sync: %q", got)
	}
}
