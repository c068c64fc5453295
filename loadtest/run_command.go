package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"alcove/loadtest/report"
	"alcove/loadtest/run"
	"alcove/loadtest/scenario"
)

// maxBrowsers of one run: each decodes all others.
const maxBrowsers = 16

// splitArguments takes the arguments that come before the flags: names of scenarios and files.
func splitArguments(args []string) (names, flags []string) {
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		names, args = append(names, args[0]), args[1:]
	}
	return names, args
}

func runCommand(t terminal, args []string) error {
	names, rest := splitArguments(args)
	s := flag.NewFlagSet("loadtest run SCENARIO", flag.ContinueOnError)
	s.SetOutput(t.err)
	var target targetFlags
	var load loadFlags
	target.add(s)
	load.add(s)
	if err := s.Parse(rest); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	names = append(names, s.Args()...)
	if len(names) != 1 {
		return fmt.Errorf("name one scenario: %s, or a YAML file", strings.Join(scenario.Names(), ", "))
	}
	sc, err := scenario.Load(names[0])
	if err != nil {
		return err
	}
	if err := load.apply(&sc); err != nil {
		return err
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
	if o.Browsers = load.browsers; o.Browsers < 0 || o.Browsers > maxBrowsers {
		return fmt.Errorf("--browsers must be 0 to %d: each costs a good part of a core", maxBrowsers)
	}
	view := newProgressView(t.out, sc)
	o.Progress = view.progress
	rep, err := run.Run(ctx, sc, o)
	view.end()
	if err != nil {
		return err
	}
	rep.Judge(goals)
	if err := load.write(rep); err != nil {
		return err
	}
	rep.WriteText(t.out)
	return exitCode(rep)
}

// write leaves the report where it was asked for.
func (f *loadFlags) write(rep *report.Report) error {
	if f.json != "" {
		if err := writeFile(f.json, rep.WriteJSON); err != nil {
			return err
		}
	}
	if f.html != "" {
		return writeFile(f.html, rep.WriteHTML)
	}
	return nil
}

// exitCode turns a report into an exit code.
func exitCode(rep *report.Report) error {
	switch broken := rep.FirstNotHeld(); {
	case !rep.Valid():
		return exitError{exitInvalid, "this run is invalid: " + strings.Join(rep.Invalid, "; ")}
	case broken != "":
		return exitError{exitFailed, "did not hold: " + broken}
	case rep.Interrupted:
		return exitError{exitFailed, "interrupted: the report is of what was measured until then"}
	case rep.Failed() > 0 && len(rep.Verdicts) == 0:
		return exitError{exitFailed, fmt.Sprintf("%d failure(s)", rep.Failed())}
	}
	return nil
}

func scenariosCommand(t terminal, _ []string) error {
	for _, name := range scenario.Names() {
		s, err := scenario.Load(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.out, "%-9s %s\n", name, strings.TrimSpace(s.About))
	}
	return nil
}

// writeFile writes a file whole or not at all.
func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".report-*")
	if err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	err = errors.Join(write(f), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot write the report: %w", err), os.Remove(f.Name()))
	}
	return nil
}
