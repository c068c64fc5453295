package signaling

import (
	"net"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"alcove/room"
	"alcove/room/live"
)

// A strait is a listener that makes each connection narrow.
type strait struct {
	net.Listener
	narrow func(net.Conn) net.Conn
}

func (s strait) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return s.narrow(conn), nil
}

// short lets the kernel keep little of what is written.
func short(conn net.Conn) net.Conn {
	conn.(*net.TCPConn).SetWriteBuffer(4 << 10)
	return conn
}

// A stuck connection takes nothing once it is stuck: its writes fail as those do whose time is over, but when the test says so.
type stuck struct {
	net.Conn
	stuck atomic.Bool
	over  chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	if s.stuck.Load() {
		<-s.over
		return 0, os.ErrDeadlineExceeded
	}
	return s.Conn.Write(b)
}

// A slowHouse has a door with little room behind it.
type slowHouse struct {
	*house
	rooms   *live.Registry
	address string
	host    *caller
}

func newSlowHouse(t *testing.T, narrow func(net.Conn) net.Conn) slowHouse {
	t.Helper()
	s := slowHouse{}
	s.house = newHouse(t, func(c *Config, srv *Server) {
		if s.rooms = c.Rooms; srv != nil {
			srv.timing.write = 3 * time.Second // time enough to fill every queue, and not to wait for
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := s.srv.HTTPServer(s.srv.Handler())
	t.Cleanup(func() { web.Close() })
	go web.Serve(strait{l, narrow})
	s.address = l.Addr().String()
	s.host = s.enter(hostToken)
	s.host.until("media.ready")
	return s
}

// come opens the narrow door.
func (s slowHouse) come(hello Object) *caller {
	s.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{Subprotocol}, HandshakeTimeout: patience}
	conn, _, err := d.Dial("ws://"+s.address+"/v1/rtc", http.Header{"Origin": {"http://" + s.address}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	c := &caller{t: s.t, conn: conn}
	c.greet(hello)
	return c
}

// overwhelm makes events until the queue of the newest connection has no place, and gives its outbox. The host reads all the time.
func (s slowHouse) overwhelm() *outbox {
	s.t.Helper()
	var slow *outbox
	s.srv.mu.Lock()
	for one := range s.srv.sessions {
		if one.conn.NetConn().LocalAddr().String() == s.address {
			slow = one.out
		}
	}
	s.srv.mu.Unlock()
	for i := 0; !slow.closed(); i++ {
		if i > 10_000 {
			s.t.Fatal("the queue takes without end")
		}
		var act room.Command = room.Lock{}
		if i%2 == 1 {
			act = room.Unlock{}
		}
		if _, err := s.rooms.Do(s.t.Context(), "tuesday", act); err != nil {
			s.t.Fatal(err)
		}
		locked := s.host.until("room.updated").Data["locked"]
		for locked != (i%2 == 0) { // the host's own coming said something too
			locked = s.host.until("room.updated").Data["locked"]
		}
	}
	return slow
}

// closed is how many connections were counted as closed with 4429.
func (s slowHouse) closed() (n float64) {
	s.t.Helper()
	families, err := s.prom.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "alcove_closes_total" && m.GetLabel()[0].GetValue() == closeLabel(CloseRateLimited) {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// TestSlowReaderComesBack: who read nothing while much happened reads why it is closed, and is told everything anew.
func TestSlowReaderComesBack(t *testing.T) {
	s := newSlowHouse(t, short)
	slow := s.come(Object{"token": "tuesday|cohost|carl|Carl"})
	s.overwhelm()
	if code := slow.closed(); code != CloseRateLimited {
		t.Errorf("closed with %d", code)
	}
	back := s.come(Object{"resume": Object{"sessionId": slow.said.SessionID, "secret": slow.said.ResumeSecret}})
	if e := back.until("roster"); len(e.Data["participants"].([]any)) != 2 {
		t.Errorf("told %v", e.Data)
	}
}

// TestDeafReader: who reads nothing at all is closed all the same. Nothing is kept for it, and the others go on.
func TestDeafReader(t *testing.T) {
	s := newSlowHouse(t, short)
	before := runtime.NumGoroutine()
	s.come(Object{"token": "tuesday|cohost|carl|Carl"})
	kept := s.overwhelm()
	kept.mu.Lock()
	if kept.frames != nil || kept.bytes != 0 || kept.closeCode != CloseRateLimited {
		t.Errorf("%d bytes are kept for one who is closed with %d", kept.bytes, kept.closeCode)
	}
	kept.mu.Unlock()
	s.host.until("participant.updated") // it is away
	deadline := time.Now().Add(patience)
	for s.srv.People() != 1 || runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d people, %d goroutines, %d before\n%s", s.srv.People(), runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
	s.host.done("hand.set", Object{"raised": true})
}

// TestStuckReader: a close that cannot be told is counted under its code too.
func TestStuckReader(t *testing.T) {
	var last *stuck
	s := newSlowHouse(t, func(conn net.Conn) net.Conn {
		last = &stuck{Conn: conn, over: make(chan struct{})}
		return last
	})
	s.come(Object{"token": "tuesday|cohost|carl|Carl"})
	last.stuck.Store(true)
	s.overwhelm()
	close(last.over)
	s.host.until("participant.updated") // it is away
	if n := s.closed(); n != 1 {
		t.Errorf("%v connections are counted as closed with %d", n, CloseRateLimited)
	}
}
