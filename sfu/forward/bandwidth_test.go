package forward

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBandwidthEstimate(t *testing.T) {
	const second = time.Second
	for name, c := range map[string]struct {
		rate, packets, lost, bits int
		want                      int
		fell                      bool
	}{
		"begins high":                  {0, 0, 0, 0, initialRate, false},
		"no loss grows 10 % a second":  {1_000_000, 100, 0, 1_000_000, 1_100_000, false},
		"under 2 % grows":              {1_000_000, 100, 400, 1_000_000, 1_100_000, false},
		"2 % stays":                    {1_000_000, 100, 500, 1_000_000, 1_000_000, false},
		"10 % stays":                   {1_000_000, 100, 2600, 1_000_000, 1_000_000, false},
		"more leaves less than came":   {1_000_000, 100, 6400, 1_000_000, 637_500, true},
		"falls from what was sent":     {8_000_000, 100, 6400, 1_000_000, 637_500, true},
		"never grows by a fall":        {500_000, 100, 6400, 1_000_000, 500_000, false},
		"never under the least":        {160_000, 100, 25600, 160_000, minRate, true},
		"never over the most":          {29_000_000, 100, 0, 29_000_000, maxRate, false},
		"one of few lost says nothing": {1_000_000, 5, 256, 50_000, 1_000_000, false},
		"a few seconds of few do":      {1_000_000, 21, 21 * 128, 300_000, minRate, true},
	} {
		b := BandwidthEstimate{rate: c.rate, lastIncrease: epoch}
		time := second
		if name == "a few seconds of few do" {
			time = sampleMaxTime
		}
		if fell := b.Report(epoch.Add(second), c.packets, c.lost, 0, c.bits, time); b.Rate() != c.want || fell != c.fell {
			t.Errorf("%s: %d, want %d, fell %v", name, b.Rate(), c.want, fell)
		}
	}
}

// A path is a line with a queue, as a home or a radio has it.
type path struct {
	carries int     // bit/s
	loses   float64 // of packets, whatever comes
	trip    time.Duration
	room    time.Duration // of its queue
	cut     bool          // nothing gets through, either way
	reports time.Duration // between them, 0: 300 ms
	demand  int           // bit/s of what there is to show; what does not fit the bound is left out in steps of a fortieth
}

// A drive is what became of a path: how much came through, how long it queued and how many packets were sent and lost, by step.
type drive struct {
	through    []float64 // bit/s
	queue      []time.Duration
	sent, lost []int
}

const driveStep = 50 * time.Millisecond

// drive sends as much as the bound lets it; reports come every 300 ms, and tell of the second before them.
func (p path) drive(b *BandwidthEstimate, seed uint64, length time.Duration, change func(*path, time.Duration)) drive {
	const packet = 8 * 1000
	rnd := rand.New(rand.NewPCG(seed, 8))
	var d drive
	type arrival struct {
		packets, lost, bits int
		told, trip          time.Duration // when the sender may know, and how long that took
	}
	var underway []arrival
	var told arrival
	var since time.Duration
	queue, credit := 0.0, 0.0 // bits
	for at := time.Duration(0); at < length; at += driveStep {
		if change != nil {
			change(&p, at)
		}
		rate := float64(p.demand)
		for rate > float64(b.Rate()) {
			rate -= float64(p.demand) / 40
		}
		var a arrival
		for credit += rate * driveStep.Seconds(); credit >= packet; credit -= packet {
			a.packets, a.bits = a.packets+1, a.bits+packet
			if p.cut || rnd.Float64() < p.loses || queue+packet > float64(p.carries)*p.room.Seconds() {
				a.lost++
			} else {
				queue += packet
			}
		}
		out := min(queue, float64(p.carries)*driveStep.Seconds())
		queue -= out
		waits := time.Duration(queue / float64(p.carries) * float64(time.Second))
		d.through, d.queue = append(d.through, out/driveStep.Seconds()), append(d.queue, waits)
		d.sent, d.lost = append(d.sent, a.packets), append(d.lost, a.lost)
		a.trip = p.trip + waits
		a.told = at + a.trip
		underway = append(underway, a)
		for ; len(underway) > 0 && underway[0].told <= at; underway = underway[1:] {
			a := underway[0]
			told.packets, told.lost, told.bits, told.trip = told.packets+a.packets, told.lost+a.lost, told.bits+a.bits, a.trip
		}
		if since += driveStep; p.cut {
			continue
		} else if since >= cmp.Or(p.reports, 300*ms) && told.packets > 0 {
			b.Report(epoch.Add(at), told.packets, 256*told.lost, told.trip, told.bits, since)
			told, since = arrival{}, 0
		} else if since >= time.Second && p.reports == 0 { // nothing is sent at all
			b.Increase(epoch.Add(at))
		}
	}
	return d
}

// between gives the mean of what came through, how long nine of ten waited at most, and the share that was lost.
func (d drive) between(from, to time.Duration) (mean int, wait time.Duration, lost float64) {
	first, last := int(from/driveStep), int(to/driveStep)
	for _, v := range d.through[first:last] {
		mean += int(v) / (last - first)
	}
	waits := slices.Sorted(slices.Values(d.queue[first:last]))
	sent := 0
	for i := first; i < last; i++ {
		sent, lost = sent+d.sent[i], lost+float64(d.lost[i])
	}
	return mean, waits[len(waits)*9/10], lost / float64(sent)
}

// TestBandwidthEstimateOnLines checks that, on each kind of link, the estimate uses most of the capacity after a few seconds and keeps the
// queue short.
func TestBandwidthEstimateOnLines(t *testing.T) {
	for name, p := range map[string]path{
		"wide":               {carries: 20_000_000, loses: 0, trip: 20 * ms, room: 200 * ms, demand: 4_000_000},
		"wide and lossy":     {carries: 20_000_000, loses: 0.05, trip: 40 * ms, room: 200 * ms, demand: 4_000_000},
		"a full home line":   {carries: 2_000_000, loses: 0, trip: 40 * ms, room: 200 * ms, demand: 4_000_000},
		"a narrow line":      {carries: 700_000, loses: 0, trip: 40 * ms, room: 200 * ms, demand: 4_000_000},
		"far away":           {carries: 2_000_000, loses: 0.01, trip: 300 * ms, room: 200 * ms, demand: 4_000_000},
		"a lossy radio":      {carries: 1_000_000, loses: 0.05, trip: 160 * ms, room: 200 * ms, demand: 4_000_000},
		"a very lossy radio": {carries: 2_000_000, loses: 0.09, trip: 80 * ms, room: 200 * ms, demand: 4_000_000},
		"a shallow queue":    {carries: 2_000_000, loses: 0, trip: 40 * ms, room: 60 * ms, demand: 4_000_000},
		"a bottomless queue": {carries: 2_000_000, loses: 0, trip: 40 * ms, room: 5 * time.Second, demand: 4_000_000},
		"no more than fits":  {carries: 2_000_000, loses: 0.05, trip: 40 * ms, room: 200 * ms, demand: 1_500_000},
	} {
		const seeds = 10
		most, all, fair := 0.0, 0, int(float64(min(p.carries, p.demand))*(1-p.loses))
		for seed := range uint64(seeds) {
			b := &BandwidthEstimate{}
			mean, wait, lost := p.drive(b, seed, time.Minute, nil).between(10*time.Second, time.Minute)
			if all += mean / seeds; mean < fair/4 || wait > 150*ms || lost > p.loses+0.05 {
				t.Errorf("%s, seed %d: %d of %d bit/s, 90 %% waited up to %v, %.3f lost", name, seed, mean, fair, wait, lost)
			}
			most = max(most, lost)
		}
		if t.Logf("%s: %d of %d bit/s, up to %.3f lost", name, all, fair, most); all < fair*6/10 {
			t.Errorf("%s: %d of %d bit/s", name, all, fair)
		}
	}
}

// TestBandwidthEstimateFollows checks that the estimate falls soon after the capacity falls, and rises again after it, also for receivers
// that report seldom.
func TestBandwidthEstimateFollows(t *testing.T) {
	for _, reports := range []time.Duration{300 * ms, 5 * time.Second} {
		p := path{carries: 5_000_000, trip: 60 * ms, room: time.Second, reports: reports, demand: 4_000_000}
		d := p.drive(&BandwidthEstimate{}, 1, 3*time.Minute, func(p *path, at time.Duration) {
			if p.carries = 5_000_000; at >= 40*time.Second && at < 100*time.Second {
				p.carries = 800_000
			}
		})
		if mean, _, _ := d.between(0, 40*time.Second); mean < 3_900_000 {
			t.Errorf("%v: %d bit/s while it is wide", reports, mean)
		}
		if mean, wait, lost := d.between(60*time.Second, 100*time.Second); mean < 400_000 || wait > 500*ms || lost > 0.05 {
			t.Errorf("%v: %d bit/s that waited up to %v while it is narrow, %.3f lost", reports, mean, wait, lost)
		}
		if mean, _, _ := d.between(150*time.Second, 3*time.Minute); mean < 2_500_000 {
			t.Errorf("%v: %d bit/s when it is wide again", reports, mean)
		}
	}
}

// TestBandwidthEstimateDuringUpload checks that an upload that fills the return path, and so lengthens the round trip, reduces the estimate
// only briefly.
func TestBandwidthEstimateDuringUpload(t *testing.T) {
	p := path{carries: 5_000_000, trip: 60 * ms, room: time.Second, demand: 2_000_000}
	d := p.drive(&BandwidthEstimate{}, 1, time.Minute, func(p *path, at time.Duration) {
		if at >= 10*time.Second {
			p.trip = 600 * ms
		}
	})
	if mean, _, _ := d.between(30*time.Second, time.Minute); mean < 1_200_000 {
		t.Errorf("%d bit/s on average after 20 seconds", mean)
	}
}

// TestBandwidthEstimateLossCredit checks that packets that never reached the server are subtracted from a receiver's loss when they are
// skipped, although the receiver reports them a round trip later, in another sample. A credit that is not used by then expires.
func TestBandwidthEstimateLossCredit(t *testing.T) {
	for name, c := range map[string]struct {
		lost []int // of each sample, in packets of 60
		fall bool
	}{
		"a publisher's loss":         {[]int{-30, 33}, false},
		"over three":                 {[]int{-30, 20, 13}, false},
		"more of it":                 {[]int{-30, -20, 20}, false},
		"a full path, too":           {[]int{-10, 33}, true},
		"never reported, then full":  {[]int{-30, 0, 33}, true},
		"a full path without credit": {[]int{0, 33}, true},
	} {
		b, now := &BandwidthEstimate{}, time.Unix(1, 0)
		for _, lost := range append([]int{0}, c.lost...) {
			now = now.Add(time.Second)
			b.Report(now, 60, 256*lost, 100*ms, 500_000, time.Second)
		}
		if fell := b.Rate() < initialRate; fell != c.fall {
			t.Errorf("%s: the bound is %d", name, b.Rate())
		}
	}
}

// TestBandwidthEstimateAfterOutage checks that the estimate returns to its former value soon after a short outage.
func TestBandwidthEstimateAfterOutage(t *testing.T) {
	for _, length := range []time.Duration{500 * ms, time.Second, 2 * time.Second, 3 * time.Second, 10 * time.Second} {
		p := path{carries: 20_000_000, trip: 60 * ms, room: time.Second, demand: 2_000_000}
		end := 40*time.Second + length
		d := p.drive(&BandwidthEstimate{rate: 4_000_000}, 1, time.Minute, func(p *path, at time.Duration) {
			p.cut = at >= 40*time.Second && at < end
		})
		if mean, _, _ := d.between(end+5*time.Second, time.Minute); mean < 1_900_000 {
			t.Errorf("%v: %d bit/s five seconds later", length, mean)
		}
	}
}

// TestBandwidthEstimateKeepsRateAtRandomLoss replays Chromium's reports from an unlimited path with 5 % random loss: 7 lost packets of 62
// must not reduce the rate, because that can be chance.
func TestBandwidthEstimateKeepsRateAtRandomLoss(t *testing.T) {
	const seeds = 200
	fell := 0
	for seed := range uint64(seeds) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		b := &BandwidthEstimate{}
		worst, low := b.Rate(), 0
		for i := range 60 {
			const packets = 62
			lost := 0
			for range packets {
				if rnd.Float64() < 0.05 {
					lost++
				}
			}
			rtt := 120*ms + time.Duration(rnd.Int64N(int64(80*ms)))
			b.Report(epoch.Add(time.Duration(i+1)*time.Second), packets, 256*lost, rtt, 223_000, time.Second)
			if worst = min(worst, b.Rate()); b.Rate() < initialRate {
				low++
			}
		}
		if worst < initialRate {
			fell++
		}
		if low > 2 {
			t.Errorf("seed %d: for %d of 60 s below %d bit/s, the lowest %d", seed, low, initialRate, worst)
		}
	}
	if fell > seeds/20 {
		t.Errorf("%d of %d fell by chance", fell, seeds)
	}
}

// TestBandwidthEstimateJudgesDecrease checks that the rate returns with the next sample if the loss persists at a lower rate, because then
// the path causes it, and stays low if the loss ends.
func TestBandwidthEstimateJudgesDecrease(t *testing.T) {
	for _, c := range []struct {
		name string
		next int // lost of 400, after the decrease
		back bool
	}{
		{"as much", 80, true},
		{"a little less", 50, true},
		{"much less", 30, false},
		{"none", 0, false},
	} {
		b := &BandwidthEstimate{rate: 3_000_000, lastIncrease: epoch}
		b.Report(epoch.Add(time.Second), 400, 0, 50*ms, 3_000_000, time.Second)
		b.Report(epoch.Add(2*time.Second), 400, 256*80, 50*ms, 3_000_000, time.Second)
		fallen := b.Rate()
		b.Report(epoch.Add(3*time.Second), 400, 256*c.next, 50*ms, 2_000_000, time.Second)
		if back := b.Rate() > 3_000_000; fallen > 2_100_000 || back != c.back {
			t.Errorf("%s: %d, then %d bit/s", c.name, fallen, b.Rate())
		}
	}
}
