package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"alcove/loadtest/relay"
)

// relayCommand runs a bad network by itself, for clients that the harness does not start: browsers, phones, a person.
func relayCommand(t terminal, args []string) error {
	s := flag.NewFlagSet("loadtest relay", flag.ContinueOnError)
	s.SetOutput(t.err)
	listen := s.String("listen", "127.0.0.1", "the `address` to listen on; the port is printed")
	target := s.String("target", "", "the `address:port` of the server's media")
	delay := s.Duration("delay", 0, "delay each way")
	jitter := s.Duration("jitter", 0, "the delay wanders within ± this")
	loss := s.Float64("loss", 0, "share of packets lost each way, such as 0.05")
	reorder := s.Float64("reorder", 0, "share of packets that others overtake")
	rate := s.Int("rate", 0, "bit/s for each client and way, 0: unlimited")
	queue := s.Duration("queue", 200*time.Millisecond, "how long a packet may wait for the rate")
	name := s.String("profile", "", "instead of all of these a built-in `network`: "+strings.Join(relay.Courses(), ", "))
	seed := s.Uint64("seed", 1, "the `number` that chance begins with")
	lasts := s.Duration("duration", time.Hour, "end by itself after this time")
	if err := s.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	at, err := netip.ParseAddr(*listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	to, err := netip.ParseAddrPort(*target)
	if err != nil {
		return fmt.Errorf("--target: %w", err)
	}
	if !at.IsLoopback() || !to.Addr().IsLoopback() {
		return errors.New("the relay stays on this machine: loopback addresses only")
	}
	course := relay.Steady(relay.Profile{Delay: *delay, Jitter: *jitter, Loss: *loss, Reorder: *reorder, Rate: *rate, Queue: *queue})
	if *name != "" {
		var ok bool
		if course, ok = relay.CourseNamed(*name); !ok {
			return fmt.Errorf("--profile: %q is none of %s", *name, strings.Join(relay.Courses(), ", "))
		}
	}
	r, err := relay.Listen(at, to, course, *seed)
	if err != nil {
		return err
	}
	defer r.Close()
	ctx, done := interruptContext()
	defer done()
	fmt.Fprintln(t.out, r.Addr())
	timer := time.NewTimer(*lasts)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	c := r.Counts()
	fmt.Fprintf(t.out, "passed %d, lost %d, queue full %d, refused %d\n", c.Passed, c.Lost, c.QueueFull, c.Refused)
	return nil
}
