package proc

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const stat = "4242 (a b) c) S 1 4242 4242 0 -1 4194560 1000 0 0 0 150 50 7 8 20 0 9 0 12345 100 200\n"
	if got, err := parseStat(stat); err != nil || got != 2*time.Second {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "1 (x", "1 (x) S 1 2", "1 (x) S 1 2 3 4 5 6 7 8 9 10 a b 13"} {
		if got, err := parseStat(bad); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
	if _, err := CPU(os.Getpid()); err != nil {
		t.Error(err)
	}
}

func TestParseStatus(t *testing.T) {
	const text = "Name:\talcove\nVmRSS:\t   20480 kB\nThreads:\t7\n"
	if got, err := parseStatus(text, "VmRSS"); err != nil || got != 20480 {
		t.Errorf("VmRSS: %v, %v", got, err)
	}
	if got, err := parseStatus(text, "VmSwap"); err == nil {
		t.Errorf("VmSwap: %v", got)
	}
}
