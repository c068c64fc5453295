package run

import (
	"context"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"alcove/loadtest/client"
	"alcove/loadtest/pace"
	"alcove/loadtest/report"
)

// sampler gather one sample a second, and what lies within the window. Owned by sample and, while that waits, by run: each look
// holds turn.
type sampler struct {
	r    *runner
	lock chan struct{} // a lock that sample and run pass to each other

	inWindow     bool // the window is open
	audio, video mediaHistograms
	lag          *hdrhistogram.Histogram
	drops        uint64

	opened, closed                    time.Duration
	first, last                       sample
	usageFirst, usageLast             time.Duration
	countFirst, countLast             [2]client.Counts // audio, video
	faultyPacketsFirst, faultyPackets uint64
	people                            int
	lastSample                        sample
	lastAt                            time.Duration
	lastCounts                        [2]client.Counts
	plotted                           [2]client.Counts // when the last point was drawn
	plottedAt                         time.Duration
	plottedSample                     sample
	dropsFirst                        uint64
	highest                           float64 // load ratio
	peakRSS, peakGoroutine            float64
}

// mediaHistograms are the histograms of one kind of media within the window.
type mediaHistograms struct{ latency, corrected, jitter *hdrhistogram.Histogram }

func newMediaHistograms() mediaHistograms {
	return mediaHistograms{pace.NewHistogram(), pace.NewHistogram(), pace.NewHistogram()}
}

func newSampler(r *runner) *sampler {
	return &sampler{r: r, lock: make(chan struct{}, 1), plottedAt: r.began, audio: newMediaHistograms(), video: newMediaHistograms(), lag: pace.NewHistogram()}
}

// processCPU is the CPU time of this process.
func processCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sample looks once a second until the context ends.
func (b *sampler) sample(ctx context.Context) {
	ticker := time.NewTicker(sampleInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			b.collect(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// collect takes what came since the last look.
func (b *sampler) collect(ctx context.Context) {
	b.lock <- struct{}{}
	defer func() { <-b.lock }()
	audio, video, counts := b.drain()
	lag, _ := b.r.env.Pacer.TakeLag()
	b.r.mu.Lock()
	probe := b.r.probe
	b.r.mu.Unlock()
	now, s := pace.Now(), probe.sample(ctx)
	if b.inWindow {
		b.audio.add(audio)
		b.video.add(video)
		b.lag.Merge(lag)
		b.highest = max(b.highest, s.load)
		b.peakRSS, b.peakGoroutine = max(b.peakRSS, s.rss), max(b.peakGoroutine, s.goroutines)
	}
	b.lastSample, b.lastAt, b.lastCounts = s, now, counts
	if elapsed := now - b.plottedAt; elapsed > minPlotInterval {
		b.addPoint(report.Second{
			At:       (now - b.r.began).Seconds(),
			AudioP50: ms(audio.latency, 50), AudioP99: ms(audio.latency, 99), VideoP50: ms(video.latency, 50), VideoP99: ms(video.latency, 99),
			SendLag: ms(lag, 99), RSSMiB: s.rss, InWindow: b.inWindow,
		}, elapsed)
	}
}

// addPoint adds a point to the plots, of all since the last one.
func (b *sampler) addPoint(second report.Second, elapsed time.Duration) {
	audio, video := b.lastCounts[0].Since(b.plotted[0]), b.lastCounts[1].Since(b.plotted[1])
	second.Audio = uint64(float64(audio.Packets) / elapsed.Seconds())
	second.Video = uint64(float64(video.Packets) / elapsed.Seconds())
	second.Lost, second.Freezes = audio.Lost+video.Lost, audio.Freezes+video.Freezes
	if was := b.plottedSample.cpu; was > 0 && b.lastSample.cpu >= was {
		second.ServerCPU = float64(b.lastSample.cpu-was) / float64(elapsed)
	}
	b.plotted, b.plottedAt, b.plottedSample = b.lastCounts, b.lastAt, b.lastSample
	b.r.mu.Lock()
	second.People = b.r.people
	b.r.series = append(b.r.series, second)
	p := Progress{Phase: b.r.phase, Second: second}
	for _, n := range b.r.failures {
		p.Failed += n
	}
	b.r.mu.Unlock()
	if b.r.o.Progress != nil {
		b.r.o.Progress(p)
	}
}

func (k *mediaHistograms) add(o mediaHistograms) {
	k.latency.Merge(o.latency)
	k.corrected.Merge(o.corrected)
	k.jitter.Merge(o.jitter)
}

// drain empties the books.
func (b *sampler) drain() (audio, video mediaHistograms, counts [2]client.Counts) {
	a, v := b.r.measured.Take()
	return mediaHistograms{a.Latency, a.Corrected, a.Jitter}, mediaHistograms{v.Latency, v.Corrected, v.Jitter}, [2]client.Counts{a.Counts, v.Counts}
}

func (r *runner) openRooms() []*room {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rooms
}

func ms(h *hdrhistogram.Histogram, p float64) float64 {
	if h.TotalCount() == 0 {
		return 0
	}
	return float64(h.ValueAtQuantile(p)) / 1000
}

// totals are the counts that only grow.
func (b *sampler) totals() (counts [2]client.Counts, spoiled, drops uint64) {
	a, v := b.r.faulty.Take()
	spoiled = a.Packets + v.Packets
	for _, p := range b.r.openRooms() {
		for _, n := range p.present() {
			drops += n.KernelDrops()
		}
	}
	return b.lastCounts, spoiled, drops
}

// open begins the window.
func (b *sampler) open(ctx context.Context) {
	b.collect(ctx)
	b.lock <- struct{}{}
	defer func() { <-b.lock }()
	b.inWindow, b.opened, b.usageFirst, b.first = true, b.lastAt, processCPU(), b.lastSample
	b.countFirst, b.faultyPacketsFirst, b.dropsFirst = b.totals()
	b.r.mu.Lock()
	b.people = b.r.people
	b.r.mu.Unlock()
}

// close ends it.
func (b *sampler) close(ctx context.Context) {
	b.collect(ctx)
	b.lock <- struct{}{}
	defer func() { <-b.lock }()
	b.inWindow, b.closed, b.usageLast, b.last = false, b.lastAt, processCPU(), b.lastSample
	b.countLast, b.faultyPackets, b.drops = b.totals()
}

// write puts the window into the report.
func (b *sampler) write(rep *report.Report, before sample) {
	window := b.closed - b.opened
	rep.Window, rep.Participants = window.Seconds(), b.people
	audio, video := b.countLast[0].Since(b.countFirst[0]), b.countLast[1].Since(b.countFirst[1])
	rep.Audio, rep.Video = b.audio.media(audio), b.video.media(video)
	rep.Generator = report.Generator{
		SendLag: report.NewDistribution(b.lag), Cores: cores(), SocketDrops: b.drops - min(b.drops, b.dropsFirst),
		CPUShare: float64(b.usageLast-b.usageFirst) / float64(window) / float64(cores()),
	}
	if b.r.probe.pid == 0 && b.r.probe.metrics == "" {
		return
	}
	s := &report.Server{RSSMiB: b.peakRSS, RSSBeforeMiB: before.rss, Goroutines: b.peakGoroutine, LoadRatio: b.highest, Drops: map[string]float64{}}
	if used := b.last.cpu - b.first.cpu; used > 0 {
		s.CPUSeconds, s.CPUShare = used.Seconds(), used.Seconds()/window.Seconds()
		packets := float64(audio.Packets + video.Packets + b.faultyPackets - b.faultyPacketsFirst)
		if b.r.o.Browsers > 0 { // nobody but the server counts what browsers got
			packets = b.last.forwarded - b.first.forwarded
		}
		if packets > 0 {
			s.MicrosPerPacket = used.Seconds() * 1e6 / packets
		}
	}
	if b.people > 0 && b.peakRSS > 0 {
		s.MiBPerPerson = (b.peakRSS - before.rss) / float64(b.people)
	}
	if b.people > 0 && b.peakGoroutine > 0 {
		s.PerPerson = (b.peakGoroutine - before.goroutines) / float64(b.people)
	}
	for name, n := range b.last.drops {
		if d := n - b.first.drops[name]; d > 0 {
			s.Drops[name] = d
		}
	}
	rep.Server = s
}

func (k mediaHistograms) media(c client.Counts) report.Media {
	return report.Media{
		Packets: c.Packets, Bytes: c.Bytes, Lost: c.Lost, Reordered: c.Reordered, Duplicates: c.Duplicates, Withheld: c.Withheld,
		Frames: c.Frames, KeyFrames: c.KeyFrames, Freezes: c.Freezes, FrozenMs: c.Frozen.Seconds() * 1000,
		Latency: report.NewDistribution(k.latency), Corrected: report.NewDistribution(k.corrected), Jitter: report.NewDistribution(k.jitter),
	}
}
