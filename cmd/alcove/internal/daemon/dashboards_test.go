package daemon

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.yaml.in/yaml/v3"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/sfu"
	"alcove/signaling/conns"
)

var (
	described  = regexp.MustCompile(`fqName: "([^"]+)"`)
	scraped    = regexp.MustCompile(`(?m)^# TYPE (\w+) `)
	metricName = regexp.MustCompile(`[\w:]*alcove_[\w:]+`)
	reasonIs   = regexp.MustCompile(`reason[!=]~?"([^"]+)"`)
)

// metricsOf starts what counts and gives the names of all metrics: a counter with labels shows only once it counted.
func metricsOf(t *testing.T) (names map[string]bool, page string) {
	t.Helper()
	names = map[string]bool{}
	for name := range describedMetrics(t) {
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} { // of histograms
			names[name+suffix] = true
		}
	}
	r := startDev(t)
	resp, page := alcovetest.Get(t, r.admin+"/metrics")
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	for _, m := range scraped.FindAllStringSubmatch(page, -1) {
		names[m[1]] = true
	}
	r.signals <- nil
	if err := <-r.stopped; err != nil {
		t.Error(err)
	}
	if len(names) < 100 {
		t.Fatalf("found %d metrics: %v", len(names), slices.Sorted(maps.Keys(names)))
	}
	return names, page
}

// TestRulesAndDashboards checks that every metric in a rule or a panel exists, because one that was renamed would never fire.
func TestRulesAndDashboards(t *testing.T) {
	t.Parallel()
	names, page := metricsOf(t)
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("the names are not as Prometheus wants them: %v %v", problems, err)
	}
	expressions := ruleExpressions(t, names)
	dashboards, err := filepath.Glob("../../../../deploy/grafana/*.json")
	if err != nil || len(dashboards) == 0 {
		t.Fatalf("found no dashboard: %v", err)
	}
	for _, name := range dashboards {
		name, err = filepath.Rel("../../../..", name)
		if err != nil {
			t.Fatal(err)
		}
		var board any
		if err := json.Unmarshal(alcovetest.ReadFile(t, filepath.ToSlash(name)), &board); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		expressions[name] = valuesOf(board, "expr")
	}
	reasons := append(sfu.DropReasons(), conns.DisplacedReasons()...)
	for _, fault := range sfu.HandshakeFaults {
		reasons = append(reasons, string(fault))
	}
	for file, all := range expressions {
		if len(all) < 10 {
			t.Errorf("%s has %d expressions", file, len(all))
		}
		for _, e := range all {
			for _, name := range metricName.FindAllString(e, -1) {
				if !names[name] {
					t.Errorf("%s asks for %s, which nobody counts", file, name)
				}
			}
			for _, m := range reasonIs.FindAllStringSubmatch(e, -1) {
				for reason := range strings.SplitSeq(m[1], "|") {
					if !slices.Contains(reasons, reason) {
						t.Errorf("%s asks for the reason %q, which no metric has", file, reason)
					}
				}
			}
		}
	}
}

// ruleExpressions reads the rules, adds to names what they record, and holds alerts to our form.
func ruleExpressions(t *testing.T, names map[string]bool) map[string][]string {
	t.Helper()
	const file = "deploy/prometheus/rules.yaml"
	var rules struct {
		Groups []struct {
			Rules []struct {
				Record, Alert, Expr string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.NewDecoder(strings.NewReader(string(alcovetest.ReadFile(t, file)))).Decode(&rules); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	tests := string(alcovetest.ReadFile(t, "deploy/prometheus/rules_test.yaml"))
	var all []string
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all = append(all, r.Expr)
			if r.Record != "" {
				names[r.Record] = true
				continue
			}
			if s := r.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("%s: the severity is %q", r.Alert, s)
			}
			if r.Annotations["summary"] == "" || r.Annotations["action"] == "" {
				t.Errorf("%s does not say what is wrong and what to do", r.Alert)
			}
			if fires := regexp.MustCompile(`alertname: ` + r.Alert + `\n\s+exp_alerts:\s`); !fires.MatchString(tests) {
				t.Errorf("no test makes %s fire", r.Alert)
			}
		}
	}
	return map[string][]string{file: all}
}

// valuesOf finds all texts under a key, wherever it is.
func valuesOf(v any, key string) []string {
	var all []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			all = append(all, valuesOf(e, key)...)
		}
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok && k == key {
				all = append(all, s)
				continue
			}
			all = append(all, valuesOf(e, key)...)
		}
	}
	return all
}
