package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Metrics returns all numbers of a report by name, in base units: seconds, shares, counts. Unmeasured ones are missing.
func (r *Report) Metrics() map[string]float64 {
	m := map[string]float64{"failures": float64(r.Failed()), "participants": float64(r.Participants), "rooms": float64(r.Rooms)}
	for name, media := range map[string]Media{"audio": r.Audio, "video": r.Video} {
		m[name+".packets"] = float64(media.Packets)
		if media.Packets == 0 {
			continue
		}
		m[name+".loss"] = media.LossRate()
		m[name+".withheld"] = float64(media.Withheld) / float64(media.Packets+media.Withheld)
		m[name+".reordered"] = float64(media.Reordered) / float64(media.Packets)
		m[name+".duplicates"] = float64(media.Duplicates) / float64(media.Packets)
		m[name+".freezes"] = float64(media.Freezes)
		m[name+".frozen"] = media.FrozenMs / 1000
		media.Latency.into(m, name+".latency")
		media.Corrected.into(m, name+".corrected")
		media.Jitter.into(m, name+".jitter")
	}
	for name, d := range r.Times {
		d.into(m, name)
	}
	r.Generator.SendLag.into(m, "sendlag")
	m["generator.cpu"] = r.Generator.CPUShare
	if s := r.Server; s != nil {
		m["server.cpu"] = s.CPUShare
		m["server.packet"] = s.MicrosPerPacket / 1e6
		m["server.memory"] = s.MiBPerPerson
		if s.PerPerson > 0 {
			m["server.goroutines"] = s.PerPerson
		}
	}
	return m
}

func (d Distribution) into(m map[string]float64, name string) {
	if d.Count == 0 {
		return
	}
	for q, v := range map[string]float64{"mean": d.Mean, "p50": d.P50, "p95": d.P95, "p99": d.P99, "p999": d.P999, "max": d.Max} {
		m[name+"."+q] = v / 1000
	}
}

// An Objective is "name<value" or "name>value": `join.p95<2s`, `audio.loss<1%`, `server.packet<5us`, `failures<1`.
type Objective struct {
	Text  string
	Name  string
	Below bool
	Value float64
}

// ParseObjective reads one.
func ParseObjective(s string) (Objective, error) {
	i := strings.IndexAny(s, "<>")
	if i <= 0 {
		return Objective{}, fmt.Errorf("objective %q: write it like join.p95<2s", s)
	}
	o := Objective{Text: s, Name: strings.TrimSpace(s[:i]), Below: s[i] == '<'}
	value := strings.TrimSpace(s[i+1:])
	if d, err := time.ParseDuration(value); err == nil && strings.ContainsAny(value, "nuµms") {
		o.Value = d.Seconds()
		return o, nil
	}
	scale := 1.0
	if percent, ok := strings.CutSuffix(value, "%"); ok {
		value, scale = percent, 0.01
	}
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return o, fmt.Errorf("objective %q: %q is no number, share or duration", s, value)
	}
	o.Value = v * scale
	return o, nil
}

// Judge compares the report with objectives. An unmeasured objective failed.
func (r *Report) Judge(objectives []Objective) {
	r.Verdicts = []Verdict{}
	m := r.Metrics()
	for _, o := range objectives {
		v, measured := m[o.Name]
		verdict := Verdict{Objective: o.Text, Measured: v}
		switch {
		case !measured:
			verdict.Reason = "not measured; known here: " + strings.Join(similarNames(m, o.Name), ", ")
		case o.Below:
			verdict.Held = v < o.Value
		default:
			verdict.Held = v > o.Value
		}
		r.Verdicts = append(r.Verdicts, verdict)
	}
}

// similarNames lists names that begin alike, so that a typing error is found at once.
func similarNames(m map[string]float64, name string) []string {
	head, _, _ := strings.Cut(name, ".")
	var all []string
	for n := range m {
		if strings.HasPrefix(n, head) || head == "" {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		for n := range m {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// FirstNotHeld is the first objective that did not hold, "" if all did.
func (r *Report) FirstNotHeld() string {
	for _, v := range r.Verdicts {
		if !v.Held {
			return v.Objective
		}
	}
	return ""
}
