package daemon

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
)

// increaseOf finds what an alert wants the increase of: a metric, and one label that it has to have.
var increaseOf = regexp.MustCompile(`(?:increase|rate)\((alcove_\w+_total)(?:\{(\w+)=(~?)"([^"]+)"\})?\[`)

// TestWatchedCountersStartAtZero checks that each counter that an alert watches is exported as 0 before its first event, because Prometheus
// computes no increase for a series that appears with its first count.
func TestWatchedCountersStartAtZero(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile("../../../../deploy/prometheus/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := startDevWith(t, t.TempDir(), func(d *Daemon) {
		d.Config.Media.Listen, d.Config.Media.Port = config.Addresses{"127.0.0.1"}, 0
		d.OpenMedia = OpenMedia
	})
	_, page := alcovetest.Get(t, r.admin+"/metrics")
	r.signals <- nil
	if err := <-r.stopped; err != nil {
		t.Error(err)
	}
	watched := increaseOf.FindAllStringSubmatch(string(rules), -1)
	if len(watched) < 12 {
		t.Fatalf("the rules watch %d counters: the test reads them wrong", len(watched))
	}
	for _, w := range watched {
		values := []string{w[4]}
		if w[3] == "~" {
			values = strings.Split(w[4], "|")
		}
		for _, value := range values {
			var series string
			if w[2] != "" {
				series = `(?m)^` + w[1] + `\{[^}]*\b` + w[2] + `="` + value + `"`
			} else {
				series = `(?m)^` + w[1] + `[ {]`
			}
			if !regexp.MustCompile(series).MatchString(page) {
				t.Errorf("%s{%s=%q} is not there before it is first counted", w[1], w[2], value)
			}
		}
	}
}
