package signaling

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"alcove/auth"
	"alcove/room"
)

// The part of the admin API that takes tokens back, and gives them again.

var revocationKinds = []string{string(auth.RevokeToken), string(auth.RevokePerson), string(auth.RevokeRoom)}

// subject is what a revocation of this kind calls the jti of a token, the sub of a person or the name of a room.
func (a *Admin) subject(kind auth.RevocationKind, value string) string {
	switch kind {
	case auth.RevokeToken:
		return auth.NewTokenKey(a.Issuer, value).String()
	case auth.RevokePerson:
		return a.Person(value)
	default:
		return a.Room(value)
	}
}

// revoke refuses tokens from now on, and ends what was entered with them, whether or not that can be written: the answer says so.
func (s *Server) revoke(r *http.Request, in cursor) (Object, error) {
	a := s.cfg.Admin
	kind := auth.RevocationKind(in.oneOf("kind", revocationKinds...))
	value := in.text("value", MaxName*4, inWords)
	if *in.fault != "" {
		return nil, errInput(*in.fault)
	}
	revocation := auth.Revocation{Kind: kind, Subject: a.subject(kind, value), At: s.now()}
	written := make(chan error, 1)
	a.Revoke(revocation, func(err error) { written <- err })
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
	return Object{}, ended
}

// endRevoked ends the seats of a person or the session of a room.
func (s *Server) endRevoked(ctx context.Context, r auth.Revocation, name string) error {
	switch r.Kind {
	case auth.RevokePerson:
		return s.admin.Revoke(ctx, room.PersonID(r.Subject))
	case auth.RevokeRoom:
		_, err := s.admin.Do(ctx, name, room.Revoke{All: true})
		if refused := (*room.Error)(nil); errors.As(err, &refused) && refused.Code == room.TargetNotFound {
			return nil // it does not run
		}
		return err
	}
	return nil
}

// listRevocations tells what stands, the oldest first, by its opaque subject.
func (s *Server) listRevocations(*http.Request, cursor) (Object, error) {
	all := s.cfg.Admin.Revocations(s.now())
	slices.SortFunc(all, func(a, b auth.Revocation) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject))
	})
	return Object{"revocations": List(all, func(r auth.Revocation) Object {
		o := Object{"kind": r.Kind, "subject": r.Subject, "at": Millis(r.At)}
		if !r.Until.IsZero() {
			o["until"] = Millis(r.Until)
		}
		return o
	})}, nil
}

// lift takes a revocation back, by what was revoked or by its subject from the list. It opens, so it is written before. The bars of rooms
// go first: whoever is revoked again meanwhile keeps the new ones, and without the bars tokens are refused as long as the revocation stands.
func (s *Server) removeRevocation(r *http.Request, in cursor) (Object, error) {
	a := s.cfg.Admin
	kind := auth.RevocationKind(in.oneOf("kind", revocationKinds...))
	value, subject := in.optional("value", MaxName*4, inWords), in.optional("subject", MaxID, inID)
	switch {
	case *in.fault != "":
		return nil, errInput(*in.fault)
	case (value == "") == (subject == ""):
		return nil, errInput("value or subject is needed, and not both")
	case value != "":
		subject = a.subject(kind, value)
	}
	err := s.ready()
	if err == nil && kind == auth.RevokePerson {
		err = s.admin.UndoRevoke(r.Context(), room.PersonID(subject))
	}
	var lifted bool
	if err == nil {
		lifted, err = a.Restore(r.Context(), kind, subject)
	}
	if err != nil {
		return nil, &room.Error{Code: room.Unavailable, Detail: "the lift cannot be written; the list says whether the revocation stands: ask again once /readyz says ok"}
	}
	return Object{"lifted": lifted}, nil
}
