package record

import (
	"time"
)

// Classes say how long recordings of each retention class are kept, counted from the start of their track. 0 keeps for ever.
type Classes map[string]time.Duration

// Swept is what GC did.
type Swept struct {
	Removed int // segments whose class has expired
	Held    int // segments that would go but for a legal hold
	Unknown int // segments that were kept because their class is not configured or their header cannot be read
}

// GC removes what has expired and is not held. It may run beside a Recorder; the daemon calls it on a schedule. Holds that cannot be
// read keep everything.
func GC(l Layer, classes Classes, now time.Time) (s Swept, err error) {
	holds, err := ReadHolds(l)
	if err != nil {
		return s, err
	}
	all, err := List(l)
	if err != nil {
		return s, err
	}
	for _, one := range all {
		keep, known := classes[one.Header.Class]
		switch {
		case one.Err != nil || !known:
			s.Unknown++
		case keep == 0 || now.Before(one.Header.Started.Add(keep)):
		case holds.Cover(one.Header):
			s.Held++
		default:
			if err := l.Remove(one.Name); err != nil {
				return s, err
			}
			s.Removed++
		}
	}
	return s, nil
}
