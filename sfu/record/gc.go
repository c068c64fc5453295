package record

import (
	"errors"
	"time"
)

// Classes say how long recordings of each retention class are kept, counted from the start of their track.
type Classes map[string]time.Duration

// Swept is what GC did.
type Swept struct {
	Removed int   // segments whose class has expired
	Bytes   int64 // of them
	Held    int   // segments that would go but for a legal hold
	Unknown int   // segments that were kept because their class is not configured or their header cannot be read
}

// GC removes what has expired and is not held. It may run beside a Recorder; the daemon calls it on a schedule.
func GC(Layer, Classes, time.Time) (Swept, error) { return Swept{}, errors.ErrUnsupported }
