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
	"alcove/room/files"
	"alcove/room/live"
	"alcove/signaling/api"
	"alcove/signaling/conns"
	httpfiles "alcove/signaling/files"
	"alcove/signaling/internal/report"
	"alcove/signaling/session"
	"alcove/signaling/web"
	"alcove/signaling/wire"
)

// A TokenVerifier turns a token into a grant; auth.Verifier is one.
type TokenVerifier = session.TokenVerifier

// Config configures a Server. Tokens, Rooms and Metrics are required.
type Config struct {
	Tokens  TokenVerifier
	Rooms   *live.Registry
	Metrics *Metrics

	// Checks connects seats to echoes, by which they measure their way; nil: there are none.
	Checks session.Checker
	// ICEServers lists the servers of media.ready; nil: none. It runs on the goroutine of a room and must not block.
	ICEServers func(wire.ICEClient) []wire.ICEServer
	// Ready returns why the daemon cannot accept joins, nil if it can. It may be nil.
	Ready func() error

	// API configures the HTTP API for clinics on the admin listener; nil: there is none.
	API *api.Config
	// Passcodes maps policies to the hashes of their passcodes. A policy that is missing has no passcode.
	Passcodes map[string]auth.PasscodeHash
	// Acknowledged returns the hashes of the texts that a person (auth.Grant.Person) acknowledged in earlier sessions; nil:
	// none. It may take until ctx ends.
	Acknowledged func(ctx context.Context, person string) ([]string, error)

	// Files keeps the files of sessions; nil: there are none. Serve was called.
	Files *files.Service

	// Refused writes refused requests to the audit log; nil: they are not written. It must not block.
	Refused func(room.Entry)

	Origins        []string       // other pages that may connect, such as https://portal.clinic.example
	FrameAncestors []string       // pages that may frame the page (CSP Level 3, section 6.4.2); empty: none
	TrustedProxies []netip.Prefix // may set X-Forwarded-For, -Proto, -Host and Forwarded

	Page   Page  // Page.Dev is taken from Dev
	Bundle fs.FS // nil: the embedded one

	// Dev sends clients the reason why a token was refused, and allows Extra. Only on loopback.
	Dev bool
	// Extra are additional handlers, below /dev/ only.
	Extra map[string]http.Handler

	Log *slog.Logger     // nil: no log
	Now func() time.Time // nil: time.Now
}

// A Server serves alcove.v1 and the page. All methods are safe for concurrent use.
type Server struct {
	cfg          Config
	metrics      *Metrics
	log          *slog.Logger
	now          func() time.Time
	origins      []string
	bundle       *bundle
	sessions     *session.Service
	faults       report.Faults
	refusals     *report.Refusals
	preAuth      *conns.Limiter // connections that have not sent hello
	upgrader     websocket.Upgrader
	handshakeLog reasonLog
	draining     atomic.Bool
	settings     atomic.Pointer[Settings]

	mu      sync.Mutex
	open    map[*session.Session]bool // Guarded by mu. Whether each open connection has a seat.
	stopsAt time.Time                 // Guarded by mu. The announced end of the daemon; zero: none.
	idle    chan struct{}             // Guarded by mu. Not nil while Close waits; closed when open is empty.
}

var errDraining = errors.New("draining")

// NewServer checks the configuration and returns a server that listens to nothing yet.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, metrics: cfg.Metrics, log: cfg.Log, now: cfg.Now, open: map[*session.Session]bool{},
		upgrader: websocket.Upgrader{
			ReadBufferSize: socketBuffer, WriteBufferSize: socketBuffer, WriteBufferPool: &sync.Pool{},
			HandshakeTimeout: headerTimeout, Subprotocols: []string{wire.Subprotocol},
			CheckOrigin: func(*http.Request) bool { return true }, // handshakeError has checked it
		},
		preAuth: conns.New(maxPreAuth), handshakeLog: reasonLog{lastLogged: map[string]time.Time{}},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	for _, o := range cfg.Origins {
		s.origins = append(s.origins, origin(o))
	}
	files := cfg.Bundle
	if files == nil {
		files = web.FS()
	}
	s.bundle = newBundle(files)
	s.faults = report.Faults{Log: s.log, OnPanic: cfg.Metrics.panics.Inc}
	s.refusals = report.NewRefusals(cfg.Refused, s.now)
	s.Reconfigure(Settings{cfg.Page, cfg.Passcodes})
	var err error
	s.sessions, err = session.NewService(session.Config{
		Tokens: cfg.Tokens, Rooms: cfg.Rooms, Metrics: cfg.Metrics, Faults: s.faults, Refusals: s.refusals, Log: s.log, Now: s.now,
		Files: cfg.Files, Checks: cfg.Checks, ICEServers: cfg.ICEServers, Acknowledged: cfg.Acknowledged, ExplainTokens: cfg.Dev,
		PasscodeHash: func(policy string) auth.PasscodeHash { return s.settings.Load().Passcodes[policy] },
	})
	if err != nil {
		return nil, err
	}
	if err := cfg.Metrics.registry.Register(roomCollector{cfg.Rooms.Counts, s.Draining}); err != nil {
		return nil, err
	}
	return s, nil
}

// check validates the configuration.
func (c *Config) check() error {
	if c.Tokens == nil || c.Rooms == nil || c.Metrics == nil {
		return errors.New("signaling: Tokens, Rooms and Metrics are required")
	}
	if c.API != nil && !c.API.Complete() {
		return errors.New("signaling: a field of API is missing")
	}
	for prefix := range c.Extra {
		if !c.Dev || !strings.HasPrefix(prefix, "/dev/") {
			return errors.New("signaling: additional handlers are for dev mode and below /dev/: " + prefix)
		}
	}
	for _, o := range c.Origins {
		if origin(o) == "" {
			return errors.New("signaling: not an origin: " + o)
		}
	}
	for _, a := range c.FrameAncestors {
		if a == "" || strings.ContainsAny(a, " ;,\r\n\t") {
			return errors.New("signaling: not a frame ancestor: " + a)
		}
	}
	return nil
}

// Settings are the fields of Config that can change while the server runs.
type Settings struct {
	Page      Page
	Passcodes map[string]auth.PasscodeHash
}

// Reconfigure applies new settings. A passcode that was entered before stays valid.
func (s *Server) Reconfigure(settings Settings) {
	settings.Page.Dev = s.cfg.Dev
	s.settings.Store(&settings)
}

// Handler serves the public listener.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/rtc", readOnly(http.HandlerFunc(s.serveSocket)))
	mux.Handle("/v1/page.json", readOnly(http.HandlerFunc(s.servePageConfig)))
	if s.cfg.Files != nil {
		h := s.filesHandler()
		mux.Handle(httpfiles.Path, h)
		mux.Handle(httpfiles.Path+"/", h)
	}
	mux.Handle("/", readOnly(s.bundle))
	for prefix, h := range s.cfg.Extra {
		mux.Handle(prefix, h)
	}
	return s.securityHeaders(mux)
}

// filesHandler serves the content of files to pages that may connect.
func (s *Server) filesHandler() http.Handler {
	return &httpfiles.Handler{
		Files: s.cfg.Files, Faults: s.faults, Counted: s.metrics.FileServed,
		Allowed: func(r *http.Request) bool { return r.Header.Get("Origin") == "" || s.originAllowed(r) },
	}
}

// HTTPServer returns a server for h with a timeout for every wait. Its own log lines hold addresses, so they are only counted.
func (s *Server) HTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestReadMax, WriteTimeout: responseMax,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: log.New(countWriter{s.metrics}, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			lease, proxied := conns.LeaseOf(c)
			return withConnOrigin(ctx, connOrigin{lease, proxied})
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			lease, _ := conns.LeaseOf(c)
			lease.SetState(state)
		},
	}
}

type countWriter struct{ m *Metrics }

func (c countWriter) Write(p []byte) (int, error) {
	c.m.httpErrors.Inc()
	return len(p), nil
}

// serveSocket accepts one connection and serves it until it is gone.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	if reason := s.handshakeError(r); reason != "" {
		s.refuseHandshake(w, reason)
		return
	}
	client := s.ClientAddr(r)
	lease := connOriginOf(r.Context()).lease
	lease.SetSource(client)
	token := api.BearerToken(r)
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.metrics.refused.WithLabelValues("handshake").Inc()
		return // Upgrade has answered
	}
	// Acquire succeeds: no lease before hello is a seat, so one of them is evicted.
	preAuth := s.preAuth.Acquire(client, func() { conns.Abort(conn.NetConn()) })
	defer preAuth.Release()
	c := s.sessions.New(conn, session.Peer{Host: s.host(r), Prefix: clientPrefix(client).String(), Bearer: token, Lease: lease, PreAuthLease: preAuth})
	s.serve(c, preAuth.Release)
}

// serve runs a session and counts it. It calls onSeated once the session has a seat.
func (s *Server) serve(c *session.Session, onSeated func()) {
	s.metrics.connections.Inc()
	defer s.metrics.connections.Dec()
	s.mu.Lock()
	s.open[c] = false
	closing := s.idle != nil
	s.mu.Unlock()
	if closing {
		c.Close(wire.CloseDraining)
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if delete(s.open, c); len(s.open) == 0 && s.idle != nil {
			select {
			case <-s.idle:
			default:
				close(s.idle)
			}
		}
	}()
	c.Run(func() { onSeated(); s.markSeated(c) })
}

// Close closes every connection with 4503 and waits until they are gone or ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.draining.Store(true)
	defer s.refusals.Close()
	s.mu.Lock()
	if s.idle == nil {
		s.idle = make(chan struct{})
		if len(s.open) == 0 {
			close(s.idle)
		}
	}
	idle := s.idle
	for c := range s.open {
		c.Close(wire.CloseDraining)
	}
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
