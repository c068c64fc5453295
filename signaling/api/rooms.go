package api

import (
	"net/http"

	"alcove/auth"
	"alcove/room"
	"alcove/signaling/wire"
)

// roomByID returns the name of a running room by its opaque ID.
func (s *Server) roomByID(id string) (string, error) {
	for _, one := range s.Rooms.Rooms() {
		if s.Config.Room(one.Name) == id {
			return one.Name, nil
		}
	}
	return "", &room.Error{Code: room.TargetNotFound, Detail: "no such room runs"}
}

// roomOperation returns the operation that does a command in a room with the role "clinic".
func roomOperation(read func(wire.Reader) any) operation {
	return func(s *Server, r *http.Request, in wire.Reader) (wire.Object, error) {
		name, err := s.roomByID(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		c := read(in).(room.Command)
		if in.Err() != "" {
			return nil, errInput(in.Err())
		}
		outcome, err := s.Rooms.Do(r.Context(), name, c)
		if err != nil {
			return nil, err
		}
		if _, many := c.(room.Admit); many {
			return wire.OutcomeData(outcome), nil
		}
		return wire.Object{}, nil
	}
}

func (s *Server) listRooms(r *http.Request, _ wire.Reader) (wire.Object, error) {
	wanted := r.URL.Query().Get("name")
	rooms := []wire.Object{}
	for _, one := range s.Rooms.Rooms() {
		if wanted != "" && one.Name != wanted {
			continue
		}
		o := wire.Object{"id": s.Config.Room(one.Name), "locked": one.Locked, "recording": one.Recording, "waiting": one.Waiting}
		admitted := wire.Object{}
		for _, role := range []auth.Role{auth.Host, auth.Cohost, auth.Participant, auth.Observer} {
			admitted[string(role)] = one.Admitted[role]
		}
		if o["admitted"] = admitted; !one.StartedAt.IsZero() {
			o["startedAt"] = wire.Millis(one.StartedAt)
		}
		rooms = append(rooms, o)
	}
	return wire.Object{"rooms": rooms}, nil
}

// showRoom returns the state of a room without names: the software that made the tokens knows them.
func (s *Server) showRoom(r *http.Request, _ wire.Reader) (wire.Object, error) {
	name, err := s.roomByID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	v, err := s.Rooms.View(r.Context(), name)
	if err != nil {
		return nil, err
	}
	o := wire.RoomData(*v.Room)
	delete(o, "name")
	o["id"] = r.PathValue("id")
	o["participants"] = wire.List(v.Roster, func(p room.PersonView) wire.Object {
		return wire.Object{"id": p.ID, "role": p.Role, "connected": p.Connected, "verified": p.Verified, "away": p.Away}
	})
	o["waiting"] = wire.List(v.Waiting, func(w room.WaiterView) wire.Object {
		return wire.Object{"id": w.ID, "since": wire.Millis(w.Since), "returning": w.Returning, "connected": w.Connected,
			"verified": w.Verified, "needs": wire.NeedNames(w.Needs)}
	})
	return o, nil
}
