package bwetest

import (
	"slices"
	"time"

	"alcove/sfu/bwe"
)

// Media of one receiver: people who all send audio and a camera.
const (
	audioEvery  = 20 * time.Millisecond
	audioSize   = 80 + 12 + 16 + 28 // Opus of 32 kbit/s, RTP, SRTP, UDP and IP
	frameEvery  = time.Second / 24
	videoPacket = 1100 + 12 + 16 + 28
	keyFrames   = 5  // a key frame costs as much as so many frames
	baseShare   = 60 // percent of an encoding's bits that its lower temporal layer takes, in every second frame
)

// encodings are the rates of a camera's sizes, in bit/s.
var encodings = []float64{100_000, 300_000, 645_000}

// steps are what a camera can take: 0 is nothing, then each encoding at half and at full frame rate.
const steps = 7

func stepRate(step int) float64 {
	if step == 0 {
		return 0
	}
	rate := encodings[(step-1)/2]
	if step%2 == 1 {
		rate *= float64(baseShare) / 100
	}
	return rate
}

// A camera is one video of a flow.
type camera struct {
	step  int
	key   bool // the next frame is one
	next  time.Duration
	count int // frames of the source
}

// A flow is one receiver with its estimator.
type flow struct {
	estimator         *bwe.Estimator
	cameras           []camera
	people            int
	nextAudio         time.Duration
	wanted            func(time.Duration) int // the highest step that is wanted
	raised            time.Duration
	lowered, patience time.Duration // when a step was taken back, and how long none is taken then
	loweredRate       int
	paced             []packet
	credit            float64
	paceAt            time.Duration
	probeRate         float64
	probeLeft         int
	probeSize         int
	changes           []time.Duration
	frames            map[int]*frame // by number
	frame             int

	// The receiver.
	arrivals     []packet // on their way to it or not yet reported
	next         uint16
	begun        bool
	nextFeedback time.Duration
	feedback     []feedback
	reports      map[uint16]time.Duration
	highest      uint16
}

type frame struct{ packets, arrived int }

type feedback struct {
	at      time.Duration
	reports []bwe.Report
}

func (f *flow) audioRate() float64 {
	return float64(f.people*audioSize*8) / audioEvery.Seconds()
}

// demand is what all that is wanted would take, in bit/s.
func (f *flow) demand(now time.Duration) float64 {
	return f.audioRate() + float64(len(f.cameras))*stepRate(f.wanted(now))
}

func (f *flow) taken(at []int) float64 {
	sum := 0.0
	for _, s := range at {
		sum += stepRate(s)
	}
	return sum
}

func (f *flow) steps() []int {
	var all []int
	for i := range f.cameras {
		all = append(all, f.cameras[i].step)
	}
	return all
}

// allocate gives each camera the step for which there is room: all cameras get one before one gets the next.
func (f *flow) allocate(now time.Duration) {
	budget := 0.95*float64(f.estimator.Rate()) - f.audioRate()
	most := f.wanted(now)
	current := make([]int, len(f.cameras))
	for i := range f.cameras {
		current[i] = min(f.cameras[i].step, most)
	}
	for f.taken(current) > budget {
		top := slices.Max(current)
		if top == 0 {
			break
		}
		for i := len(current) - 1; i >= 0; i-- {
			if current[i] == top {
				current[i]--
				break
			}
		}
	}
	rate := f.estimator.Rate()
	if f.taken(current) < f.taken(f.steps()) && now-f.lowered > time.Second {
		// A step that was taken back soon was taken too early.
		if f.patience *= 2; now-f.raised > 10*time.Second || f.patience == 0 {
			f.patience = time.Second
		}
		f.patience = min(f.patience, 8*time.Second)
		f.lowered, f.loweredRate = now, rate
	}
	patient := now-f.lowered < f.patience && float64(rate) < 1.3*float64(f.loweredRate)
	if low := slices.Min(current); low < most && now-f.raised >= time.Second && !patient {
		i := slices.Index(current, low)
		current[i]++
		if f.taken(current) <= 0.9*budget {
			f.raised = now
		} else {
			current[i]--
		}
	}
	for i := range f.cameras {
		c := &f.cameras[i]
		if c.step == current[i] {
			continue
		}
		if c.step == 0 || current[i] > 0 && (c.step-1)/2 != (current[i]-1)/2 {
			c.key = true
		}
		c.step = current[i]
		f.changes = append(f.changes, now)
	}
}

// produce makes the packets that are due.
func (s *Simulation) produce(now time.Duration, f *flow) {
	for ; f.nextAudio <= now; f.nextAudio += audioEvery {
		for range f.people {
			s.transmit(now, f, packet{flow: f, kind: audio, size: audioSize})
		}
	}
	for i := range f.cameras {
		c := &f.cameras[i]
		for ; c.next <= now; c.next += frameEvery {
			c.count++
			upper := c.count%2 == 1
			if c.step == 0 || c.step%2 == 1 && upper && !c.key || s.trace.Missing > 0 && s.rnd.Float64() < s.trace.Missing {
				continue
			}
			rate := encodings[(c.step-1)/2]
			bits := rate / 12 * baseShare / 100
			if upper {
				bits = rate / 12 * (100 - baseShare) / 100
			}
			if c.key {
				bits, c.key = rate/24*keyFrames, false
			}
			f.frame++
			f.frames[f.frame] = &frame{}
			for bytes := int(bits / 8); bytes > 0; bytes -= videoPacket {
				f.frames[f.frame].packets++
				f.paced = append(f.paced, packet{flow: f, kind: video, size: max(min(bytes, videoPacket), 100), frame: f.frame})
			}
		}
	}
	s.pace(now, f)
}

// pace lets video leave: at once where the receiver is far from its line, else in trains of up to 5 ms.
func (s *Simulation) pace(now time.Duration, f *flow) {
	rate := float64(f.estimator.Rate())
	if f.probeLeft > 0 {
		f.credit += f.probeRate * 0.001
		for f.probeLeft > 0 && f.credit > 0 {
			p := packet{flow: f, kind: padding, size: f.probeSize}
			if len(f.paced) > 0 {
				p, f.paced = f.paced[0], f.paced[1:]
			}
			f.credit -= float64(8 * p.size)
			f.probeLeft -= p.size
			s.transmit(now, f, p)
		}
		return
	}
	if f.demand(now) < 0.5*rate && f.estimator.Queue() < 10*time.Millisecond {
		for _, p := range f.paced {
			s.transmit(now, f, p)
		}
		f.paced = f.paced[:0]
		return
	}
	if now < f.paceAt {
		return
	}
	f.paceAt = now + 5*time.Millisecond
	f.credit = min(f.credit+1.5*rate*0.005, 1.5*rate*0.005)
	for len(f.paced) > 0 && f.credit > 0 {
		f.credit -= float64(8 * f.paced[0].size)
		s.transmit(now, f, f.paced[0])
		f.paced = f.paced[1:]
	}
	if len(f.paced) == 0 {
		f.credit = max(f.credit, 0)
	}
}

// transmit gives a packet its number and puts it on the line.
func (s *Simulation) transmit(now time.Duration, f *flow, p packet) {
	p.sent = now
	p.number = f.estimator.Sent(now, p.size)
	s.sentBits += float64(8 * p.size)
	s.line.offer(now, p)
}

// control is what the worker does by its clock.
func (s *Simulation) control(now time.Duration, f *flow) {
	for len(f.feedback) > 0 && f.feedback[0].at <= now {
		f.estimator.Feedback(now, f.feedback[0].reports)
		f.feedback = f.feedback[1:]
	}
	if now%(100*time.Millisecond) == 0 {
		f.estimator.Tick(now)
	}
	if now%(10*time.Millisecond) == 0 {
		f.allocate(now)
		video := float64(len(f.cameras)) * stepRate(f.wanted(now))
		if p, ok := f.estimator.Probe(now, int((video/0.9+f.audioRate())/0.95)); ok {
			f.probeRate, f.probeLeft, f.credit, f.probeSize = float64(p.Rate), p.Bytes, 0, min(p.Bytes/p.Packets+1, 1200)
		}
	}
}

// receive takes what arrived by now and reports it every 50 ms.
func (s *Simulation) receive(now time.Duration, f *flow) {
	for len(f.arrivals) > 0 && f.arrivals[0].arrives <= now {
		p := f.arrivals[0]
		f.arrivals = f.arrivals[1:]
		s.note(f, p)
		clock := time.Duration(float64(p.arrives)*(1+s.trace.Path.Drift/1e6)) + 7*time.Hour
		if !f.begun {
			f.begun, f.next, f.highest = true, p.number, p.number
		}
		f.reports[p.number] = clock / (250 * time.Microsecond) * (250 * time.Microsecond)
		if int16(p.number-f.highest) > 0 {
			f.highest = p.number
		}
	}
	if now < f.nextFeedback {
		return
	}
	f.nextFeedback = now + 50*time.Millisecond
	if !f.begun || len(f.reports) == 0 {
		return
	}
	var reports []bwe.Report
	for n := f.next; int16(f.highest-n) >= 0; n++ {
		at, ok := f.reports[n]
		reports = append(reports, bwe.Report{Number: n, Lost: !ok, At: at})
		delete(f.reports, n)
	}
	f.next = f.highest + 1
	path := &s.trace.Path
	if path.FeedbackLoss > 0 && s.rnd.Float64() < path.FeedbackLoss || path.Loss > 0 && s.rnd.Float64() < path.Loss || path.Cut != nil && path.Cut(now) {
		return
	}
	f.feedback = append(f.feedback, feedback{now + path.Delay + path.FeedbackDelay, reports})
}
