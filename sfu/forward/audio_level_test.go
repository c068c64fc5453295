package forward

import (
	"testing"
	"time"
)

// A scene is what a microphone hears: for how long, how loud; 255 is nothing sent at all.
type scene struct {
	length   time.Duration
	level    uint8
	speaking bool // at the end of the scene
}

const nothing = 255

// play asks only at the end of the script when often is false: the answer must not depend on how often one asks.
func play(t *testing.T, name string, often bool, scenes []scene) {
	t.Helper()
	var l Level
	now := epoch
	for i, s := range scenes {
		for end := now.Add(s.length); now.Before(end); now = now.Add(20 * ms) {
			if s.level != nothing {
				l.Put(now, s.level)
			}
			if often {
				l.Speaking(now)
			}
		}
		if !often && i < len(scenes)-1 {
			continue
		}
		if got, level := l.Speaking(now); got != s.speaking || level < 0 || level > 127 {
			t.Errorf("%s (often %v), scene %d: speaking %v at %d", name, often, i, got, level)
		}
	}
}

func TestLevel(t *testing.T) {
	for name, scenes := range map[string][]scene{
		"a sentence with a pause": {
			{time.Second, 100, false}, {time.Second, 25, true}, {400 * ms, 80, true}, {time.Second, 30, true}, {2 * time.Second, 90, false},
		},
		"a click":                   {{time.Second, 120, false}, {20 * ms, 0, false}, {time.Second, 120, false}},
		"noise of the room":         {{10 * time.Second, 55, false}},
		"a word that fades":         {{time.Second, 20, true}, {5 * time.Second, 55, true}, {2 * time.Second, 70, false}},
		"noise after a long word":   {{time.Second, 20, true}, {5 * time.Second, 70, false}, {5 * time.Second, 55, false}},
		"as loud as can be":         {{5 * time.Second, 0, true}, {time.Second, 127, false}},
		"muted in the middle":       {{time.Second, 20, true}, {400 * ms, nothing, true}, {time.Second, nothing, false}},
		"muted, then quiet":         {{time.Second, 20, true}, {time.Hour, nothing, false}, {20 * ms, 127, false}, {time.Second, 127, false}},
		"the voice bit is no level": {{time.Second, 0x80 | 100, false}, {time.Second, 0x80 | 20, true}},
	} {
		play(t, name, true, scenes)
		play(t, name, false, scenes)
	}
}

func TestLevelOrdersSpeakers(t *testing.T) {
	var silent, soft, loud Level
	if on, level := silent.Speaking(epoch); on || level != 127 {
		t.Errorf("before the first packet: %v at %d", on, level)
	}
	now := epoch
	for range 100 {
		now = now.Add(20 * ms)
		soft.Put(now, 45)
		loud.Put(now, 20)
	}
	on1, softer := soft.Speaking(now)
	on2, louder := loud.Speaking(now)
	if !on1 || !on2 || softer != 45 || louder != 20 {
		t.Errorf("%v at %d, %v at %d", on1, softer, on2, louder)
	}
	if on, level := loud.Speaking(now.Add(speechHold + 1)); on || level != 127 {
		t.Errorf("after the last packet: %v at %d", on, level)
	}
}
