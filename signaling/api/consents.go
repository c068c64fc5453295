package api

import (
	"net/http"

	"alcove/room"
	"alcove/signaling/wire"
)

// consents returns the answers of a person, who is named in the body because proxies log paths.
func (s *Server) consents(r *http.Request, in wire.Reader) (wire.Object, error) {
	person, sub := in.Optional("person", wire.MaxID, wire.IDChars), in.Optional("sub", maxSubject, wire.FreeText)
	switch {
	case in.Err() != "":
		return nil, errInput(in.Err())
	case (person == "") == (sub == ""):
		return nil, errInput("person or sub is needed, and not both")
	case sub != "":
		person = s.Config.Person(sub)
	}
	all, err := s.Config.Consents(r.Context(), room.PersonID(person))
	if err != nil {
		return nil, &room.Error{Code: room.Unavailable, Detail: "the consents cannot be read"}
	}
	if all == nil {
		all = []room.ConsentRecord{}
	}
	return wire.Object{"consents": all}, nil
}
