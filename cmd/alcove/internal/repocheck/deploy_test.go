package repocheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/daemon"
	"alcove/cmd/alcove/internal/keyfile"
)

// seconds finds a number of seconds in a file of deploy.
func seconds(t *testing.T, file, pattern string) time.Duration {
	t.Helper()
	m := regexp.MustCompile("(?m)" + pattern).FindSubmatch(alcovetest.ReadFile(t, file))
	if m == nil {
		t.Fatalf("%s: nothing like %s", file, pattern)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * time.Second
}

// TestStopLimits checks that service managers do not kill the daemon before its own limit for a stop plus the same time for the store and
// the listeners.
func TestStopLimits(t *testing.T) {
	for file, pattern := range map[string]string{
		"deploy/systemd/alcove.service":  `^TimeoutStopSec=(\d+)$`,
		"deploy/helm/alcove/values.yaml": `^terminationGracePeriodSeconds: (\d+)$`,
		"deploy/container/compose.yaml":  `^ *stop_grace_period: (\d+)s$`,
	} {
		least := time.Duration(config.Default().DrainWait) + 2*daemon.StopTimeout
		if limit := seconds(t, file, pattern); limit < least {
			t.Errorf("%s: %s is less than drain_wait and twice the daemon's limit, %s", file, limit, least)
		}
	}
}

// TestDocuments checks that the links of the documents lead somewhere, and that the documented configuration is valid.
func TestDocuments(t *testing.T) {
	documents, err := filepath.Glob("../../../../deploy/docs/*.md")
	if err != nil || len(documents) < 7 {
		t.Fatalf("found %d documents: %v", len(documents), err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, d := range append(documents, "../../../../README.md") {
		text, err := os.ReadFile(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			if target := filepath.Join(filepath.Dir(d), string(m[1])); !keyfile.Exists(target) {
				t.Errorf("%s links to %s, which is not there", d, m[1])
			}
		}
	}
	shown := regexp.MustCompile("(?s)```yaml\n(listen:.*?)```").FindSubmatch(alcovetest.ReadFile(t, "deploy/docs/install.md"))
	if shown == nil {
		t.Fatal("install.md shows no configuration")
	}
	if _, _, err := config.Parse("install.md", shown[1]); err != nil {
		t.Error(err)
	}
}
