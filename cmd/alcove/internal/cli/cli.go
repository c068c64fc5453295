package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// A Terminal holds the input and output of a command.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit codes.
const (
	ExitOK    = 0
	ExitError = 1
	ExitUsage = 2
	// ExitForced: a second signal stopped the daemon before everything was closed.
	ExitForced = 3
	// ExitUnfinished: something did not end within StopTimeout and may not be written.
	ExitUnfinished = 4
	// ExitBusy: people were still connected when `drain --wait` gave up.
	ExitBusy = 5
)

// An Exit is an error with an exit code of its own.
type Exit struct {
	Code int
	Text string
}

func (e Exit) Error() string { return e.Text }

// ErrUsage: the usage was printed already.
var ErrUsage = errors.New("usage")

// NewFlags creates the flags of a command whose usage starts with the given lines.
func NewFlags(t Terminal, name, about string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(t.Err)
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "usage: alcove %s\n\n", about)
		f.PrintDefaults()
	}
	return f
}

// ParseFlags refuses arguments above the given number.
func ParseFlags(f *flag.FlagSet, args []string, arguments int) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return ErrUsage
	}
	if f.NArg() > arguments {
		fmt.Fprintf(f.Output(), "unexpected argument %q\n", f.Arg(arguments))
		f.Usage()
		return ErrUsage
	}
	return nil
}
