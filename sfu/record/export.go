package record

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"iter"
	"math"
	"slices"
	"time"
)

// An ExportedFile is one file that Export wrote.
type ExportedFile struct {
	Session string        `json:"session"`
	Person  string        `json:"person"`
	Zero    time.Time     `json:"zero"`   // the moment that is 0 in all files of the session
	Length  time.Duration `json:"length"` // in ns
	Blocks  int           `json:"blocks"`
}

// An Exporter converts recordings to WebM.
type Exporter struct {
	Opener  *Opener
	Storage Storage
	Filter  func(Header) bool // nil for everything
	// Create creates the file of a person in a session; Export closes it.
	Create    func(session, person string) (WriteSeekCloser, error)
	Progress  Progress // over segments, each of which is read twice
	OnProblem func(Problem)

	done, total int64
}

// A WriteSeekCloser is an open file.
type WriteSeekCloser interface {
	io.WriteSeeker
	io.Closer
}

// An exportTrack is one track to export, with its segments in order.
type exportTrack struct {
	segments []ListedSegment
	line     *timeline
	first    int64      // ns since 1970, of its first unit
	keys     *frameKeys // of a track whose frames are sealed, else nil
}

func (t exportTrack) header() Header { return t.segments[0].Header }

// Export writes one file for each person of each session. All files of a session begin at the same moment, so that they are in sync,
// with gaps where nothing was recorded. Damaged or missing segments are reported to OnProblem and left out.
func (x *Exporter) Export() ([]ExportedFile, error) {
	all, err := List(x.Storage)
	if err != nil {
		return nil, err
	}
	var chosen []ListedSegment
	for _, one := range all {
		if one.Err != nil {
			x.report(timelinePass, Problem{Segment: one.Name, Record: -1, Finding: headerFinding(one.Err), Detail: headerDetail(one.Err)})
		} else if x.Filter == nil || x.Filter(one.Header) {
			chosen = append(chosen, one)
		}
	}
	x.total = 2 * int64(len(chosen))
	sessions := map[string][]exportTrack{}
	var order []string
	for _, segments := range tracksOf(chosen) {
		id := segments[0].Header.Session
		if len(sessions[id]) == 0 {
			order = append(order, id)
		}
		t, err := x.readTimeline(segments)
		if err != nil {
			return nil, err
		}
		sessions[id] = append(sessions[id], t)
	}
	var list []ExportedFile
	for _, id := range order {
		more, err := x.exportSession(sessions[id])
		list = append(list, more...)
		if err != nil {
			return list, err
		}
	}
	return list, nil
}

func (x *Exporter) report(p pass, problems ...Problem) {
	for _, one := range problems {
		if p == timelinePass && x.OnProblem != nil {
			x.OnProblem(one)
		}
	}
}

func (x *Exporter) countSegment(p pass) {
	if p == startPass {
		return
	}
	if x.done++; x.Progress != nil {
		x.Progress(x.done, x.total)
	}
}

// A pass is one reading of the segments.
type pass int

const (
	timelinePass pass = iota // names problems
	startPass                // is not counted
	blockPass
)

// entries reads segments one after another. Segments that cannot be decrypted are reported once and left out.
func (x *Exporter) entries(segments []ListedSegment, p pass) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, one := range segments {
			s, err := x.Opener.read(x.Storage, one.Name)
			x.countSegment(p)
			switch {
			case errors.Is(err, fs.ErrNotExist): // gc took it
				continue
			case errors.Is(err, ErrErased), errors.Is(err, ErrIdentity):
				x.report(p, Problem{Segment: one.Name, Record: -1, Finding: Closed, Detail: err.Error()})
				continue
			case errors.Is(err, errWrapped), errors.Is(err, ErrUnknownKey):
				x.report(p, Problem{Segment: one.Name, Record: -1, Finding: Damaged, Detail: "the header: " + err.Error()})
				continue
			case err != nil:
				yield(Entry{}, err)
				return
			}
			x.report(p, s.problems...)
			for _, e := range s.entries() {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// readTimeline is the first pass over a track: it collects the clock mappings.
func (x *Exporter) readTimeline(segments []ListedSegment) (exportTrack, error) {
	t := exportTrack{segments: segments, line: newTimeline(segments[0].Header.ClockRate), first: math.MaxInt64}
	if t.header().Sealed() {
		t.keys = x.Opener.newFrameKeys(t.header())
	}
	named := map[error]bool{}
	for e, err := range x.entries(segments, timelinePass) {
		if err != nil {
			return t, err
		}
		if !e.Release {
			t.line.add(e)
		} else if err := t.keys.add(e.Payload); err != nil && !named[err] {
			named[err] = true
			x.report(timelinePass, Problem{Track: t.header().Track, Record: -1, Finding: releaseFinding(err), Detail: err.Error(), release: true})
		}
	}
	t.line.finish()
	c := t.line.cursor()
	for e, err := range x.entries(segments[:1], startPass) {
		if err != nil {
			return t, err
		}
		if e.Release {
			continue
		}
		n, rtp := c.next(e)
		if !e.Clock && len(e.Payload) > 0 {
			t.first = min(t.first, t.line.wallTime(n, rtp))
		}
	}
	return t, nil
}

// exportSession writes the files of one session.
func (x *Exporter) exportSession(tracks []exportTrack) (list []ExportedFile, err error) {
	zero := int64(math.MaxInt64)
	people := map[string][]exportTrack{}
	var order []string
	for _, t := range tracks {
		if t.first == math.MaxInt64 {
			continue
		}
		zero = min(zero, t.first)
		p := t.header().Person
		if len(people[p]) == 0 {
			order = append(order, p)
		}
		people[p] = append(people[p], t)
	}
	for _, p := range order {
		e, err := x.exportPerson(people[p], zero)
		if err != nil {
			return list, err
		}
		if e.Blocks > 0 {
			list = append(list, e)
		}
	}
	return list, nil
}

// A stream is one source of one person, over all its tracks.
type stream struct {
	webmTrack
	next func() (block, error, bool)
	stop func()
	head block
}

// exportPerson writes one file.
func (x *Exporter) exportPerson(takes []exportTrack, zero int64) (e ExportedFile, err error) {
	h := takes[0].header()
	e = ExportedFile{Session: h.Session, Person: h.Person, Zero: time.Unix(0, zero).UTC()}
	streams, err := x.streams(takes)
	defer func() {
		for _, s := range streams {
			s.stop()
		}
	}()
	if err != nil || len(streams) == 0 {
		return e, err
	}
	out, err := x.Create(h.Session, h.Person)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	var tracks []webmTrack
	for _, s := range streams {
		tracks = append(tracks, s.webmTrack)
	}
	f, err := newWebM(out, zero, tracks)
	if err != nil {
		return e, err
	}
	if e.Blocks, err = merge(f, slices.Clone(streams)); err != nil {
		return e, err
	}
	e.Length = time.Duration(f.end) * time.Millisecond
	return e, f.close()
}

// merge writes the blocks of all streams in the order of their times.
func merge(f *webmFile, streams []*stream) (blocks int, err error) {
	numbers := map[*stream]int{}
	for i, s := range streams {
		numbers[s] = i
	}
	for len(streams) > 0 {
		s := slices.MinFunc(streams, func(a, b *stream) int { return cmp.Compare(a.head.at, b.head.at) })
		if err := f.put(numbers[s], s.head); err != nil {
			return blocks, err
		}
		blocks++
		b, err, more := s.next()
		if err != nil {
			return blocks, err
		}
		if s.head = b; !more {
			streams = slices.DeleteFunc(streams, func(o *stream) bool { return o == s })
		}
	}
	return blocks, nil
}

// streams returns the streams that have at least one block, audio first. Each has read its first block already.
func (x *Exporter) streams(tracks []exportTrack) (list []*stream, err error) {
	bySource := map[webmTrack][]exportTrack{}
	for _, t := range tracks {
		key := webmTrack{source: t.header().Source, kind: t.header().Kind}
		bySource[key] = append(bySource[key], t)
	}
	for key, tracks := range bySource {
		next, stop := iter.Pull2(x.blocks(tracks))
		s := &stream{webmTrack: key, next: next, stop: stop}
		list = append(list, s)
		b, err, _ := next()
		if err != nil {
			return list, err
		}
		s.head, s.width, s.height = b, b.width, b.height
	}
	slices.SortFunc(list, func(a, b *stream) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.source, b.source)) })
	return slices.DeleteFunc(list, func(s *stream) bool {
		if len(s.head.data) == 0 {
			s.stop()
			return true
		}
		return false
	}), nil
}

// blocks returns the blocks of the tracks of one source, in order.
func (x *Exporter) blocks(tracks []exportTrack) iter.Seq2[block, error] {
	return func(yield func(block, error) bool) {
		for _, t := range tracks {
			var opener *frameOpener
			if t.keys != nil {
				opener = newFrameOpener(t.header().Kind, t.keys)
			}
			for b, err := range x.frames(t, opener) {
				if !yield(b, err) || err != nil {
					return
				}
			}
			if opener != nil {
				x.report(timelinePass, opener.problems(t.header().Track)...)
			}
		}
	}
}

// frames returns the blocks of one track; opener, unless it is nil, opens each complete frame.
func (x *Exporter) frames(t exportTrack, opener *frameOpener) iter.Seq2[block, error] {
	return func(yield func(block, error) bool) {
		var assemble assembler = opusBlocks{}
		if t.header().Kind == Video {
			assemble = &vp8Frames{}
		}
		emit := func(units []timedUnit) bool {
			for _, u := range units {
				for _, b := range assemble.push(u) {
					opened := true
					if opener != nil {
						b, opened = opener.open(b)
					}
					if opened && !yield(b, nil) {
						return false
					}
				}
			}
			return true
		}
		var reorder reorderBuffer
		c := t.line.cursor()
		for e, err := range x.entries(t.segments, blockPass) {
			if err != nil {
				yield(block{}, err)
				return
			}
			if e.Release {
				continue
			}
			n, rtp := c.next(e)
			if !e.Clock && !emit(reorder.push(timedUnit{e.Unit, t.line.wallTime(n, rtp)})) {
				return
			}
		}
		emit(reorder.flush())
	}
}
