package live

import (
	"context"
	"strings"

	"alcove/room"
)

// Files keeps the files of sessions; package room/files implements it. No method blocks.
type Files interface {
	// SeatLost says that a participant may have no file of a session any more, not after its end either: denied, removed, or waiting at
	// the end.
	SeatLost(session string, p room.ParticipantID)
	// SessionEnded says that a session is over. The participants who were in it to the end, and those who left, may still fetch what
	// was kept for after it.
	SessionEnded(session string)
}

type noFiles struct{}

func (noFiles) SeatLost(string, room.ParticipantID) {}
func (noFiles) SessionEnded(string)                 {}

// FilesChanged says that the list of the files for this participant changed. It carries none of them: the client reads the list.
type FilesChanged struct{}

func (FilesChanged) notice() {}

// Split gives the key of the session and the participant.
func (id SessionID) Split() (key string, p room.ParticipantID) {
	key, seat, _ := strings.Cut(string(id), ".")
	return key, room.ParticipantID(seat)
}

// Admitted returns the person of a seat while it is admitted; not_admitted while it waits, invalid_state once it is over, and room_ended when no
// such session runs. It is the one admission gate for requests that do not come through a Seat.
func (r *Registry) Admitted(ctx context.Context, session string, p room.ParticipantID) (room.PersonID, error) {
	r.mu.Lock()
	one, ok := r.byKey[session]
	r.mu.Unlock()
	if !ok {
		return "", errRoomEnded
	}
	return call(ctx, one, func(answer reply[room.PersonID]) {
		for _, seat := range one.state.Participants {
			switch {
			case seat.ID != p:
			case seat.Access == room.Admitted:
				answer.send(seat.Person, nil)
				return
			default:
				answer.fail(&room.Error{Code: room.NotAdmitted, Detail: "you wait"})
				return
			}
		}
		answer.fail(errSeatOver())
	})
}

// Running reports whether a session runs, by its key.
func (r *Registry) Running(session string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byKey[session] != nil
}

// NotifyFiles sends FilesChanged to those of the participants who are admitted and connected. It does not wait.
func (r *Registry) NotifyFiles(session string, to []room.ParticipantID) {
	r.mu.Lock()
	one, ok := r.byKey[session]
	r.mu.Unlock()
	if !ok {
		return
	}
	one.post(request{fail: func(error) {}, do: func() {
		for _, id := range to {
			if c := one.connections[id]; c != nil && c.connected && c.lastView.Room != nil {
				c.client.Deliver(FilesChanged{})
			}
		}
	}})
}

// reportLostSeats tells Files of the seats that a decision ended for good.
func (r *roomActor) reportLostSeats(before room.State, d room.Decision) {
	for _, e := range d.Events {
		if e, ok := e.(room.SeatEnded); ok {
			stayed := (e.Access == room.Left || e.Access == room.Ended) && room.ViewOf(before, e.ID).Self.Access == room.Admitted
			if !stayed {
				r.cfg.Files.SeatLost(r.key, e.ID)
			}
		}
	}
}

// endFiles tells Files that the session is over. After a panic no decision ended the seats that wait.
func (r *roomActor) endFiles() {
	for _, p := range r.state.Participants {
		if p.Access != room.Admitted {
			r.cfg.Files.SeatLost(r.key, p.ID)
		}
	}
	r.cfg.Files.SessionEnded(r.key)
}
