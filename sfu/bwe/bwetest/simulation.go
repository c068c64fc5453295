package bwetest

import (
	"math/rand/v2"
	"slices"
	"time"

	"alcove/sfu/bwe"
)

// A Trace is a path and what is sent over it.
type Trace struct {
	Name      string
	Seed      uint64
	Length    time.Duration
	Path      Path
	Receivers int                     // 0: one
	People    int                     // whom each receives, 0: three
	Wanted    func(time.Duration) int // the highest step of a camera, nil: the highest there is
	Missing   float64                 // share of frames that never came from their publisher
}

// A Sample is one moment of a run, every SampleTime.
type Sample struct {
	At                            time.Duration
	Capacity, Rate, Sent, Arrived float64 // bit/s; Arrived is video
	Queue                         time.Duration
	Each                          []float64 // Rate of each receiver
}

// SampleTime is the time between samples.
const SampleTime = 100 * time.Millisecond

// A Result is what became of a trace.
type Result struct {
	Trace     Trace
	Samples   []Sample
	Changes   []time.Duration // of layers, of all receivers
	Counters  bwe.Counters    // of the first receiver
	audio     []delay
	queues    []delay
	videoBits []float64 // by sample
	frames    map[int]int
	whole     int
	made      int
}

type delay struct{ at, delay time.Duration }

// A Simulation runs one trace.
type Simulation struct {
	trace    Trace
	rnd      *rand.Rand
	line     line
	tcp      tcp
	flows    []*flow
	result   *Result
	sentBits float64
	gotBits  float64
}

// Run runs a trace.
func Run(t Trace) *Result {
	s := &Simulation{trace: t, rnd: rand.New(rand.NewPCG(t.Seed, 1)), result: &Result{Trace: t}}
	s.line = line{path: &s.trace.Path, rnd: rand.New(rand.NewPCG(t.Seed, 2))}
	s.tcp = tcp{window: 10, threshold: 1e9}
	for i := range max(t.Receivers, 1) {
		f := &flow{
			estimator: bwe.New(), people: t.People, wanted: t.Wanted, frames: map[int]*frame{}, reports: map[uint16]time.Duration{},
			nextAudio: time.Duration(3*i) * time.Millisecond, nextFeedback: time.Duration(s.rnd.Int64N(int64(50 * time.Millisecond))),
		}
		if f.people == 0 {
			f.people = 3
		}
		if f.wanted == nil {
			f.wanted = func(time.Duration) int { return steps - 1 }
		}
		for range f.people {
			f.cameras = append(f.cameras, camera{step: 1, key: true, next: time.Duration(s.rnd.Int64N(int64(frameEvery)))})
		}
		s.flows = append(s.flows, f)
	}
	for now := time.Duration(0); now < t.Length; now += time.Millisecond {
		s.step(now)
	}
	for _, f := range s.flows {
		s.result.Changes = append(s.result.Changes, f.changes...)
		for _, fr := range f.frames {
			s.result.made++
			if fr.arrived == fr.packets {
				s.result.whole++
			}
		}
	}
	s.result.Counters = s.flows[0].estimator.Counters
	return s.result
}

func (s *Simulation) step(now time.Duration) {
	path := &s.trace.Path
	for _, f := range s.flows {
		s.control(now, f)
		s.produce(now, f)
	}
	if now >= path.TCPFrom && now < path.TCPTo {
		s.tcp.step(now, &s.line)
	}
	s.line.serve(now, func(p packet) {
		if p.tcp {
			s.tcp.arrived(p, path.Delay)
			return
		}
		p.flow.arrivals = append(p.flow.arrivals, p)
		s.result.queues = append(s.result.queues, delay{now, s.line.waited})
	})
	for _, f := range s.flows {
		s.receive(now, f)
	}
	if now%SampleTime == 0 {
		sample := Sample{At: now, Capacity: path.Capacity(now), Sent: s.sentBits / SampleTime.Seconds(), Arrived: s.gotBits / SampleTime.Seconds(), Queue: s.line.waited}
		for _, f := range s.flows {
			sample.Each = append(sample.Each, float64(f.estimator.Rate()))
			sample.Rate += float64(f.estimator.Rate())
		}
		if path.Cut != nil && path.Cut(now) {
			sample.Capacity = 0
		}
		s.sentBits, s.gotBits = 0, 0
		s.result.Samples = append(s.result.Samples, sample)
	}
}

// note takes what a receiver got.
func (s *Simulation) note(f *flow, p packet) {
	switch p.kind {
	case audio:
		s.result.audio = append(s.result.audio, delay{p.sent, p.arrives - p.sent})
	case video:
		s.gotBits += float64(8 * p.size)
		if fr := f.frames[p.frame]; fr != nil {
			fr.arrived++
		}
	}
}

// Video is the mean of the video that arrived within a time, in bit/s.
func (r *Result) Video(from, to time.Duration) float64 {
	sum, n := 0.0, 0
	for _, s := range r.Samples {
		if s.At > from && s.At <= to {
			sum, n = sum+s.Arrived, n+1
		}
	}
	return sum / float64(max(n, 1))
}

func percentile(list []delay, from, to time.Duration, share float64) time.Duration {
	var all []time.Duration
	for _, d := range list {
		if d.at >= from && d.at < to {
			all = append(all, d.delay)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(int(share*float64(len(all))), len(all)-1)]
}

// AudioDelay is the delay of audio that a share of the packets does not exceed.
func (r *Result) AudioDelay(from, to time.Duration, share float64) time.Duration {
	return percentile(r.audio, from, to, share)
}

// QueueDelay is the same of the wait before the line, of all packets to the receivers.
func (r *Result) QueueDelay(from, to time.Duration, share float64) time.Duration {
	return percentile(r.queues, from, to, share)
}

// Whole is the share of frames that arrived whole, without retransmissions.
func (r *Result) Whole() float64 { return float64(r.whole) / float64(max(r.made, 1)) }

// ChangesPerMinute is how often a layer changed within a time, for each receiver.
func (r *Result) ChangesPerMinute(from, to time.Duration) float64 {
	n := 0
	for _, at := range r.Changes {
		if at >= from && at < to {
			n++
		}
	}
	return float64(n) / (to - from).Minutes() / float64(max(r.Trace.Receivers, 1))
}

// Rates are the means of each receiver's estimate within a time, in bit/s.
func (r *Result) Rates(from, to time.Duration) []float64 {
	sums, n := make([]float64, max(r.Trace.Receivers, 1)), 0
	for _, s := range r.Samples {
		if s.At > from && s.At <= to {
			n++
			for i, v := range s.Each {
				sums[i] += v
			}
		}
	}
	for i := range sums {
		sums[i] /= float64(max(n, 1))
	}
	return sums
}

// First returns how long after a time a condition held for the first time and for hold, or the rest of the trace.
func (r *Result) First(from, hold time.Duration, ok func(Sample) bool) time.Duration {
	since := time.Duration(-1)
	for _, s := range r.Samples {
		switch {
		case s.At < from:
		case !ok(s):
			since = -1
		case since < 0:
			since = s.At
		}
		if since >= 0 && s.At-since >= hold {
			return since - from
		}
	}
	return r.Trace.Length - from
}
