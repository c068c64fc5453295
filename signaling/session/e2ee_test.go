package session

import (
	"encoding/base64"
	"net"
	"strings"
	"testing"
	"time"

	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

var (
	groupID = base64.StdEncoding.EncodeToString([]byte("group"))
	sealed  = base64.StdEncoding.EncodeToString([]byte("sealed"))
	digest  = base64.StdEncoding.EncodeToString(make([]byte, 32))
)

// encrypted makes rooms that are encrypted end to end.
func encrypted(c *Config) {
	policy := room.Policy{Name: "default", MaxParticipants: 20, MaxWaiting: 20, ResumeWindow: time.Minute, E2EE: room.E2EERequired}
	c.Rooms = live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: wiretest.Media{}})
}

func newEncryptedServer(t *testing.T) *testServer {
	return newTestServer(t, func(c *Config, svc *Service) {
		if svc == nil {
			encrypted(c)
		}
	})
}

// TestClientWithoutEncryptionIsRefused checks that an encrypted session refuses such a client at hello and at a resume, with a message and
// with the close code after which a client does not reconnect.
func TestClientWithoutEncryptionIsRefused(t *testing.T) {
	h := newEncryptedServer(t)
	host := h.enter(hostToken)
	resume := wire.Object{"sessionId": host.Welcome.SessionID, "secret": host.Welcome.ResumeSecret}
	for name, hello := range map[string]wire.Object{
		"an old client":   {"token": hostToken},
		"another version": {"token": hostToken, "e2ee": 2},
		"at a resume":     {"resume": resume},
	} {
		c := h.dial()
		hello["client"] = wiretest.ClientInfo
		r := c.Request("hello", hello)
		if r.Code() != room.NeedsE2EE || r.Error.Retryable || !strings.Contains(r.Error.Message, "encrypted") {
			t.Errorf("%s: %+v", name, r.Error)
		}
		if code := c.CloseCode(); code != wire.CloseForbidden {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	host.Do("hand.set", wire.Object{"raised": true}) // who is in stays in
}

// TestTokenNamesTheMode checks that a token that requires encryption opens no room without it, and the reverse.
func TestTokenNamesTheMode(t *testing.T) {
	plain, sealedRooms := newTestServer(t, nil), newEncryptedServer(t)
	for _, tt := range []struct {
		h    *testServer
		mode string
		want room.Code
	}{{plain, "required", room.PolicyMismatch}, {plain, "off", ""}, {sealedRooms, "off", room.PolicyMismatch}, {sealedRooms, "required", ""}} {
		c := tt.h.dial()
		r := c.Request("hello", wire.Object{"token": hostToken + "|" + tt.mode, "e2ee": 1, "client": wiretest.ClientInfo})
		if r.Code() != tt.want {
			t.Errorf("%s: %+v", tt.mode, r.Error)
			continue
		}
		if tt.want != "" {
			if code := c.CloseCode(); code != wire.CloseInvalidToken {
				t.Errorf("%s: closed with %d", tt.mode, code)
			}
		} else if policy := r.Data["policy"].(map[string]any); policy["e2ee"] != tt.mode {
			t.Errorf("%s: told %v", tt.mode, policy)
		}
	}
}

// TestGroupRequests checks what each participant receives after requests about groups, in the order of the connection.
func TestGroupRequests(t *testing.T) {
	h := newEncryptedServer(t)
	host := h.enter(hostToken)
	host.WaitFor("e2ee.state")
	host.Do("e2ee.create", wire.Object{"group": groupID})
	if e := host.WaitFor("e2ee.entry"); e.Data["number"] != 1.0 || e.Data["kind"] != "create" {
		t.Errorf("told %v", e.Data)
	}
	guest := h.enter(guestToken)
	if r := guest.Do("e2ee.key", wire.Object{"keyPackage": sealed, "tokenHash": digest, "proof": digest}); len(r.Data) != 0 {
		t.Errorf("one who waits is answered %v", r.Data)
	}
	id := guest.Welcome.ParticipantID
	if e := host.WaitFor("e2ee.keys"); e.Data["participantId"] != id || e.Data["keyPackage"] != sealed || e.Data["proof"] != digest {
		t.Errorf("told %v", e.Data)
	}
	guest.Refused("e2ee.app", wire.Object{"group": groupID, "after": 1, "blob": sealed}, room.NotAdmitted)
	host.Do("waiting.admit", wire.Object{"participantIds": []string{id}})
	if e := guest.WaitFor("e2ee.state"); e.Data["number"] != 1.0 || e.Data["group"] != groupID {
		t.Errorf("told %v", e.Data)
	}
	guest.WaitFor("roster")
	host.Do("e2ee.commit", wire.Object{"group": groupID, "after": 1, "commit": sealed, "welcome": sealed, "to": []string{id}, "proofs": []string{digest}})
	host.Refused("e2ee.commit", wire.Object{"group": groupID, "after": 1, "commit": sealed}, room.E2EEStale)
	if e := guest.WaitFor("e2ee.entry"); e.Data["number"] != 2.0 || e.Data["previous"] != 1.0 || e.Data["blob"] != sealed {
		t.Errorf("told %v", e.Data)
	}
	if e := guest.WaitFor("e2ee.welcome"); e.Data["number"] != 2.0 || e.Data["proof"] != digest || e.Data["blob"] != sealed {
		t.Errorf("told %v", e.Data)
	}
	guest.Do("e2ee.app", wire.Object{"group": groupID, "after": 2, "blob": sealed})
	if e := host.WaitFor("e2ee.app"); e.Data["number"] != 2.0 || e.Data["from"] != id || e.Data["blob"] != sealed {
		t.Errorf("told %v", e.Data)
	}
	if r := guest.Do("e2ee.sync", wire.Object{"after": 0}); r.Data["number"] != 2.0 {
		t.Errorf("answered %v", r.Data)
	}
	guest.Refused("e2ee.sync", wire.Object{"after": 3}, room.E2EEGone)
}

// TestSlowMemberSyncs checks that a member who falls behind is closed with 4429, resumes, receives the number, and gets all missed entries
// in pieces that fit the connection.
func TestSlowMemberSyncs(t *testing.T) {
	s := newSlowServerWith(t, smallBuffer, time.Minute, encrypted)
	slow := s.connect(wire.Object{"token": "tuesday|cohost|carl|Carl"})
	slow.Conn.NetConn().(*net.TCPConn).SetReadBuffer(4 << 10)
	s.host.Do("e2ee.create", wire.Object{"group": groupID})
	out := s.slowOutbox()
	number, big := 1, strings.Repeat("A", 180<<10)
	for ; !out.closed(); number++ {
		s.host.Do("e2ee.commit", wire.Object{"group": groupID, "after": number, "commit": big})
	}
	if code := slow.CloseCode(); code != wire.CloseRateLimited {
		t.Fatalf("closed with %d", code)
	}
	last := 0.0
	for _, e := range slow.Events {
		if e.Type == "e2ee.entry" {
			last = e.Data["number"].(float64)
		}
	}
	back := s.connect(wire.Object{"resume": wire.Object{"sessionId": slow.Welcome.SessionID, "secret": slow.Welcome.ResumeSecret}})
	if e := back.WaitFor("e2ee.state"); e.Data["number"] != float64(number) {
		t.Fatalf("told %v after %d", e.Data, number)
	}
	missed := float64(number) - last
	for requests := 0; last < float64(number); requests++ {
		r := back.Do("e2ee.sync", wire.Object{"after": last})
		through := r.Data["number"].(float64)
		for ; last < through; last++ {
			if e := back.WaitFor("e2ee.entry"); e.Data["number"] != last+1 || e.Data["blob"] != big {
				t.Fatalf("entry %v after %v", e.Data["number"], last)
			}
		}
		if requests > int(missed) {
			t.Fatal("no progress")
		}
	}
	if missed < 5 {
		t.Errorf("%v entries were missed: the queue was never full", missed)
	}
}
