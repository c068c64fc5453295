package sfu

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"alcove/sfu/udp"
)

// A busySocket always has a packet. Now and then it writes to a pipe, as a browser would to signaling.
type busySocket struct {
	udp.Conn
	cost     time.Duration // of a round
	pipe     *os.File
	rounds   int          // Owned by the worker, as all but answered.
	asked    int          // questions so far
	at       time.Time    // of the last question
	round    int          // the same
	told     atomic.Int32 // answers so far
	waits    []int        // rounds until each answer
	took     []time.Duration
	datagram []byte
}

const questions = 200

func (b *busySocket) Read(in []udp.Packet, _ time.Time) (int, error) {
	b.rounds++
	if int(b.told.Load()) == b.asked {
		if b.asked > 0 && len(b.waits) < b.asked {
			b.waits, b.took = append(b.waits, b.rounds-b.round), append(b.took, time.Since(b.at))
		}
		if b.asked == questions {
			return 0, net.ErrClosed
		}
		b.asked++
		b.at, b.round = time.Now(), b.rounds
		_, _ = b.pipe.Write([]byte{1})
	}
	in[0] = udp.Packet{Data: b.datagram, Addr: netip.MustParseAddrPort("192.0.2.1:1")}
	return 1, nil
}

func (b *busySocket) Write(p []udp.Packet) int { return len(p) }
func (b *busySocket) Wake()                    {}

// TestSignalingUnderLoad checks that signaling waits for a round or two of a loaded worker, not for the scheduler's 10 ms, where the two share
// one processor: with rounds that leave time for a nap, and with rounds that leave none.
func TestSignalingUnderLoad(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, c := range []struct {
		name string
		cost time.Duration
		most int // rounds
	}{{"with naps", 500 * time.Microsecond, 5}, {"without", 2500 * time.Microsecond, 2}, {"short rounds", 700 * time.Microsecond, 5}} {
		t.Run(c.name, func(t *testing.T) {
			out, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			defer in.Close()
			s, _ := newGroup(t, 51, simSpec{}, "a", "b") // a worker without peers is idle
			b := &busySocket{pipe: in, datagram: []byte{0, 1}}
			s.w.sock = &udp.Socket{Conn: b, Stats: &udp.Stats{}}
			s.w.engine.workers = []*worker{s.w}
			s.w.load.ratio = 1
			s.w.onStep = func(at step, _ *peer) {
				for began := time.Now(); at == stepHandshake && time.Since(began) < c.cost; {
				}
			}
			go func() {
				for one := make([]byte, 1); ; {
					if _, err := out.Read(one); err != nil {
						return
					}
					b.told.Add(1)
				}
			}()
			done := make(chan struct{})
			go func() { s.w.run(); close(done) }()
			<-done
			slices.Sort(b.waits)
			slices.Sort(b.took)
			n := len(b.took)
			t.Logf("answered after %v (median), %v (99 %%), %v at most; after %d rounds at most", b.took[n/2], b.took[n*99/100], b.took[n-1], b.waits[n-1])
			if over := b.waits[n*95/100]; over > c.most {
				t.Errorf("an answer takes %d rounds, want %d at most", over, c.most)
			}
		})
	}
}
