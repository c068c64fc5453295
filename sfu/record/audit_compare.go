package record

import (
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// A LoggedTrack is a track according to the audit log. It reveals files that were removed, emptied or truncated.
type LoggedTrack struct {
	Session, Track string
	ErasureKey     string    // id
	Began          time.Time // zero: not in the log
	Chain                    // the last one in the log; zero if the log has only the beginning
	Ended          bool      // Chain is the whole track, its end included
	Expired        bool      // it was removed because its class had expired
}

// Compare adds the tracks that the log contains and the Storage lacks to the Report of Verify. filter is that of Verify: of a missing track
// it gets session and person only, and the person only as long as the keyring has the erasure key.
func (r *Report) Compare(o *Opener, log []LoggedTrack, filter func(Header) bool) {
	read := map[string]TrackReport{}
	for _, t := range r.Tracks {
		read[t.Track] = t
	}
	known := map[string]bool{}
	for _, one := range log {
		known[one.Track] = true
		if filter != nil && !filter(Header{Session: one.Session, Person: o.people[one.ErasureKey]}) {
			continue
		}
		r.Logged++
		t, there := read[one.Track]
		switch {
		case there:
			r.compare(one, t)
		case one.Expired, o.erased[one.ErasureKey], r.unopened[one.Track]:
		default:
			r.addProblem(one, Removed, fmt.Sprintf("the audit log says that it began%s%s; nothing of it is here", one.when(), one.length()))
		}
	}
	for _, t := range r.Tracks {
		if !known[t.Track] {
			r.Problems = append(r.Problems, Problem{Record: -1, Track: t.Track, Finding: Unlogged, Detail: "the audit log does not know it: the daemon died as it began, or the log is of others"})
		}
	}
}

// compare checks the readable records of a track against its length in the log. A track without an end may be longer: records written
// after the last sync may have reached the disk.
func (r *Report) compare(one LoggedTrack, t TrackReport) {
	switch {
	case t.Records < one.Records && !one.Expired:
		r.addProblem(one, Cut, fmt.Sprintf("%d of the %d records that the audit log knows of can be read", t.Records, one.Records))
	case t.Records == one.Records && t.Records > 0 && t.Tag != one.Tag, one.Ended && t.Records > one.Records:
		r.addProblem(one, Damaged, "its records are not those that the audit log knows of")
	}
}

func (r *Report) addProblem(one LoggedTrack, t Finding, detail string) {
	r.Problems = append(r.Problems, Problem{Record: -1, Track: one.Track, Finding: t, Detail: detail})
}

func (l LoggedTrack) when() string {
	if l.Began.IsZero() {
		return ""
	}
	return " at " + l.Began.UTC().Format(time.RFC3339)
}

func (l LoggedTrack) length() string {
	if l.Records == 0 {
		return ""
	}
	return fmt.Sprintf(" and had %d records in %d segments", l.Records, l.Segments)
}

// An UnfinishedTrack is a track without a logged end: the daemon died.
type UnfinishedTrack struct {
	Session, Track, ErasureKey string
	Chain
}

// FindUnfinished counts, without any key, the records of tracks that began before a moment and whose end known does not have. It is
// called after a crash, so that a later truncation is noticed.
func FindUnfinished(l Storage, before time.Time, known func(track string) bool) (list []UnfinishedTrack, err error) {
	all, err := List(l)
	if err != nil {
		return nil, err
	}
	for _, segments := range tracksOf(all) {
		h := segments[0].Header
		if segments[0].Err != nil || known(h.Track) || !h.Started.Before(before) {
			continue
		}
		f := UnfinishedTrack{Session: h.Session, Track: h.Track, ErasureKey: h.ErasureKey}
		for _, one := range segments {
			if err := f.count(l, one.Name); err != nil {
				return list, err
			}
		}
		if f.Records > 0 {
			list = append(list, f)
		}
	}
	return list, nil
}

// count adds the whole records of a segment.
func (f *UnfinishedTrack) count(l Storage, name string) error {
	file, err := l.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSegment))
	if err != nil {
		return err
	}
	h, at, err := parseHeader(data)
	if err != nil {
		return nil // it is no segment any more
	}
	for number := uint64(0); ; number++ {
		r, whole := readFrame(data, at)
		if !whole || r.file != rawID(h.File) || r.number != number || torn(r.file, data[r.at:r.end()], true) {
			return nil
		}
		f.Segments, f.Records = max(f.Segments, h.Segment+1), f.Records+1
		tag := r.tag()
		f.Tag = hex.EncodeToString(tag[:])
		at = r.end()
	}
}
