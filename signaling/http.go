package signaling

import (
	"context"
	"errors"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/conns"
	"alcove/signaling/web"
)

// A TokenVerifier turns a token into what it allows, once. auth.Verifier is one; its error is an auth.Refusal.
type TokenVerifier interface {
	// Verify gives what a token allows, once.
	Verify(now time.Time, token auth.Secret) (auth.Grant, error)
	// Recheck checks everything but that, for the client whose token Verify accepted.
	Recheck(now time.Time, token auth.Secret) (auth.Grant, error)
}

// Config is what a Server runs on. Tokens, Rooms and Metrics are required.
type Config struct {
	Tokens  TokenVerifier
	Rooms   *live.Registry
	Metrics *Metrics

	// ICEServers is what a client is told in media.ready; nil means none. It is called on the goroutine of a room and must not block.
	ICEServers func(ICEClient) []ICEServer
	// Ready says why the daemon cannot take people, nil if it can. It may be nil.
	Ready func() error

	// Admin is what the admin API runs on; nil: there is none.
	Admin *Admin
	// Passcodes are those of the rooms, by policy; a policy without one has no passcode to enter.
	Passcodes map[string]auth.PasscodeHash
	// Acknowledged gives the hashes of the texts that a person (auth.Grant.Person) acknowledged in earlier sessions; nil: none. It
	// may take until ctx ends.
	Acknowledged func(ctx context.Context, person string) ([]string, error)

	// Refused enters what was refused into the audit log; nil: nothing is kept. It must not block.
	Refused func(room.Entry)

	Origins        []string       // foreign pages that may connect, such as https://portal.clinic.example
	FrameAncestors []string       // who may frame the page (CSP Level 3, section 6.4.2); empty: nobody
	TrustedProxies []netip.Prefix // who may say X-Forwarded-For, -Proto and -Host

	Page   Page  // Page.Dev is taken from Dev
	Bundle fs.FS // nil: the one that is built in

	// Dev tells clients why a token is refused and allows Extra. Never off loopback.
	Dev bool
	// Extra are more handlers, below /dev/ only.
	Extra map[string]http.Handler

	Log *slog.Logger     // nil: silence
	Now func() time.Time // nil: time.Now
}

// timing is every wait of a connection, so that tests need not wait as long as people.
type timing struct{ hello, ping, request, write, closing time.Duration }

// A Server speaks alcove.v1 and serves the page. All methods are safe for concurrent use.
type Server struct {
	cfg          Config
	rooms        roomRegistry
	metrics      *Metrics
	log          *slog.Logger
	now          func() time.Time
	origins      []string
	timing       timing
	caches       *idempotencyCaches
	attempts     *helloAttempts
	refusals     *refusalLog
	preAuth      *conns.Limiter // connections that have not said hello
	passcodes    passcodeChecker
	admin        adminRooms
	upgrader     websocket.Upgrader
	handshakeLog reasonLog
	draining     atomic.Bool
	settings     atomic.Pointer[Settings]

	mu       sync.Mutex
	sessions map[*session]bool // Guarded by mu. Whether each has a seat.
	stopsAt  time.Time         // Guarded by mu. What the seated are told; zero: nothing.
	idle     chan struct{}     // Guarded by mu. Not nil while Close waits; closed when sessions is empty.
}

var errDraining = errors.New("draining")

// NewServer checks the configuration and makes a server that listens to nothing yet.
func NewServer(cfg Config) (*Server, error) {
	if cfg.Tokens == nil || cfg.Rooms == nil || cfg.Metrics == nil {
		return nil, errors.New("signaling: Tokens, Rooms and Metrics are required")
	}
	if cfg.Admin != nil && !cfg.Admin.complete() {
		return nil, errors.New("signaling: the admin API needs all of Admin")
	}
	for prefix := range cfg.Extra {
		if !cfg.Dev || !strings.HasPrefix(prefix, "/dev/") {
			return nil, errors.New("signaling: more handlers are for dev mode and below /dev/: " + prefix)
		}
	}
	s := &Server{
		cfg: cfg, rooms: liveRooms{cfg.Rooms}, metrics: cfg.Metrics, log: cfg.Log, now: cfg.Now,
		timing:   timing{helloTimeout, pingInterval, requestTimeout, writeTimeout, closeTimeout},
		caches:   newIdempotencyCaches(),
		sessions: map[*session]bool{}, attempts: newHelloAttempts(),
		upgrader: websocket.Upgrader{
			ReadBufferSize: socketBuffer, WriteBufferSize: socketBuffer, WriteBufferPool: &sync.Pool{},
			HandshakeTimeout: headerTimeout, Subprotocols: []string{Subprotocol},
			CheckOrigin: func(*http.Request) bool { return true }, // admissible has looked
		},
		preAuth: conns.New(maxPreAuth), passcodes: auth.NewPasscodes(), admin: cfg.Rooms,
		handshakeLog: reasonLog{lastLogged: map[string]time.Time{}},
	}
	for _, given := range cfg.Origins {
		o := origin(given)
		if o == "" {
			return nil, errors.New("signaling: not an origin: " + given)
		}
		s.origins = append(s.origins, o)
	}
	for _, a := range cfg.FrameAncestors {
		if a == "" || strings.ContainsAny(a, " ;,\r\n\t") {
			return nil, errors.New("signaling: not a frame ancestor: " + a)
		}
	}
	if s.cfg.Bundle == nil {
		s.cfg.Bundle = web.FS()
	}
	s.refusals = newRefusalLog(cfg.Refused, func() time.Time { return s.now() })
	s.Reconfigure(Settings{cfg.Page, cfg.Passcodes})
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := cfg.Metrics.registry.Register(roomCollector{cfg.Rooms.Counts, s.Draining}); err != nil {
		return nil, err
	}
	return s, nil
}

// Settings are what of Config can change while the server runs.
type Settings struct {
	Page      Page
	Passcodes map[string]auth.PasscodeHash
}

// Reconfigure takes other settings from now on. A passcode that was entered stays entered.
func (s *Server) Reconfigure(to Settings) {
	to.Page.Dev = s.cfg.Dev
	s.settings.Store(&to)
}

// Handler serves the public listener.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/rtc", readOnly(http.HandlerFunc(s.serveSocket)))
	mux.Handle("/v1/page.json", readOnly(http.HandlerFunc(s.serveConfig)))
	mux.Handle("/", readOnly(http.HandlerFunc(s.servePage)))
	for prefix, h := range s.cfg.Extra {
		mux.Handle(prefix, h)
	}
	return s.securityHeaders(mux)
}

// HTTPServer makes a server for h whose every wait is bounded. Its own log is only counted: it holds addresses.
func (s *Server) HTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestReadMax, WriteTimeout: responseMax,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: log.New(countWriter{s.metrics}, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			place, proxied := conns.LeaseOf(c)
			return withConnOrigin(ctx, connOrigin{place, proxied})
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			place, _ := conns.LeaseOf(c)
			place.SetState(state)
		},
	}
}

type countWriter struct{ m *Metrics }

func (c countWriter) Write(p []byte) (int, error) {
	c.m.httpErrors.Inc()
	return len(p), nil
}

// bearer is the token of a native client (RFC 6750, section 2.1).
func bearer(r *http.Request) auth.Secret {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || len(token) > MaxToken {
		return auth.Secret{}
	}
	return auth.NewSecret(strings.TrimSpace(token))
}

const originNotAllowed = "this origin may not connect: a page is to be named in origins of the configuration, and a program without Origin sends Authorization: Bearer"

const notWebSocket = "WebSocket with subprotocol " + Subprotocol + " is needed"

func (s *Server) refuseHandshake(w http.ResponseWriter, reason string) {
	s.metrics.refused.WithLabelValues(reason).Inc()
	s.logRefusal(reason)
	w.Header().Set(RefusedHeader, reason)
	switch reason {
	case RefusedSubprotocol, RefusedUpgrade:
		http.Error(w, notWebSocket, http.StatusBadRequest)
	default:
		http.Error(w, originNotAllowed, http.StatusForbidden)
	}
}

// serveSocket opens one connection and serves it until it is gone.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	if reason := s.handshakeError(r); reason != "" {
		s.refuseHandshake(w, reason)
		return
	}
	source := s.ClientAddr(r)
	arrived := connOriginOf(r.Context())
	arrived.lease.SetSource(source)
	token := bearer(r)
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.metrics.refused.WithLabelValues("handshake").Inc()
		return // Upgrade has answered
	}
	// A place is always free: those who said hello have left theirs, and of the others one goes.
	stranger := s.preAuth.Acquire(source, func() { conns.Abort(conn.NetConn()) })
	defer stranger.Release()
	c := newSession(s, conn, clientPrefix(source).String(), token)
	c.host, c.lease, c.preAuthLease = s.host(r), arrived.lease, stranger
	s.serve(c, stranger.Release)
}

// serve runs a session and counts it.
func (s *Server) serve(c *session, onSeated func()) {
	s.metrics.connections.Inc()
	defer s.metrics.connections.Dec()
	s.mu.Lock()
	s.sessions[c] = false
	closing := s.idle != nil
	s.mu.Unlock()
	if closing {
		c.out.close(CloseDraining)
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if delete(s.sessions, c); len(s.sessions) == 0 && s.idle != nil {
			select {
			case <-s.idle:
			default:
				close(s.idle)
			}
		}
	}()
	c.run(onSeated)
}

// Close closes every connection with 4503 and waits until they are gone or ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.draining.Store(true)
	defer s.refusals.close()
	s.mu.Lock()
	if s.idle == nil {
		s.idle = make(chan struct{})
		if len(s.sessions) == 0 {
			close(s.idle)
		}
	}
	idle := s.idle
	for c := range s.sessions {
		c.out.close(CloseDraining)
	}
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// registry makes the doors of a live.Registry.
type liveRooms struct{ *live.Registry }

func (r liveRooms) join(ctx context.Context, a live.JoinRequest, c live.Client) (seat, live.Welcome, error) {
	return r.Join(ctx, a, c)
}

func (r liveRooms) resume(ctx context.Context, id live.SessionID, secret auth.Secret, c live.Client) (seat, live.Welcome, error) {
	return r.Resume(ctx, id, secret, c)
}
