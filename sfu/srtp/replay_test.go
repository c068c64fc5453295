package srtp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// packetOf is a plain packet of an SSRC.
func packetOf(ssrc uint32, index uint64) []byte {
	b := packet(uint16(index), "words")
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return b
}

func sealed(s *Sealer, ssrc uint32, index uint64) []byte {
	return s.RTP(withCapacity(packetOf(ssrc, index)), 16, ssrc, index)
}

func reportOf(s *Sealer, ssrc uint32) []byte {
	return s.RTCP(binary.BigEndian.AppendUint32(withCapacity([]byte{0x80, 201, 0, 1}), ssrc))
}

// TestFirstPacket checks that a source can begin with any sequence number under rollover counter 0 (RFC 3711, section 3.3.1), and that its
// first packets may be lost.
func TestFirstPacket(t *testing.T) {
	for _, c := range []struct{ came []uint64 }{
		{[]uint64{0, 1, 2}},
		{[]uint64{32767, 32768}},
		{[]uint64{65535, 65536, 65534}},
		{[]uint64{65536, 65537, 65535}}, // the first is of counter 1
		{[]uint64{65540, 65530, 131080}},
		{[]uint64{98303, 98304}},
	} {
		s, o, _ := contexts(t, 32)
		for _, i := range c.came {
			if i == 131080 { // step by step: nobody loses so many
				for j := uint64(65541); j < i; j += 20000 {
					if _, err := o.RTP(sealed(s, 7, j), 16); err != nil {
						t.Fatal(j, err)
					}
				}
			}
			if got, err := o.RTP(sealed(s, 7, i), 16); err != nil || !bytes.Equal(got, packetOf(7, i)) {
				t.Fatalf("%v: index %d: %v", c.came, i, err)
			}
		}
		for _, i := range c.came {
			if _, err := o.RTP(sealed(s, 7, i), 16); err == nil {
				t.Fatalf("%v: index %d is opened again", c.came, i)
			}
		}
	}
}

// TestUnauthenticatedPacketsCostNoState checks that forged packets leave no state, allocate nothing, and do not block the real source.
func TestUnauthenticatedPacketsCostNoState(t *testing.T) {
	s, o, _ := contexts(t, 32)
	rnd := rand.New(rand.NewPCG(3, 4))
	forged := packetOf(9, 3)
	forged = append(forged, make([]byte, TagSize)...)
	buf := make([]byte, len(forged))
	if _, err := o.RTP(bytes.Clone(forged), 16); err != ErrAuth {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(5000, func() {
		copy(buf, forged)
		binary.BigEndian.PutUint32(buf[8:], rnd.Uint32()%100)
		binary.BigEndian.PutUint16(buf[2:], uint16(rnd.Uint32()))
		if _, err := o.RTP(buf, 16); err != ErrAuth {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations per forged packet", n)
	}
	if len(o.sources.windows)+len(o.sources.nextIndex) != 0 {
		t.Fatal("forged packets left state")
	}
	if _, err := o.RTP(sealed(s, 9, 65538), 16); err != nil {
		t.Fatalf("the real source: %v", err)
	}
}

// TestReplayStateEviction checks that each new SSRC is accepted, and that no packet is ever opened twice.
func TestReplayStateEviction(t *testing.T) {
	s, o, _ := contexts(t, 32)
	const changes = 1000
	index := func(ssrc uint32) uint64 { return uint64(ssrc) * 77 % 70000 }
	for ssrc := uint32(1); ssrc <= changes; ssrc++ {
		for k := range uint64(3) {
			if _, err := o.RTP(sealed(s, ssrc, index(ssrc)+k), 16); err != nil {
				t.Fatalf("SSRC %d: %v", ssrc, err)
			}
		}
		if _, err := o.RTCP(reportOf(s, ssrc)); err != nil {
			t.Fatalf("report of %d: %v", ssrc, err)
		}
		if len(o.sources.windows) > maxWindows || len(o.reports.windows) > maxWindows {
			t.Fatal("more windows than there may be")
		}
	}
	again, _, _ := contexts(t, 32)
	for ssrc := uint32(1); ssrc <= changes; ssrc++ {
		for k := range uint64(3) {
			if _, err := o.RTP(sealed(s, ssrc, index(ssrc)+k), 16); err != ErrReplayed {
				t.Fatalf("SSRC %d index %d comes again: %v", ssrc, index(ssrc)+k, err)
			}
		}
		if _, err := o.RTCP(reportOf(again, ssrc)); err != ErrReplayed {
			t.Fatalf("report of %d comes again: %v", ssrc, err)
		}
	}
	// One that was forgotten may come back, where it was.
	if _, err := o.RTP(sealed(s, 1, index(1)+3), 16); err != nil {
		t.Fatalf("a source that comes back: %v", err)
	}
	if _, err := o.RTP(sealed(s, 1, index(1)+1), 16); err != ErrReplayed {
		t.Fatalf("an older packet of it: %v", err)
	}
}

// TestReplayStatesModel lets sources come, go and come back in any order, with packets lost, late and repeated, against a model that
// remembers every index.
func TestReplayStatesModel(t *testing.T) {
	s, o, _ := contexts(t, 32)
	rnd := rand.New(rand.NewPCG(5, 6))
	type key struct {
		ssrc  uint32
		index uint64
	}
	opened, highest := map[key]bool{}, map[uint32]uint64{}
	for range 60000 {
		ssrc := uint32(rnd.IntN(3 * maxWindows))
		if rnd.IntN(3) > 0 {
			ssrc %= 8 // some speak more than others
		}
		at, known := highest[ssrc]
		if !known {
			at = uint64(rnd.IntN(1 << 16))
		}
		index := at + uint64(rnd.IntN(30))
		if back := uint64(rnd.IntN(2 * windowSize)); rnd.IntN(3) == 0 && index > back {
			index -= back
		}
		fresh := !known || index > at
		_, err := o.RTP(sealed(s, ssrc, index), 16)
		switch k := (key{ssrc, index}); {
		case err == nil && opened[k]:
			t.Fatalf("%+v was opened twice", k)
		case err == nil:
			opened[k] = true
			highest[ssrc] = max(at, index)
		case fresh:
			t.Fatalf("%+v is new and was refused: %v", k, err)
		}
		if len(o.sources.windows) > maxWindows {
			t.Fatal("more windows than there may be")
		}
	}
}

// TestKeyExhausted checks that an exhausted key is reported in both directions and seals nothing more (RFC 3711, section 9.2).
func TestKeyExhausted(t *testing.T) {
	s, o, _ := contexts(t, 32)
	if s.RTP(withCapacity(packetOf(1, maxRTPIndex)), 16, 1, maxRTPIndex) == nil || s.RTP(withCapacity(packetOf(1, 0)), 16, 1, maxRTPIndex+1) != nil {
		t.Fatal("the last RTP index is 2^48-1")
	}
	s.rtcpIndex = maxRTCPIndex
	if reportOf(s, 1) == nil || reportOf(s, 1) != nil || reportOf(s, 1) != nil {
		t.Fatal("the last RTCP index is 2^31-1")
	}
	src := &source{ssrc: 1}
	src.resumeAt(maxRTPIndex - exhaustionMargin - 2)
	o.sources.windows[1] = src
	if _, err := o.RTP(sealed(s, 1, maxRTPIndex-exhaustionMargin), 16); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RTP(sealed(s, 1, maxRTPIndex-exhaustionMargin+3), 16); err != ErrKeyExhausted {
		t.Fatalf("RTP: %v", err)
	}
	s.rtcpIndex = maxRTCPIndex - exhaustionMargin
	if _, err := o.RTCP(reportOf(s, 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RTCP(reportOf(s, 2)); err != ErrKeyExhausted {
		t.Fatalf("RTCP: %v", err)
	}
}

// TestReplayStatesFull checks that the key is exhausted when even the record of forgotten sources is full, and that no packet is opened
// twice.
func TestReplayStatesFull(t *testing.T) {
	s, o, _ := contexts(t, 32)
	for ssrc := range uint32(maxWindows + maxNextIndices) {
		if _, err := o.RTP(sealed(s, ssrc, 5), 16); err != nil {
			t.Fatalf("SSRC %d: %v", ssrc, err)
		}
	}
	if _, err := o.RTP(sealed(s, 1<<20, 5), 16); err != ErrKeyExhausted {
		t.Fatalf("one too many: %v", err)
	}
	if _, err := o.RTP(sealed(s, 1, 5), 16); err != ErrReplayed {
		t.Fatalf("comes again: %v", err)
	}
	if len(o.sources.nextIndex) > maxNextIndices {
		t.Fatal("more than there may be")
	}
}
