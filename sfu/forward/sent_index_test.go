package forward

import (
	"math/rand/v2"
	"testing"
)

func TestSent(t *testing.T) {
	s := NewSentIndex(true)
	if _, _, ok := s.Find(0, 0); ok {
		t.Error("number 0 is given to nobody")
	}
	s.Put(1, &Origin{Ext: 70_000, Timestamp: 960})
	s.Put(2, &Origin{Ext: 70_001, Timestamp: 1920, PictureIDOffset: 9, TL0Offset: 8, Encoding: 2, Verbatim: true})
	if _, source, _ := s.Find(2, 2); source != (Origin{Ext: 70_001, Timestamp: 1920, PictureIDOffset: 9, TL0Offset: 8, Encoding: 2, Verbatim: true}) {
		t.Errorf("%v", source)
	}
	if out, source, ok := s.Find(1, 2); !ok || out != 1 || source != (Origin{Ext: 70_000, Timestamp: 960}) {
		t.Errorf("%d, %v, %v", out, source, ok)
	}
	for name, seq := range map[string]uint16{"zero": 0, "newer than the newest": 3, "before the first": 65535} {
		if out, source, ok := s.Find(seq, 2); ok {
			t.Errorf("%s: %d from %v", name, out, source)
		}
	}
	s.Reset()
	if _, _, ok := s.Find(1, 2); ok {
		t.Error("not forgotten")
	}
	s.Put(3, &Origin{Ext: 9, Timestamp: 7})
	if out, source, ok := s.Find(3, 3); !ok || out != 3 || source != (Origin{Ext: 9, Timestamp: 7}) {
		t.Errorf("after a reset: %d, %v, %v", out, source, ok)
	}
}

// TestSentLate checks that a packet older than the list does not overwrite a newer number.
func TestSentLate(t *testing.T) {
	s := NewSentIndex(true)
	s.Put(1000, &Origin{Ext: 5000, Timestamp: 2})
	s.Put(1000-sentIndexScreen, &Origin{Ext: 4000, Timestamp: 1})
	if out, source, ok := s.Find(1000, 1000); !ok || out != 1000 || source != (Origin{Ext: 5000, Timestamp: 2}) {
		t.Errorf("%d, %v, %v", out, source, ok)
	}
}

// TestSentModel checks over two cycles of the 16-bit numbers, with gaps, that a look-up returns the source of that very number or nothing,
// and always finds the newest half.
func TestSentModel(t *testing.T) {
	s := NewSentIndex(true)
	rnd := rand.New(rand.NewPCG(1, 6))
	sources := map[uint64]uint64{}
	for out := uint64(1); out < 1<<17+1000; out++ {
		if rnd.IntN(10) == 0 {
			continue
		}
		sources[out] = out*3 + 7
		s.Put(out, &Origin{Ext: sources[out], Timestamp: uint32(out) * 960})
		back := rnd.Uint64N(2 * sentIndexScreen)
		if back >= out {
			continue
		}
		got, source, ok := s.Find(uint16(out-back), out)
		want, sent := sources[out-back]
		if ok && (got != out-back || source.Ext != want || !sent || source.Timestamp != uint32(got)*960) || sent && !ok && back < sentIndexScreen {
			t.Fatalf("%d back from %d: %d, %v, %v; want %d, %v", back, out, got, source, ok, want, sent)
		}
	}
}

func TestSentAllocates(t *testing.T) {
	s := NewSentIndex(true)
	out := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		out++
		s.Put(out, &Origin{Ext: out})
		s.Find(uint16(out), out)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
