package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"alcove/loadtest/report"
	"alcove/loadtest/run"
	"alcove/loadtest/scenario"
)

// A search finds the largest number of rooms that holds the objectives: it doubles until something breaks, then halves the
// distance. One bad run is repeated before it is believed: another process may have had the core.
type search struct {
	runRooms func(rooms int) (*report.Report, error)
	out      io.Writer
	maxRooms int
}

// A searchResult is the answer of a search.
type searchResult struct {
	rooms            int    // the largest that held
	broke            string // the first objective that did not hold with more
	generatorLimited bool   // the generator was the limit: the server's is higher
	best             *report.Report
}

// outcome of one size.
type outcome int

const (
	held outcome = iota
	broke
	invalid
)

// rampPerRoom keeps the search from measuring a storm of handshakes: groups do not all begin in the same second.
const rampPerRoom = 250 * time.Millisecond

// attemptsPerSize of a size that does not hold, before it counts.
const attemptsPerSize = 2

func (s *search) run() (searchResult, error) {
	f := searchResult{}
	low, high := 0, s.maxRooms+1 // low holds, high does not
	for n := 1; low+1 < high; {
		o, r, err := s.tryRooms(n)
		if err != nil {
			return f, err
		}
		if o == held {
			low, f.rooms, f.best = n, n, r
		} else {
			high = n
			f.generatorLimited, f.broke = o == invalid, ""
			if o == broke {
				f.broke = firstFailure(r)
			}
		}
		if high > s.maxRooms {
			n = min(2*n, s.maxRooms)
		} else {
			n = (low + high) / 2
		}
		if closeEnough(low, high) {
			break
		}
	}
	if f.rooms == s.maxRooms {
		f.generatorLimited = true
	}
	return f, nil
}

// closeEnough stops where another step would tell less than runs differ by: 5 %.
func closeEnough(low, high int) bool { return high-low <= max(1, low/20) }

// tryRooms tries one number of rooms.
func (s *search) tryRooms(n int) (outcome, *report.Report, error) {
	var last outcome
	var r *report.Report
	for range attemptsPerSize {
		var err error
		if r, err = s.runRooms(n); err != nil {
			return invalid, nil, err
		}
		if r.Interrupted {
			return invalid, nil, context.Canceled
		}
		switch {
		case r.FirstNotHeld() == "" && r.Failed() == 0 && r.Valid():
			last = held
		case r.Valid():
			last = broke
		default:
			last = invalid
		}
		word := map[outcome]string{held: "held", broke: "broke: " + firstFailure(r), invalid: "invalid: " + strings.Join(r.Invalid, "; ")}[last]
		fmt.Fprintf(s.out, "%4d room(s)  %s\n", n, word+serverSummary(r))
		if last == held {
			break
		}
	}
	return last, r, nil
}

// firstFailure is what broke first.
func firstFailure(r *report.Report) string {
	if b := r.FirstNotHeld(); b != "" {
		return b
	}
	kinds := slices.Sorted(maps.Keys(r.Failures))
	if len(kinds) == 0 {
		return ""
	}
	return kinds[0]
}

// serverSummary is the server's side in a few words.
func serverSummary(r *report.Report) string {
	s := fmt.Sprintf("  (join p95 %.0f ms, audio p99 %.2f ms, video p99 %.2f ms", r.Times["joinAll"].P95, r.Audio.Latency.P99, r.Video.Latency.P99)
	if r.Server != nil {
		s += fmt.Sprintf(", server %.0f %%, %.2f us/packet", 100*r.Server.CPUShare, r.Server.MicrosPerPacket)
	}
	return s + fmt.Sprintf(", generator %.0f %%)", 100*r.Generator.CPUShare)
}

// defaultObjectives are what a group would not notice yet.
var defaultObjectives = []string{"joinAll.p95<2s", "audio.loss<1%", "video.loss<1%", "audio.latency.p99<50ms", "video.latency.p99<100ms"}

func capacityCommand(t terminal, args []string) error {
	s := flag.NewFlagSet("loadtest capacity", flag.ContinueOnError)
	s.SetOutput(t.err)
	var target targetFlags
	var load loadFlags
	target.add(s)
	load.add(s)
	most := s.Int("max-rooms", 512, "stop there")
	if err := s.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	sc, err := scenario.Load("basic")
	if err != nil {
		return err
	}
	sc.Light = true // unless told otherwise: one core of real clients cannot load a core
	if err := load.apply(&sc); err != nil {
		return err
	}
	if len(sc.Assert) == 0 {
		sc.Assert = defaultObjectives
	}
	goals, err := objectives(sc)
	if err != nil {
		return err
	}
	o, err := target.options()
	if err != nil {
		return err
	}
	ctx, done := interruptContext()
	defer done()
	fmt.Fprintf(t.out, "rooms of %d, %s, objectives %s\n", sc.Size, sc.Network, strings.Join(sc.Assert, ", "))
	f, err := (&search{out: t.out, maxRooms: *most, runRooms: func(rooms int) (*report.Report, error) {
		next := sc
		next.Rooms, next.Ramp = rooms, max(sc.Ramp, scenario.Duration(time.Duration(rooms)*rampPerRoom))
		o.Seed++ // other room names: the last ones' tombs are not ours
		r, err := run.Run(ctx, next, o)
		if err == nil {
			r.Judge(goals)
		}
		return r, err
	}}).run()
	if err != nil {
		return err
	}
	if f.best != nil {
		if err := load.write(f.best); err != nil {
			return err
		}
	}
	if f.generatorLimited {
		return exitError{exitLimited, fmt.Sprintf("≥ %d rooms of %d: the generator was the limit, the server's is higher", f.rooms, sc.Size)}
	}
	fmt.Fprintf(t.out, "%d rooms of %d hold; with more, the first to break is %s\n", f.rooms, sc.Size, f.broke)
	return nil
}
