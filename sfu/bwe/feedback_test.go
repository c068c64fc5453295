package bwe

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// fci is the feedback control information of an RTCP packet.
func fci(tb testing.TB, p rtcp.Packet) []byte {
	tb.Helper()
	b, err := p.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return b[12:]
}

// TestReaderAgainstPion reads what an independent writer wrote of random arrivals: all of them, in order, and to a quarter of a millisecond.
func TestReaderAgainstPion(t *testing.T) {
	const wrap = 1 << 24 * 64000 // µs after which the reference time begins again
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 15))
		recorder := twcc.NewRecorder(1)
		var r Reader
		number, now := uint16(rnd.Uint32()), int64(wrap-3_000_000) // µs; the reference time wraps
		for range 100 {
			want := map[uint16]int64{}
			for range 1 + rnd.IntN(60) {
				now += rnd.Int64N(20_000)
				if rnd.IntN(8) == 0 {
					now += rnd.Int64N(3_000_000)
				}
				if rnd.IntN(5) > 0 {
					recorder.Record(1, number, now)
					want[number] = now
				}
				number++
				if rnd.IntN(30) == 0 {
					number += uint16(rnd.IntN(200))
				}
			}
			var reports []Report
			for _, p := range recorder.BuildFeedbackPacket() {
				var ok bool
				if reports, ok = r.Read(fci(t, p), reports); !ok {
					t.Fatalf("seed %d: %v is malformed", seed, p)
				}
			}
			got := map[uint16]int64{}
			for _, p := range reports {
				if !p.Lost {
					got[p.Number] = p.At.Microseconds()
				}
			}
			for n, at := range want {
				d := got[n] - at
				if _, ok := got[n]; !ok || (d%wrap+wrap+250)%wrap > 500 {
					t.Fatalf("seed %d: packet %d arrived at %d, read %d", seed, n, at, got[n])
				}
			}
			if len(got) != len(want) {
				t.Fatalf("seed %d: %d packets arrived, %d are read", seed, len(want), len(got))
			}
		}
	}
}

// TestReader reads feedback written by hand.
func TestReader(t *testing.T) {
	const unit = 250 * time.Microsecond
	for _, c := range []struct {
		name string
		fci  []byte
		want []Report
	}{
		{"a run", []byte{0xff, 0xff, 0, 2, 0, 0, 1, 0, 0x20, 2, 4, 8}, []Report{{Number: 65535, At: 64*ms + 4*unit}, {Number: 0, At: 64*ms + 12*unit}}},
		{"a run of lost ones", []byte{0, 1, 0, 3, 0, 0, 1, 0, 0x00, 2, 0x20, 1, 4}, []Report{{Number: 1, Lost: true}, {Number: 2, Lost: true}, {Number: 3, At: 64*ms + 4*unit}}},
		{"one bit", []byte{0, 1, 0, 3, 0, 0, 1, 0, 0xa8, 0, 1, 2}, []Report{{Number: 1, At: 64*ms + unit}, {Number: 2, Lost: true}, {Number: 3, At: 64*ms + 3*unit}}},
		{"two bits, back in time", []byte{0, 1, 0, 2, 0, 0, 1, 0, 0xd8, 0, 8, 0xff, 0xfe}, []Report{{Number: 1, At: 64*ms + 8*unit}, {Number: 2, At: 64*ms + 6*unit}}},
		{"empty", nil, nil},
		{"no packet", []byte{0, 1, 0, 0, 0, 0, 1, 0}, nil},
		{"too many", []byte{0, 1, 0xff, 0xff, 0, 0, 1, 0, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff}, nil},
		{"no chunk", []byte{0, 1, 0, 1, 0, 0, 1, 0}, nil},
		{"a run of none", []byte{0, 1, 0, 1, 0, 0, 1, 0, 0x20, 0, 4}, nil},
		{"no delta", []byte{0, 1, 0, 1, 0, 0, 1, 0, 0x20, 1}, nil},
		{"half a delta", []byte{0, 1, 0, 1, 0, 0, 1, 0, 0x40, 1, 4}, nil},
		{"the reserved symbol", []byte{0, 1, 0, 1, 0, 0, 1, 0, 0x60, 1, 4, 4}, nil},
	} {
		var r Reader
		got, ok := r.Read(c.fci, nil)
		if ok != (c.want != nil) || !slices.Equal(got, c.want) && ok {
			t.Errorf("%s: %v %v, want %v", c.name, got, ok, c.want)
		}
		if !ok && len(got) > 0 {
			t.Errorf("%s: %v of malformed feedback", c.name, got)
		}
	}
}

// TestReferenceTimeWraps checks that time goes on when the 24 bits of the reference time wrap, twelve days after they began.
func TestReferenceTimeWraps(t *testing.T) {
	var r Reader
	last := time.Duration(0)
	for i, reference := range []uint32{0xfffffe, 0xffffff, 0, 1, 0xffffff, 2} {
		got, ok := r.Read([]byte{0, byte(i), 0, 1, byte(reference >> 16), byte(reference >> 8), byte(reference), 0, 0x20, 1, 0}, nil)
		if !ok || len(got) != 1 {
			t.Fatal(got, ok)
		}
		if d := got[0].At - last; i > 0 && (d < -128*ms || d > 192*ms) {
			t.Errorf("reference %#x is %v after the one before", reference, d)
		}
		last = got[0].At
	}
}

// FuzzReader holds that malformed feedback reports nothing, that no feedback reports more than MaxReports or changes the invariants.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 1, 0, 3, 0, 0, 1, 0, 0xa8, 0, 1, 2})
	f.Add([]byte{0, 1, 0, 2, 0, 0, 1, 0, 0xd8, 0, 8, 0xff, 0xfe})
	f.Add([]byte{0xff, 0xff, 0, 2, 0, 0, 1, 0, 0x20, 2, 4, 8})
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Reader
		got, ok := r.Read(data, nil)
		if !ok && len(got) > 0 || len(got) > MaxReports {
			t.Fatalf("%v: %d reports", ok, len(got))
		}
		for i, p := range got {
			if p.Number != got[0].Number+uint16(i) || p.Lost && p.At != 0 {
				t.Fatalf("report %d: %+v", i, p)
			}
		}
		New().Feedback(time.Second, got)
	})
}

func BenchmarkRead(b *testing.B) {
	recorder := twcc.NewRecorder(1)
	for i := range 25 {
		recorder.Record(1, uint16(i), int64(i)*2000)
	}
	data := fci(b, recorder.BuildFeedbackPacket()[0])
	var r Reader
	reports := make([]Report, 0, 64)
	b.ReportAllocs()
	for i := 0; i < b.N; i += 25 {
		r.Read(data, reports)
	}
}
