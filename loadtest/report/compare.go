package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Change is one metric in two reports.
type Change struct {
	Name          string
	Before, After float64
	Worse         bool // beyond the tolerance
	Better        bool // likewise
}

// Least differences that mean something, whatever the share: below them a change is noise of any machine.
const (
	minTimeDifference       = 0.0005   // seconds
	minPacketCostDifference = 0.2e-6   // seconds of CPU a packet
	minShareDifference      = 0.0005   // of packets
	minOtherDifference      = 0.05     // MiB, goroutines
	minCountDifference      = 0.999999 // failures, freezes: one more is one more
)

// What is not judged: how much was sent says what was asked for, and maxima are single events.
func judged(name string) bool {
	return !strings.HasSuffix(name, ".packets") && !strings.HasSuffix(name, ".max") && !strings.HasSuffix(name, ".p999") &&
		name != "participants" && name != "rooms" && !strings.HasPrefix(name, "sendlag") && !strings.HasPrefix(name, "generator")
}

// minDifference is the smallest difference of a metric that counts.
func minDifference(name string) float64 {
	switch {
	case name == "failures" || strings.HasSuffix(name, ".freezes"):
		return minCountDifference
	case name == "server.packet":
		return minPacketCostDifference
	case name == "server.memory" || name == "server.goroutines":
		return minOtherDifference
	case name == "server.cpu", strings.HasSuffix(name, ".loss"), strings.HasSuffix(name, ".withheld"),
		strings.HasSuffix(name, ".reordered"), strings.HasSuffix(name, ".duplicates"):
		return minShareDifference
	}
	return minTimeDifference
}

// Compare lists the metrics that both reports have, by name. Less is better in all that is judged.
func Compare(before, after *Report, tolerance float64) []Change {
	a, b := before.Metrics(), after.Metrics()
	var all []Change
	for name, was := range a {
		is, both := b[name]
		if !both || !judged(name) {
			continue
		}
		c := Change{Name: name, Before: was, After: is}
		if d := is - was; math.Abs(d) > minDifference(name) && math.Abs(d) > tolerance*math.Abs(was) {
			c.Worse, c.Better = d > 0, d < 0
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(x, y Change) int { return strings.Compare(x.Name, y.Name) })
	return all
}

// Differences lists what makes two reports hard to compare: other machines, other scenarios.
func Differences(a, b *Report) []string {
	var all []string
	for _, d := range []struct{ what, before, after string }{
		{"scenario", a.Scenario, b.Scenario}, {"clients", a.Clients, b.Clients}, {"network", a.Network, b.Network},
		{"machine", a.Machine.String(), b.Machine.String()},
		{"rooms", fmt.Sprint(a.Rooms), fmt.Sprint(b.Rooms)}, {"participants", fmt.Sprint(a.Participants), fmt.Sprint(b.Participants)},
	} {
		if d.before != d.after {
			all = append(all, fmt.Sprintf("%s: %s and %s", d.what, d.before, d.after))
		}
	}
	return all
}
