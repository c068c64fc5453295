package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/mod/sumdb/note"

	"alcove/room"
	"alcove/room/audit"
	"alcove/room/store"
)

// trackActs are the acts of tracks as the audit log names them.
var trackActs = map[trackAct]string{
	TrackBegan: room.ActTrackBegan, TrackEnded: room.ActTrackEnded, TrackBroke: room.ActTrackBroke, TrackFound: room.ActTrackFound,
	TrackExpired: room.ActTrackExpired, PaperExpired: room.ActSealedExpired,
}

// EnterTrack puts an entry about a track into the audit log.
func EnterTrack(ctx context.Context, s *store.Store, e TrackEntry) error {
	ctx, cancel := context.WithTimeout(ctx, EntryTimeout)
	defer cancel()
	return s.Enter(ctx, room.Entry{At: e.At, Session: e.Session, Act: trackActs[e.Act], Detail: e.Detail})
}

// ReadTracks reads the entries about tracks among the first entries of the log in a folder.
func ReadTracks(folder string, first int64) (list []TrackEntry, err error) {
	acts := map[string]trackAct{}
	for act, name := range trackActs {
		if act != PaperExpired { // no track
			acts[name] = act
		}
	}
	err = audit.ReadDir(folder, first, func(e room.Entry) {
		if act, ok := acts[e.Act]; ok {
			list = append(list, TrackEntry{At: e.At, Session: e.Session, Act: act, Detail: e.Detail})
		}
	})
	return list, err
}

// VerifyTracks gives the entries about tracks of a log that is as it was signed; how many entries that are, and how many of them a
// checkpoint from elsewhere proves.
func VerifyTracks(folder string, key note.Verifier, elsewhere []byte) ([]TrackEntry, audit.Report, error) {
	report, err := audit.VerifyDir(folder, key, elsewhere)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no audit log, so nobody knows which recordings were removed or cut: %w", err)
	}
	if err != nil || report.Damage != nil {
		return nil, report, err
	}
	list, err := ReadTracks(folder, report.Entries)
	return list, report, err
}

// EnterErasure puts the receipt of an erasure into the audit log.
func EnterErasure(ctx context.Context, s *store.Store, at time.Time, person, receipt string) error {
	return s.Enter(ctx, room.Entry{At: at, Act: room.ActErased, Person: room.PersonID(person), Detail: receipt})
}
