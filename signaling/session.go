package signaling

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/conns"
)

// seat is what a session needs of a live.Seat.
type seat interface {
	Do(context.Context, room.Command) (room.Outcome, error)
	Offer(context.Context, live.Offer) (live.Answer, error)
	View(context.Context, live.View) error
	Confirm()
	Disconnect()
}

// doors is where seats come from: the registry of rooms.
type roomRegistry interface {
	join(context.Context, live.JoinRequest, live.Client) (seat, live.Welcome, error)
	resume(context.Context, live.SessionID, auth.Secret, live.Client) (seat, live.Welcome, error)
}

// A session is one connection. The goroutine of its HTTP request is the reader; it starts the writer and outlives it. The room's
// actor calls Deliver and End, on its own goroutine.
type session struct {
	srv  *Server
	conn *websocket.Conn // Read by the reader, written by the writer; deadlines under mu.
	out  *outbox

	lease         *conns.Lease      // of the connection of TCP; may be nil
	preAuthLease  *conns.Lease      // of those who have not said hello; may be nil
	host          string            // what the client called us by
	source        string            // whose guesses at passcodes count together: the address, or its network
	bearer        auth.Secret       // of the handshake; forgotten after hello. Owned by the reader.
	session       live.SessionID    // of the seat, "" before hello. Owned by the reader.
	passcodeScope passcodeScope     // what passcodes belong to. Owned by the reader.
	messages      bucket            // Owned by the reader.
	seat          seat              // nil before hello. Owned by the reader.
	cache         *idempotencyCache // of this session, nil before hello. Owned by the reader.
	confirmed     bool              // the client showed that it has its secret. Owned by the reader.

	attempt *helloAttempt // what may come again until it is proven; nil if nothing may. Owned by the reader.

	helpRaised atomic.Bool  // the last that the room told: a call for help stands. Written by follow.
	limit      atomic.Int64 // bytes of a message; follows the state. Written under mu.

	mu               sync.Mutex
	stateSeen        bool   // Guarded by mu. The room told a state: newer than the welcome's.
	busy             bool   // Guarded by mu. A request is under way: the end waits for its answer.
	pendingCloseCode int    // Guarded by mu. The close code that End asked for.
	closing          bool   // Guarded by mu. Our close frame is out: the read deadline is the last.
	releaseCache     func() // Guarded by mu. Lets go of past; nil before hello and after End.
	closed           bool   // Guarded by mu. End came.
}

func newSession(srv *Server, conn *websocket.Conn, source string, bearer auth.Secret) *session {
	s := &session{srv: srv, conn: conn, out: newOutbox(), source: source, bearer: bearer, messages: newBucket(srv.now())}
	s.limit.Store(MaxFrameWaiting)
	conn.SetPingHandler(s.answerPing)
	return s
}

// run serves the connection until it is gone. greeted is called once it holds a seat.
func (s *session) run(onSeated func()) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer s.recoverPanic("writer", func() { s.conn.Close() })
		s.write()
	}()
	s.read(onSeated)
	s.out.close(CloseGoingAway)
	s.discardUntilClosed()
	<-written
	s.conn.Close()
	if s.seat != nil {
		s.seat.Disconnect()
	}
}

// guard, deferred, turns a panic into the end of this connection only.
func (s *session) recoverPanic(where string, end func()) {
	if p := recover(); p != nil {
		s.srv.reportPanic(where, p)
		end()
	}
}

// panicked logs a bug under a new ref. The value may hold what a client sent, so only its type is told.
func (s *Server) reportPanic(where string, p any) (ref string) {
	ref = newRef()
	s.metrics.panics.Inc()
	s.log.Error("panic", "ref", ref, "where", where, "type", typeName(p), "stack", string(debug.Stack()))
	return ref
}

// Deliver queues the event that tells n. It implements live.Client.
func (s *session) Deliver(n live.Notice) {
	defer s.recoverPanic("deliver", func() { s.out.close(CloseInternal) })
	var ice []ICEServer
	switch n := n.(type) {
	case live.AccessChanged:
		s.updateLimits(n.Self, true)
	case live.SelfUpdated:
		s.updateLimits(n.Self, true)
	case live.MediaReady:
		if s.srv.cfg.ICEServers != nil {
			ice = s.srv.cfg.ICEServers(ICEClient{string(n.Session), s.host})
		}
	}
	kind, data := EventOf(n, ice)
	if kind == "" {
		s.srv.log.Error("a notice has no event", "type", typeName(n))
		return
	}
	s.out.event(s.srv.now(), kind, data)
}

// follow lets the limits of messages follow the state. What the room told stands against the welcome, which may be older.
func (s *session) updateLimits(self room.Self, fromRoom bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stateSeen && !fromRoom {
		return
	}
	s.stateSeen = s.stateSeen || fromRoom
	s.helpRaised.Store(self.HelpRaised)
	if self.Access == room.Admitted {
		s.limit.Store(MaxFrameAdmitted)
	} else {
		s.limit.Store(MaxFrameWaiting)
	}
}

// End tells the last event and closes, after the answer to a request under way. It implements live.Client.
func (s *session) End(c room.Closing) {
	defer s.recoverPanic("end", func() { s.out.close(CloseInternal) })
	switch c.Access {
	case room.Denied, room.Removed, room.Left, room.Ended:
		s.out.event(s.srv.now(), "access.changed", access(c.Access, c.Reason, c.Message, nil))
	}
	s.mu.Lock()
	release, busy := s.releaseCache, s.busy
	s.releaseCache, s.closed, s.pendingCloseCode = nil, true, CloseCodeOf(c)
	s.mu.Unlock()
	if release != nil {
		release()
	}
	if !busy {
		s.out.close(CloseCodeOf(c))
	}
}

// begin and settle stand around each request: an End in between waits for the answer.
func (s *session) beginRequest() {
	s.mu.Lock()
	s.busy = true
	s.mu.Unlock()
}

func (s *session) endRequest() {
	s.mu.Lock()
	s.busy = false
	code := s.pendingCloseCode
	s.mu.Unlock()
	if code != 0 {
		s.out.close(code)
	}
}

// keep remembers how to let go of the answers, or does it at once if the end came first.
func (s *session) setRelease(release func()) {
	s.mu.Lock()
	over := s.closed
	if !over {
		s.releaseCache = release
	}
	s.mu.Unlock()
	if over {
		release()
	}
}

// deadline bounds the next read, unless the last one is set.
func (s *session) setReadDeadline(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.conn.SetReadDeadline(time.Now().Add(d))
	}
}

// part sets the last deadline: the peer's close frame comes within closeTimeout or not at all.
func (s *session) startClosing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	s.conn.SetReadDeadline(time.Now().Add(s.srv.timing.closing))
}
