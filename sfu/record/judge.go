package record

import (
	"cmp"
	"errors"
	"slices"
)

// A Trouble is what is wrong with a record or a segment: a closed list.
type Trouble string

// The troubles.
const (
	Damaged    Trouble = "damaged"    // the bytes are not those that were written
	Missing    Trouble = "missing"    // taken out of the middle, or a segment that others say was there
	Reordered  Trouble = "reordered"  // authentic, but in another's place
	Repeated   Trouble = "repeated"   // authentic, but there twice
	Spliced    Trouble = "spliced"    // of another file
	Incomplete Trouble = "incomplete" // the end is not there: a crash, a full disk, a recording that still runs; or it was cut off
	Closed     Trouble = "closed"     // it cannot be opened: the person was erased, or it is sealed to others
	Unreadable Trouble = "unreadable" // the file's header is damaged, or the file cannot be read

	// Of whole tracks, by what the audit log says of them.
	Removed  Trouble = "removed"  // nothing of it is here, and no expiry or erasure says why
	Cut      Trouble = "cut"      // it is shorter than it was
	Unlogged Trouble = "unlogged" // the log does not know it
)

// unread is the trouble of a file whose header did not come: one that is empty was begun when a crash came, and holds nothing.
func unread(err error) Trouble {
	if errors.Is(err, errEmpty) {
		return Incomplete
	}
	return Unreadable
}

// A Problem is one trouble in one place.
type Problem struct {
	Segment string  `json:"segment,omitempty"` // the file's name; empty for a whole track
	Track   string  `json:"track,omitempty"`   // its id, for a whole track
	Record  int64   `json:"record"`            // -1 for the whole segment
	Trouble Trouble `json:"trouble"`
	Detail  string  `json:"detail,omitempty"`
}

func (s *segment) add(record int64, t Trouble, detail string) {
	s.problems = append(s.problems, Problem{Segment: s.name, Record: record, Trouble: t, Detail: detail})
}

// judge names what is wrong with the pieces of a file, and keeps the authentic records.
func (s *segment) judge(list []piece) {
	if s.headerDamaged(list) {
		s.add(-1, Damaged, "no record fits the header")
		return
	}
	there := map[uint64]bool{}
	for _, p := range list {
		there[p.number] = there[p.number] || p.plain != nil
	}
	seen := map[uint64]bool{}
	expected, over := uint64(0), false
	var bad []piece // since the last authentic record
	for _, p := range list {
		if p.plain == nil {
			bad = append(bad, p)
			continue
		}
		switch {
		case seen[p.number]:
			s.add(int64(p.number), Repeated, "")
			continue
		case p.number < expected:
			s.add(int64(p.number), Reordered, "")
		default:
			s.gap(expected, p.number, bad, there)
			bad, expected = nil, p.number+1
		}
		seen[p.number] = true
		over = over || p.kind == recordEnd
		s.records = append(s.records, opened{p.number, p.at, p.kind, p.plain})
		if p.number+1 == expected {
			s.tag = p.tag()
		}
	}
	s.tail(expected, bad, over)
	slices.SortFunc(s.records, func(a, b opened) int { return cmp.Compare(a.number, b.number) })
	s.chain(list)
}

// headerDamaged: records authenticate the header, so one wrong bit in it makes them all fail. A single bad one may be a crash.
func (s *segment) headerDamaged(list []piece) bool {
	return len(list) > 1 && !slices.ContainsFunc(list, func(p piece) bool { return p.plain != nil })
}

// gap names the records from expected up to number, between which lie the bad pieces.
func (s *segment) gap(expected, number uint64, bad []piece, there map[uint64]bool) {
	for ; expected < number; expected++ {
		switch {
		case there[expected]: // reordered: named where it lies
		case len(bad) > 0:
			s.add(int64(expected), bad[0].trouble, "")
			bad = bad[1:]
		case number-expected > 1:
			s.add(int64(expected), Missing, "and those up to the next")
			s.skipTo(&expected, number, there)
		default:
			s.add(int64(expected), Missing, "")
		}
	}
	for _, p := range bad {
		s.add(int64(number), p.trouble, "bytes in front of it that are not of this file")
	}
}

// skipTo moves to the last of a run of missing records: their number is whatever a record said, so they are not named one by one.
func (s *segment) skipTo(expected *uint64, number uint64, there map[uint64]bool) {
	last := number - 1
	for n := range there {
		if n > *expected && n <= last && there[n] {
			last = n - 1
		}
	}
	*expected = last
}

// tail judges what follows the last authentic record.
func (s *segment) tail(expected uint64, bad []piece, over bool) {
	for i, p := range bad {
		switch {
		case over:
			s.add(int64(expected), p.trouble, "bytes after the last record")
		case p.torn && i == len(bad)-1:
		default:
			s.add(int64(expected)+int64(i), p.trouble, "")
		}
	}
	if !over {
		s.add(int64(expected), Incomplete, "")
	}
}

// chain checks that every record follows the one before it. Both are authentic, so only a broken writer could fail this.
func (s *segment) chain(list []piece) {
	tags, previous := map[uint64][tagSize]byte{}, map[uint64][tagSize]byte{}
	for _, p := range list {
		if p.plain != nil {
			tags[p.number], previous[p.number] = p.tag(), p.previous
		}
	}
	for n, was := range previous {
		if tag, ok := tags[n-1]; n > 0 && ok && tag != was || n == 0 && was != [tagSize]byte{} {
			s.add(int64(n), Damaged, "it does not follow the one before it")
		}
	}
}
