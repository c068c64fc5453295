package session

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gorilla/websocket"

	"alcove/auth"
	"alcove/room"
	"alcove/room/files"
	"alcove/room/live"
	"alcove/signaling/conns"
	"alcove/signaling/internal/report"
	"alcove/signaling/wire"
)

// A TokenVerifier turns a token into a grant. auth.Verifier is one; its errors are of type auth.Refusal.
type TokenVerifier interface {
	// Verify accepts a token once.
	Verify(now time.Time, token auth.Secret) (auth.Grant, error)
	// Recheck checks everything but the single use, for the client whose token Verify accepted.
	Recheck(now time.Time, token auth.Secret) (auth.Grant, error)
}

// Metrics counts events of connections.
type Metrics interface {
	// Joined counts a first join that failed before it reached the room.
	Joined(result string)
	// HelloAnswered measures the time from a hello to its answer: admitted, waiting, resumed or refused.
	HelloAnswered(result string, took time.Duration)
	// RequestAnswered counts a request by its type and its error, nil if there was none. kind may be free text of a client.
	RequestAnswered(kind string, f *wire.Failure)
	// ConnectionClosed counts a close code.
	ConnectionClosed(code int)
}

// Config configures a Service. Fields without a default are required.
type Config struct {
	Tokens   TokenVerifier
	Rooms    *live.Registry
	Metrics  Metrics
	Faults   report.Faults
	Refusals *report.Refusals
	Log      *slog.Logger
	Now      func() time.Time

	// Files keeps the files of sessions; nil: there are none.
	Files *files.Service
	// Checks connects seats to echoes; nil: there are none.
	Checks Checker
	// ICEServers lists the servers of media.ready; nil: none. It runs on the goroutine of a room and must not block.
	ICEServers func(wire.ICEClient) []wire.ICEServer
	// PasscodeHash returns the hash of the passcode of a policy, empty if it has none; nil: no policy has one.
	PasscodeHash func(policy string) auth.PasscodeHash
	// Acknowledged returns the hashes of the texts that a person (auth.Grant.Person) acknowledged in earlier sessions; nil:
	// none. It may take until ctx ends.
	Acknowledged func(ctx context.Context, person string) ([]string, error)
	// ExplainTokens sends clients the reason why a token was refused. Only for development, because it helps to forge one.
	ExplainTokens bool
}

// timing holds every timeout of a connection, so that tests can shorten them.
type timing struct{ hello, ping, request, write, close time.Duration }

// A passcodeChecker compares a guess with a hash and limits the rate of guesses; auth.Passcodes is one. Its errors are those of
// auth.Passcodes.Check.
type passcodeChecker interface {
	Check(ctx context.Context, now time.Time, room, source string, h auth.PasscodeHash, guess auth.Secret) error
}

// A Service serves connections. All methods are safe for concurrent use.
type Service struct {
	cfg       Config
	rooms     roomRegistry
	timing    timing
	caches    *idempotencyCaches
	attempts  *helloAttempts
	passcodes passcodeChecker
}

// NewService returns a service without connections.
func NewService(cfg Config) (*Service, error) {
	if cfg.Tokens == nil || cfg.Rooms == nil || cfg.Metrics == nil || cfg.Refusals == nil || cfg.Log == nil || cfg.Now == nil {
		return nil, errors.New("session: a required field of Config is missing")
	}
	return &Service{
		cfg: cfg, rooms: liveRooms{cfg.Rooms},
		timing: timing{helloTimeout, pingInterval, RequestTimeout, writeTimeout, closeTimeout},
		caches: newIdempotencyCaches(), attempts: newHelloAttempts(), passcodes: auth.NewPasscodes(),
	}, nil
}

// A seat is the part of live.Seat that a session uses.
type seat interface {
	Do(context.Context, room.Command) (room.Outcome, error)
	Offer(context.Context, live.Offer) (live.Answer, error)
	View(context.Context, live.View) error
	Confirm()
	Disconnect()
}

// A roomRegistry is the part of live.Registry that a session uses, with seats that tests can replace.
type roomRegistry interface {
	join(context.Context, live.JoinRequest, live.Client) (seat, live.Welcome, error)
	resume(context.Context, live.ResumeRequest, live.Client) (seat, live.Welcome, error)
}

// liveRooms implements roomRegistry.
type liveRooms struct{ *live.Registry }

func (r liveRooms) join(ctx context.Context, a live.JoinRequest, c live.Client) (seat, live.Welcome, error) {
	return r.Join(ctx, a, c)
}

func (r liveRooms) resume(ctx context.Context, a live.ResumeRequest, c live.Client) (seat, live.Welcome, error) {
	return r.Resume(ctx, a, c)
}

// A Peer describes the client of a connection, from its HTTP request.
type Peer struct {
	Host   string      // the name by which the client reached the server
	Prefix string      // the network whose guesses at passcodes count together
	Bearer auth.Secret // the token of the Authorization header; empty if there was none

	Lease        *conns.Lease // of the TCP connection; may be nil
	PreAuthLease *conns.Lease // among the connections without a hello; may be nil
}

// New returns the session of a connection, which Run serves.
func (v *Service) New(conn *websocket.Conn, peer Peer) *Session {
	s := &Session{svc: v, conn: conn, out: newOutbox(), peer: peer, bearer: peer.Bearer, messages: newMessageLimiter(v.timing.ping)}
	s.peer.Bearer = auth.Secret{}
	s.frameLimit.Store(wire.MaxFrameWaiting)
	conn.SetPingHandler(s.answerPing)
	return s
}
