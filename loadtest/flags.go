package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"alcove/loadtest/relay"
	"alcove/loadtest/report"
	"alcove/loadtest/run"
	"alcove/loadtest/scenario"
)

// stringList is a flag that may be given more than once.
type stringList []string

func (l *stringList) String() string     { return strings.Join(*l, ", ") }
func (l *stringList) Set(s string) error { *l = append(*l, s); return nil }

// targetFlags say where the server is, and how to get in.
type targetFlags struct {
	server, key, issuer, audience, policy, metrics, daemon, passcode string
	pid                                                              int
	ownServer, insecure, e2ee                                        bool
	seed                                                             uint64
}

func (f *targetFlags) add(s *flag.FlagSet) {
	s.StringVar(&f.server, "server", "http://127.0.0.1:8080", "the `address` of the server")
	s.StringVar(&f.key, "signing-key", "", "the private key `file` that `alcove keygen` wrote: tokens are minted with it")
	s.StringVar(&f.issuer, "issuer", "https://id.example.org", "the `iss` of the tokens, as the daemon expects it")
	s.StringVar(&f.audience, "audience", "alcove", "the `aud` of the tokens")
	s.StringVar(&f.policy, "policy", "", "the `policy` that the tokens name")
	s.StringVar(&f.passcode, "passcode", "", "the `code` of rooms that ask for one")
	s.BoolVar(&f.e2ee, "e2ee", false, "rooms are encrypted end to end, so far as the server sees it: clients send key packages, commits and frames of that shape, all of it noise")
	s.StringVar(&f.metrics, "metrics", "", "the `URL` of the daemon's metrics, such as http://127.0.0.1:9091/metrics")
	s.IntVar(&f.pid, "pid", 0, "the daemon's process, on this machine: CPU and memory are read from /proc/`PID`")
	s.StringVar(&f.daemon, "daemon", "", "start this `command` as the server, measure it, and stop it at the end; restart needs it")
	s.BoolVar(&f.ownServer, "i-own-this-server", false, "allow an address that is not loopback: you may load this server, and those who use it know")
	s.BoolVar(&f.insecure, "insecure", false, "take any TLS certificate")
	s.Uint64Var(&f.seed, "seed", 1, "the `number` that chance begins with")
}

// options checks the flags and loads the key.
func (f *targetFlags) options() (run.Options, error) {
	o := run.Options{
		Server: strings.TrimRight(f.server, "/"), PID: f.pid, Metrics: f.metrics, Daemon: strings.Fields(f.daemon), Seed: f.seed, Passcode: f.passcode,
		Command: "loadtest " + strings.Join(redacted(os.Args[1:]), " "),
	}
	u, err := url.Parse(o.Server)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return o, fmt.Errorf("--server %q is no address: write it like https://video.clinic.example", f.server)
	}
	if !f.ownServer && !run.Loopback(u.Hostname()) {
		return o, fmt.Errorf("%s is not this machine: a load test can take a service down; if it is yours to load, say --i-own-this-server", u.Host)
	}
	if f.key == "" {
		return o, errors.New("give --signing-key FILE, the private key that `alcove keygen` wrote")
	}
	o.Minter.E2EE = f.e2ee
	o.Minter.Issuer, o.Minter.Audience, o.Minter.Policy = f.issuer, f.audience, f.policy
	if f.insecure {
		o.TLS = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	}
	return o, o.Minter.LoadKey(f.key)
}

// redacted takes out of the command line what secrets are, and where they lie.
func redacted(args []string) []string {
	out := append([]string(nil), args...)
	for i, a := range out {
		name, _, joined := strings.Cut(a, "=")
		if flag := strings.TrimLeft(name, "-"); flag != "signing-key" && flag != "passcode" {
			continue
		}
		if joined {
			out[i] = name + "=…"
		} else if i+1 < len(out) {
			out[i+1] = "…"
		}
	}
	return out
}

// loadFlags change what a scenario says.
type loadFlags struct {
	set                           *flag.FlagSet
	rooms, size, publishers       int
	duration, ramp, delay, jitter time.Duration
	queue                         time.Duration
	light                         bool
	browsers                      int
	loss, reorder                 float64
	profile                       string
	rate                          int
	objectives                    stringList
	json, html                    string
}

func (f *loadFlags) add(s *flag.FlagSet) {
	f.set = s
	s.IntVar(&f.rooms, "rooms", 0, "how many rooms")
	s.IntVar(&f.size, "size", 0, "how many people in a room, the host among them")
	s.IntVar(&f.publishers, "publishers", -1, "how many of each room send; -1: all")
	s.DurationVar(&f.duration, "duration", 0, "how long to measure, after all have come")
	s.DurationVar(&f.ramp, "ramp", 0, "over what time rooms open")
	s.BoolVar(&f.light, "light", false, "light clients: own ICE, DTLS and SRTP, no repeats; one core of them loads a core of the server")
	s.IntVar(&f.browsers, "browsers", 0, "add a room of so many headless Chromium: what people see meanwhile")
	s.DurationVar(&f.delay, "delay", 0, "relay: delay each way")
	s.DurationVar(&f.jitter, "jitter", 0, "relay: the delay wanders within ± this")
	s.Float64Var(&f.loss, "loss", 0, "relay: share of packets lost each way, such as 0.05")
	s.StringVar(&f.profile, "profile", "", "relay: instead of these a built-in `network`: "+strings.Join(relay.Courses(), ", "))
	s.Float64Var(&f.reorder, "reorder", 0, "relay: share of packets that others overtake")
	s.IntVar(&f.rate, "rate", 0, "relay: bit/s for each client and way")
	s.DurationVar(&f.queue, "queue", 200*time.Millisecond, "relay: how long a packet may wait for the rate")
	s.Var(&f.objectives, "assert", "an `objective`, such as 'join.p95<2s'; may be repeated")
	s.StringVar(&f.json, "json", "", "write the report to this `file`")
	s.StringVar(&f.html, "html", "", "write the report as a page to this `file`")
}

// apply puts what was given into the scenario.
func (f *loadFlags) apply(s *scenario.Scenario) error {
	f.set.Visit(func(g *flag.Flag) {
		switch g.Name {
		case "rooms":
			s.Rooms = f.rooms
		case "size":
			s.Size = f.size
		case "publishers":
			s.Audio.Senders, s.Video.Senders = f.publishers, f.publishers
		case "duration":
			s.Duration = scenario.Duration(f.duration)
		case "ramp":
			s.Ramp = scenario.Duration(f.ramp)
		case "light":
			s.Light = f.light
		case "delay", "jitter", "loss", "reorder", "rate", "profile":
			s.Network = &scenario.Network{
				Profile: f.profile, Delay: scenario.Duration(f.delay), Jitter: scenario.Duration(f.jitter), Loss: f.loss, Reorder: f.reorder, Rate: f.rate,
			}
			if f.rate > 0 {
				s.Network.Queue = scenario.Duration(f.queue)
			}
		}
	})
	s.Assert = append(s.Assert, f.objectives...)
	return s.Check()
}

// objectives parses those of the scenario.
func objectives(s scenario.Scenario) ([]report.Objective, error) {
	var all []report.Objective
	for _, text := range s.Assert {
		o, err := report.ParseObjective(text)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// interruptContext is a context that the first Ctrl-C ends; the second ends the process.
func interruptContext() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1) // the first; the next meets the default
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel()
	}()
	return ctx, cancel
}
