package signaling

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// Admin is what the admin API runs on (openapi.yaml). All fields are required.
type Admin struct {
	// Tokens checks the bearer tokens of embedding apps; auth.AdminVerifier is one.
	Tokens interface {
		Verify(now time.Time, token auth.Secret) error
	}
	// Room and Person give the opaque ids of a room by its name and of a person by the sub of tokens (auth.PersonKey).
	Room, Person func(string) string
	// Issuer is that of the tokens that can be revoked.
	Issuer string
	// Revoke refuses what is named from now on, before it returns; done hears once whether it is on the disk. It does not block.
	Revoke func(r auth.Revocation, done func(error))
	// Restore lifts a revocation once that is on the disk, and reports whether there was one.
	Restore func(ctx context.Context, kind auth.RevocationKind, subject string) (bool, error)
	// Revocations gives those that stand, in no order.
	Revocations func(now time.Time) []auth.Revocation
	// Consents gives all answers of a person in the order of time.
	Consents func(context.Context, room.PersonID) ([]room.ConsentRecord, error)
}

func (a *Admin) complete() bool {
	return a.Tokens != nil && a.Room != nil && a.Person != nil && a.Issuer != "" && a.Revoke != nil && a.Restore != nil &&
		a.Revocations != nil && a.Consents != nil
}

// adminRooms is what the admin API needs of a live.Registry.
type adminRooms interface {
	Rooms() []live.Summary
	View(ctx context.Context, name string) (room.View, error)
	Do(ctx context.Context, name string, c room.Command) (room.Outcome, error)
	Revoke(ctx context.Context, persons ...room.PersonID) error
	UndoRevoke(ctx context.Context, person room.PersonID) error
}

// An operation answers one request that was admitted; in holds the fields of its body.
type operation func(s *Server, r *http.Request, in cursor) (Object, error)

// adminRoutes are the routes of openapi.yaml.
var routes = map[string]operation{
	"GET /v1/rooms":              (*Server).listRooms,
	"GET /v1/rooms/{id}":         (*Server).showRoom,
	"POST /v1/rooms/{id}/admit":  roomOperation(ReadAdmit),
	"POST /v1/rooms/{id}/lock":   roomOperation(func(cursor) any { return room.Lock{} }),
	"POST /v1/rooms/{id}/unlock": roomOperation(func(cursor) any { return room.Unlock{} }),
	"POST /v1/rooms/{id}/remove": roomOperation(func(c cursor) any { return room.Remove{Target: c.target(), Message: c.message()} }),
	"POST /v1/rooms/{id}/end":    roomOperation(func(cursor) any { return room.End{Reason: "clinic"} }),
	"GET /v1/revocations":        (*Server).listRevocations,
	"POST /v1/revocations":       (*Server).revoke,
	"POST /v1/revocations/lift":  (*Server).removeRevocation,
	"POST /v1/consents":          (*Server).consents,
}

// errInput says what is wrong with a body; it is fit to be told.
type errInput string

func (e errInput) Error() string { return string(e) }

// serveAPI answers one route: token, body, operation, answer.
func (s *Server) serveAPI(do operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer s.guardAPI(w)
		w.Header().Set("Cache-Control", "no-store")
		if err := s.cfg.Admin.Tokens.Verify(s.now(), bearer(r)); err != nil {
			s.refusals.adminTokenRefused(err)
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.problem(w, NewFailure(InvalidToken, "the token was refused"))
			return
		}
		in, err := readBody(r)
		if err != nil {
			s.problem(w, NewFailure(room.BadRequest, err.Error()))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.timing.request)
		defer cancel()
		data, err := do(s, r.WithContext(ctx), in)
		var input errInput
		switch {
		case err == nil:
			w.Header().Set("Content-Type", contentTypes[".json"])
			w.Write(MustJSON(data))
		case errors.As(err, &input):
			s.problem(w, NewFailure(room.BadRequest, err.Error()))
		default:
			s.problem(w, s.failure(r.Pattern, err))
		}
	}
}

// readBody reads the one JSON object of a POST; an empty body is an empty object.
func readBody(r *http.Request) (cursor, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return cursor{}, errInput("the body cannot be read")
	case len(raw) > maxBody:
		return cursor{}, errInput("the body is too large")
	case len(raw) == 0:
		return newCursor(fields{}), nil
	}
	if err := checkText(raw); err != nil {
		return cursor{}, err
	}
	f, err := parseObject(raw)
	return newCursor(f), err
}

// named finds the name of a running room by its opaque id.
func (s *Server) roomByID(id string) (string, error) {
	for _, one := range s.admin.Rooms() {
		if s.cfg.Admin.Room(one.Name) == id {
			return one.Name, nil
		}
	}
	return "", &room.Error{Code: room.TargetNotFound, Detail: "no such room runs"}
}

// onRoom makes the operation that does a command in a room, as the clinic.
func roomOperation(read func(cursor) any) operation {
	return func(s *Server, r *http.Request, in cursor) (Object, error) {
		name, err := s.roomByID(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		c := read(in).(room.Command)
		if *in.fault != "" {
			return nil, errInput(*in.fault)
		}
		outcome, err := s.admin.Do(r.Context(), name, c)
		if err != nil {
			return nil, err
		}
		if _, many := c.(room.Admit); many {
			return OutcomeData(outcome), nil
		}
		return Object{}, nil
	}
}

func (s *Server) listRooms(r *http.Request, _ cursor) (Object, error) {
	wanted := r.URL.Query().Get("name")
	rooms := []Object{}
	for _, one := range s.admin.Rooms() {
		if wanted != "" && one.Name != wanted {
			continue
		}
		o := Object{"id": s.cfg.Admin.Room(one.Name), "locked": one.Locked, "recording": one.Recording, "waiting": one.Waiting}
		admitted := Object{}
		for _, role := range []auth.Role{auth.Host, auth.Cohost, auth.Participant, auth.Observer} {
			admitted[string(role)] = one.Admitted[role]
		}
		if o["admitted"] = admitted; !one.StartedAt.IsZero() {
			o["startedAt"] = Millis(one.StartedAt)
		}
		rooms = append(rooms, o)
	}
	return Object{"rooms": rooms}, nil
}

// showRoom tells the state of a room. Names stay inside: an app that made the tokens knows them, others need not.
func (s *Server) showRoom(r *http.Request, _ cursor) (Object, error) {
	name, err := s.roomByID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v, err := s.admin.View(r.Context(), name)
	if err != nil {
		return nil, err
	}
	o := RoomData(*v.Room)
	delete(o, "name")
	o["id"] = r.PathValue("id")
	o["participants"] = List(v.Roster, func(p room.PersonView) Object {
		return Object{"id": p.ID, "role": p.Role, "connected": p.Connected, "verified": p.Verified, "away": p.Away}
	})
	o["waiting"] = List(v.Waiting, func(w room.WaiterView) Object {
		return Object{"id": w.ID, "since": Millis(w.Since), "returning": w.Returning, "connected": w.Connected,
			"verified": w.Verified, "needs": NeedNames(w.Needs)}
	})
	return o, nil
}

// consents gives what a person agreed to. Who it is comes in the body: paths end up in the logs of proxies.
func (s *Server) consents(r *http.Request, in cursor) (Object, error) {
	person, sub := in.optional("person", MaxID, inID), in.optional("sub", MaxName*4, inWords)
	switch {
	case *in.fault != "":
		return nil, errInput(*in.fault)
	case (person == "") == (sub == ""):
		return nil, errInput("person or sub is needed, and not both")
	case sub != "":
		person = s.cfg.Admin.Person(sub)
	}
	all, err := s.cfg.Admin.Consents(r.Context(), room.PersonID(person))
	if err != nil {
		return nil, &room.Error{Code: room.Unavailable, Detail: "the consents cannot be read"}
	}
	if all == nil {
		all = []room.ConsentRecord{}
	}
	return Object{"consents": all}, nil
}
