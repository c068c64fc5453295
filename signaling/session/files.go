package session

import (
	"context"

	"alcove/room"
	"alcove/room/files"
	"alcove/signaling/wire"
)

// handleFiles answers a request about files. ok is false for all other requests.
func (s *Session) handleFiles(ctx context.Context, kind string, content any) (data wire.Object, f *wire.Failure, ok bool) {
	var err error
	switch c := content.(type) {
	case wire.FileAccess:
		data, err = s.accessFiles(ctx)
	case wire.FileCreate:
		data, err = s.createFile(ctx, c)
	case wire.FileWithdraw:
		if s.svc.cfg.Files == nil {
			err = errNoFiles
		} else {
			err = s.svc.cfg.Files.Withdraw(ctx, s.fileSeat(), c.ID)
		}
	default:
		return nil, nil, false
	}
	if err != nil {
		return nil, s.failure(kind, err), true
	}
	return data, nil, true
}

var errNoFiles = &room.Error{Code: room.Forbidden, Detail: "no files are kept here"}

func (s *Session) fileSeat() files.Seat {
	key, p := s.session.Split()
	return files.Seat{Session: key, Participant: p}
}

func (s *Session) accessFiles(ctx context.Context) (wire.Object, error) {
	if s.svc.cfg.Files == nil {
		return nil, errNoFiles
	}
	credential, clinic, err := s.svc.cfg.Files.Access(ctx, s.fileSeat())
	if err != nil {
		return nil, err
	}
	return wire.FileAccessData(credential.Reveal(), clinic), nil
}

// createFile asks the room first, which knows who may send to whom.
func (s *Session) createFile(ctx context.Context, c wire.FileCreate) (wire.Object, error) {
	if s.svc.cfg.Files == nil {
		return nil, errNoFiles
	}
	if _, err := s.seat.Do(ctx, room.SendFile{To: c.To, Clinic: c.Clinic}); err != nil {
		return nil, err
	}
	id, err := s.svc.cfg.Files.Create(ctx, s.fileSeat(), files.Creation{
		Size: c.Size, To: c.To, Clinic: c.Clinic, Sealed: c.Sealed, Release: files.Release{AtEnd: c.AtEnd, At: c.At}, Replaces: c.Replaces,
	})
	if err != nil {
		return nil, err
	}
	return wire.FileCreatedData(id), nil
}
