package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"alcove/loadtest/report"
)

func compareCommand(t terminal, args []string) error {
	files, rest := splitArguments(args)
	s := flag.NewFlagSet("loadtest compare BEFORE AFTER", flag.ContinueOnError)
	s.SetOutput(t.err)
	tolerance := s.Float64("tolerance", 0.1, "the `share` by which a number may be worse before that counts")
	all := s.Bool("all", false, "show what did not change, too")
	if err := s.Parse(rest); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if files = append(files, s.Args()...); len(files) != 2 {
		return errors.New("compare takes two reports: before.json after.json")
	}
	var reports [2]*report.Report
	for i, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if reports[i], err = report.Read(data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, what := range report.Differences(reports[0], reports[1]) {
		fmt.Fprintln(t.out, "not alike:", what)
	}
	worse := 0
	for _, c := range report.Compare(reports[0], reports[1], *tolerance) {
		mark := ""
		switch {
		case c.Worse:
			mark = "worse"
			worse++
		case c.Better:
			mark = "better"
		}
		if mark != "" || *all {
			fmt.Fprintf(t.out, "%-7s %-24s %12.6g → %-12.6g %s\n", mark, c.Name, c.Before, c.After, percent(c))
		}
	}
	for i, r := range reports {
		if !r.Valid() {
			return exitError{exitInvalid, fmt.Sprintf("%s is of an invalid run: no verdict", files[i])}
		}
	}
	if worse > 0 {
		return exitError{exitFailed, fmt.Sprintf("%d number(s) are worse", worse)}
	}
	fmt.Fprintln(t.out, "nothing is worse")
	return nil
}

func percent(c report.Change) string {
	if c.Before == 0 {
		return ""
	}
	return fmt.Sprintf("%+.1f %%", 100*(c.After-c.Before)/c.Before)
}
