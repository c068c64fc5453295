package session

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/internal/report"
	"alcove/signaling/wire"
)

// A Session is one connection. The caller of Run is the reader; it starts the writer and outlives it. The room's actor calls
// Deliver and End on its own goroutine.
type Session struct {
	svc  *Service
	conn *websocket.Conn // Read by the reader, written by the writer; deadlines under mu.
	out  *outbox
	peer Peer

	// Owned by the reader.
	bearer        auth.Secret    // of the handshake; cleared by hello
	session       live.SessionID // of the seat, "" before hello
	passcodeScope passcodeScope
	messages      messageLimiter
	seat          seat              // nil before hello
	cache         *idempotencyCache // of this session, nil before hello
	confirmed     bool              // the client has shown that it has the resume secret
	attempt       *helloAttempt     // may be repeated until the secret is confirmed; nil if it may not

	helpRaised atomic.Bool  // the room's last state has a call for help. Written by updateState.
	frameLimit atomic.Int64 // bytes of a message; depends on the state. Written under mu.

	mu               sync.Mutex
	stateSeen        bool   // Guarded by mu. The room sent a state, which is newer than that of the welcome.
	busy             bool   // Guarded by mu. A request is in progress: End waits for its answer.
	pendingCloseCode int    // Guarded by mu. The close code of End while a request is in progress.
	closing          bool   // Guarded by mu. Our close frame was sent: the read deadline is final.
	releaseCache     func() // Guarded by mu. Releases cache; nil before hello and after End.
	ended            bool   // Guarded by mu. End was called.
}

// Run serves the connection until it is gone. It calls onSeated once the session has a seat, before the client reads the answer
// to its hello.
func (s *Session) Run(onSeated func()) {
	writerDone := make(chan struct{})
	go func() {
		defer close(writerDone)
		defer s.recoverPanic("writer", func() { s.conn.Close() })
		s.write()
	}()
	s.read(onSeated)
	s.Close(wire.CloseGoingAway)
	s.discardUntilClosed()
	<-writerDone
	s.conn.Close()
	if s.seat != nil {
		s.seat.Disconnect()
	}
}

// Close closes the connection with a code after the frames that are queued. The first code wins. It does not block.
func (s *Session) Close(code int) { s.out.close(code) }

// Send queues an event. It does not block.
func (s *Session) Send(kind string, data wire.Object) { s.out.event(s.svc.cfg.Now(), kind, data) }

// recoverPanic, deferred, turns a panic into the end of this connection only.
func (s *Session) recoverPanic(where string, end func()) {
	if p := recover(); p != nil {
		s.svc.cfg.Faults.Panic(where, p)
		end()
	}
}

// Deliver queues the event of a notice. It implements live.Client.
func (s *Session) Deliver(n live.Notice) {
	defer s.recoverPanic("deliver", func() { s.Close(wire.CloseInternal) })
	var ice []wire.ICEServer
	switch n := n.(type) {
	case live.AccessChanged:
		s.updateState(n.Self, true)
	case live.SelfUpdated:
		s.updateState(n.Self, true)
	case live.MediaReady:
		if s.svc.cfg.ICEServers != nil {
			ice = s.svc.cfg.ICEServers(wire.ICEClient{Seat: string(n.Session), Host: s.peer.Host})
		}
	}
	kind, data := wire.EventOf(n, ice)
	if kind == "" {
		s.svc.cfg.Log.Error("a notice has no event", "type", report.TypeName(n))
		return
	}
	s.Send(kind, data)
}

// updateState applies the limits of a state. A state from the room takes precedence over that of the welcome, which may be older.
func (s *Session) updateState(self room.Self, fromRoom bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stateSeen && !fromRoom {
		return
	}
	s.stateSeen = s.stateSeen || fromRoom
	s.helpRaised.Store(self.HelpRaised)
	if self.Access == room.Admitted {
		s.frameLimit.Store(wire.MaxFrameAdmitted)
	} else {
		s.frameLimit.Store(wire.MaxFrameWaiting)
	}
}

// End sends the last event and closes the connection, after the answer to a request in progress. It implements live.Client.
func (s *Session) End(c room.Closing) {
	defer s.recoverPanic("end", func() { s.Close(wire.CloseInternal) })
	if data := wire.FinalAccess(c); data != nil {
		s.Send("access.changed", data)
	}
	code := wire.CloseCodeOf(c)
	s.mu.Lock()
	release, busy := s.releaseCache, s.busy
	s.releaseCache, s.ended, s.pendingCloseCode = nil, true, code
	s.mu.Unlock()
	if release != nil {
		release()
	}
	if !busy {
		s.Close(code)
	}
}

// beginRequest and endRequest enclose each request: an End in between waits for the answer.
func (s *Session) beginRequest() {
	s.mu.Lock()
	s.busy = true
	s.mu.Unlock()
}

func (s *Session) endRequest() {
	s.mu.Lock()
	s.busy = false
	code := s.pendingCloseCode
	s.mu.Unlock()
	if code != 0 {
		s.Close(code)
	}
}

// setCache takes the idempotency cache of the session. End releases it; if End came first, it is released at once.
func (s *Session) setCache(cache *idempotencyCache, release func()) {
	s.cache = cache
	s.mu.Lock()
	ended := s.ended
	if !ended {
		s.releaseCache = release
	}
	s.mu.Unlock()
	if ended {
		release()
	}
}

// setReadDeadline bounds the next read, unless the final deadline is set.
func (s *Session) setReadDeadline(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.conn.SetReadDeadline(time.Now().Add(d))
	}
}

// startClosing sets the final read deadline: the peer's close frame comes within it or not at all.
func (s *Session) startClosing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	s.conn.SetReadDeadline(time.Now().Add(s.svc.timing.close))
}
