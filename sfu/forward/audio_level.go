package forward

import "time"

// Constants of speaker detection (RFC 6464 levels: 0 is loudest, 127 silence, in -dBov).
const (
	speakLevel = 50                     // louder than this is speech
	quietLevel = 60                     // quieter than this is none; between the two nothing changes
	silence    = 127                    // the quietest level there is
	smoothing  = 8                      // packets: 160 ms of Opus
	speechHold = 600 * time.Millisecond // a pause between two words does not end a speaker's turn
)

// A Level follows the loudness of one microphone. Owned by the worker.
type Level struct {
	level    int // smoothed, times smoothing
	speaking bool
	lastLoud time.Time
	last     time.Time // packet
}

// Put takes the level of a packet.
func (l *Level) Put(now time.Time, level uint8) {
	l.expire(now)
	if l.stale(now) {
		l.level = silence * smoothing
	}
	l.last = now
	l.level += int(level&silence) - l.level/smoothing
	switch v := l.level / smoothing; {
	case v < speakLevel:
		l.speaking, l.lastLoud = true, now
	case v < quietLevel && l.speaking:
		l.lastLoud = now
	}
}

// Speaking reports voice activity and the level (smaller is louder).
func (l *Level) Speaking(now time.Time) (bool, int) {
	l.expire(now)
	if l.stale(now) {
		return l.speaking, silence
	}
	return l.speaking, l.level / smoothing
}

func (l *Level) expire(now time.Time) { l.speaking = l.speaking && now.Sub(l.lastLoud) <= speechHold }

// stale reports whether packets have stopped: a microphone that resumes starts from silence.
func (l *Level) stale(now time.Time) bool { return l.last.IsZero() || now.Sub(l.last) > speechHold }
