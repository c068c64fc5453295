package session

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alcove/room"
	"alcove/signaling/internal/report"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

// An auditLog collects entries.
type auditLog struct {
	mu  sync.Mutex
	all []room.Entry
}

func (c *auditLog) enter(e room.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, e)
}

func (c *auditLog) has(t *testing.T, act, detail string) (found room.Entry) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.all, func(e room.Entry) bool { return e.Act == act && e.Detail == detail })
	if i < 0 {
		t.Errorf("no entry of %s %s in %v", act, detail, c.all)
		return found
	}
	return c.all[i]
}

// TestRefusalsAreEntries checks that forbidden requests, refused tokens and failed logins are entries of the audit log.
func TestRefusalsAreEntries(t *testing.T) {
	var c auditLog
	h := newTestServer(t, func(cfg *Config, _ *Service) { cfg.Refusals = report.NewRefusals(c.enter, time.Now) })
	host, guest := h.enter(hostToken), h.enter(guestToken)
	host.WaitFor("waiting.added")
	guest.Refused("room.lock", nil, room.NotAdmitted)
	host.Refused("mod.mute", wire.Object{"participantId": "nobody", "source": "camera"}, room.TargetNotFound)
	host.Refused("CANARY", nil, wire.UnknownType)
	h.dial().Refused("hello", wire.Object{"token": "bad", "client": wiretest.ClientInfo}, wire.InvalidToken)
	host.Do("mod.remove", wire.Object{"participantId": guest.Welcome.ParticipantID})
	h.dial().Refused("hello", wire.Object{"token": guestToken, "client": wiretest.ClientInfo}, room.BarredPerson)
	key, _, _ := strings.Cut(guest.Welcome.SessionID, ".")
	if e := c.has(t, room.ActRefusedAct, "room.lock/not_admitted"); e.Session != key || string(e.By) != guest.Welcome.ParticipantID || e.At.IsZero() {
		t.Errorf("whose: %+v", e)
	}
	c.has(t, room.ActRefusedAct, "mod.mute/target_not_found")
	c.has(t, room.ActRefusedAct, "unknown/unknown_type")
	c.has(t, room.ActTokenRefused, "expired")
	if e := c.has(t, room.ActEntryRefused, "barred"); e.Person != "maria" {
		t.Errorf("who: %+v", e)
	}
}
