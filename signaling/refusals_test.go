package signaling

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"alcove/room"
)

// A clerk keeps entries.
type clerk struct {
	mu  sync.Mutex
	all []room.Entry
}

func (c *clerk) enter(e room.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, e)
}

func (c *clerk) has(t *testing.T, act, detail string) (found room.Entry) {
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

// TestRefusalsAreBounded: of each who is refused a minute has a few entries and one with how many more.
func TestRefusalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clerk
		r := newRefusalLog(c.enter, time.Now)
		for i := range 1000 {
			r.tokenRefused("expired")
			r.requestRefused("key.seat", "room.lock", room.Forbidden)
			if i == 999 {
				r.requestRefused("key.other", "room.end", room.Forbidden) // not hidden by the flood of another
			}
		}
		if len(c.all) != 2*auditedRefusals+1 {
			t.Errorf("%d entries in the first minute", len(c.all))
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if len(c.all) != 2*auditedRefusals+3 {
			t.Errorf("%d entries after it: %v", len(c.all), c.all)
		}
		c.has(t, room.ActTokenRefused, fmt.Sprint("more=", 1000-auditedRefusals))
		if e := c.has(t, room.ActRefusedAct, fmt.Sprint("more=", 1000-auditedRefusals)); e.Session != "key" || e.By != "seat" {
			t.Errorf("whose: %+v", e)
		}
		r.tokenRefused("expired")
		if len(c.all) != 2*auditedRefusals+4 || len(r.counts) != 1 {
			t.Errorf("the next minute: %d entries, %d counted", len(c.all), len(r.counts))
		}
		for i := range 2 * maxRefusalKeys {
			r.requestRefused("key.p"+"0", fmt.Sprint("free text ", i), room.BadRequest)
			r.record(room.Entry{Act: room.ActRefusedAct, Session: fmt.Sprint(i)})
		}
		if len(r.counts) > maxRefusalKeys+2 {
			t.Errorf("%d are counted", len(r.counts))
		}
		r.close()
		for _, e := range c.all {
			if strings.Contains(e.Detail, "free text") {
				t.Errorf("what a client sent is in an entry: %+v", e)
			}
		}
	})
}

// TestRefusalsAreEntries: what seated people may not do, tokens that open nothing and failed logins are entries of the audit log.
func TestRefusalsAreEntries(t *testing.T) {
	var c clerk
	h := newHouse(t, func(cfg *Config, _ *Server) { cfg.Refused = c.enter })
	host, guest := h.enter(hostToken), h.enter(guestToken)
	host.until("waiting.added")
	guest.refused("room.lock", nil, room.NotAdmitted)
	host.refused("mod.mute", Object{"participantId": "nobody", "source": "camera"}, room.TargetNotFound)
	host.refused("CANARY", nil, UnknownType)
	h.dial().refused("hello", Object{"token": "bad", "client": Object{"name": "t", "version": "1"}}, InvalidToken)
	host.done("mod.remove", Object{"participantId": guest.said.ParticipantID})
	h.dial().refused("hello", Object{"token": guestToken, "client": Object{"name": "t", "version": "1"}}, room.BarredPerson)
	key, _, _ := strings.Cut(guest.said.SessionID, ".")
	if e := c.has(t, room.ActRefusedAct, "room.lock/not_admitted"); e.Session != key || string(e.By) != guest.said.ParticipantID || e.At.IsZero() {
		t.Errorf("whose: %+v", e)
	}
	c.has(t, room.ActRefusedAct, "mod.mute/target_not_found")
	c.has(t, room.ActRefusedAct, "unknown/unknown_type")
	c.has(t, room.ActTokenRefused, "expired")
	if e := c.has(t, room.ActEntryRefused, "barred"); e.Person != "maria" {
		t.Errorf("who: %+v", e)
	}
}
