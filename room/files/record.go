package files

import (
	"slices"
	"time"

	"alcove/room"
)

// A Release says when recipients get a file. The zero value is at once.
type Release struct {
	AtEnd bool      // when the session ends
	At    time.Time // or at this time; zero: no such time
}

func (r Release) timed() bool { return r.AtEnd || !r.At.IsZero() }

// A record is what is known of a file; it is stored as JSON once the file is complete.
type record struct {
	ID       string
	Session  string
	Owner    room.ParticipantID
	Person   room.PersonID // of the owner
	To       []room.ParticipantID
	Clinic   room.ClinicPaper // "": to people
	Size     int64
	Sealed   []byte // the key, name and note of the file, sealed for To; opaque
	Release  Release
	Replaces string
	Created  time.Time // when the upload was complete
	EndedAt  time.Time // when the session ended; zero: it runs
	Told     bool      // the release was announced and entered into the audit log
}

// released reports whether recipients may have the file at now.
func (r *record) released(now time.Time) bool {
	return !r.Release.timed() || r.Release.AtEnd && !r.EndedAt.IsZero() || !r.Release.At.IsZero() && !now.Before(r.Release.At)
}

// expires returns when the file is deleted; zero while its session runs.
func (r *record) expires(keep time.Duration) time.Time {
	if r.EndedAt.IsZero() {
		return time.Time{}
	}
	end := r.EndedAt
	if r.Release.At.After(end) {
		end = r.Release.At
	}
	return end.Add(keep)
}

func (r *record) isFor(p room.ParticipantID) bool { return slices.Contains(r.To, p) }

// A Seat is who asks.
type Seat struct {
	Session     string
	Participant room.ParticipantID
}

// An Item describes a file to its owner or to a recipient.
type Item struct {
	ID       string
	From     room.ParticipantID
	To       []room.ParticipantID // for the owner only
	Size     int64
	Offset   int64 // bytes that are here; Size once it is complete
	Complete bool
	At       time.Time // when it was complete
	Release  Release
	Released bool
	Replaces string
}
