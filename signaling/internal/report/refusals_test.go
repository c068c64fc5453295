package report

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

func (c *auditLog) entries() []room.Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
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

// TestRefusalsAreBounded checks that each key gets a few entries a minute, and one with the number of further refusals.
func TestRefusalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c auditLog
		r := NewRefusals(c.enter, time.Now)
		for i := range 1000 {
			r.Token("expired")
			r.Request("key.seat", "room.lock", room.Forbidden)
			if i == 999 {
				r.Request("key.other", "room.end", room.Forbidden) // not hidden by the flood of another
			}
		}
		if len(c.entries()) != 2*auditedRefusals+1 {
			t.Errorf("%d entries in the first minute", len(c.entries()))
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if len(c.entries()) != 2*auditedRefusals+3 {
			t.Errorf("%d entries after it: %v", len(c.entries()), c.entries())
		}
		c.has(t, room.ActTokenRefused, fmt.Sprint("more=", 1000-auditedRefusals))
		if e := c.has(t, room.ActRefusedAct, fmt.Sprint("more=", 1000-auditedRefusals)); e.Session != "key" || e.By != "seat" {
			t.Errorf("whose: %+v", e)
		}
		r.Token("expired")
		if len(c.entries()) != 2*auditedRefusals+4 || len(r.counts) != 1 {
			t.Errorf("the next minute: %d entries, %d counted", len(c.entries()), len(r.counts))
		}
		for i := range 2 * maxRefusalKeys {
			r.Request("key.p"+"0", fmt.Sprint("free text ", i), room.BadRequest)
			r.record(room.Entry{Act: room.ActRefusedAct, Session: fmt.Sprint(i)})
		}
		if len(r.counts) > maxRefusalKeys+2 {
			t.Errorf("%d are counted", len(r.counts))
		}
		r.Close()
		for _, e := range c.entries() {
			if strings.Contains(e.Detail, "free text") {
				t.Errorf("what a client sent is in an entry: %+v", e)
			}
		}
	})
}
