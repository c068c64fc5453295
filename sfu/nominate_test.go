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

// A path is one way of a client to the server: a socket, and the priority that its checks name (RFC 8445, section 7.1.1).
type path struct {
	*net.UDPConn
	priority uint32
}

func newPath(t *testing.T, priority uint32) *path {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &path{c, priority}
}

// nominate checks the path and waits for the answer.
func (p *path) nominate(t *testing.T, server net.Addr, user, password string) {
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

// TestNominatedTwice: of two paths that are nominated before the handshake, it goes over the better one, whichever came last; but over
// the other one if the client insists on that.
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
			r.obey(everyone("a"))
			a := newClient(r, "a", 1)
			answer, err := a.ask(1)
			if err != nil {
				t.Fatal(err)
			}
			server := net.UDPAddrFromAddrPort(r.e.Addresses()[0])
			own := ufragLine.FindStringSubmatch(a.pc.LocalDescription().SDP)[1]
			user, password := ufragLine.FindStringSubmatch(answer.SDP)[1]+":"+own, pwdLine.FindStringSubmatch(answer.SDP)[1]
			paths := []*path{newPath(t, 2130706431), newPath(t, 2130706175)}
			for _, i := range c.nominates {
				paths[i].nominate(t, server, user, password)
			}
			heard := make(chan int, 2)
			for i, p := range paths {
				p.SetReadDeadline(time.Now().Add(5 * time.Second))
				go func() {
					if n, err := p.Read(make([]byte, 1500)); err == nil && n > 0 {
						heard <- i
					}
				}()
			}
			go shakeHands(t.Context(), paths[c.used], server)
			if i := receive(t, heard, "an answer to DTLS"); i != c.used {
				t.Errorf("DTLS goes to path %d", i)
			}
		})
	}
}

// shakeHands begins DTLS by a path on which somebody else reads.
func shakeHands(ctx context.Context, p *path, server net.Addr) {
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
	pair := func(priority uint32) *ice.CandidatePair {
		c, err := ice.NewCandidatePeerReflexive(&ice.CandidatePeerReflexiveConfig{
			Network: "udp4", Address: "192.0.2.1", Port: 9, Component: 1, Priority: priority,
		})
		if err != nil {
			t.Fatal(err)
		}
		return &ice.CandidatePair{Remote: c}
	}
	high, low, moved := pair(20), pair(10), pair(20) // moved: the same candidate behind a NAT that forgot its port
	type step struct {
		pair   *ice.CandidatePair
		id     byte
		after  time.Duration // since the handshake; negative: before
		follow bool
	}
	for name, steps := range map[string][]step{
		"the first":              {{low, 1, -1, false}, {low, 2, -1, false}},
		"a better one":           {{low, 1, -1, false}, {high, 2, -1, false}, {low, 3, -1, false}},
		"sent again":             {{high, 1, -1, false}, {low, 2, -1, false}, {low, 2, -1, false}},
		"insisted on":            {{high, 1, -1, false}, {low, 2, -1, false}, {low, 3, -1, true}, {low, 4, -1, false}},
		"between others":         {{high, 1, -1, false}, {low, 2, -1, false}, {high, 3, -1, false}, {low, 4, -1, false}},
		"late, of the handshake": {{high, 1, -1, false}, {low, 2, 2900 * time.Millisecond, false}},
		"another way later":      {{high, 1, -1, false}, {low, 2, 3 * time.Second, true}, {high, 3, 4 * time.Second, false}},
		"a NAT that forgot":      {{high, 1, -1, false}, {moved, 2, time.Minute, true}, {moved, 3, time.Minute, false}},
	} {
		t.Run(name, func(t *testing.T) {
			var n nominations
			begin := time.Now()
			for i, s := range steps {
				if s.after >= 0 && n.settled.Load() == nil {
					n.settle(begin)
				}
				if got := n.nominated(begin.Add(s.after), s.pair, [stun.TransactionIDSize]byte{s.id}); got != s.follow {
					t.Errorf("step %d: %v", i, got)
				}
			}
		})
	}
}
