package record

import (
	"cmp"
	"errors"
	"slices"
)

// A Finding is a kind of damage to a record or a segment: a closed list.
type Finding string

// The findings.
const (
	Damaged    Finding = "damaged"    // the bytes are not those that were written
	Missing    Finding = "missing"    // removed from the middle, or a segment that its neighbours prove existed
	Reordered  Finding = "reordered"  // authentic, but at the wrong position
	Repeated   Finding = "repeated"   // authentic, but present twice
	Spliced    Finding = "spliced"    // of another file
	Incomplete Finding = "incomplete" // no end record: a crash, a full disk, a running recording, or truncation
	Closed     Finding = "closed"     // it cannot be opened: the person was erased, or it is sealed to others
	Unreadable Finding = "unreadable" // the file's header is damaged or of a later version, or the file cannot be read

	// Of frames that are sealed end to end.
	Unreleased Finding = "unreleased" // their keys were not released
	Forged     Finding = "forged"     // not sealed by the owner of the key, or a replay

	// Of whole tracks, compared with the audit log.
	Removed  Finding = "removed"  // no segment exists, and no expiry or erasure explains it
	Cut      Finding = "cut"      // shorter than in the log
	Unlogged Finding = "unlogged" // not in the log
)

// headerFinding is the finding for a file without a readable header. An empty file was created just before a crash and contains nothing.
func headerFinding(err error) Finding {
	if errors.Is(err, errEmpty) {
		return Incomplete
	}
	return Unreadable
}

// headerDetail returns details beyond the finding.
func headerDetail(err error) string {
	if errors.Is(err, errVersion) {
		return errVersion.Error()
	}
	return ""
}

// A Problem is one finding at one position.
type Problem struct {
	Segment string  `json:"segment,omitempty"` // the file's name; empty for a whole track
	Track   string  `json:"track,omitempty"`   // its id, for a whole track
	Record  int64   `json:"record"`            // -1 for the whole segment
	Finding Finding `json:"trouble"`
	Detail  string  `json:"detail,omitempty"`

	release bool // it is of a release
}

func (s *segment) addProblem(record int64, t Finding, detail string) {
	s.problems = append(s.problems, Problem{Segment: s.name, Record: record, Finding: t, Detail: detail})
}

// classify adds a problem for each piece that is not in order, and keeps the authentic records.
func (s *segment) classify(list []piece) {
	if s.headerDamaged(list) {
		s.addProblem(-1, Damaged, "no record fits the header")
		return
	}
	there := map[uint64]bool{}
	for _, p := range list {
		there[p.number] = there[p.number] || p.plain != nil
	}
	seen := map[uint64]bool{}
	expected, ended := uint64(0), false
	var bad []piece // since the last authentic record
	for _, p := range list {
		if p.plain == nil {
			bad = append(bad, p)
			continue
		}
		switch {
		case seen[p.number]:
			s.addProblem(int64(p.number), Repeated, "")
			continue
		case p.number < expected:
			s.addProblem(int64(p.number), Reordered, "")
		default:
			s.gap(expected, p.number, bad, there)
			bad, expected = nil, p.number+1
		}
		seen[p.number] = true
		ended = ended || p.kind == recordEnd
		s.records = append(s.records, opened{p.number, p.at, p.kind, p.plain})
		if p.number+1 == expected {
			s.tag = p.tag()
		}
	}
	s.tail(expected, bad, ended)
	slices.SortFunc(s.records, func(a, b opened) int { return cmp.Compare(a.number, b.number) })
	s.checkChain(list)
}

// headerDamaged: records authenticate the header, so one wrong bit in it makes them all fail. A single bad one may be a crash.
func (s *segment) headerDamaged(list []piece) bool {
	return len(list) > 1 && !slices.ContainsFunc(list, func(p piece) bool { return p.plain != nil })
}

// gap reports the records from expected up to number; bad are the pieces between them.
func (s *segment) gap(expected, number uint64, bad []piece, there map[uint64]bool) {
	for ; expected < number; expected++ {
		switch {
		case there[expected]: // reordered: named where it lies
		case len(bad) > 0:
			s.addProblem(int64(expected), bad[0].finding, "")
			bad = bad[1:]
		case number-expected > 1:
			s.addProblem(int64(expected), Missing, "and those up to the next")
			s.skipTo(&expected, number, there)
		default:
			s.addProblem(int64(expected), Missing, "")
		}
	}
	for _, p := range bad {
		s.addProblem(int64(number), p.finding, "bytes in front of it that are not of this file")
	}
}

// skipTo moves to the last of a run of missing records: a forged number could make it billions, so they are not reported one by one.
func (s *segment) skipTo(expected *uint64, number uint64, there map[uint64]bool) {
	last := number - 1
	for n := range there {
		if n > *expected && n <= last && there[n] {
			last = n - 1
		}
	}
	*expected = last
}

// tail reports what follows the last authentic record.
func (s *segment) tail(expected uint64, bad []piece, ended bool) {
	for i, p := range bad {
		switch {
		case ended:
			s.addProblem(int64(expected), p.finding, "bytes after the last record")
		case p.torn && i == len(bad)-1:
		default:
			s.addProblem(int64(expected)+int64(i), p.finding, "")
		}
	}
	if !ended {
		s.addProblem(int64(expected), Incomplete, "")
	}
}

// checkChain checks that every record follows the one before it. Both are authentic, so only a faulty writer fails this check.
func (s *segment) checkChain(list []piece) {
	tags, previous := map[uint64][tagSize]byte{}, map[uint64][tagSize]byte{}
	for _, p := range list {
		if p.plain != nil {
			tags[p.number], previous[p.number] = p.tag(), p.previous
		}
	}
	for n, was := range previous {
		if tag, ok := tags[n-1]; n > 0 && ok && tag != was || n == 0 && was != [tagSize]byte{} {
			s.addProblem(int64(n), Damaged, "it does not follow the one before it")
		}
	}
}
