package forward

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// payloadOf makes bytes that tell which packet they belong to, all over their length.
func payloadOf(ext uint64, size int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, ext*0x9e3779b97f4a7c15)
	return bytes.Repeat(b, size/8+1)[:size]
}

func checkStored(t *testing.T, s Stored, ext uint64, timestamp uint32, size int) {
	t.Helper()
	if s.Ext != ext || s.Timestamp != timestamp || s.Marker != (ext%3 == 0) || !bytes.Equal(s.Payload, payloadOf(ext, size)) {
		t.Fatalf("asked for %d of %d bytes, got %d of %d", ext, size, s.Ext, len(s.Payload))
	}
}

// TestHistoryModel checks that the history returns the packet that was stored or nothing, for every size, with loss, late packets and
// jumps.
func TestHistoryModel(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		var h History
		type put struct {
			timestamp uint32
			size      int
		}
		puts := map[uint64]put{}
		highest, timestamp := extBase+rnd.Uint64N(1000), rnd.Uint32()
		for range 20_000 {
			ext := highest + 1 + uint64(rnd.IntN(10)/9)
			timestamp += uint32(rnd.IntN(3)/2) * 3000
			switch rnd.IntN(300) {
			case 0:
				ext += 1 << 16
			case 1:
				timestamp = rnd.Uint32()
			case 2, 3, 4, 5, 6, 7, 8, 9:
				ext = highest - rnd.Uint64N(1100)
			}
			if _, repeated := puts[ext]; repeated {
				continue
			}
			size := 1 + rnd.IntN(maxPayload)
			if seed%2 == 0 {
				size = 1 + rnd.IntN(100)
			}
			h.Put(ext, timestamp, ext%3 == 0, 0, payloadOf(ext, size))
			puts[ext], highest = put{timestamp, size}, max(highest, ext)
			if s, ok := h.Get(highest); !ok {
				t.Fatal("the newest is gone")
			} else {
				checkStored(t, s, highest, puts[highest].timestamp, puts[highest].size)
			}
			for range 8 {
				ask := highest + 2 - rnd.Uint64N(1200)
				if s, ok := h.Get(ask); ok {
					checkStored(t, s, ask, puts[ask].timestamp, puts[ask].size)
				}
			}
			if len(h.ring) > historyMax || len(h.ring) < historyMin {
				t.Fatalf("a ring of %d bytes", len(h.ring))
			}
		}
	}
}

// stream puts seconds of packets at a fixed rate and gives the number of the last.
func stream(h *History, seconds, perSecond int, clock uint32, size int) uint64 {
	ext := uint64(extBase)
	for i := range seconds * perSecond {
		ext++
		h.Put(ext, uint32(uint64(i)*uint64(clock)/uint64(perSecond)), ext%3 == 0, 0, payloadOf(ext, size))
	}
	return ext
}

func alive(h *History, last uint64) (n int) {
	for ; ; n++ {
		if _, ok := h.Get(last - uint64(n)); !ok {
			return n
		}
	}
}

func TestHistoryHoldsOneSecond(t *testing.T) {
	for name, c := range map[string]struct{ perSecond, clock, size, most int }{
		"video at 3 Mbit/s":   {341, 90_000, 1100, historyMax},
		"video at 1.2 Mbit/s": {136, 90_000, 1100, 256 << 10},
		"video at 100 kbit/s": {20, 90_000, 600, historyMin},
		"Opus at 32 kbit/s":   {50, 48_000, 80, historyMin},
		"Opus at 64 kbit/s":   {50, 48_000, 160, historyMin},
		"Opus at 10 ms":       {100, 48_000, 80, historyMin},
	} {
		var h History
		last := stream(&h, 20, c.perSecond, uint32(c.clock), c.size)
		if n := alive(&h, last); n < c.perSecond || len(h.ring) > c.most {
			t.Errorf("%s: %d packets in %d bytes", name, n, len(h.ring))
		}
	}
}

// TestHistoryKeepsWhileItGrows checks that a growing history keeps the first packets of a stream, because they are its key frame, and every
// receiver needs all of them.
func TestHistoryKeepsWhileItGrows(t *testing.T) {
	var h History
	for i := range uint64(200) {
		h.Put(extBase+i, 0, false, 0, payloadOf(extBase+i, 1100))
		if n := alive(&h, extBase+i); n != int(i)+1 {
			t.Fatalf("%d of %d packets", n, i+1)
		}
	}
}

func TestHistoryRefuses(t *testing.T) {
	var h History
	if _, ok := h.Get(0); ok {
		t.Error("an empty history gave a packet")
	}
	h.Put(extBase, 0, false, 0, nil)
	h.Put(extBase+1, 0, false, 0, make([]byte, maxPayload+1))
	for e := range uint64(3) {
		if _, ok := h.Get(extBase + e); ok {
			t.Errorf("number %d was stored", e)
		}
	}
	// A packet that comes later than any history takes no place of a newer one.
	h.Put(extBase+historyPackets, 7, false, 0, []byte("new"))
	h.Put(extBase, 3, false, 0, []byte("old"))
	if s, ok := h.Get(extBase + historyPackets); !ok || string(s.Payload) != "new" || s.Timestamp != 7 {
		t.Errorf("%+v, %v", s, ok)
	}
}

func TestHistoryAllocates(t *testing.T) {
	var h History
	ext, payload := stream(&h, 5, 341, 90_000, 1100), payloadOf(1, 1100)
	timestamp := uint32(5 * 90_000)
	if n := testing.AllocsPerRun(2000, func() {
		ext, timestamp = ext+1, timestamp+264
		h.Put(ext, timestamp, false, 0, payload)
		if s, ok := h.Get(ext - 100); !ok || len(s.Payload) != 1100 {
			t.Fatal("not there")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestHistoryOverwritten tells what the history no longer holds from what was never put.
func TestHistoryOverwritten(t *testing.T) {
	var h History
	payload := make([]byte, 1000)
	for ext := uint64(1000); ext < 1100; ext += 2 { // odd numbers were padding
		h.Put(ext, uint32(ext*90), false, 0, payload)
	}
	for ext := uint64(1000); ext < 1100; ext++ {
		_, there := h.Get(ext)
		if ext%2 == 1 && (there || h.Overwritten(ext)) {
			t.Fatalf("%d was never put", ext)
		}
		if ext%2 == 0 && there == h.Overwritten(ext) {
			t.Fatalf("%d: there %v, overwritten %v", ext, there, h.Overwritten(ext))
		}
	}
	for ext := uint64(1100); ext < 1000+2*historyPackets; ext++ {
		h.Put(ext, uint32(ext*90), false, 0, payload)
	}
	if !h.Overwritten(1000) || !h.Overwritten(1002) || !h.Overwritten(1001) {
		t.Error("the oldest are not overwritten")
	}
}
