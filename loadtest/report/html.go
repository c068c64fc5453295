package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

//go:embed page.gohtml
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page holds the data of the template.
type page struct {
	*Report
	State, StateClass, Why string
	Tiles                  []tile
	Plots                  []figure
	Rows                   []row
	Drops                  []count
	FailedKinds            []count
	Facts                  []fact
	BrowserHead            []string
	BrowserRows            [][]string
}

type (
	tile   struct{ Name, Value, Unit, Note string }
	figure struct {
		Title, Note, Unit string
		SVG               template.HTML
	}
	row struct {
		Name  string
		N     int64
		Cells []string
	}
	count struct {
		Name string
		N    string
	}
	fact struct{ Name, Value string }
)

// WriteHTML writes the report as one page that fetches nothing.
func (r *Report) WriteHTML(w io.Writer) error {
	p := page{Report: r, Plots: r.plots(), Tiles: r.tiles(), Rows: r.rows(), Facts: r.facts(), BrowserHead: browserHead}
	p.State, p.StateClass, p.Why = r.state()
	for _, name := range slices.Sorted(maps.Keys(r.Failures)) {
		p.FailedKinds = append(p.FailedKinds, count{name, strconv.Itoa(r.Failures[name])})
	}
	if r.Server != nil {
		for _, name := range slices.Sorted(maps.Keys(r.Server.Drops)) {
			p.Drops = append(p.Drops, count{name, number(r.Server.Drops[name])})
		}
	}
	for _, b := range r.Browsers {
		p.BrowserRows = append(p.BrowserRows, b.cells())
	}
	return pageTemplate.Execute(w, p)
}

// browserHead names the columns of cells.
var browserHead = []string{"", "people seen", "frames/s", "kbit/s", "freezes", "frozen", "audio concealed", "first frame", "lost", "round trip", "buffer"}

func (b Browser) cells() []string {
	return []string{
		b.Name, fmt.Sprintf("%.0f of %.0f", b.Streams, b.Streams+b.Missing), fmt.Sprintf("%.1f", b.FPS), fmt.Sprintf("%.0f", b.KbitPerStream), fmt.Sprintf("%.0f", b.Freezes),
		fmt.Sprintf("%.1f %%", 100*b.FrozenShare), fmt.Sprintf("%.2f %%", 100*b.Concealed), fmt.Sprintf("%.0f ms", b.FirstFrameMs),
		fmt.Sprintf("%.2f %%", 100*b.Loss), fmt.Sprintf("%.0f ms", b.RTTMs), fmt.Sprintf("%.0f ms", b.BufferMs),
	}
}

// state is the verdict in one word.
func (r *Report) state() (word, class, why string) {
	switch broken := r.FirstNotHeld(); {
	case !r.Valid():
		return "Invalid", "bad", "The generator measured itself, so these numbers are not the server's: " + strings.Join(r.Invalid, "; ") + "."
	case broken != "":
		return "Not held", "bad", "The first objective that did not hold: " + broken + "."
	case r.Interrupted:
		return "Interrupted", "warn", "Ended by the operator; the numbers are of what was measured until then."
	case r.Failed() > 0:
		return "With failures", "warn", fmt.Sprintf("%d thing(s) went wrong; they are listed below.", r.Failed())
	case len(r.Verdicts) > 0:
		return "Held", "good", fmt.Sprintf("All %d objectives held, and the generator kept its schedule.", len(r.Verdicts))
	}
	return "Valid", "good", "The generator kept its schedule; no objectives were asked for."
}

// tiles are the numbers that a reader wants first.
func (r *Report) tiles() []tile {
	millis := func(v float64) string {
		switch {
		case v == 0:
			return "–"
		case v < 10:
			return fmt.Sprintf("%.2f", v)
		}
		return fmt.Sprintf("%.0f", v)
	}
	share := func(v float64) string { return strings.TrimSuffix(strconv.FormatFloat(100*v, 'f', 2, 64), ".00") }
	all := []tile{
		{"Participants", strconv.Itoa(r.Participants), "", fmt.Sprintf("in %d room(s), %s clients", r.Rooms, r.Clients)},
		{"Join until all are seen", millis(r.Times["joinAll"].P95), "ms", "p95; p50 " + millis(r.Times["joinAll"].P50)},
		{"Audio, one way", millis(r.Audio.Latency.P99), "ms", "p99; p50 " + millis(r.Audio.Latency.P50)},
		{"Video, one way", millis(r.Video.Latency.P99), "ms", "p99; p50 " + millis(r.Video.Latency.P50)},
		{"Audio lost", share(r.Audio.LossRate()), "%", number(float64(r.Audio.Packets)) + " packets came"},
		{"Video lost", share(r.Video.LossRate()), "%", fmt.Sprintf("%s packets came; %d freezes", number(float64(r.Video.Packets)), r.Video.Freezes)},
	}
	if s := r.Server; s != nil && s.MicrosPerPacket > 0 {
		all = append(all,
			tile{"Server CPU", fmt.Sprintf("%.2f", s.MicrosPerPacket), "µs/packet", fmt.Sprintf("%.0f %% of one core", 100*s.CPUShare)},
			tile{"Server memory", fmt.Sprintf("%.2f", s.MiBPerPerson), "MiB/person", fmt.Sprintf("%.0f MiB in all", s.RSSMiB)})
	}
	return all
}

// labels say in words what a time is.
var labels = map[string]string{
	"enter": "Connect and say hello", "admit": "Admitted after hello", "connect": "Offer to connected",
	"join": "Offer to the first person seen and heard", "joinAll": "Offer to everybody seen and heard",
	"readmit": "Admitted again to the first person", "readmitAll": "Admitted again to everybody",
	"resume": "Resume of a seat", "reconnect": "Network back to the first person", "reconnectAll": "Network back to everybody",
	"mute": "Mute or unmute in force", "sendBack": "Sent back in force", "end": "End of the session to all gone",
	"back": "Daemon killed to the first person", "backAll": "Daemon killed to everybody", "daemon": "Daemon killed to listening",
}

func (r *Report) rows() []row {
	var all []row
	add := func(name string, d Distribution) {
		if d.Count == 0 {
			return
		}
		o := row{Name: name, N: d.Count}
		for _, v := range []float64{d.P50, d.P95, d.P99, d.P999, d.Max} {
			o.Cells = append(o.Cells, formatMillis(v))
		}
		all = append(all, o)
	}
	add("Audio: one way, socket to socket", r.Audio.Latency)
	add("Audio: from when it was due", r.Audio.Corrected)
	add("Audio: jitter", r.Audio.Jitter)
	add("Video: one way, socket to socket", r.Video.Latency)
	add("Video: from when it was due", r.Video.Corrected)
	add("Video: jitter", r.Video.Jitter)
	for _, name := range slices.Sorted(maps.Keys(r.Times)) {
		label := labels[name]
		if label == "" {
			label = name
		}
		add(label, r.Times[name])
	}
	add("Generator: sent late by", r.Generator.SendLag)
	return all
}

// formatMillis writes milliseconds with three digits that mean something.
func formatMillis(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func (r *Report) facts() []fact {
	all := []fact{
		{"Scenario", r.Scenario}, {"Started", r.Started.UTC().Format("2006-01-02 15:04:05 UTC")},
		{"Measured", fmt.Sprintf("%.1f s after all had come", r.Window)}, {"Network", r.Network},
		{"Machine", r.Machine.String()}, {"Commit", r.Commit}, {"Command", r.Command},
		{"Generator", fmt.Sprintf("%.0f %% of %d core(s), sent late by p99 %s ms, %d packets dropped at its sockets",
			100*r.Generator.CPUShare, r.Generator.Cores, formatMillis(r.Generator.SendLag.P99), r.Generator.SocketDrops)},
	}
	if s := r.Server; s != nil && s.Goroutines > 0 {
		all = append(all, fact{"Goroutines", fmt.Sprintf("%.0f, %.1f a participant", s.Goroutines, s.PerPerson)})
	}
	return all
}

// plots draws the run over time, and the distribution of latency.
func (r *Report) plots() []figure {
	if len(r.Series) == 0 {
		return nil
	}
	of := func(name, class string, f func(Second) float64) line {
		l := line{name: name, class: class}
		for _, s := range r.Series {
			l.points = append(l.points, [2]float64{s.At, f(s)})
		}
		return l
	}
	audio, video := "audio", "video"
	all := []*plot{
		r.timeline(plot{title: "One-way latency", note: "each second; logarithmic", unit: "ms", log: true, lines: []line{
			of("audio p99", audio, func(s Second) float64 { return s.AudioP99 }), of("audio p50", audio+" thin", func(s Second) float64 { return s.AudioP50 }),
			of("video p99", video, func(s Second) float64 { return s.VideoP99 }), of("video p50", video+" thin", func(s Second) float64 { return s.VideoP50 }),
		}}),
		r.quantiles(),
		r.timeline(plot{title: "Packets received", note: "by all participants together", unit: "packets/s", lines: []line{
			of("audio", audio, func(s Second) float64 { return float64(s.Audio) }), of("video", video, func(s Second) float64 { return float64(s.Video) }),
		}}),
		r.timeline(plot{title: "Participants", note: "with media", unit: "people", lines: []line{
			of("people", "other", func(s Second) float64 { return float64(s.People) }),
		}}),
		r.timeline(plot{title: "What people would notice", note: "lost packets and freezes, each second", unit: "count", lines: []line{
			of("lost", "bad", func(s Second) float64 { return math.Max(0, float64(s.Lost)) }), of("freezes", "other", func(s Second) float64 { return float64(s.Freezes) }),
		}}),
	}
	if r.Server != nil && r.Server.CPUSeconds > 0 {
		all = append(all, r.timeline(plot{title: "Server CPU", note: "100 % is one core", unit: "%", lines: []line{
			of("CPU", "other", func(s Second) float64 { return 100 * s.ServerCPU }),
		}}), r.timeline(plot{title: "Server memory", note: "resident", unit: "MiB", lines: []line{
			of("memory", "other", func(s Second) float64 { return s.RSSMiB }),
		}}))
	}
	all = append(all, r.timeline(plot{title: "Generator: how late it sent", note: "p99; above 5 ms the run is invalid", unit: "ms", lines: []line{
		of("late", "bad", func(s Second) float64 { return s.SendLag }),
	}}))
	var figures []figure
	for _, p := range all {
		figures = append(figures, figure{p.title, p.note, p.unit, template.HTML(p.svg())})
	}
	return figures
}

// timeline is a plot over the time of the run, with the window shaded.
func (r *Report) timeline(p plot) *plot {
	p.to = max(r.Series[len(r.Series)-1].At, 1)
	step := roundUp(p.to / 8)
	for v := 0.0; v <= p.to; v += step {
		p.ticks = append(p.ticks, tick{v, number(v) + " s"})
	}
	for _, s := range r.Series {
		if s.InWindow && !p.shaded {
			p.shaded, p.shade[0] = true, max(s.At-1, 0)
		}
		if s.InWindow {
			p.shade[1] = s.At
		}
	}
	return &p
}

// quantiles draws latency by percentile, the rare ones stretched: each step to the right is ten times rarer.
func (r *Report) quantiles() *plot {
	p := &plot{title: "Latency by percentile", note: "whole window; each mark is ten times rarer", unit: "ms", log: true, to: 4}
	p.ticks = []tick{{0, "0"}, {1, "90 %"}, {2, "99 %"}, {3, "99.9 %"}, {4, "99.99 %"}}
	for _, c := range []struct {
		name, class string
		d           Distribution
	}{
		{"audio", "audio", r.Audio.Latency}, {"audio, due", "audio thin", r.Audio.Corrected},
		{"video", "video", r.Video.Latency}, {"video, due", "video thin", r.Video.Corrected},
	} {
		l := line{name: c.name, class: c.class}
		for _, at := range c.d.Curve {
			if at[0] < 100 {
				l.points = append(l.points, [2]float64{-math.Log10(1 - at[0]/100), at[1]})
			}
		}
		p.lines = append(p.lines, l)
	}
	return p
}
