package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"alcove/auth"
	"alcove/room"
	"alcove/signaling/wire"
)

var revocationKinds = []string{string(auth.RevokeToken), string(auth.RevokePerson), string(auth.RevokeRoom)}

// subject returns the opaque subject of a revocation for the jti of a token, the sub of a person or the name of a room.
func (c *Config) subject(kind auth.RevocationKind, value string) string {
	switch kind {
	case auth.RevokeToken:
		return auth.NewTokenKey(c.Issuer, value).String()
	case auth.RevokePerson:
		return c.Person(value)
	default:
		return c.Room(value)
	}
}

// revoke refuses tokens of the subject and ends its seats at once, whether or not the revocation can be written. The answer says whether
// it was.
func (s *Server) revoke(r *http.Request, in wire.Reader) (wire.Object, error) {
	c := &s.Config
	kind := auth.RevocationKind(in.OneOf("kind", revocationKinds...))
	value := in.Text("value", maxSubject, wire.FreeText)
	if in.Err() != "" {
		return nil, errInput(in.Err())
	}
	revocation := auth.Revocation{Kind: kind, Subject: c.subject(kind, value), At: s.Now()}
	written := make(chan error, 1)
	c.Revoke(revocation, func(err error) { written <- err })
	ended := s.endRevoked(r.Context(), revocation, value)
	select {
	case err := <-written:
		switch {
		case errors.Is(err, auth.ErrRevocationsFull):
			return nil, &room.Error{Code: room.InvalidState, Detail: "no more revocations can be kept, and this one is not in force: lift some"}
		case err != nil:
			return nil, &room.Error{Code: room.Unavailable, Detail: "the revocation is not written yet, and may not outlive a restart: ask again"}
		}
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return wire.Object{}, ended
}

// endRevoked ends the seats of a person or the session of a room.
func (s *Server) endRevoked(ctx context.Context, r auth.Revocation, name string) error {
	switch r.Kind {
	case auth.RevokePerson:
		return s.Rooms.Revoke(ctx, room.PersonID(r.Subject))
	case auth.RevokeRoom:
		_, err := s.Rooms.Do(ctx, name, room.Revoke{All: true})
		if refused := (*room.Error)(nil); errors.As(err, &refused) && refused.Code == room.TargetNotFound {
			return nil // no such room runs
		}
		return err
	}
	return nil
}

// listRevocations returns the revocations in force, the oldest first, by opaque subject.
func (s *Server) listRevocations(*http.Request, wire.Reader) (wire.Object, error) {
	all := s.Config.Revocations(s.Now())
	slices.SortFunc(all, func(a, b auth.Revocation) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject))
	})
	return wire.Object{"revocations": wire.List(all, func(r auth.Revocation) wire.Object {
		o := wire.Object{"kind": r.Kind, "subject": r.Subject, "at": wire.Millis(r.At)}
		if !r.Until.IsZero() {
			o["until"] = wire.Millis(r.Until)
		}
		return o
	})}, nil
}

// removeRevocation removes a revocation, by its value or by its subject from the list. It opens access, so it is written first.
// The bars in rooms are removed before the revocation: if the person is revoked again meanwhile, the new bars stay, and until
// the revocation is removed it still refuses the tokens.
func (s *Server) removeRevocation(r *http.Request, in wire.Reader) (wire.Object, error) {
	c := &s.Config
	kind := auth.RevocationKind(in.OneOf("kind", revocationKinds...))
	value, subject := in.Optional("value", maxSubject, wire.FreeText), in.Optional("subject", wire.MaxID, wire.IDChars)
	switch {
	case in.Err() != "":
		return nil, errInput(in.Err())
	case (value == "") == (subject == ""):
		return nil, errInput("value or subject is needed, and not both")
	case value != "":
		subject = c.subject(kind, value)
	}
	err := s.Ready()
	if err == nil && kind == auth.RevokePerson {
		err = s.Rooms.UndoRevoke(r.Context(), room.PersonID(subject))
	}
	var removed bool
	if err == nil {
		removed, err = c.Restore(r.Context(), kind, subject)
	}
	if err != nil {
		return nil, &room.Error{Code: room.Unavailable, Detail: "the lift cannot be written; the list says whether the revocation stands: ask again once /readyz says ok"}
	}
	return wire.Object{"lifted": removed}, nil
}
