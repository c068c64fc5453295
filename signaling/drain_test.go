package signaling

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

// TestDrain checks that seated clients, including later ones, are notified when the daemon stops and when it no longer does.
func TestDrain(t *testing.T) {
	h := newTestServer(t, nil)
	admin := httptest.NewServer(h.srv.AdminHandler())
	t.Cleanup(admin.Close)
	stranger, host := h.dial(), h.enter(hostToken)
	waiting := h.enter("tuesday|participant|maria|Maria")
	at := time.Now().Add(time.Minute)
	h.srv.Drain(at)
	h.srv.Drain(at) // no news
	late := h.enter("tuesday|participant|jonas|Jonas")
	for _, c := range []*wiretest.Client{host, waiting, late} {
		if e := c.WaitFor("server.draining"); e.Data["draining"] != true || e.Data["stopsAt"] != float64(at.UnixMilli()) {
			t.Errorf("told %v", e.Data)
		}
	}
	if resp, body := get(t, admin.URL+"/readyz"); resp.StatusCode != 503 || strings.TrimSpace(body) != "draining" {
		t.Errorf("readyz says %s %q", resp.Status, body)
	}
	h.srv.Undrain()
	if resp, _ := get(t, admin.URL+"/readyz"); resp.StatusCode != 200 {
		t.Errorf("readyz says %s afterwards", resp.Status)
	}
	for _, c := range []*wiretest.Client{host, waiting, late} {
		if e := c.WaitFor("server.draining"); e.Data["draining"] != false {
			t.Errorf("told %v then", e.Data)
		}
	}
	stranger.Hello(wire.Object{"token": "tuesday|participant|noor|Noor"})
	stranger.Do("ping", nil)
	for _, e := range stranger.Events {
		if e.Type == "server.draining" {
			t.Errorf("one who came after was told %v", e.Data)
		}
	}
}

// TestDrainWithoutTimeSendsNothing drains without a time: sessions continue, so clients are not notified.
func TestDrainWithoutTimeSendsNothing(t *testing.T) {
	h := newTestServer(t, nil)
	host := h.enter(hostToken)
	h.srv.Drain(time.Time{})
	h.srv.Undrain()
	host.Do("ping", nil)
	for _, e := range host.Events {
		if e.Type == "server.draining" {
			t.Errorf("told %v", e.Data)
		}
	}
}
