package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/room/live"
)

var (
	datagramsIn = regexp.MustCompile(`(?m)^alcove_media_datagrams_total\{direction="in"\} (\d+)`)
	allocations = regexp.MustCompile(`(?m)^alcove_relay_allocations (\d+)`)
)

// measured waits until a metric is as wanted.
func measured(t *testing.T, admin string, metric *regexp.Regexp, want string) {
	t.Helper()
	got := ""
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.Gosched() {
		_, page := alcovetest.Get(t, admin+"/metrics")
		if m := metric.FindStringSubmatch(page); m != nil {
			got = m[1]
		}
		if got == want {
			return
		}
	}
	t.Fatalf("%v is %s, want %s", metric, got, want)
}

// TestDaemonRelayOverUDP checks that the relay serves UDP, too, and names that first.
func TestDaemonRelayOverUDP(t *testing.T) {
	t.Parallel()
	sock, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	planes := make(chan mediaPlane, 1)
	r := startDevWith(t, t.TempDir(), func(d *Daemon) {
		d.Config.Media.Listen, d.Config.Media.Port = config.Addresses{"127.0.0.1"}, 0
		d.RelayUDP = []*net.UDPConn{sock.(*net.UDPConn)}
		d.OpenMedia = func(c config.Config, log *slog.Logger) (live.Media, Plane, error) {
			m, closer, err := OpenMedia(c, log)
			planes <- closer.(mediaPlane)
			return m, closer, err
		}
	})
	media := (<-planes).engine.Reach()[0].Public
	host, _ := r.hello(t, r.token(t, "role=host"))
	servers := alcovetest.ICEServers(t, host, "")
	over, at := fmt.Sprintf("turn:%s?transport=udp", sock.LocalAddr()), strings.TrimPrefix(r.base, "http://")
	if len(servers) != 1 || !slices.Equal(servers[0].URLs, []string{over, "turn:" + at + "?transport=tcp"}) {
		t.Fatalf("the host is told of %+v", servers)
	}
	relayed, err := alcovetest.AllocateRelayUDP(t, servers[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := relayed.WriteTo([]byte("not even a STUN message"), net.UDPAddrFromAddrPort(media)); err != nil {
		t.Fatal(err)
	}
	measured(t, r.admin, datagramsIn, "1")
	measured(t, r.admin, allocations, "1")
	alcovetest.Send(t, host, `{"id":"2","type":"leave","data":{}}`)
	measured(t, r.admin, allocations, "0")
	r.signals <- os.Interrupt
	if err := <-r.stopped; err != nil {
		t.Error(err)
	}
	if _, err := sock.WriteTo(nil, sock.LocalAddr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket after the end: %v", err)
	}
}

// TestDaemonRelay checks that the relay serves TURN on the port of the page, to admitted people only, to the media port only, and until
// they leave.
func TestDaemonRelay(t *testing.T) {
	t.Parallel()
	planes := make(chan mediaPlane, 1)
	r := startDevWith(t, t.TempDir(), func(d *Daemon) {
		d.Config.Media.Listen, d.Config.Media.Port = config.Addresses{"127.0.0.1"}, 0
		d.OpenMedia = func(c config.Config, log *slog.Logger) (live.Media, Plane, error) {
			m, closer, err := OpenMedia(c, log)
			planes <- closer.(mediaPlane)
			return m, closer, err
		}
	})
	port := (<-planes).engine.Reach()[0].Public
	at := strings.TrimPrefix(r.base, "http://")
	host, _ := r.hello(t, r.token(t, "role=host"))
	hosts := alcovetest.ICEServers(t, host, "")
	if len(hosts) != 1 || len(hosts[0].URLs) != 1 || hosts[0].URLs[0] != "turn:"+at+"?transport=tcp" {
		t.Fatalf("the host is told of %+v", hosts)
	}
	guest, welcome := r.hello(t, r.token(t, "sub=guest&name=Guest"))
	id := regexp.MustCompile(`"participantId":"([^"]+)"`).FindStringSubmatch(welcome)
	alcovetest.Send(t, guest, `{"id":"2","type":"ping","data":{}}`)
	if s := alcovetest.ICEServers(t, guest, "2"); s != nil || id == nil {
		t.Fatalf("who waits is told of %+v", s)
	}
	alcovetest.Send(t, host, fmt.Sprintf(`{"id":"2","type":"waiting.admit","data":{"participantIds":["%s"]}}`, id[1]))
	guests := alcovetest.ICEServers(t, guest, "")
	if len(guests) != 1 || guests[0].Username == hosts[0].Username || guests[0].Credential == hosts[0].Credential {
		t.Fatalf("the guest is told of %+v, the host of %+v", guests, hosts)
	}
	media, err := alcovetest.AllocateRelay(t, at, guests[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	_, page := alcovetest.Get(t, r.admin+"/metrics")
	if m := datagramsIn.FindStringSubmatch(page); m == nil || m[1] != "0" {
		t.Fatalf("before the relay: %v", m)
	}
	if _, err := media.WriteTo([]byte("not even a STUN message"), net.UDPAddrFromAddrPort(port)); err != nil {
		t.Fatal(err)
	}
	measured(t, r.admin, datagramsIn, "1")
	measured(t, r.admin, allocations, "1")
	alcovetest.Send(t, guest, `{"id":"3","type":"leave","data":{}}`)
	measured(t, r.admin, allocations, "0")
	if _, err := alcovetest.AllocateRelay(t, at, guests[0], nil); err == nil {
		t.Error("who left has an allocation")
	}
	if _, err := alcovetest.AllocateRelay(t, at, hosts[0], nil); err != nil {
		t.Error(err)
	}
	r.signals <- os.Interrupt
	if err := <-r.stopped; err != nil {
		t.Error(err)
	}
	for _, secret := range []string{guests[0].Username, guests[0].Credential, hosts[0].Username, hosts[0].Credential, "turn:"} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}
