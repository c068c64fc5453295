package attack

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sys/unix"

	"alcove/auth"
)

// idleConnections is more than twice the number of connections that the daemon accepts.
const (
	idleConnections = 5000
	reconnectAfter  = 5 * time.Second // after the daemon closed one: 600 a second, of those it has no place for
)

// From a host of its own somebody opens connections.
func dialerFrom(host netip.Addr) *net.Dialer {
	d := &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(host, 0)), Timeout: eventuallyTimeout}
	if host.Is6() {
		d.Control = func(_, _ string, c syscall.RawConn) error { // any address of the route, ip(7)
			var err error
			return errors.Join(c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_FREEBIND, 1) }), err)
		}
	}
	return d
}

// An idleConn keeps one idle connection and opens it again when it is closed. The connection sends nothing at all, requests the page once, or
// opens a WebSocket without a hello.
type idleConn struct {
	d      *Daemon
	host   netip.Addr
	kind   int
	opened *atomic.Int64
}

func (i idleConn) hold(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := i.open(ctx)
		if err == nil {
			i.opened.Add(1)
			stop := context.AfterFunc(ctx, func() { c.Close() })
			io.Copy(io.Discard, c) // until we are thrown out
			stop()
			c.Close()
		}
		select {
		case <-time.After(reconnectAfter):
		case <-ctx.Done():
		}
	}
}

func (i idleConn) open(ctx context.Context) (net.Conn, error) {
	at := strings.TrimPrefix(i.d.HTTP, "http://")
	to := at // by IPv6 at the same port
	if i.host.Is6() {
		_, port, _ := net.SplitHostPort(at)
		to = net.JoinHostPort("::1", port)
	}
	c, err := dialerFrom(i.host).DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, err
	}
	switch i.kind {
	case 1:
		fmt.Fprintf(c, "GET /v1/page.json HTTP/1.1\r\nHost: %s\r\n\r\n", at)
	case 2:
		fmt.Fprintf(c, "GET /v1/rtc HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: alcove.v1\r\n\r\n", at, i.d.HTTP)
	}
	return c, nil
}

// A wsClient is a client that makes each attempt exactly once.
type wsClient struct {
	t       *testing.T
	d       *Daemon
	host    netip.Addr
	ws      *websocket.Conn
	welcome struct{ SessionID, ResumeSecret string }
}

// load opens the page as browsers do, by six connections at once, and leaves them open.
func (v *wsClient) load() {
	v.t.Helper()
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			at := strings.TrimPrefix(v.d.HTTP, "http://")
			c, err := dialerFrom(v.host).Dial("tcp", at)
			if err != nil {
				v.t.Error("the page: ", err)
				return
			}
			v.t.Cleanup(func() { c.Close() })
			c.SetDeadline(time.Now().Add(eventuallyTimeout))
			fmt.Fprintf(c, "GET /v1/page.json HTTP/1.1\r\nHost: %s\r\n\r\n", at)
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || answer.StatusCode != http.StatusOK {
				v.t.Error("the page: ", err)
			}
		})
	}
	wg.Wait()
}

// hello sends a hello on a new connection, with a token or to resume, and waits for the answer.
func (v *wsClient) hello(data map[string]any) {
	v.t.Helper()
	dialer := websocket.Dialer{NetDialContext: dialerFrom(v.host).DialContext, Subprotocols: []string{"alcove.v1"}, HandshakeTimeout: eventuallyTimeout}
	ws, _, err := dialer.Dial(strings.Replace(v.d.HTTP, "http", "ws", 1)+"/v1/rtc", http.Header{"Origin": {v.d.HTTP}})
	if err != nil {
		v.t.Fatal("the WebSocket: ", err)
	}
	v.t.Cleanup(func() { ws.Close() })
	v.ws = ws
	data["client"] = map[string]any{"name": "visitor", "version": "1"}
	if err := ws.WriteJSON(map[string]any{"id": "1", "type": "hello", "data": data}); err != nil {
		v.t.Fatal("hello: ", err)
	}
	ws.SetReadDeadline(time.Now().Add(eventuallyTimeout))
	var answer struct {
		OK   bool
		Data json.RawMessage
	}
	if err := ws.ReadJSON(&answer); err != nil || !answer.OK {
		v.t.Fatalf("hello: %v, %+v", err, answer)
	}
	if err := json.Unmarshal(answer.Data, &v.welcome); err != nil || v.welcome.SessionID == "" {
		v.t.Fatalf("hello: %v, %s", err, answer.Data)
	}
}

// ping sends pings as clients do, until the test closes the connection. It returns the error that ended the connection before that.
func (v *wsClient) ping() error {
	v.ws.SetReadDeadline(time.Time{})
	ended := make(chan error, 1)
	go func() {
		for {
			if _, _, err := v.ws.ReadMessage(); err != nil {
				ended <- err
				return
			}
		}
	}()
	for n := 2; ; n++ {
		select {
		case err := <-ended:
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		case <-time.After(time.Second):
			_ = v.ws.WriteJSON(map[string]any{"id": fmt.Sprint(n), "type": "ping"}) // the reader knows
		}
	}
}

func (v *wsClient) enter(subject string, role auth.Role) {
	v.t.Helper()
	token, err := v.d.env.Minter.Token("calm", subject, subject, role)
	if err != nil {
		v.t.Fatal(err)
	}
	v.hello(map[string]any{"token": token.Reveal()})
}

// newDualDaemon starts a daemon that every address of 2001:db8:7::/48 reaches, too.
func newDualDaemon(t *testing.T) *Daemon {
	t.Helper()
	for _, command := range []string{"addr replace ::1/128 dev lo", "route replace local 2001:db8:7::/48 dev lo"} {
		if out, err := exec.Command("ip", append([]string{"-6"}, strings.Fields(command)...)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", command, err, out)
		}
	}
	t.Setenv("ALCOVE_LISTEN", fmt.Sprintf("[::]:%d", 20000+ports.Load()+10)) // where NewDaemon would
	return NewDaemon(t, "trusted_proxies: [10.20.0.0/24]\n")
}

// TestIdleConnectionsDoNotBlockJoins opens 5,000 idle connections from 2, 20 and 200 addresses and from one IPv6 /48, each again as soon as
// it is closed. People must join at the first attempt, resume from another network after a disconnect, and stay connected.
func TestIdleConnectionsDoNotBlockJoins(t *testing.T) {
	v4 := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{127, 1, byte(n), 7}) }
	for name, tt := range map[string]struct {
		hosts int
		host  func(n int) netip.Addr
	}{
		"2 addresses": {2, v4}, "20 addresses": {20, v4}, "200 addresses": {200, v4},
		"one 48": {5000, func(n int) netip.Addr {
			return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 7, byte(n >> 8), byte(n), 15: 1})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDualDaemon(t)
			there := &wsClient{t: t, d: d, host: netip.MustParseAddr("127.3.0.1")}
			there.enter("host", auth.Host)
			stays := make(chan error, 1)
			go func() { stays <- there.ping() }()
			dropped := &wsClient{t: t, d: d, host: netip.MustParseAddr("127.3.1.1")}
			dropped.enter("dropped", auth.Participant)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var opened atomic.Int64
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			for i := range idleConnections {
				wg.Go(func() { idleConn{d, tt.host(i % tt.hosts), i % 3, &opened}.hold(ctx) })
			}
			Eventually(t, "all places are taken", func() bool {
				return opened.Load() >= idleConnections && d.Metric(t, "alcove_connections_displaced_total")+d.Metric(t, "alcove_connections_refused_total") > 0
			})
			dropped.ws.NetConn().Close()
			for i, network := range []string{"127.4.0.1", "127.4.1.1", "127.4.2.1"} {
				v := &wsClient{t: t, d: d, host: netip.MustParseAddr(network)}
				begin := time.Now()
				v.load()
				v.enter(fmt.Sprint("guest", i), auth.Participant)
				t.Logf("one who comes has entered after %v", time.Since(begin))
				if took := time.Since(begin); Long() && took > 2*time.Second {
					t.Errorf("one who comes waits for %v", took)
				}
			}
			back := &wsClient{t: t, d: d, host: netip.MustParseAddr("127.5.0.1")}
			back.hello(map[string]any{"resume": map[string]any{"sessionId": dropped.welcome.SessionID, "secret": dropped.welcome.ResumeSecret}})
			if back.welcome.SessionID != dropped.welcome.SessionID {
				t.Errorf("resumed %s", back.welcome.SessionID)
			}
			there.ws.Close()
			if err := <-stays; err != nil {
				t.Error("who was there: ", err)
			}
			if n := d.Metric(t, "alcove_connections_refused_total"); n != 0 {
				t.Errorf("%v were refused", n)
			}
		})
	}
}
