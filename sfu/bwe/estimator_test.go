package bwe

import (
	"math"
	"testing"
	"time"
)

const ms = time.Millisecond

// drive sends a packet of 1,000 bytes every interval for a while and reports them every 50 ms, delayed by 20 ms and whatever delay says.
func drive(e *Estimator, from, length, every time.Duration, delay func(at time.Duration) time.Duration) (end time.Duration) {
	var reports []Report
	next := from + 50*ms
	for at := from; at < from+length; at += every {
		r := Report{Number: e.Sent(at, 1000), At: at + 20*ms}
		if delay != nil {
			r.At += delay(at)
		}
		reports = append(reports, r)
		if at >= next {
			e.Feedback(at+40*ms, reports)
			reports, next = reports[:0], next+50*ms
		}
	}
	return from + length
}

func TestNumbersWrap(t *testing.T) {
	e := New()
	at := time.Duration(0)
	for i := range 200_000 {
		at += 2 * ms
		n := e.Sent(at, 1000)
		if n != uint16(i) {
			t.Fatalf("packet %d has number %d", i, n)
		}
		e.Feedback(at+20*ms, []Report{{Number: n, At: at + 10*ms}})
	}
	if c := e.Counters; c.Unknown != 0 || c.Repeated != 0 || c.Decreases != 0 {
		t.Errorf("%+v", c)
	}
}

// TestHostileReports checks that reports of packets that were never sent, of packets that were reported before, and of made-up arrival
// times do not make the rate grow beyond what is sent.
func TestHostileReports(t *testing.T) {
	for name, forge := range map[string]func([]Report) []Report{
		"never sent": func(r []Report) []Report {
			var all []Report
			for i := range 5000 {
				all = append(all, Report{Number: r[len(r)-1].Number + uint16(i) + 1, At: r[0].At + time.Duration(i)*time.Microsecond})
			}
			return all
		},
		"repeated": func(r []Report) []Report {
			all := r
			for range 50 {
				all = append(all, r...)
			}
			return all
		},
		"all at once":      func(r []Report) []Report { return at(r, func(int) time.Duration { return r[0].At }) },
		"before they left": func(r []Report) []Report { return at(r, func(i int) time.Duration { return r[i].At - time.Hour }) },
		"in the far future": func(r []Report) []Report {
			return at(r, func(i int) time.Duration { return r[i].At + 10000*time.Hour })
		},
		"back and forth": func(r []Report) []Report {
			return at(r, func(i int) time.Duration { return r[i].At + time.Duration(i%2)*time.Hour })
		},
		"backwards": func(r []Report) []Report { return at(r, func(i int) time.Duration { return -r[i].At }) },
	} {
		e := New()
		var reports []Report
		for now := time.Duration(0); now < 60*time.Second; now += 10 * ms {
			reports = append(reports, Report{Number: e.Sent(now, 1000), At: now + 20*ms}) // 800 kbit/s
			if len(reports) == 5 {
				e.Feedback(now+20*ms, forge(reports))
				reports = nil
			}
			if rate := e.Rate(); rate < minRate || rate > 1_300_000 {
				t.Fatalf("%s: %d bit/s after %v, of 800,000 that are sent", name, rate, now)
			}
		}
	}
}

func at(r []Report, when func(int) time.Duration) []Report {
	for i := range r {
		r[i].At = when(i)
	}
	return r
}

// TestProbeProvesOnlyWhatWasSent lets a receiver claim that a probe came at once: the result is what was sent.
func TestProbeProvesOnlyWhatWasSent(t *testing.T) {
	e := New()
	at := drive(e, 0, 2*time.Second, 8*ms, nil) // 1 Mbit/s
	p, ok := e.Probe(at, 20_000_000)
	if !ok || p.Rate > 2*e.Rate()+1 || p.Packets < probePackets || p.Bytes < p.Rate/8/51 {
		t.Fatalf("%+v %v at a rate of %d", p, ok, e.Rate())
	}
	var reports []Report
	for sent := 0; sent < p.Bytes; sent += 500 {
		reports = append(reports, Report{Number: e.Sent(at, 500), At: at})
		at += time.Duration(500 * 8 * int64(time.Second) / int64(p.Rate))
	}
	if _, again := e.Probe(at, 20_000_000); again {
		t.Error("another probe before the result of the first")
	}
	e.Feedback(at+20*ms, reports)
	if rate := float64(e.Rate()); rate < 0.9*float64(p.Rate) || rate > 1.1*float64(p.Rate) {
		t.Errorf("%.0f bit/s, the probe was sent at %d", rate, p.Rate)
	}
}

// TestSilence halves the rate while feedback stays away, and not while nothing is sent.
func TestSilence(t *testing.T) {
	for _, sends := range []bool{true, false} {
		e := New()
		at := drive(e, 0, 2*time.Second, 8*ms, nil)
		before := e.Rate()
		for end := at + 5*time.Second; at < end; at += 100 * ms {
			if sends {
				e.Sent(at, 1000)
			}
			e.Tick(at)
		}
		if halved := e.Rate() <= before/4; halved != sends || e.Rate() < minRate {
			t.Errorf("sends %v: %d of %d bit/s after 5 s of silence", sends, e.Rate(), before)
		}
	}
}

// TestQuiet sends nothing for a while: that is no silence of the receiver, and a probe tells what the path takes, again and again until the
// receiver answers.
func TestQuiet(t *testing.T) {
	e := New()
	at := drive(e, 0, 2*time.Second, 8*ms, nil)
	before, probes := e.Rate(), 0
	at += 10 * time.Second
	e.Sent(at, 1000) // goes on
	e.Tick(at + 20*ms)
	if e.Counters.Silences != 0 || e.Rate() != before {
		t.Fatalf("%d bit/s after a pause, %d before; %d silences", e.Rate(), before, e.Counters.Silences)
	}
	for end := at + 20*time.Second; at < end; at += 50 * ms {
		if p, ok := e.Probe(at, 20_000_000); ok {
			probes++
			for range p.Bytes/1000 + p.Packets {
				e.Sent(at, 1000)
			}
		}
		e.Tick(at)
	}
	if probes < 3 || probes > 8 {
		t.Errorf("%d probes in 20 s without an answer", probes)
	}
}

// FuzzEstimator holds the invariants against any order of calls, and that equal calls give equal estimates.
func FuzzEstimator(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7})
	f.Add([]byte{0x10, 0x80, 0x21, 0xff, 0x32, 0x43, 0x54, 0x65, 0x76, 0x87, 0x98, 0xa9})
	f.Fuzz(func(t *testing.T, data []byte) {
		a, b := New(), New()
		if run(t, a, data); run(t, b, data) != *a {
			t.Fatal("equal calls, other estimates")
		}
	})
}

// run makes the calls that data encodes.
func run(t *testing.T, e *Estimator, data []byte) Estimator {
	now, peak, asked := time.Duration(0), 0.0, 0.0
	var reports []Report
	for ; len(data) >= 3; data = data[3:] {
		op, v := data[0], int(data[1])<<8|int(data[2])
		now += time.Duration(op>>4) * time.Duration(op>>4) * ms
		decreased, before := e.Counters.Decreases, e.rate
		switch op & 7 {
		case 0, 1:
			for range v%40 + 1 {
				n := e.Sent(now, 100+v%1400)
				now += time.Duration(v%7) * ms
				reports = append(reports, Report{Number: n, At: now + time.Duration(v)*time.Microsecond})
			}
		case 2:
			e.Feedback(now, reports)
			reports = reports[:0]
		case 3: // forged
			for i := range reports {
				reports[i].At += time.Duration(v-32768) * ms
				reports[i].Lost = v>>(i%16)&1 == 1
			}
		case 4:
			reports = append(reports, Report{Number: uint16(v), At: now}, Report{Number: uint16(v), Lost: true})
		case 5:
			if p, ok := e.Probe(now, v*1000); ok {
				asked = max(asked, float64(p.Rate)+1)
			}
		case 6:
			e.Tick(now)
		}
		for _, bytes := range e.sent.bytes {
			peak = max(peak, float64(bytes)*8/rateBucket.Seconds())
		}
		switch {
		case math.IsNaN(e.rate) || math.IsInf(e.rate, 0) || math.IsNaN(e.proved):
			t.Fatal("not a number")
		case e.rate < minRate || e.rate > maxRate || e.Rate() < minRate || e.Rate() > maxRate:
			t.Fatalf("%v bit/s", e.rate)
		case e.rate > max(growthCap*e.peakAcked.value(), e.proved, minRate)*1.0001:
			t.Fatalf("%v bit/s, %v acknowledged, %v proved", e.rate, e.peakAcked.value(), e.proved)
		case e.rate > max(startRate, 2*peak+1, asked):
			t.Fatalf("%v bit/s, at most %v were sent and %v probed", e.rate, peak, asked)
		case e.Counters.Decreases > decreased && e.rate > before*1.0001 && e.Counters.Undone == 0 && e.Counters.OwnLoss == 0 && e.Counters.ProbesUseful == 0:
			t.Fatalf("a decrease from %v to %v", before, e.rate)
		}
	}
	return *e
}
