package main

import (
	"fmt"
	"io"
	"math"
)

// A target is what the median of one column shall be at most: a number, or a share of another server's.
type target struct {
	measurement, column string
	most                float64
	shareOf             string
}

// targets of the daemon.
var targets = []target{
	{"room8", "us", 4.0, ""}, {"rooms6", "us", 3.2, ""}, {"one40", "us", 3.0, ""},
	{"room8", "us", 0.25, "janus"}, {"rooms6", "us", 0.25, "janus"}, {"one40", "us", 0.25, "janus"},
	{"room8", "p99", 1.0, ""}, {"rooms6", "p99", 1, "janus"}, {"one40", "p99", 1, "janus"},
	{"memory", "memory", 1.0, ""}, {"memory", "tasks", 20, ""}, {"join", "join", 100, ""}, {"rush", "rush", 2, ""},
}

// A verdict is a target that was measured.
type verdict struct {
	Target   string  `json:"target"`
	Measured float64 `json:"measured"`
	Most     float64 `json:"most"`
	Held     bool    `json:"held"`
}

// summarize takes medians, and compares them with the targets.
func (r *liveReport) summarize() {
	r.Medians, r.Verdicts = map[string]map[string]values{}, []verdict{}
	for key, servers := range r.Runs {
		r.Medians[key] = map[string]values{}
		for name, runs := range servers {
			r.Medians[key][name] = medians(runs)
		}
	}
	for _, t := range targets {
		measured, ok := r.Medians[t.measurement]["alcove"][t.column]
		most := t.most
		text := fmt.Sprintf("%s %s at most %g", t.measurement, t.column, t.most)
		if t.shareOf != "" {
			other, there := r.Medians[t.measurement][t.shareOf][t.column]
			ok = ok && there
			most *= other
			text = fmt.Sprintf("%s %s at most %g × %s", t.measurement, t.column, t.most, t.shareOf)
		}
		if ok {
			r.Verdicts = append(r.Verdicts, verdict{text, measured, most, measured <= most})
		}
	}
}

// medians of each column.
func medians(runs []values) values {
	all := map[string][]float64{}
	for _, run := range runs {
		for key, v := range run {
			all[key] = append(all[key], v)
		}
	}
	v := values{}
	for key, list := range all {
		v[key] = median(list)
	}
	return v
}

// doubtful reports that the numbers may be the generator's.
func doubtful(v values) bool {
	return v["lag"] > maxSendLag.Seconds()*1000 || v["clients"] > 100*maxClientCPU
}

func writeLive(w io.Writer, r liveReport) {
	fmt.Fprintf(w, "\n%s, commit %s\nmedians of %d, windows of %.0f s after %.0f s; server alone on core %s, clients on core %s\n",
		r.Machine, r.Commit, r.Rounds, r.Window, r.Warm, serverCore, clientCore)
	doubt := false
	for _, m := range measurements {
		servers := r.Medians[m.key]
		if len(servers) == 0 {
			continue
		}
		header := []string{m.title}
		for _, c := range m.columns {
			header = append(header, c.title)
		}
		t := table{header}
		for _, name := range []string{"alcove", "janus"} {
			v, there := servers[name]
			if !there {
				continue
			}
			row := []string{name}
			if doubtful(v) {
				row[0], doubt = name+" *", true
			}
			for _, c := range m.columns {
				row = append(row, cell(v, c))
			}
			t = append(t, row)
		}
		fmt.Fprintln(w)
		t.write(w)
	}
	if doubt {
		fmt.Fprintln(w, "\n* the clients were late or short of processor: a server looks slower than it is")
	}
	fmt.Fprintln(w, "\nSRTP is AES-256-GCM throughout. Janus gets no transport-wide feedback from receivers, which saves it work.")
	for _, v := range r.Verdicts {
		word := "MISSED"
		if v.Held {
			word = "held"
		}
		fmt.Fprintf(w, "%-7s %s: %.2f, at most %.2f\n", word, v.Target, v.Measured, v.Most)
	}
}

// cell shows a value, a dash for none.
func cell(v values, c column) string {
	x, ok := v[c.key]
	if !ok || math.IsNaN(x) {
		return "–"
	}
	return fmt.Sprintf("%.*f", c.digits, x)
}
