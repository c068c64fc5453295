package sfu

import (
	"context"
	"net"
	"regexp"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// A route is one way of a client to the server: a socket, and the priority that its checks name (RFC 8445, section 7.1.1).
type route struct {
	*net.UDPConn
	priority uint32
}

func newRoute(t *testing.T, priority uint32) *route {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &route{c, priority}
}

// nominate checks the path and waits for the answer.
func (p *route) nominate(t *testing.T, server net.Addr, user, password string) {
	t.Helper()
	check, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(user), ice.UseCandidate(), ice.PriorityAttr(p.priority),
		ice.AttrControlling(1), stun.NewShortTermIntegrity(password), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.WriteTo(check.Raw, server); err != nil {
		t.Fatal(err)
	}
	p.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := p.Read(make([]byte, 1500)); err != nil || n < 20 {
		t.Fatalf("no answer to a check: %v", err)
	}
	p.SetReadDeadline(time.Time{})
}

var (
	ufragLine = regexp.MustCompile(`(?m)^a=ice-ufrag:(\S+)`)
	pwdLine   = regexp.MustCompile(`(?m)^a=ice-pwd:(\S+)`)
)

// TestNominatedTwice checks that, of two paths that are nominated before the handshake, the better one is used whichever came last, unless
// the client keeps nominating the other one.
func TestNominatedTwice(t *testing.T) {
	for name, c := range map[string]struct {
		nominates []int
		used      int
	}{
		"the better one last":         {[]int{1, 0}, 0},
		"the better one first":        {[]int{0, 1}, 0},
		"one insists on the other":    {[]int{0, 1, 1}, 1},
		"and goes back to the better": {[]int{0, 1, 1, 0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := openRoom(t, newEngine(t))
			r.applyPlan(fullPlan("a"))
			a := newClient(r, "a", 1)
			answer, err := a.ask(1)
			if err != nil {
				t.Fatal(err)
			}
			server := net.UDPAddrFromAddrPort(r.e.Addresses()[0])
			own := ufragLine.FindStringSubmatch(a.pc.LocalDescription().SDP)[1]
			user, password := ufragLine.FindStringSubmatch(answer.SDP)[1]+":"+own, pwdLine.FindStringSubmatch(answer.SDP)[1]
			paths := []*route{newRoute(t, 2130706431), newRoute(t, 2130706175)}
			for _, i := range c.nominates {
				paths[i].nominate(t, server, user, password)
			}
			heard := make(chan int, 2)
			for i, p := range paths {
				p.SetReadDeadline(time.Now().Add(5 * time.Second))
				go func() {
					b := make([]byte, 1500)
					for {
						n, err := p.Read(b)
						if err != nil {
							return
						}
						if classify(b[:n]) == classDTLS {
							heard <- i
							return
						}
					}
				}()
			}
			go dtlsHandshake(t.Context(), paths[c.used], server)
			if i := receive(t, heard, "an answer to DTLS"); i != c.used {
				t.Errorf("DTLS goes to path %d", i)
			}
		})
	}
}

// dtlsHandshake begins DTLS by a path on which another socket reads.
func dtlsHandshake(ctx context.Context, p *route, server net.Addr) {
	if conn, err := dtls.ClientWithOptions(deaf{p, ctx}, server, dtls.WithInsecureSkipVerify(true)); err == nil {
		_ = conn.HandshakeContext(ctx)
		_ = conn.Close()
	}
}

// A deaf socket only sends.
type deaf struct {
	net.PacketConn
	ctx context.Context
}

func (d deaf) ReadFrom([]byte) (int, net.Addr, error) {
	<-d.ctx.Done()
	return 0, nil, net.ErrClosed
}

func TestNominations(t *testing.T) {
	proof := time.Now()
	proved := func(priority uint32) *path { return &path{priority: priority, validatedAt: proof} }
	high, low, moved := proved(20), proved(10), proved(20) // moved: the same candidate behind a NAT that forgot its port
	claimed := &path{priority: 30}
	type step struct {
		path  *path
		id    byte
		after time.Duration // since the handshake; negative: before
		used  bool
	}
	for name, steps := range map[string][]step{
		"the first":              {{low, 1, -1, true}, {low, 2, -1, true}},
		"a better one":           {{low, 1, -1, true}, {high, 2, -1, true}, {low, 3, -1, false}},
		"sent again":             {{high, 1, -1, true}, {low, 2, -1, false}, {low, 2, -1, false}},
		"insisted on":            {{high, 1, -1, true}, {low, 2, -1, false}, {low, 3, -1, true}, {low, 4, -1, true}},
		"between others":         {{high, 1, -1, true}, {low, 2, -1, false}, {high, 3, -1, true}, {low, 4, -1, false}},
		"late, of the handshake": {{high, 1, -1, true}, {low, 2, 2900 * time.Millisecond, false}},
		"another way later":      {{high, 1, -1, true}, {low, 2, 3 * time.Second, true}, {high, 3, 4 * time.Second, true}},
		"a NAT that forgot":      {{high, 1, -1, true}, {moved, 2, time.Minute, true}, {moved, 3, time.Minute, true}},
		"the first that is true": {{claimed, 1, -1, true}, {low, 2, -1, true}, {low, 3, -1, true}},
	} {
		t.Run(name, func(t *testing.T) {
			var n nominations
			begin := time.Now()
			for i, s := range steps {
				if s.after >= 0 && n.settled.IsZero() {
					n.settle(begin)
				}
				if got := n.nominated(begin.Add(s.after), s.path, [stun.TransactionIDSize]byte{s.id}); got != s.used {
					t.Errorf("step %d: %v", i, got)
				}
			}
		})
	}
}
