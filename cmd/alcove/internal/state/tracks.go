package state

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"alcove/sfu/record"
)

// What the audit log knows of recordings, so that a file that was removed, emptied or cut is missed: which tracks began, how many
// records each ended with, and which expired. It names neither people nor their ids: a track is erased by a key, whose id it has.

// A trackAct is an event of a track.
type trackAct int

const (
	TrackBegan   trackAct = iota
	TrackEnded            // with its end
	TrackBroke            // without: this much at least is on the disk
	TrackFound            // after a crash: this much is on the disk
	TrackExpired          // its class; it is removed
	PaperExpired          // that of a card or a journal; it is removed
)

// A TrackEntry is an entry of the audit log about one track.
type TrackEntry struct {
	At      time.Time
	Session string
	Act     trackAct
	Detail  string
}

// ExpiryEntry is the entry of a track that expires now.
func ExpiryEntry(session, track string) TrackEntry {
	return TrackEntry{At: time.Now(), Session: session, Act: TrackExpired, Detail: track}
}

// PaperExpiryEntry is the entry of a card or a journal that expires now.
func PaperExpiryEntry(p record.Paper) TrackEntry {
	return TrackEntry{At: time.Now(), Session: p.Session, Act: PaperExpired, Detail: p.ID}
}

// The details of entries: track/key, track/key/segments/records/tag, or the track alone.
func LengthDetail(track, key string, c record.Chain) string {
	return fmt.Sprintf("%s/%s/%d/%d/%s", track, key, c.Segments, c.Records, c.Tag)
}

// LoggedTracks combines the entries of each track.
func LoggedTracks(entries []TrackEntry) []record.LoggedTrack {
	var list []record.LoggedTrack
	at := map[string]int{}
	for _, e := range entries {
		parts := strings.Split(e.Detail, "/")
		i, there := at[parts[0]]
		if !there {
			i = len(list)
			at[parts[0]], list = i, append(list, record.LoggedTrack{Session: e.Session, Track: parts[0]})
		}
		one := &list[i]
		switch {
		case e.Act == TrackBegan && len(parts) == 2:
			one.Began, one.ErasureKey = e.At, parts[1]
		case e.Act == TrackExpired:
			one.Expired = true
		case len(parts) == 5:
			segments, _ := strconv.Atoi(parts[2])
			records, _ := strconv.Atoi(parts[3])
			one.ErasureKey = parts[1]
			if ended := e.Act == TrackEnded; ended || !one.Ended && records > one.Records {
				one.Chain, one.Ended = record.Chain{Segments: segments, Records: records, Tag: parts[4]}, ended
			}
		}
	}
	return list
}
