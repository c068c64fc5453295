package session

import (
	"net"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

// A narrowListener limits the buffers of each connection.
type narrowListener struct {
	net.Listener
	narrow func(net.Conn) net.Conn
}

func (s narrowListener) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return s.narrow(conn), nil
}

// smallBuffer lets the kernel keep little of what is written.
func smallBuffer(conn net.Conn) net.Conn {
	conn.(*net.TCPConn).SetWriteBuffer(4 << 10)
	return conn
}

// A blockedConn blocks writes once blocked is set. They fail with a timeout when the test closes release.
type blockedConn struct {
	net.Conn
	blocked atomic.Bool
	release chan struct{}
}

func (s *blockedConn) Write(b []byte) (int, error) {
	if s.blocked.Load() {
		<-s.release
		return 0, os.ErrDeadlineExceeded
	}
	return s.Conn.Write(b)
}

// A slowServer has a second listener with small buffers.
type slowServer struct {
	*testServer
	rooms   *live.Registry
	address string
	host    *wiretest.Client
}

func newSlowServer(t *testing.T, narrow func(net.Conn) net.Conn) slowServer {
	t.Helper()
	return newSlowServerWith(t, narrow, 3*time.Second, func(*Config) {}) // long enough to fill every queue
}

// newSlowServerWith calls tune before the service is made. A write that takes longer than write ends the connection without a close frame.
func newSlowServerWith(t *testing.T, narrow func(net.Conn) net.Conn, write time.Duration, tune func(*Config)) slowServer {
	t.Helper()
	s := slowServer{}
	s.testServer = newTestServer(t, func(c *Config, svc *Service) {
		if svc == nil {
			tune(c)
		}
		if s.rooms = c.Rooms; svc != nil {
			svc.timing.write = write
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(s.serve)}
	t.Cleanup(func() { server.Close() })
	go server.Serve(narrowListener{l, narrow})
	s.address = l.Addr().String()
	s.host = s.enter(hostToken)
	s.host.WaitFor("media.ready")
	return s
}

// connect connects through the narrow listener.
func (s slowServer) connect(hello wire.Object) *wiretest.Client {
	s.t.Helper()
	c := wiretest.Connect(s.t, "http://"+s.address)
	c.Hello(hello)
	return c
}

// slowOutbox returns the outbox of the slow connection.
func (s slowServer) slowOutbox() (slow *outbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open {
		if one.conn.NetConn().LocalAddr().String() == s.address {
			slow = one.out
		}
	}
	return slow
}

// overflow sends events until the queue of the slow connection is full, and returns its outbox. The host reads all the time.
func (s slowServer) overflow() *outbox {
	s.t.Helper()
	slow := s.slowOutbox()
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
		locked := s.host.WaitFor("room.updated").Data["locked"]
		for locked != (i%2 == 0) { // the host's own join sent events too
			locked = s.host.WaitFor("room.updated").Data["locked"]
		}
	}
	return slow
}

// TestSlowReaderResumes checks that a client that did not read for a while reads the close code, and gets the whole state on resume.
func TestSlowReaderResumes(t *testing.T) {
	s := newSlowServer(t, smallBuffer)
	slow := s.connect(wire.Object{"token": "tuesday|cohost|carl|Carl"})
	s.overflow()
	if code := slow.CloseCode(); code != wire.CloseRateLimited {
		t.Errorf("closed with %d", code)
	}
	back := s.connect(wire.Object{"resume": wire.Object{"sessionId": slow.Welcome.SessionID, "secret": slow.Welcome.ResumeSecret}})
	if e := back.WaitFor("roster"); len(e.Data["participants"].([]any)) != 2 {
		t.Errorf("told %v", e.Data)
	}
}

// TestClientThatNeverReads checks that the connection of a client that never reads is closed and its queue freed, and that the others
// continue.
func TestClientThatNeverReads(t *testing.T) {
	s := newSlowServer(t, smallBuffer)
	before := runtime.NumGoroutine()
	s.connect(wire.Object{"token": "tuesday|cohost|carl|Carl"})
	kept := s.overflow()
	kept.mu.Lock()
	if kept.frames != nil || kept.bytes != 0 || kept.closeCode != wire.CloseRateLimited {
		t.Errorf("%d bytes are kept for one who is closed with %d", kept.bytes, kept.closeCode)
	}
	kept.mu.Unlock()
	s.host.WaitFor("participant.updated") // it is away
	deadline := time.Now().Add(wiretest.Timeout)
	for s.seated() != 1 || runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d people, %d goroutines, %d before\n%s", s.seated(), runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
	s.host.Do("hand.set", wire.Object{"raised": true})
}

// TestUnsentCloseCode checks that a close frame that cannot be sent is counted under its code too.
func TestUnsentCloseCode(t *testing.T) {
	var last *blockedConn
	s := newSlowServer(t, func(conn net.Conn) net.Conn {
		last = &blockedConn{Conn: conn, release: make(chan struct{})}
		return last
	})
	s.connect(wire.Object{"token": "tuesday|cohost|carl|Carl"})
	last.blocked.Store(true)
	s.overflow()
	close(last.release)
	s.host.WaitFor("participant.updated") // it is away
	if n := s.metrics.closed(wire.CloseRateLimited); n != 1 {
		t.Errorf("%v connections are counted as closed with %d", n, wire.CloseRateLimited)
	}
}
