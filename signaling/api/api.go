package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/internal/report"
	"alcove/signaling/wire"
)

// Config configures the API. All fields are required.
type Config struct {
	// Tokens checks the bearer tokens of administrators; auth.AdminVerifier is one.
	Tokens interface {
		Verify(now time.Time, token auth.Secret) error
	}
	// Room and Person return the opaque IDs of a room by its name and of a person by the sub of tokens (auth.PersonKey).
	Room, Person func(string) string
	// Issuer is the issuer of the tokens that can be revoked.
	Issuer string
	// Revoke refuses the subject before it returns. It calls done once, with nil when the revocation is on the disk. It does not
	// block.
	Revoke func(r auth.Revocation, done func(error))
	// Restore removes a revocation and returns when that is on the disk. It reports whether there was one.
	Restore func(ctx context.Context, kind auth.RevocationKind, subject string) (bool, error)
	// Revocations returns the revocations in force, in no order.
	Revocations func(now time.Time) []auth.Revocation
	// Consents returns all answers of a person in the order of time.
	Consents func(context.Context, room.PersonID) ([]room.ConsentRecord, error)
}

// Complete reports whether no field is missing.
func (c *Config) Complete() bool {
	return c.Tokens != nil && c.Room != nil && c.Person != nil && c.Issuer != "" && c.Revoke != nil && c.Restore != nil &&
		c.Revocations != nil && c.Consents != nil
}

// Rooms is the part of live.Registry that the API uses.
type Rooms interface {
	Rooms() []live.Summary
	View(ctx context.Context, name string) (room.View, error)
	Do(ctx context.Context, name string, c room.Command) (room.Outcome, error)
	Revoke(ctx context.Context, persons ...room.PersonID) error
	UndoRevoke(ctx context.Context, person room.PersonID) error
}

// A Server answers requests of the API. All fields are required.
type Server struct {
	Config   Config
	Rooms    Rooms
	Faults   report.Faults
	Refusals *report.Refusals
	Ready    func() error // why nothing can be written; nil if it can
	Now      func() time.Time
}

// Register adds the routes of openapi.yaml to mux.
func (s *Server) Register(mux *http.ServeMux) {
	for route, do := range routes {
		mux.HandleFunc(route, s.serve(do))
	}
}

// An operation answers one authorised request; in holds the fields of its body.
type operation func(s *Server, r *http.Request, in wire.Reader) (wire.Object, error)

// routes are the routes of openapi.yaml.
var routes = map[string]operation{
	"GET /v1/rooms":              (*Server).listRooms,
	"GET /v1/rooms/{id}":         (*Server).showRoom,
	"POST /v1/rooms/{id}/admit":  roomOperation(wire.ReadAdmit),
	"POST /v1/rooms/{id}/lock":   roomOperation(func(wire.Reader) any { return room.Lock{} }),
	"POST /v1/rooms/{id}/unlock": roomOperation(func(wire.Reader) any { return room.Unlock{} }),
	"POST /v1/rooms/{id}/remove": roomOperation(func(c wire.Reader) any { return room.Remove{Target: c.Target(), Message: c.Message()} }),
	"POST /v1/rooms/{id}/end":    roomOperation(func(wire.Reader) any { return room.End{Reason: "clinic"} }),
	"GET /v1/revocations":        (*Server).listRevocations,
	"POST /v1/revocations":       (*Server).revoke,
	"POST /v1/revocations/lift":  (*Server).removeRevocation,
	"POST /v1/consents":          (*Server).consents,
}

// errInput says what is wrong with a request. It is fit for the client.
type errInput string

func (e errInput) Error() string { return string(e) }

// serve answers one route: token, body, operation, answer.
func (s *Server) serve(do operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer s.recoverPanic(w)
		w.Header().Set("Cache-Control", "no-store")
		if err := s.Config.Tokens.Verify(s.Now(), BearerToken(r)); err != nil {
			s.Refusals.AdminToken(err)
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeProblem(w, wire.NewFailure(wire.InvalidToken, "the token was refused"))
			return
		}
		in, err := readBody(r)
		if err != nil {
			writeProblem(w, wire.NewFailure(room.BadRequest, err.Error()))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		data, err := do(s, r.WithContext(ctx), in)
		var input errInput
		switch {
		case err == nil:
			w.Header().Set("Content-Type", "application/json")
			w.Write(wire.MustJSON(data))
		case errors.As(err, &input):
			writeProblem(w, wire.NewFailure(room.BadRequest, err.Error()))
		default:
			writeProblem(w, s.Faults.Failure(r.Pattern, err))
		}
	}
}

// BearerToken returns the token of the Authorization header (RFC 6750, section 2.1), empty if there is none.
func BearerToken(r *http.Request) auth.Secret {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || len(token) > wire.MaxToken {
		return auth.Secret{}
	}
	return auth.NewSecret(strings.TrimSpace(token))
}

// readBody reads the one JSON object of a POST; an empty body is an empty object.
func readBody(r *http.Request) (wire.Reader, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return wire.Reader{}, errInput("the body cannot be read")
	case len(raw) > maxBody:
		return wire.Reader{}, errInput("the body is too large")
	}
	return wire.ParseObject(raw)
}
