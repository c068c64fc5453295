package run

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"alcove/loadtest/proc"
)

// A probe looks at the server from outside: the kernel's books of its process, and its own metrics.
type probe struct {
	pid     int    // 0: unknown
	metrics string // URL, "" for none
}

// A sample is one look.
type sample struct {
	cpu        time.Duration // user and system, since the process began
	rss        float64       // MiB
	goroutines float64
	drops      map[string]float64
	load       float64
	forwarded  float64 // RTP packets
}

// sample samples; what cannot be read stays zero.
func (p probe) sample(ctx context.Context) sample {
	s := sample{}
	if p.pid != 0 {
		s.cpu, _ = proc.CPU(p.pid)
		kib, _ := proc.Status(p.pid, "VmRSS")
		s.rss = kib / 1024
	}
	if p.metrics != "" {
		p.scrape(ctx, &s)
	}
	return s
}

// scrapeTimeout: a daemon that does not answer within it is not asked again in this second.
const scrapeTimeout = 2 * time.Second

// scrape reads the daemon's metrics (Prometheus text format). What a daemon does not tell is passed over.
func (p probe) scrape(ctx context.Context, s *sample) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.metrics, nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	s.drops = map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, labels, value, ok := metric(lines.Text())
		switch {
		case !ok:
		case name == "go_goroutines":
			s.goroutines = value
		case strings.HasSuffix(name, "load_ratio"):
			s.load = max(s.load, value)
		case strings.HasSuffix(name, "packets_forwarded_total"):
			s.forwarded += value
		case strings.HasSuffix(name, "drops_total") && label(labels, "reason") != "":
			s.drops[label(labels, "reason")] += value
		}
	}
}

// metric reads one line of the Prometheus text format: name{labels} value. Comments and what else there is are not ok.
func metric(line string) (name, labels string, value float64, ok bool) {
	if strings.HasPrefix(line, "#") {
		return "", "", 0, false
	}
	i := strings.LastIndexByte(line, ' ')
	if i < 0 {
		return "", "", 0, false
	}
	value, err := strconv.ParseFloat(line[i+1:], 64)
	name, labels, _ = strings.Cut(line[:i], "{")
	return name, labels, value, err == nil
}

// label finds one label's value; ours hold no quotes.
func label(labels, name string) string {
	_, rest, ok := strings.Cut(labels, name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
