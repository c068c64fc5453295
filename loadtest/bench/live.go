package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"alcove/loadtest/client"
	"alcove/loadtest/pace"
	"alcove/loadtest/report"
)

// A measurement is a scenario and what is looked at.
type measurement struct {
	key, title string
	columns    []column
	run        func(context.Context, *session) (values, error)
}

// A column shows one value.
type column struct {
	key, title string
	digits     int
}

// loadColumns belong to every scenario of traffic.
var loadColumns = []column{
	{"us", "µs/packet", 2}, {"p50", "p50 ms", 2}, {"p99", "p99 ms", 2}, {"loss", "loss %", 3}, {"rate", "packets/s", 0},
	{"server", "server %", 1}, {"clients", "clients %", 1}, {"lag", "send lag p99 ms", 2},
}

// measurements in the order of the table.
var measurements = []measurement{
	{"room8", "one room of 8, all sending", loadColumns, load{1, 8, 8}.measureTraffic},
	{"rooms6", "six rooms of 6, all sending", loadColumns, load{6, 6, 6}.measureTraffic},
	{"one40", "one sender to 40", loadColumns, load{1, 41, 1}.measureTraffic},
	{"memory", "room of 12, all sending", []column{
		{"memory", "MiB/participant", 2}, {"tasks", "goroutines or threads/participant", 1}, {"empty", "MiB empty", 1}, {"full", "MiB full", 1},
	}, load{1, 12, 12}.measureMemory},
	{"join", "one more into a room of 8: offer to first audio and key frame from all", []column{
		{"join", "p50 ms", 0}, {"joinMax", "worst ms", 0},
	}, load{1, 8, 8}.measureJoin},
	{"stagger", fmt.Sprintf("rooms of 8, one person each %v: connected to first audio and key frame from those before", staggerTime), []column{
		{"stagger", "p50 ms", 0}, {"staggerHigh", "p99 ms", 0},
	}, load{staggerRooms, 8, 8}.measureStagger},
	{"rush", fmt.Sprintf("%d within %v into %d rooms: until all have media", rushPeople, rushTime, rushRooms), []column{
		{"rush", "s", 2},
	}, load{rushRooms, rushPeople / rushRooms, rushPeople / rushRooms}.measureRush},
}

// A liveReport is what the file holds. Runs are by measurement, server and round; a failed one is missing.
type liveReport struct {
	Started  time.Time                      `json:"started"`
	Machine  report.Machine                 `json:"machine"`
	Commit   string                         `json:"commit"`
	Rounds   int                            `json:"rounds"`
	Warm     float64                        `json:"warmSeconds"`
	Window   float64                        `json:"windowSeconds"`
	Runs     map[string]map[string][]values `json:"runs"`
	Medians  map[string]map[string]values   `json:"medians"`
	Verdicts []verdict                      `json:"verdicts"`
	Failures []string                       `json:"failures"`
}

// options of bench live.
type options struct {
	alcove, file  string
	servers, only string
	rounds        int
	warm, window  time.Duration
}

func runLive(ctx context.Context, args []string) error {
	var o options
	f := flag.NewFlagSet("bench live", flag.ContinueOnError)
	f.StringVar(&o.alcove, "alcove", "bin/alcove", "the daemon's `file`")
	f.StringVar(&o.file, "json", "bin/bench-live.json", "the `file` to write")
	f.StringVar(&o.servers, "servers", "alcove,janus", "the `list` of servers, in turn")
	f.StringVar(&o.only, "only", "", "the `list` of measurements, all if empty: "+strings.Join(keys(), ", "))
	f.IntVar(&o.rounds, "rounds", defaultRounds, "`times` that everything is measured")
	f.DurationVar(&o.warm, "warm", defaultWarm, "`time` before each window")
	f.DurationVar(&o.window, "window", defaultWindow, "`time` that is measured")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, liveLimit)
	defer cancel()
	if os.Getenv(envNamespace) != "" {
		return o.measure(ctx)
	}
	if strings.Contains(o.servers, "janus") && findJanus() == nil {
		if err := installJanus(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "without Janus:", err)
		}
	}
	return runInNamespace(ctx, args)
}

func keys() []string {
	var all []string
	for _, m := range measurements {
		all = append(all, m.key)
	}
	return all
}

// implementations finds the servers that were asked for and are there.
func (o options) implementations() ([]implementation, error) {
	var all []implementation
	for _, name := range strings.Split(o.servers, ",") {
		switch name {
		case "alcove":
			binary, err := filepath.Abs(o.alcove)
			if err != nil {
				return nil, err
			}
			if _, err := os.Stat(binary); err != nil {
				return nil, fmt.Errorf("the daemon is not there: build it first: %w", err)
			}
			all = append(all, &alcove{binary: binary})
		case "janus":
			if j := findJanus(); j != nil {
				all = append(all, j)
			}
		default:
			return nil, fmt.Errorf("no server is called %q", name)
		}
	}
	return all, nil
}

// chosen are the measurements that were asked for.
func (o options) chosen() ([]measurement, error) {
	if o.only == "" {
		return measurements, nil
	}
	var some []measurement
	for _, key := range strings.Split(o.only, ",") {
		i := slices.Index(keys(), key)
		if i < 0 {
			return nil, fmt.Errorf("no measurement is called %q: there are %s", key, strings.Join(keys(), ", "))
		}
		some = append(some, measurements[i])
	}
	return some, nil
}

// measure runs on the stage.
func (o options) measure(ctx context.Context) error {
	servers, err := o.implementations()
	if err != nil {
		return err
	}
	chosen, err := o.chosen()
	if err != nil {
		return err
	}
	if err := setUpNetwork(ctx); err != nil {
		return err
	}
	r := liveReport{
		Started: time.Now().UTC(), Machine: report.ThisMachine(), Commit: report.Commit(), Rounds: o.rounds,
		Warm: o.warm.Seconds(), Window: o.window.Seconds(), Runs: map[string]map[string][]values{}, Failures: []string{},
	}
	for round := range o.rounds {
		for _, m := range chosen {
			for _, k := range servers {
				if ctx.Err() == nil {
					r.record(m, k.name(), round, func() (values, error) { return o.once(ctx, m, k) })
				}
			}
		}
		slices.Reverse(servers) // whoever comes first finds a cooler machine
	}
	r.summarize()
	writeLive(os.Stdout, r)
	err = writeJSON(o.file, r)
	if len(r.Failures) > 0 {
		err = errors.Join(err, errors.New(strings.Join(r.Failures, "; ")))
	}
	return errors.Join(err, ctx.Err())
}

// record keeps what a run gave, and says so.
func (r *liveReport) record(m measurement, server string, round int, run func() (values, error)) {
	v, err := run()
	if err != nil {
		r.Failures = append(r.Failures, fmt.Sprintf("%s, %s, round %d: %v", m.key, server, round+1, err))
		fmt.Fprintln(os.Stderr, r.Failures[len(r.Failures)-1])
		return
	}
	if r.Runs[m.key] == nil {
		r.Runs[m.key] = map[string][]values{}
	}
	r.Runs[m.key][server] = append(r.Runs[m.key][server], v)
	line := fmt.Sprintf("round %d  %-6s  %-6s", round+1, m.key, server)
	for _, c := range m.columns {
		line += fmt.Sprintf("  %s %.*f", c.title, c.digits, v[c.key])
	}
	fmt.Fprintln(os.Stderr, line)
}

// once measures one server once, from its start to its end.
func (o options) once(ctx context.Context, m measurement, k implementation) (values, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	folder, err := os.MkdirTemp("", "alcove-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	pacer, err := pace.NewPacer()
	if err != nil {
		return nil, err
	}
	defer pacer.Close()
	s, err := k.start(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer s.process().stop()
	lab := &client.Env{Pacer: pacer, Local: netip.MustParseAddr(mediaAddress), Seed: uint64(time.Now().UnixNano())}
	st := &session{env: &env{lab, client.NewGroup()}, server: s, warm: o.warm, window: o.window}
	defer st.leaveAll()
	v, err := m.run(ctx, st)
	if err != nil {
		fmt.Fprintln(os.Stderr, s.process().tail())
	}
	return v, err
}
