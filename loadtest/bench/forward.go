package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"alcove/loadtest/report"
)

// A benchmark is what `go test` printed of one benchmark: each unit's values, one for each run.
type benchmark struct {
	Name    string               `json:"name"`
	Runs    map[string][]float64 `json:"runs"`
	Medians map[string]float64   `json:"medians"`
}

// A forwardReport is what the file holds.
type forwardReport struct {
	Started    time.Time      `json:"started"`
	Machine    report.Machine `json:"machine"`
	Commit     string         `json:"commit"`
	Command    string         `json:"command"`
	Limit      float64        `json:"limitOfXFloor"`
	Held       bool           `json:"held"`
	Benchmarks []benchmark    `json:"benchmarks"`
}

func runForward(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("bench forward", flag.ContinueOnError)
	file := f.String("json", "bin/bench.json", "the `file` to write")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, forwardLimit)
	defer cancel()
	command := []string{"go", "test", "./sfu", "-run", "^$", "-bench", "Forward", "-benchtime", forwardTime, "-count", strconv.Itoa(forwardCount)}
	r := forwardReport{
		Started: time.Now().UTC(), Machine: report.ThisMachine(), Commit: report.Commit(), Command: strings.Join(command, " "), Limit: maxRatio,
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopLimit
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot run the benchmark: %w", err)
	}
	var parseErr error
	r.Benchmarks, parseErr = parseBenchmarks(io.TeeReader(out, os.Stderr))
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", r.Command, err)
	}
	if parseErr != nil {
		return parseErr
	}
	missed, err := r.missed()
	if err != nil {
		return err
	}
	r.Held = len(missed) == 0
	writeForward(os.Stdout, r)
	if err := writeJSON(*file, r); err != nil {
		return err
	}
	if !r.Held {
		return fmt.Errorf("%w: %s", errMissed, strings.Join(missed, "; "))
	}
	return nil
}

// forwardLimits are the targets, by unit.
var forwardLimits = []struct {
	unit string
	most float64
}{{"x-floor", maxRatio}, {"record-x", maxRecord}, {"record-p99-ms", maxRecordP99}}

// missed names the targets that were not met.
func (r forwardReport) missed() (list []string, err error) {
	for _, limit := range forwardLimits {
		v, err := worst(r.Benchmarks, limit.unit)
		if err != nil {
			return nil, err
		}
		if v > limit.most {
			list = append(list, fmt.Sprintf("%s is %.2f, at most %.2f", limit.unit, v, limit.most))
		}
	}
	return list, nil
}

// parseBenchmarks reads the output of `go test -bench` (golang.org/design/14313-benchmark-format).
func parseBenchmarks(out io.Reader) ([]benchmark, error) {
	var all []benchmark
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		name, values, ok := parseLine(lines.Text())
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(b benchmark) bool { return b.Name == name })
		if i < 0 {
			i = len(all)
			all = append(all, benchmark{Name: name, Runs: map[string][]float64{}})
		}
		for unit, v := range values {
			all[i].Runs[unit] = append(all[i].Runs[unit], v)
		}
	}
	for i := range all {
		all[i].Medians = map[string]float64{}
		for unit, values := range all[i].Runs {
			all[i].Medians[unit] = median(values)
		}
	}
	return all, lines.Err()
}

// parseLine reads "BenchmarkName-2 iterations value unit value unit …"; the number of processors is cut from the name.
func parseLine(line string) (name string, values map[string]float64, ok bool) {
	f := strings.Fields(line)
	if len(f) < 4 || len(f)%2 != 0 || !strings.HasPrefix(f[0], "Benchmark") {
		return "", nil, false
	}
	if _, err := strconv.ParseUint(f[1], 10, 64); err != nil {
		return "", nil, false
	}
	values = map[string]float64{}
	for i := 2; i < len(f); i += 2 {
		v, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return "", nil, false
		}
		values[f[i+1]] = v
	}
	name = f[0]
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	return strings.TrimPrefix(name, "Benchmark"), values, true
}

// worst is the largest median of a unit.
func worst(all []benchmark, unit string) (float64, error) {
	found := false
	largest := 0.0
	for _, b := range all {
		if v, ok := b.Medians[unit]; ok {
			found, largest = true, max(largest, v)
		}
	}
	if !found {
		return 0, errors.New("the benchmark printed no " + unit)
	}
	return largest, nil
}

// median of values; the mean of the two in the middle where they are even.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// forwardUnits are the table's columns.
var forwardUnits = []string{"us/pkt", "floor-us/pkt", "x-floor", "train", "record-x", "record-p99-ms"}

func writeForward(w io.Writer, r forwardReport) {
	fmt.Fprintf(w, "\n%s, commit %s; medians of %d, least to greatest in brackets\n\n", r.Machine, r.Commit, forwardCount)
	t := table{append([]string{"benchmark"}, forwardUnits...)}
	for _, b := range r.Benchmarks {
		row := []string{b.Name}
		for _, unit := range forwardUnits {
			cell := "–"
			if v := b.Runs[unit]; len(v) > 0 {
				cell = fmt.Sprintf("%.2f (%.2f–%.2f)", b.Medians[unit], slices.Min(v), slices.Max(v))
			}
			row = append(row, cell)
		}
		t = append(t, row)
	}
	t.write(w)
	fmt.Fprintln(w)
	for _, limit := range forwardLimits {
		verdict := "held"
		if v, err := worst(r.Benchmarks, limit.unit); err != nil || v > limit.most {
			verdict = "MISSED"
		}
		fmt.Fprintf(w, "%s ≤ %.2f: %s\n", limit.unit, limit.most, verdict)
	}
}

// writeJSON writes a file, and the folder it lies in.
func writeJSON(file string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "written to", file)
	return nil
}
