package record

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// A Report is the result of Verify.
type Report struct {
	Tracks   []TrackReport `json:"tracks"`
	Problems []Problem     `json:"problems"`
	Closed   int           `json:"closed"` // segments that cannot be opened: of erased people, or sealed to other recipients
	Logged   int           `json:"logged"` // tracks of an audit log that were looked for: see Compare

	unopened map[string]bool // tracks of such segments, and of those whose header is damaged
}

// harmless findings are no forgery: a crash, an erasure, an unreleased key.
var harmless = []Finding{Incomplete, Closed, Unlogged, Unreleased}

// Intact reports whether nothing was changed, removed or moved. Incomplete and closed segments are intact: a crash or an erasure is no
// forgery.
func (r Report) Intact() bool {
	return !slices.ContainsFunc(r.Problems, func(p Problem) bool { return !slices.Contains(harmless, p.Finding) })
}

// A TrackReport describes the readable part of one track.
type TrackReport struct {
	Track   string `json:"track"`
	Session string `json:"session"`
	Person  string `json:"person"`
	Kind    Kind   `json:"kind"`
	Source  string `json:"source"`
	Chain
	ErasureKey string    `json:"-"`
	Units      uint64    `json:"units"`
	Complete   bool      `json:"complete"`
	Started    time.Time `json:"started"`

	Frames *FrameCounts `json:"frames,omitempty"` // of a track whose frames are sealed end to end
}

// Progress receives the number of segments that are done, and their total; nil is allowed.
type Progress func(done, total int64)

// Verify reads all segments that filter accepts and reports their problems. A recording that is still being written is incomplete.
func (o *Opener) Verify(l Storage, filter func(Header) bool, progress Progress) (Report, error) {
	all, err := List(l)
	if err != nil {
		return Report{}, err
	}
	r := Report{unopened: map[string]bool{}}
	var chosen []ListedSegment
	for _, one := range all {
		switch {
		case errors.Is(one.Err, fs.ErrNotExist): // gc took it
		case one.Err != nil:
			r.Problems = append(r.Problems, Problem{Segment: one.Name, Record: -1, Finding: headerFinding(one.Err), Detail: headerDetail(one.Err)})
		case filter == nil || filter(one.Header):
			chosen = append(chosen, one)
		}
	}
	done := int64(0)
	for _, track := range tracksOf(chosen) {
		if err := o.verifyTrack(l, track, &r); err != nil {
			return r, err
		}
		if done += int64(len(track)); progress != nil {
			progress(done, int64(len(chosen)))
		}
	}
	return r, nil
}

// verifyTrack checks the segments of one track, in order of their numbers.
func (o *Opener) verifyTrack(l Storage, list []ListedSegment, r *Report) error {
	h := list[0].Header
	t := TrackReport{Track: h.Track, Session: h.Session, Person: h.Person, Kind: h.Kind, Source: h.Source, ErasureKey: h.ErasureKey, Started: h.Started}
	var before *segment
	expected := 0
	for _, one := range list {
		s, err := o.read(l, one.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.Is(err, ErrErased), errors.Is(err, ErrIdentity):
			r.Closed++
			r.unopened[h.Track] = true
			r.Problems = append(r.Problems, Problem{Segment: one.Name, Record: -1, Finding: Closed, Detail: err.Error()})
			continue
		case errors.Is(err, errWrapped), errors.Is(err, ErrUnknownKey):
			r.unopened[h.Track] = true
			r.Problems = append(r.Problems, Problem{Segment: one.Name, Record: -1, Finding: Damaged, Detail: "the header: " + err.Error()})
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", one.Name, err)
		}
		s.checkOrder(before, expected)
		r.Problems = append(r.Problems, s.problems...)
		t.Segments++
		t.Records += len(s.records)
		if len(s.records) > 0 {
			t.Tag = hex.EncodeToString(s.tag[:])
		}
		t.Units += s.units
		t.Complete = s.end != 0 && s.end != Continued
		before, expected = s, max(expected, s.header.Segment+1)
	}
	if before != nil && before.end == Continued {
		r.Problems = append(r.Problems, Problem{Segment: before.name, Record: -1, Finding: Missing, Detail: fmt.Sprintf("segment %d of its track, which follows", expected)})
	}
	if t.Segments > 0 && h.Sealed() {
		opener, err := o.countFrames(l, list, r)
		if err != nil {
			return err
		}
		t.Frames = &opener.counts
		r.Problems = append(r.Problems, opener.problems(h.Track)...)
	}
	if t.Segments > 0 {
		r.Tracks = append(r.Tracks, t)
	}
	return nil
}

// countFrames assembles the frames of a sealed track and opens them.
func (o *Opener) countFrames(l Storage, list []ListedSegment, r *Report) (*frameOpener, error) {
	x := Exporter{Opener: o, Storage: l, OnProblem: func(p Problem) {
		if p.release {
			r.Problems = append(r.Problems, p)
		}
	}}
	t, err := x.readTimeline(list)
	if err != nil {
		return nil, err
	}
	opener := newFrameOpener(t.header().Kind, t.keys)
	for _, err := range x.frames(t, opener) {
		if err != nil {
			return nil, err
		}
	}
	return opener, nil
}

// checkOrder checks the position of a segment in its track.
func (s *segment) checkOrder(before *segment, expected int) {
	if s.name != s.header.File+suffix {
		s.addProblem(-1, Spliced, "the file has the name of another")
	}
	n := s.header.Segment
	switch {
	case n < expected:
		s.addProblem(-1, Repeated, fmt.Sprintf("segment %d of its track", n))
	case n > expected:
		s.addProblem(-1, Missing, fmt.Sprintf("segment %d of its track, in front of this one", expected))
	case before != nil && before.end == 0 && len(s.records) > 0:
		s.addProblem(-1, Missing, "the end of the segment in front of this one")
	case before != nil && before.end != 0 && s.header.Previous != hex.EncodeToString(before.tag[:]):
		s.addProblem(-1, Spliced, "it does not follow the segment in front of it")
	}
}

// tracksOf groups segments by track, in the order in which List gives them.
func tracksOf(all []ListedSegment) (tracks [][]ListedSegment) {
	at := map[string]int{}
	for _, one := range all {
		i, ok := at[one.Header.Track]
		if !ok {
			i, tracks = len(tracks), append(tracks, nil)
			at[one.Header.Track] = i
		}
		tracks[i] = append(tracks[i], one)
	}
	return tracks
}
