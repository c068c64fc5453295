package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"alcove/loadtest/client"
	"alcove/loadtest/pace"
	"alcove/loadtest/proc"
)

// values are what one measurement gave, by column.
type values map[string]float64

// A session is what measurements have in common.
type session struct {
	env          *env
	server       server
	warm, window time.Duration
	participants []participant
}

// A load is rooms of equal size, in each of which the first ones send.
type load struct{ rooms, people, senders int }

// fillRooms fills rooms and waits until everybody has everybody's media.
func (s *session) fillRooms(ctx context.Context, c load) error {
	var others []int
	for number := range c.people {
		for room := range c.rooms {
			sends := number < c.senders
			g := s.server.guest(s.env, position{room, number, sends})
			s.participants = append(s.participants, g)
			if err := enter(ctx, g); err != nil {
				return fmt.Errorf("guest %d of room %d: %w", number, room, err)
			}
			heard := c.senders
			if sends {
				heard--
			}
			others = append(others, heard)
		}
	}
	for i, g := range s.participants {
		if _, err := await(ctx, g, others[i]); err != nil {
			return fmt.Errorf("guest %d: %w", i, err)
		}
	}
	return nil
}

// enter lets one in, within a bound.
func enter(ctx context.Context, g participant) error {
	ctx, cancel := context.WithTimeout(ctx, mediaTimeout)
	defer cancel()
	return g.enter(ctx)
}

// await waits until a guest has the media of so many others, and says since when.
func await(ctx context.Context, g participant, others int) (time.Duration, error) {
	if others == 0 {
		return pace.Now(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, mediaTimeout)
	defer cancel()
	for {
		at, err := g.complete(others)
		if err != nil || at != 0 {
			return at, err
		}
		if !pause(ctx, pollInterval) {
			return 0, fmt.Errorf("media of %d others did not come: %w", others, ctx.Err())
		}
	}
}

// pause waits; false if the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timeout := time.After(d)
	select {
	case <-timeout:
		return true
	case <-ctx.Done():
		return false
	}
}

// leaveAll sends everybody home.
func (s *session) leaveAll() {
	var all sync.WaitGroup
	for _, g := range s.participants {
		all.Go(g.leave)
	}
	all.Wait()
	s.participants = nil
}

// measureTraffic measures what forwarding costs and how long it takes.
func (c load) measureTraffic(ctx context.Context, s *session) (values, error) {
	if err := s.fillRooms(ctx, c); err != nil {
		return nil, err
	}
	if !pause(ctx, s.warm) {
		return nil, ctx.Err()
	}
	pid := s.server.process().pid()
	audio0, video0 := s.env.group.Take()
	s.env.lab.Pacer.TakeLag()
	cpu0, err := proc.CPU(pid)
	if err != nil {
		return nil, err
	}
	own0, begin := ownCPU(), pace.Now()
	if !pause(ctx, s.window) {
		return nil, ctx.Err()
	}
	cpu1, err := proc.CPU(pid)
	if err != nil {
		return nil, err
	}
	took := (pace.Now() - begin).Seconds()
	own := ownCPU() - own0
	audio, video := s.env.group.Take()
	lag, _ := s.env.lab.Pacer.TakeLag()
	v := traffic(audio.Since(audio0.Counts), video.Since(video0.Counts), cpu1-cpu0)
	v["rate"] = v["packets"] / took
	v["server"] = 100 * (cpu1 - cpu0).Seconds() / took
	v["clients"] = 100 * own.Seconds() / took
	latency := pace.NewHistogram()
	for _, h := range []*hdrhistogram.Histogram{audio.Latency, video.Latency} {
		latency.Merge(h)
	}
	v["p50"], v["p99"] = quantile(latency, 50), quantile(latency, 99)
	v["lag"] = quantile(lag, 99)
	return v, nil
}

// traffic divides the server's time by what the clients received. What the server left out counts as lost.
func traffic(audio, video client.Counts, used time.Duration) values {
	sum := audio
	sum.Add(video)
	v := values{"packets": float64(sum.Packets)}
	if lost := max(float64(sum.Lost), 0) + float64(sum.Withheld); sum.Packets > 0 {
		v["us"] = float64(used.Microseconds()) / float64(sum.Packets)
		v["loss"] = 100 * lost / (lost + float64(sum.Packets))
	}
	return v
}

// quantile in milliseconds.
func quantile(h *hdrhistogram.Histogram, q float64) float64 {
	return float64(h.ValueAtQuantile(q)) / 1000
}

// ownCPU is what this process used so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measureMemory measures what a participant of a room takes.
func (c load) measureMemory(ctx context.Context, s *session) (values, error) {
	look := func() (memory, tasks float64, err error) {
		kib, err := proc.Status(s.server.process().pid(), "VmRSS")
		if err != nil {
			return 0, 0, err
		}
		tasks, err = s.server.tasks(ctx)
		return kib / 1024, tasks, err
	}
	if !pause(ctx, idleBefore) {
		return nil, ctx.Err()
	}
	memory0, tasks0, err := look()
	if err != nil {
		return nil, err
	}
	if err := s.fillRooms(ctx, c); err != nil {
		return nil, err
	}
	if !pause(ctx, memorySettle) {
		return nil, ctx.Err()
	}
	memory, tasks, err := look()
	if err != nil {
		return nil, err
	}
	n := float64(c.rooms * c.people)
	return values{"memory": (memory - memory0) / n, "tasks": (tasks - tasks0) / n, "empty": memory0, "full": memory}, nil
}

// measureJoin measures how long the last one of a room waits for everybody's media, from the offer on, again and again.
func (c load) measureJoin(ctx context.Context, s *session) (values, error) {
	most := c
	most.people--
	most.senders--
	if err := s.fillRooms(ctx, most); err != nil {
		return nil, err
	}
	var waits []float64
	for i := range joins {
		if !pause(ctx, joinPause) {
			return nil, ctx.Err()
		}
		g := s.server.guest(s.env, position{0, c.people + i, true})
		err := enter(ctx, g)
		var at time.Duration
		if err == nil {
			at, err = await(ctx, g, most.senders)
		}
		offered := g.offered()
		g.leave()
		if err != nil {
			return nil, fmt.Errorf("join %d: %w", i, err)
		}
		waits = append(waits, (at-offered).Seconds()*1000)
	}
	return values{"join": median(waits), "joinMax": slices.Max(waits)}, nil
}

// measureStagger fills one room after the other, and measures how long each person waits for the media of those who came before.
func (c load) measureStagger(ctx context.Context, s *session) (values, error) {
	var mu sync.Mutex
	var waits []float64
	var failed error
	for room := range c.rooms {
		var all sync.WaitGroup
		var guests []participant
		for i := range c.people {
			g := s.server.guest(s.env, position{room, i, true})
			guests = append(guests, g)
			all.Go(func() {
				err := enter(ctx, g)
				connected, at := pace.Now(), time.Duration(0)
				if err == nil {
					at, err = await(ctx, g, i)
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil && failed == nil:
					failed = fmt.Errorf("guest %d: %w", i, err)
				case err == nil && i > 0:
					waits = append(waits, max(at-connected, 0).Seconds()*1000)
				}
			})
			if !pause(ctx, staggerTime) {
				break
			}
		}
		all.Wait()
		for _, g := range guests {
			g.leave()
		}
		if failed == nil {
			failed = ctx.Err()
		}
		if failed != nil {
			return nil, failed
		}
	}
	slices.Sort(waits)
	return values{"stagger": median(waits), "staggerHigh": waits[len(waits)*99/100]}, nil
}

// measureRush lets everybody come within rushTime and measures until the last one has all media.
func (c load) measureRush(ctx context.Context, s *session) (values, error) {
	var mu sync.Mutex
	var last time.Duration
	var failed error
	var all sync.WaitGroup
	begin := pace.Now()
	total := c.rooms * c.people
	for i := range total {
		due := begin + rushTime*time.Duration(i)/time.Duration(total)
		if !pause(ctx, due-pace.Now()) {
			break
		}
		g := s.server.guest(s.env, position{i % c.rooms, i / c.rooms, true})
		s.participants = append(s.participants, g)
		all.Go(func() {
			err := enter(ctx, g)
			var at time.Duration
			if err == nil {
				at, err = await(ctx, g, c.people-1)
			}
			mu.Lock()
			defer mu.Unlock()
			last = max(last, at)
			if failed == nil && err != nil {
				failed = fmt.Errorf("guest %d: %w", i, err)
			}
		})
	}
	all.Wait()
	if failed == nil {
		failed = ctx.Err()
	}
	return values{"rush": (last - begin).Seconds()}, failed
}
