package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// A Command is one subcommand.
type Command struct {
	Name, Summary string
	Run           func(t Terminal, args []string) error
}

// Run runs the command that the first argument names and returns the exit code.
func Run(t Terminal, all []Command, args []string) int {
	if len(args) == 0 {
		usage(t.Err, all)
		return ExitUsage
	}
	switch args[0] {
	case "help", "-h", "--help", "-help":
		usage(t.Out, all)
		return ExitOK
	}
	for _, c := range all {
		if c.Name != args[0] {
			continue
		}
		switch err := c.Run(t, args[1:]); {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return ExitOK
		case errors.Is(err, ErrUsage):
			return ExitUsage
		default:
			fmt.Fprintln(t.Err, "alcove "+c.Name+": "+err.Error())
			if e, ok := errors.AsType[Exit](err); ok {
				return e.Code
			}
			return ExitError
		}
	}
	fmt.Fprintf(t.Err, "alcove: there is no command %q\n\n", args[0])
	usage(t.Err, all)
	return ExitUsage
}

// RunSub runs the subcommand that the first argument names, or prints the usage.
func RunSub(t Terminal, usage string, all map[string]func(Terminal, []string) error, args []string) error {
	if len(args) > 0 {
		if run := all[args[0]]; run != nil {
			return run(t, args[1:])
		}
	}
	fmt.Fprint(t.Err, usage)
	return ErrUsage
}

func usage(w io.Writer, all []Command) {
	fmt.Fprint(w, "Alcove: video sessions for confidential group therapy, on your own server.\n\nusage: alcove COMMAND [flags]\n\n")
	for _, c := range all {
		fmt.Fprintf(w, "  %-9s %s\n", c.Name, c.Summary)
	}
	fmt.Fprint(w, "\n`alcove COMMAND -h` lists the flags of a command.\n")
}
