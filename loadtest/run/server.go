package run

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// userHZ is the unit of times in /proc/PID/stat: sysconf(_SC_CLK_TCK), 100 on every Linux of today.
const userHZ = 100

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

// look samples; what cannot be read stays zero.
func (p probe) look(ctx context.Context) sample {
	s := sample{}
	if p.pid != 0 {
		s.cpu, _ = cpuTime(p.pid)
		s.rss = resident(p.pid)
	}
	if p.metrics != "" {
		p.scrape(ctx, &s)
	}
	return s
}

// cpuTime reads utime and stime (proc(5), fields 14 and 15).
func cpuTime(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(b), ") ") // the name may hold anything
	f := strings.Fields(rest)
	if !ok || len(f) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is not as expected", pid)
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/%d/stat is not as expected", pid)
	}
	return time.Duration(user+system) * time.Second / userHZ, nil
}

// resident is the memory of a process in MiB (proc(5), statm).
func resident(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, err := strconv.ParseFloat(f[1], 64)
	if err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
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
