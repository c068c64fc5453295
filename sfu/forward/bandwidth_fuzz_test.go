package forward

import (
	"encoding/binary"
	"math"
	"testing"
	"time"
)

// FuzzBandwidthEstimate checks that nothing that a receiver says, true or not, takes its bound out of its limits, and that no lie is for ever: an
// honest path is used again.
func FuzzBandwidthEstimate(f *testing.F) {
	step := func(after uint16, packets uint32, lost int32, rtt uint32, bits uint32) []byte {
		b := binary.BigEndian.AppendUint16(nil, after)
		b = binary.BigEndian.AppendUint32(b, packets)
		b = binary.BigEndian.AppendUint32(b, uint32(lost))
		b = binary.BigEndian.AppendUint32(b, rtt)
		return binary.BigEndian.AppendUint32(b, bits)
	}
	many := func(n int, one []byte) (all []byte) {
		for range n {
			all = append(all, one...)
		}
		return all
	}
	f.Add(many(20, step(1000, 100, 255*100, 0, 1_000_000)))                                      // all is lost
	f.Add(many(20, step(1000, 100, -25600, 0, 1_000_000)))                                       // less than nothing is lost
	f.Add(many(200, step(0, 1, 255, 10_000_000, 8000)))                                          // a flood in no time at all
	f.Add(many(20, step(1000, math.MaxUint32, math.MaxInt32, 9_999_999, math.MaxUint32)))        // as much as a counter holds
	f.Add(append(step(math.MaxUint16, 60, 0, 1, 0), many(9, step(700, 60, 0, 9_999_999, 0))...)) // a round trip of ten seconds
	f.Fuzz(func(t *testing.T, b []byte) {
		const size = 18
		bound, now := &BandwidthEstimate{}, epoch
		check := func() {
			if r := bound.Rate(); r < minRate || r > maxRate {
				t.Fatalf("%d bit/s", r)
			}
		}
		for ; len(b) >= size; b = b[size:] {
			after := time.Duration(binary.BigEndian.Uint16(b)) * ms
			now = now.Add(after)
			rtt := time.Duration(binary.BigEndian.Uint32(b[10:])) * time.Microsecond % (10 * time.Second)
			before := bound.Rate()
			fell := bound.Report(now, int(binary.BigEndian.Uint32(b[2:])), int(int32(binary.BigEndian.Uint32(b[6:]))), rtt, int(binary.BigEndian.Uint32(b[14:])), after)
			if check(); fell && bound.Rate() > before {
				t.Fatalf("fell from %d to %d bit/s", before, bound.Rate())
			}
			if b[0]&1 == 1 {
				bound.Increase(now)
				check()
			}
		}
		for range 5 * 60 {
			now = now.Add(time.Second)
			bound.Report(now, 100, 0, 20*ms, bound.Rate(), time.Second)
			check()
		}
		if r := bound.Rate(); r != maxRate {
			t.Fatalf("five minutes without loss leave %d bit/s", r)
		}
		for range 60 {
			now = now.Add(time.Second)
			bound.Report(now, 100, 200*100, 20*ms, bound.Rate(), time.Second)
			check()
		}
		if r := bound.Rate(); r != minRate {
			t.Fatalf("a minute of loss leaves %d bit/s", r)
		}
	})
}
