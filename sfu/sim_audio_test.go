package sfu

import (
	"strings"
	"testing"
	"time"

	"alcove/sfu/forward"
)

// allSpeak lets everybody send sound as browsers do.
func allSpeak(all []*simPeer) {
	for _, x := range all {
		x.source(Microphone).every = 20 * time.Millisecond
	}
}

// soundOver returns which share of a's packets of sound b got, over paths that lose packets on the way up and down.
func soundOver(t *testing.T, nack bool, up, down float64, delay time.Duration) (s *sim, share float64) {
	t.Helper()
	s, all := newGroup(t, 40, simSpec{audioNack: nack, twcc: true}, "a", "b")
	a, b := all[0], all[1]
	a.source(Microphone).every = 20 * time.Millisecond
	for _, l := range []*simLink{&a.up, &a.down, &b.up, &b.down} {
		l.delay = delay
	}
	s.run(3 * time.Second) // the round trip is known
	a.up.loss, b.down.loss = up, down
	s.run(10 * time.Second)
	slot := b.shows("a", slotAudio)
	from, count := slot.max, slot.got
	s.run(30 * time.Second)
	return s, float64(slot.got-count) / float64(slot.max-from)
}

// TestAudioRepeats loses sound on both hops. What is asked for again comes within a round trip.
func TestAudioRepeats(t *testing.T) {
	if _, share := soundOver(t, false, 0.02, 0.02, simTick); share > 0.98 {
		t.Errorf("without NACK %.1f %% of the sound came: the paths lose nothing", 100*share)
	}
	s, share := soundOver(t, true, 0.02, 0.02, simTick)
	if share < 0.995 {
		t.Errorf("%.1f %% of the sound came, with 2 %% lost on either hop", 100*share)
	}
	if s.w.count.NacksOut == 0 || s.w.count.NacksIn == 0 || s.w.count.Resent == 0 {
		t.Errorf("%d asked for, %d asked of us, %d repeated", s.w.count.NacksOut, s.w.count.NacksIn, s.w.count.Resent)
	}
	if s.w.count.SoundCopies > 0 {
		t.Errorf("%d packets left twice for 2 %% of loss", s.w.count.SoundCopies)
	}
	if _, share = soundOver(t, true, 0.2, 0.2, simTick); share < 0.92 {
		t.Errorf("%.1f %% of the sound came, with 20 %% lost on either hop", 100*share)
	}
}

// TestSoundCopies lets receivers without NACK lose many packets: copies mend it. Losses on the way up are none of the receiver's, so nothing
// is sent twice for them. That no number is sealed for two packets is checked for each.
func TestSoundCopies(t *testing.T) {
	for _, test := range []struct {
		name     string
		up, down float64
		delay    time.Duration
		least    float64 // share that comes
		copies   bool
	}{
		{"nothing lost", 0, 0, simTick, 0.999, false},
		{"5 % down", 0, 0.05, simTick, 0.99, true},
		{"20 % down", 0, 0.2, simTick, 0.98, true},
		{"20 % down, asked for again", 0, 0.2, simTick, 0.99, true},
		{"20 % down, far away", 0, 0.2, 150 * time.Millisecond, 0.97, true},
		{"10 % up", 0.1, 0, simTick, 0.85, false},
	} {
		s, share := soundOver(t, strings.Contains(test.name, "asked"), test.up, test.down, test.delay)
		if share < test.least || (s.w.count.SoundCopies > 0) != test.copies {
			t.Errorf("%s: %.1f %% of the sound came, %d copies", test.name, 100*share, s.w.count.SoundCopies)
		}
	}
}

// TestSoundCopiesAreLimited lets somebody who loses 20 % hear many.
func TestSoundCopiesAreLimited(t *testing.T) {
	ids := []PeerID{"a", "b", "c", "d", "e", "f", "g", "h"}
	s, all := newGroup(t, 42, simSpec{}, ids...)
	allSpeak(all)
	all[0].down.loss = 0.2
	s.run(10 * time.Second)
	before := s.w.count.SoundCopies
	s.run(10 * time.Second)
	if n := s.w.count.SoundCopies - before; n < 9*maxSoundCopies || n > 11*maxSoundCopies {
		t.Errorf("%d copies in ten seconds of seven voices", n)
	}
}

// TestAudioRepeatsTooLate checks that over long paths nothing is repeated that could not be played any more.
func TestAudioRepeatsTooLate(t *testing.T) {
	s, share := soundOver(t, true, 0.02, 0.02, 100*time.Millisecond)
	if n := s.drops()["nack_late"]; n == 0 || share > 0.99 {
		t.Errorf("%d requests were refused as late, %.1f %% of the sound came", n, 100*share)
	}
}

// TestAudioRepeatBudget lets one receiver ask again for everything: sound and pictures use up their own budgets only. That no number is
// sealed for two packets is checked for each.
func TestAudioRepeatBudget(t *testing.T) {
	s, all := newGroup(t, 41, simSpec{audioNack: true}, "a", "b", "c")
	allSpeak(all)
	for _, x := range all {
		x.source(Camera).every, x.source(Camera).parts = 20*time.Millisecond, 4
	}
	s.run(time.Second)
	a := all[0]
	a.nacksAll = true
	s.run(10 * time.Second)
	if sent := 2 * 50 * 10; a.resentAudio < sent/5 || a.resentAudio > sent/4+audioNackBurst {
		t.Errorf("%d packets of sound of %d were repeated while pictures used up their budget", a.resentAudio, sent)
	}
	if a.resent < 10*nackBudget || s.w.count.Drops[forward.NackLimit] == 0 {
		t.Errorf("%d repeats of pictures, drops %v", a.resent, s.drops())
	}
}
