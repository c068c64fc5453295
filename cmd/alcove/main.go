// Command alcove is the daemon and its operator's commands:
//
//	serve, dev      internal/daemon   configured by internal/config or internal/dev, behind internal/front
//	check, doctor   internal/doctor
//	all others      internal/operator
//
// This package has commands, exit codes and wiring only. The rules are in auth and room, the wire in signaling, the media plane in sfu.
package main

import (
	"errors"
	"fmt"
	"os"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/doctor"
	"alcove/cmd/alcove/internal/operator"
	"alcove/sfu/record"
)

func commands() []cli.Command {
	all := []cli.Command{
		{Name: "dev", Summary: "try it here: http://localhost:8080, keys and links included", Run: runDev},
		{Name: "serve", Summary: "run the daemon from a configuration", Run: runServe},
		{Name: "check", Summary: "say what a configuration would start", Run: doctor.RunCheck},
		{Name: "doctor", Summary: "say what of this host is in the way, and how to mend it", Run: doctor.Run},
	}
	all = append(all, operator.Commands()...)
	return append(all, cli.Command{Name: "version", Summary: "say which version this is", Run: runVersion})
}

func main() {
	if err := keepMemory(); err != nil {
		fmt.Fprintln(os.Stderr, "alcove: "+err.Error())
		os.Exit(cli.ExitError)
	}
	os.Exit(cli.Run(cli.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, commands(), os.Args[1:]))
}

// keepMemory keeps what every command has in memory, keys and names and media, out of core files and away from other processes. Where the
// system has no such promise (development on others than Linux) nothing is recorded either.
func keepMemory() error {
	if err := record.NoCoreDumps(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

func runVersion(t cli.Terminal, args []string) error {
	if err := cli.ParseFlags(cli.NewFlags(t, "version", "version"), args, 0); err != nil {
		return err
	}
	_, err := fmt.Fprintln(t.Out, "alcove "+cli.Version())
	return err
}
