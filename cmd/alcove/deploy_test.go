package main

import (
	"regexp"
	"strconv"
	"testing"
	"time"
)

// seconds finds a number of seconds in a file of deploy.
func seconds(t *testing.T, file, pattern string) time.Duration {
	t.Helper()
	m := regexp.MustCompile("(?m)" + pattern).FindSubmatch(read(t, file))
	if m == nil {
		t.Fatalf("%s: nothing like %s", file, pattern)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * time.Second
}

// Who runs the daemon must not kill it before its own limit for a stop, with as much again for the store and the listeners.
func TestStopLimits(t *testing.T) {
	for file, pattern := range map[string]string{
		"deploy/systemd/alcove.service":  `^TimeoutStopSec=(\d+)$`,
		"deploy/helm/alcove/values.yaml": `^terminationGracePeriodSeconds: (\d+)$`,
		"deploy/container/compose.yaml":  `^ *stop_grace_period: (\d+)s$`,
	} {
		if limit := seconds(t, file, pattern); limit < 2*stopTimeout {
			t.Errorf("%s: %s is less than twice the daemon's limit of %s", file, limit, stopTimeout)
		}
	}
}
