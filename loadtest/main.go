// Loadtest answers how many groups a server can hold, and what people would notice first.
//
//	go run ./loadtest run basic --server http://127.0.0.1:8080 --signing-key signing.jwk --issuer ISS --audience AUD
//	go run ./loadtest capacity … --assert 'join.p95<2s' --assert 'audio.loss<1%'
//	go run ./loadtest compare before.json after.json
//
// It speaks the public protocol only. README.md in this folder shows what it prints.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// Exit codes, for CI.
const (
	exitOK      = 0
	exitFailed  = 1 // an objective did not hold, or something failed, or a comparison found worse
	exitUsage   = 2
	exitInvalid = 3 // the generator measured itself: no verdict
	exitLimited = 4 // capacity: the generator was the limit, the server's is higher
)

// The generator collects garbage rarely: on one core a collection holds everything up for milliseconds, which is noise in what it
// measures. memoryLimit bounds what that costs, in bytes.
const (
	gcPercent   = 2000
	memoryLimit = 2 << 30
)

const usage = `usage: loadtest COMMAND [flags]

  run SCENARIO   carry out a scenario: a built-in one or a YAML file
  capacity       find the largest number of rooms that holds the objectives
  compare A B    compare two reports (JSON): worse is exit code 1
  scenarios      list the built-in scenarios
  guests         fill a room with people to look at, until Ctrl-C
  relay          a bad network between clients and a server, until Ctrl-C

loadtest COMMAND --help says more.
`

// A terminal is where the command line reads and writes.
type terminal struct{ out, err io.Writer }

func main() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	os.Exit(command(terminal{os.Stdout, os.Stderr}, os.Args[1:]))
}

// An exitError is an error with a code of its own.
type exitError struct {
	code    int
	message string
}

func (e exitError) Error() string { return e.message }

func command(t terminal, args []string) int {
	if len(args) == 0 {
		fmt.Fprint(t.err, usage)
		return exitUsage
	}
	commands := map[string]func(terminal, []string) error{
		"run": runCommand, "compare": compareCommand, "scenarios": scenariosCommand, "capacity": capacityCommand, "relay": relayCommand, "guests": guestsCommand,
	}
	f, ok := commands[args[0]]
	if !ok {
		fmt.Fprint(t.err, usage)
		return exitUsage
	}
	err := f(t, args[1:])
	e, is := errors.AsType[exitError](err)
	switch {
	case err == nil:
		return exitOK
	case is:
		fmt.Fprintln(t.err, "loadtest:", e.message)
		return e.code
	}
	fmt.Fprintln(t.err, "loadtest:", err)
	return exitUsage
}
