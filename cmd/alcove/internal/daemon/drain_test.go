package daemon

import (
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/control"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/keyfile"
)

func (r *running) token(t *testing.T, query string) string {
	t.Helper()
	resp, body := alcovetest.Get(t, r.base+"/dev/token?"+query)
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	return strings.TrimSpace(body)
}

func TestDrainCommands(t *testing.T) {
	t.Parallel()
	r := startDev(t)
	host, _ := r.hello(t, r.token(t, "role=host&room=tuesday&sub=h"))
	if said, code := demotest.Command(t, "drain", "--socket", r.socket, "--stops-in", "20m"); code != cli.ExitOK || said != "draining; 1 rooms, 1 people connected\n" {
		t.Errorf("drain: %d %s", code, said)
	}
	if event := alcovetest.NextEvent(t, host, "server.draining"); !strings.Contains(event, `"draining":true,"stopsAt":1`) {
		t.Errorf("the host hears %s", event)
	}
	if resp, body := alcovetest.Get(t, r.admin+"/readyz"); resp.StatusCode != http.StatusServiceUnavailable || body != "draining\n" {
		t.Errorf("readyz says %s %s", resp.Status, body)
	}
	if _, answer := r.hello(t, r.token(t, "role=host&room=wednesday&sub=i")); !strings.Contains(answer, `"code":"draining"`) {
		t.Errorf("who opens a room hears %s", answer)
	}
	if _, answer := r.hello(t, r.token(t, "room=tuesday&sub=late")); !strings.Contains(answer, `"state":"waiting"`) {
		t.Errorf("who comes late hears %s", answer)
	}
	if said, code := demotest.Command(t, "drain", "--socket", r.socket, "--wait", "--stops-in", "1ms"); code != cli.ExitBusy || !strings.Contains(said, "2 people") {
		t.Errorf("waiting for people: %d %s", code, said)
	}
	if said, code := demotest.Command(t, "undrain", "--socket", r.socket); code != cli.ExitOK || said != "taking new rooms; 1 rooms, 2 people connected\n" {
		t.Errorf("undrain: %d %s", code, said)
	}
	for alcovetest.NextEvent(t, host, "server.draining"); ; {
		if event := alcovetest.NextEvent(t, host, "server.draining"); strings.Contains(event, `"draining":false`) {
			break
		}
	}
	if resp, _ := alcovetest.Get(t, r.admin+"/readyz"); resp.StatusCode != http.StatusOK {
		t.Errorf("readyz says %s afterwards", resp.Status)
	}
	if said, code := demotest.Command(t, "drain", "--socket", r.socket, "--stops-in", "-1s"); code != cli.ExitError || !strings.Contains(said, "stops_in: use a time") {
		t.Errorf("a time before now: %d %s", code, said)
	}
	if said, code := demotest.Command(t, "reload", "--socket", r.socket); code != cli.ExitError || !strings.Contains(said, "no configuration") {
		t.Errorf("reload of dev: %d %s", code, said)
	}
	r.signals <- os.Interrupt
	if err := <-r.stopped; err != nil {
		t.Error(err)
	}
	if said, code := demotest.Command(t, "drain", "--socket", r.socket); code != cli.ExitError || !strings.Contains(said, "no daemon answers on "+r.socket) {
		t.Errorf("without a daemon: %d %s", code, said)
	}
}

// TestStopWaitsForPeople checks that a stop waits until everybody has left, and ends as soon as they have.
func TestStopWaitsForPeople(t *testing.T) {
	t.Parallel()
	r := startDevWith(t, t.TempDir(), func(d *Daemon) { d.Config.DrainWait = config.Duration(time.Hour) })
	host, _ := r.hello(t, r.token(t, "role=host"))
	r.signals <- os.Interrupt
	alcovetest.NextEvent(t, host, "server.draining")
	if said, code := demotest.Command(t, "undrain", "--socket", r.socket); code != cli.ExitError || !strings.Contains(said, errStopping.Error()) {
		t.Errorf("undrain of a daemon that stops: %d %s", code, said)
	}
	if err := host.WriteMessage(websocket.TextMessage, []byte(`{"id":"2","type":"leave"}`)); err != nil {
		t.Fatal(err)
	}
	if err := <-r.stopped; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

// TestSecondSignal checks that a second signal ends the wait, and that the exit code shows it.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	r := startDevWith(t, t.TempDir(), func(d *Daemon) { d.Config.DrainWait = config.Duration(time.Hour) })
	host, _ := r.hello(t, r.token(t, "role=host"))
	r.signals <- os.Interrupt
	alcovetest.NextEvent(t, host, "server.draining")
	r.signals <- os.Interrupt
	err := <-r.stopped
	if e, ok := errors.AsType[cli.Exit](err); !ok || e.Code != cli.ExitForced {
		t.Errorf("stopped with %v", err)
	}
}

func TestControlSocket(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "deep", "alcove.sock")
	first, err := control.Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	go http.Serve(first, http.NotFoundHandler())
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != keyfile.ModeSecret {
		t.Errorf("%v %v", info, err)
	}
	if _, err := control.Listen(name); err == nil || !strings.Contains(err.Error(), "another daemon") {
		t.Errorf("a second daemon: %v", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false) // as after kill -9
	first.Close()
	second, err := control.Listen(name)
	if err != nil {
		t.Fatalf("a socket that was left: %v", err)
	}
	second.Close()
	if _, err := control.Listen(filepath.Join(t.TempDir(), strings.Repeat("n", 120))); err == nil || !strings.Contains(err.Error(), "107") {
		t.Errorf("a long path: %v", err)
	}
	key := filepath.Join(t.TempDir(), "audit.key")
	if err := os.WriteFile(key, []byte("precious"), keyfile.ModeSecret); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(key); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("a file in the place of the socket: %v", err)
	}
	if kept, err := os.ReadFile(key); err != nil || string(kept) != "precious" {
		t.Errorf("the file is %q, %v", kept, err)
	}
	if said, code := demotest.Command(t, "drain", "--socket", name); code != cli.ExitError {
		t.Errorf("%d %s", code, said)
	}
}
