package record

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// recordTwoPeople returns a disk with the audio of two people, 4 s each, the first in two segments.
func recordTwoPeople(t testing.TB) *clinic {
	t.Helper()
	c := newClinic(t, func(cfg *Config) { cfg.SegmentTime = 3 * time.Second })
	began := time.Now()
	a, b := c.start(audioOf("person-a")), c.start(audioOf("person-b"))
	for n := range 200 {
		putUnits(t, a, began, n, n+1)
		if n < 100 {
			b.Put(unit(n, began))
		}
	}
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	if names := c.disk.segments(t); len(names) != 3 {
		t.Fatalf("segments %v", names)
	}
	return c
}

// segmentsOf returns the segments of a person, by number.
func (c *clinic) segmentsOf(person string) (names []string) {
	for _, one := range must(List(c.disk))(c.t) {
		if one.Header.Person == person {
			names = append(names, one.Name)
		}
	}
	return names
}

// cut returns the pieces of a segment: the header, then each record.
func cut(t testing.TB, data []byte) (pieces [][]byte) {
	t.Helper()
	_, at, err := parseHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	pieces = [][]byte{data[:at]}
	for at < len(data) {
		f, ok := readFrame(data, at)
		if !ok {
			t.Fatal("no record where one should be")
		}
		pieces = append(pieces, data[at:f.end()])
		at = f.end()
	}
	return pieces
}

// problems judges one segment, as if it were alone.
func (c *clinic) problems(o *Opener, name string, data []byte) []Problem {
	c.t.Helper()
	clear(o.tracks)
	d := newDisk()
	d.files[name] = &onDisk{now: data}
	return must(o.Verify(d, nil, nil))(c.t).Problems
}

func has(list []Problem, want Problem) bool {
	return slices.ContainsFunc(list, func(p Problem) bool {
		return p.Segment == want.Segment && p.Record == want.Record && p.Finding == want.Finding
	})
}

// TestBitFlips checks that one wrong bit anywhere in a record is reported with the number of the record, and hides no other record.
func TestBitFlips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := recordTwoPeople(t)
		name, o := c.segmentsOf("person-b")[0], c.opener()
		good := c.disk.files[name].now
		pieces := cut(t, good)
		at := len(pieces[0])
		for number, record := range pieces[1:] {
			for _, offset := range places(len(record)) {
				bad := bytes.Clone(good)
				bad[at+offset] ^= 1 << (offset % 8)
				list := c.problems(o, name, bad)
				named := has(list, Problem{Segment: name, Record: int64(number), Finding: Damaged})
				// A last record whose length points beyond the end of the file is what a crash leaves.
				cutShort := number == len(pieces)-2 && has(list, Problem{Segment: name, Record: int64(number), Finding: Incomplete})
				if !named && !cutShort {
					t.Fatalf("bit at %d of record %d: %+v", offset, number, list)
				}
				for _, p := range list {
					if p.Record != int64(number) {
						t.Fatalf("bit at %d of record %d is blamed on %+v", offset, number, p)
					}
				}
			}
			at += len(record)
		}
		for offset := range len(pieces[0]) {
			bad := bytes.Clone(good)
			bad[offset] ^= 1
			list := c.problems(o, name, bad)
			if len(list) == 0 || list[0].Record != -1 || (Report{Problems: list}).Intact() {
				t.Fatalf("bit at %d of the header: %+v", offset, list)
			}
		}
	})
}

// places are all bytes of a record's head and of its tag, and some between.
func places(n int) (list []int) {
	for i := range n {
		if i < recordHead+8 || i >= n-tagSize || i%97 == 0 {
			list = append(list, i)
		}
	}
	return list
}

// TestRearrangedRecords checks that records are reported if they are removed, swapped, repeated, or copied from another file of the same or
// of another person.
func TestRearrangedRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := recordTwoPeople(t)
		for _, names := range [][2]string{{c.segmentsOf("person-b")[0], c.segmentsOf("person-a")[0]}, {c.segmentsOf("person-a")[1], c.segmentsOf("person-a")[0]}} {
			rearrange(t, c, names[0], names[1])
		}
	})
}

// rearrange changes one segment in all ways, with records of another.
func rearrange(t *testing.T, c *clinic, name, donor string) {
	o := c.opener()
	pieces, other := cut(t, c.disk.files[name].now), cut(t, c.disk.files[donor].now)
	last := len(pieces) - 2 // number of the last record
	file := rawID(name[:2*idSize])
	for n := range last + 1 {
		at := n + 1
		cases := map[Finding][][]byte{
			Missing:  slices.Delete(slices.Clone(pieces), at, at+1),
			Repeated: slices.Insert(slices.Clone(pieces), at, pieces[at]),
		}
		spliced := slices.Clone(pieces)
		spliced[at] = other[2]
		cases[Spliced] = spliced
		if n < last {
			swapped := slices.Clone(pieces)
			swapped[at], swapped[at+1] = swapped[at+1], swapped[at]
			cases[Reordered] = swapped
		} else {
			delete(cases, Missing) // that is a cut: see below
		}
		for trouble, list := range cases {
			if got := c.problems(o, name, slices.Concat(list...)); !has(got, Problem{Segment: name, Record: int64(n), Finding: trouble}) {
				t.Errorf("%s %d: %+v", trouble, n, got)
			}
		}
		passed := slices.Clone(pieces)
		passed[at] = append(file[:], other[2][idSize:]...) // with the id of this file
		if got := c.problems(o, name, slices.Concat(passed...)); !has(got, Problem{Segment: name, Record: int64(n), Finding: Damaged}) {
			t.Errorf("passed off as %d: %+v", n, got)
		}
		inserted := slices.Insert(slices.Clone(pieces), at, other[2])
		if got := c.problems(o, name, slices.Concat(inserted...)); !has(got, Problem{Segment: name, Record: int64(n), Finding: Spliced}) {
			t.Errorf("inserted in front of %d: %+v", n, got)
		}
	}
	if got := c.problems(o, name, slices.Concat(append(slices.Clone(pieces), other[2])...)); !has(got, Problem{Segment: name, Record: int64(last) + 1, Finding: Spliced}) {
		t.Errorf("appended: %+v", got)
	}
}

// TestTruncated checks that a file that is truncated at or within any record is incomplete from that record on. Within the header it is
// unreadable, except for a file that a crash left empty.
func TestTruncated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := recordTwoPeople(t)
		name, o := c.segmentsOf("person-b")[0], c.opener()
		good := c.disk.files[name].now
		pieces := cut(t, good)
		at := len(pieces[0])
		for size, trouble := range map[int]Finding{0: Incomplete, 1: Unreadable, at - 1: Unreadable} {
			if list := c.problems(o, name, good[:size]); len(list) != 1 || !has(list, Problem{Segment: name, Record: -1, Finding: trouble}) {
				t.Fatalf("cut at %d of the header: %+v", size, list)
			}
		}
		for number, record := range pieces[1:] {
			for _, more := range []int{0, 1, 20, recordHead, len(record) - 1} {
				list := c.problems(o, name, good[:at+more])
				if len(list) != 1 || !has(list, Problem{Segment: name, Record: int64(number), Finding: Incomplete}) {
					t.Fatalf("cut %d into record %d: %+v", more, number, list)
				}
			}
			at += len(record)
		}
	})
}

// TestSegmentsRearranged checks that segments are reported if they are removed, exchanged, or truncated before another.
func TestSegmentsRearranged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := recordTwoPeople(t)
		names := c.segmentsOf("person-a")
		first, second := names[0], names[1]
		tests := []struct {
			name string
			do   func(d *disk)
			want Problem
		}{
			{"the first is gone", func(d *disk) { delete(d.files, first) }, Problem{Segment: second, Record: -1, Finding: Missing}},
			{"the second is gone", func(d *disk) { delete(d.files, second) }, Problem{Segment: first, Record: -1, Finding: Missing}},
			{"names are exchanged", func(d *disk) { d.files[first], d.files[second] = d.files[second], d.files[first] }, Problem{Segment: first, Record: -1, Finding: Spliced}},
			{"one is there twice", func(d *disk) { d.files["copy"+suffix] = d.files[first] }, Problem{Segment: "copy" + suffix, Record: -1, Finding: Spliced}},
			{"the first has lost its end", func(d *disk) {
				pieces := cut(t, d.files[first].now)
				d.files[first].now = slices.Concat(pieces[:len(pieces)-1]...)
			}, Problem{Segment: second, Record: -1, Finding: Missing}},
			{"one is junk", func(d *disk) { d.files[first].now = []byte("junk") }, Problem{Segment: first, Record: -1, Finding: Unreadable}},
		}
		for _, tt := range tests {
			d := c.disk.copy()
			tt.do(d)
			if r := c.verify(d); !has(r.Problems, tt.want) || r.Intact() {
				t.Errorf("%s: %+v", tt.name, r.Problems)
			}
		}
	})
}
