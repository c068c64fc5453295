package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteText writes the report as lines for a terminal.
func (r *Report) WriteText(w io.Writer) {
	fmt.Fprintf(w, "\n%s  %d participants in %d room(s), %s clients, %s, %.1f s measured\n", r.Scenario, r.Participants, r.Rooms, r.Clients, r.Network, r.Window)
	for _, why := range r.Invalid {
		fmt.Fprintf(w, "INVALID    %s\n", why)
	}
	if r.Interrupted {
		fmt.Fprintln(w, "INTERRUPTED")
	}
	row := func(name string, d Distribution) {
		if d.Count > 0 {
			fmt.Fprintf(w, "  %-18s p50 %9.3f   p95 %9.3f   p99 %9.3f   p99.9 %9.3f   max %9.3f ms   n %d\n", name, d.P50, d.P95, d.P99, d.P999, d.Max, d.Count)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Times)) {
		row(name, r.Times[name])
	}
	for _, m := range []struct {
		name string
		Media
	}{{"audio", r.Audio}, {"video", r.Video}} {
		if m.Packets == 0 {
			continue
		}
		row(m.name+" latency", m.Latency)
		row(m.name+" corrected", m.Corrected)
		row(m.name+" jitter", m.Jitter)
		fmt.Fprintf(w, "  %-18s %d received, lost %.4f %%, reordered %d, twice %d, withheld %d, freezes %d (%.0f ms)\n",
			m.name+" packets", m.Packets, 100*m.LossRate(), m.Reordered, m.Duplicates, m.Withheld, m.Freezes, m.FrozenMs)
	}
	row("send lag", r.Generator.SendLag)
	fmt.Fprintf(w, "  %-18s %.0f %% of %d core(s), %d packets dropped at its sockets\n", "generator", 100*r.Generator.CPUShare, r.Generator.Cores, r.Generator.SocketDrops)
	r.Server.text(w)
	for i, b := range r.Browsers {
		if i == 0 {
			fmt.Fprintln(w, "  "+strings.Join(browserHead, " | "))
		}
		fmt.Fprintln(w, "  "+strings.Join(b.cells(), " | "))
	}
	for _, what := range slices.Sorted(maps.Keys(r.Failures)) {
		fmt.Fprintf(w, "FAILED     %s (%d times)\n", what, r.Failures[what])
	}
	for _, v := range r.Verdicts {
		state := "held"
		if !v.Held {
			state = "BROKEN"
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-10s %s (%.4g) %s", state, v.Objective, v.Measured, v.Reason), " "))
	}
}

func (s *Server) text(w io.Writer) {
	if s == nil {
		return
	}
	fmt.Fprintf(w, "  %-18s %.2f us/packet, %.0f %% of a core, %.2f MiB/participant (%.1f MiB)", "server", s.MicrosPerPacket, 100*s.CPUShare, s.MiBPerPerson, s.RSSMiB)
	if s.PerPerson > 0 {
		fmt.Fprintf(w, ", %.1f goroutines/participant", s.PerPerson)
	}
	if s.LoadRatio > 0 {
		fmt.Fprintf(w, ", load ratio %.2f", s.LoadRatio)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Drops)) {
		fmt.Fprintf(w, ", %s %.0f", name, s.Drops[name])
	}
	fmt.Fprintln(w)
}
