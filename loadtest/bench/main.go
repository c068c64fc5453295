package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: bench forward [-json FILE]
       bench live [-alcove FILE] [-servers LIST] [-only LIST] [-rounds N] [-warm D] [-window D] [-json FILE]`

// errMissed is a target that was measured and not met.
var errMissed = errors.New("missed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch args[0] {
	case "forward":
		return runForward(ctx, args[1:])
	case "live":
		return runLive(ctx, args[1:])
	}
	return errors.New(usage)
}
