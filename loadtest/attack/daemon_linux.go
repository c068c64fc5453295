package attack

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"alcove/auth"
	"alcove/loadtest/client"
	"alcove/loadtest/pace"
)

// Times.
const (
	eventuallyTimeout = 20 * time.Second // what is waited for takes milliseconds; a busy machine takes longer
	pollInterval      = 10 * time.Millisecond
)

// ports are given to one daemon after the other: a namespace of its own has all of them.
var ports atomic.Int32

// A Daemon is the real one, with the configuration that `alcove keygen` begins, and one room policy that asks for nothing.
type Daemon struct {
	Media netip.AddrPort // of the first worker
	HTTP  string         // http://host:port
	Admin string         // the same for metrics
	PID   int
	env   *client.Env
}

// NewDaemon starts the daemon until the test ends. more is appended to its configuration.
func NewDaemon(t testing.TB, more string) *Daemon {
	t.Helper()
	port := 20000 + int(ports.Add(10))
	d := &Daemon{
		Media: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port+2)),
		HTTP:  fmt.Sprintf("http://127.0.0.1:%d", port), Admin: fmt.Sprintf("http://127.0.0.1:%d", port+1),
	}
	program, dir := os.Getenv(envProgram), t.TempDir()
	file := filepath.Join(dir, "alcove.yaml")
	config := fmt.Sprintf(`listen: "127.0.0.1:%d"
admin: 127.0.0.1:%d
control: alcove.sock
auth: {issuer: https://id.clinic.example, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {key_file: keys/store.key}
audit: {key_file: keys/audit.key}
media: {listen: 127.0.0.1, port: %d}
%s`, port, port+1, port+2, more)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "keygen", "--out", filepath.Join(dir, "keys")).CombinedOutput(); err != nil {
		t.Fatalf("keygen: %v\n%s", err, out)
	}
	cmd := exec.Command(program, "serve", "--config", file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.PID = cmd.Process.Pid
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	Eventually(t, "the daemon is ready", func() bool {
		r, err := http.Get(d.Admin + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	d.env = newEnv(t, d.HTTP, filepath.Join(dir, "keys", "signing.jwk"))
	return d
}

func newEnv(t testing.TB, server, key string) *client.Env {
	t.Helper()
	lab := &client.Env{
		Server: server, Minter: client.Minter{Issuer: "https://id.clinic.example", Audience: "alcove"},
		Local: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Seed: 1,
	}
	if err := lab.Minter.LoadKey(key); err != nil {
		t.Fatal(err)
	}
	pacer, err := pace.NewPacer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pacer.Close() })
	lab.Pacer = pacer
	return lab
}

// Encrypt lets people enter from now on as clients that support end-to-end encryption, with tokens that promise it.
func (d *Daemon) Encrypt() { d.env.E2EE, d.env.Minter.E2EE = true, true }

// Metric sums up the series of a metric that have all these labels, written as `name="value"`.
func (d *Daemon) Metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	r, err := http.Get(d.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	sum := 0.0
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		series, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || series != name && !strings.HasPrefix(series, name+"{") {
			continue
		}
		for _, l := range labels {
			ok = ok && strings.Contains(series, l)
		}
		if n, err := strconv.ParseFloat(value, 64); ok && err == nil {
			sum += n
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return sum
}

// Drops is the counter of one reason.
func (d *Daemon) Drops(t testing.TB, reason string) int {
	t.Helper()
	return int(d.Metric(t, "alcove_media_drops_total", `reason="`+reason+`"`))
}

// A Client is a person of a room.
type Client struct {
	*client.Member
	Group *client.Group // counts what this one receives
	*NAT
	*SDPTap
}

// Enter lets somebody in and waits until the connection is there. Each has a NAT of its own, so that their address can change; the
// host has to come first.
func (d *Daemon) Enter(t testing.TB, who client.Persona) *Client {
	t.Helper()
	return d.EnterWithEvents(t, who, nil)
}

// EnterWithEvents is Enter of one whose events are handed to hear, on the reader's goroutine.
func (d *Daemon) EnterWithEvents(t testing.TB, who client.Persona, hear func(client.Event)) *Client {
	t.Helper()
	v := &Client{Group: client.NewGroup(), NAT: newNAT(t, d.Media), SDPTap: &SDPTap{}}
	lab := &client.Env{
		Server: d.env.Server, Minter: d.env.Minter, Pacer: d.env.Pacer, Local: d.env.Local, Seed: d.env.Seed,
		Via: v.via, E2EE: d.env.E2EE,
	}
	who.Wrap = v.SDPTap.wrap
	who.AdmitAll = who.Role == auth.Host
	v.Member = client.NewMember(lab, v.Group, who, hear)
	ctx, cancel := context.WithTimeout(context.Background(), eventuallyTimeout)
	defer cancel()
	if err := v.Member.Enter(ctx); err != nil {
		t.Fatal("enter: ", err)
	}
	if err := v.Await(ctx, "media", client.Connected); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Vanish)
	return v
}

// AudioPackets is how many packets of audio came so far.
func (v *Client) AudioPackets() uint64 {
	audio, _ := v.Group.Take()
	return audio.Packets
}

// Eventually waits until ok holds.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	limit := time.After(eventuallyTimeout)
	for !ok() {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}
