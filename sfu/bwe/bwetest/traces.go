package bwetest

import "time"

const (
	ms     = time.Millisecond
	second = time.Second
)

// Dip is a capacity that is lower for a while.
func Dip(wide, narrow float64, from, to time.Duration) func(time.Duration) float64 {
	return func(at time.Duration) float64 {
		if at >= from && at < to {
			return narrow
		}
		return wide
	}
}

// within reports whether a time is within two others.
func within(from, to time.Duration) func(time.Duration) bool {
	return func(at time.Duration) bool { return at >= from && at < to }
}

// stalls holds back all that arrives for a while, every so often, as a busy radio does, and then delivers it at once.
func stalls(every, length time.Duration) func(time.Duration) time.Duration {
	return func(at time.Duration) time.Duration {
		if at%every < length {
			return at - at%every + length
		}
		return 0
	}
}

// Traces are the paths that the estimator is made for.
func Traces(seed uint64) []Trace {
	line := func(capacity float64, queue time.Duration) Path {
		return Path{Capacity: Constant(capacity), Queue: queue, Delay: 20 * ms}
	}
	change := func(p Path, f func(*Path)) Path {
		f(&p)
		return p
	}
	wide, home := line(20e6, 300*ms), line(3e6, 300*ms)
	dip := Path{Capacity: Dip(2e6, 4e5, 20*second, 40*second), Queue: 300 * ms, Delay: 20 * ms}
	all := []Trace{
		{Name: "20 Mbit/s", Path: wide},
		{Name: "1 Mbit/s, queue of 300 ms", Path: line(1e6, 300*ms)},
		{Name: "1 Mbit/s, queue of 1 s", Path: line(1e6, second)},
		{Name: "400 kbit/s, queue of 100 ms", Path: line(4e5, 100*ms)},
		{Name: "2 Mbit/s, 400 kbit/s, 2 Mbit/s", Path: dip},
		{Name: "the same, queue of 1 s", Path: change(dip, func(p *Path) { p.Queue = second })},
		{Name: "2 Mbit/s beside a TCP download", Length: 90 * second, Path: change(line(2e6, 200*ms), func(p *Path) { p.TCPFrom, p.TCPTo = 15*second, 75*second })},
		{Name: "20 % random loss", Path: change(wide, func(p *Path) { p.Loss, p.Delay = 0.2, 40*ms })},
		{Name: "5 % random loss, 80 ± 20 ms", Path: change(wide, func(p *Path) { p.Loss, p.Delay, p.Jitter = 0.05, 60*ms, Wander(seed, 20*ms, 0.8) })},
		{Name: "1 Mbit/s, 30 % of the feedback lost", Path: change(line(1e6, 300*ms), func(p *Path) { p.FeedbackLoss = 0.3 })},
		{Name: "1 Mbit/s, feedback 500 ms late", Path: change(line(1e6, 300*ms), func(p *Path) { p.FeedbackDelay = 500 * ms })},
		{Name: "3 Mbit/s, jitter of ± 60 ms", Path: change(home, func(p *Path) { p.Jitter = Wander(seed, 60*ms, 0.8) })},
		{Name: "3 Mbit/s, jitter of ± 60 ms, sines", Path: change(home, func(p *Path) { p.Jitter = Sines(60 * ms) })},
		{Name: "3 Mbit/s, jitter of ± 20 ms, sines", Path: change(home, func(p *Path) { p.Jitter = Sines(20 * ms) })},
		{Name: "3 Mbit/s, stalls of 250 ms", Path: change(home, func(p *Path) { p.Hold = stalls(2*second, 250*ms) })},
		{Name: "3 Mbit/s, 80 ms more from 20 s on", Path: change(home, func(p *Path) {
			p.Jitter = func(at time.Duration) time.Duration {
				if at > 20*second {
					return 80 * ms
				}
				return 0
			}
		})},
		{Name: "3 Mbit/s, cut for 10 s", Path: change(home, func(p *Path) { p.Cut = within(20*second, 30*second) })},
		{Name: "3 Mbit/s, clock 200 ppm fast", Path: change(home, func(p *Path) { p.Drift = 200 })},
		{Name: "3 Mbit/s, clock 200 ppm slow", Path: change(home, func(p *Path) { p.Drift = -200 })},
		{Name: "3 Mbit/s, no video for 60 s", Length: 110 * second, Path: home, Wanted: func(at time.Duration) int {
			if within(20*second, 80*second)(at) {
				return 0
			}
			return steps - 1
		}},
		{Name: "3 Mbit/s, publishers lose 10 % of the frames", Path: home, Missing: 0.1},
		{Name: "two receivers on 2 Mbit/s", Path: line(2e6, 300*ms), Receivers: 2},
	}
	for i := range all {
		all[i].Seed = seed
		if all[i].Length == 0 {
			all[i].Length = 60 * second
		}
	}
	return all
}
