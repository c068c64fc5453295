package main

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
	trackBegan: room.ActTrackBegan, trackEnded: room.ActTrackEnded, trackBroke: room.ActTrackBroke, trackFound: room.ActTrackFound,
	trackExpired: room.ActTrackExpired,
}

// enterTrack puts an entry about a track into the audit log.
func enterTrack(ctx context.Context, s *store.Store, e trackEntry) error {
	ctx, cancel := context.WithTimeout(ctx, trackPatience)
	defer cancel()
	return s.Enter(ctx, room.Entry{At: e.at, Session: e.session, Act: trackActs[e.act], Detail: e.detail})
}

// readTracks gives the entries about tracks among the first so many of the log in a folder.
func readTracks(folder string, first int64) (list []trackEntry, err error) {
	acts := map[string]trackAct{}
	for act, name := range trackActs {
		acts[name] = act
	}
	err = audit.ReadDir(folder, first, func(e room.Entry) {
		if act, ok := acts[e.Act]; ok {
			list = append(list, trackEntry{at: e.At, session: e.Session, act: act, detail: e.Detail})
		}
	})
	return list, err
}

// verifiedTracks gives the entries about tracks of a log that is as it was signed; how many entries that are, and how many of them a
// checkpoint from elsewhere proves.
func verifiedTracks(folder string, key note.Verifier, elsewhere []byte) ([]trackEntry, audit.Report, error) {
	report, err := audit.VerifyDir(folder, key, elsewhere)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no audit log, so nobody knows which recordings were removed or cut: %w", err)
	}
	if err != nil || report.Bad != nil {
		return nil, report, err
	}
	list, err := readTracks(folder, report.Entries)
	return list, report, err
}

const (
	// maxTrackEntries bounds the entries about recordings that wait for the audit log: of an hour with 500 people in 60 rooms.
	maxTrackEntries = 4096
	// trackRetry is how soon what could not be entered is tried again.
	trackRetry = time.Second
	// trackPatience bounds one entry, and all that are left at the end.
	trackPatience = 5 * time.Second
)
