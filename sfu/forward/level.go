package forward

import "time"

// Constants of speaker detection (RFC 6464 levels: 0 is loudest, 127 silence, in -dBov).
const (
	speakLevel = 50                     // louder than this is speech
	quietLevel = 60                     // quieter than this is none; between the two nothing changes
	smoothing  = 8                      // packets: 160 ms of Opus
	holdFor    = 600 * time.Millisecond // a pause between words does not end a turn
)

// A Level follows the loudness of one microphone. Owned by the worker.
type Level struct {
	level    int // smoothed, times smoothing
	speaking bool
	lastLoud time.Time
}

// Put takes the level of a packet.
func (l *Level) Put(now time.Time, level uint8) {
	if l.level == 0 && l.lastLoud.IsZero() {
		l.level = 127 * smoothing
	}
	l.level += int(level&0x7f) - l.level/smoothing
	switch v := l.level / smoothing; {
	case v < speakLevel:
		l.speaking, l.lastLoud = true, now
	case v < quietLevel && l.speaking:
		l.lastLoud = now
	}
}

// Speaking reports whether the person speaks, and how loudly (smaller is louder).
func (l *Level) Speaking(now time.Time) (bool, int) {
	if l.speaking && now.Sub(l.lastLoud) > holdFor {
		l.speaking = false
	}
	return l.speaking, l.level / smoothing
}
