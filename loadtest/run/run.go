package run

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"alcove/loadtest/client"
	"alcove/loadtest/pace"
	"alcove/loadtest/relay"
	"alcove/loadtest/report"
	"alcove/loadtest/scenario"
)

// Options are what a scenario does not say: where the server is, and whose tokens it takes.
type Options struct {
	Server   string // http://host:port
	TLS      *tls.Config
	Minter   client.Minter
	PID      int      // of the server, 0: unknown
	Metrics  string   // URL of its metrics, "": none
	Daemon   []string // the server's command, where the harness starts it itself
	Seed     uint64
	Passcode string
	Browsers int            // headless Chromium in a room of their own
	Progress func(Progress) // called once a second; nil: nobody looks
	Command  string
}

// Progress is what a live view shows.
type Progress struct {
	Phase  string
	Second report.Second
	Failed int
}

// A runner is one run.
type runner struct {
	sc       scenario.Scenario
	o        Options
	env      *client.Env
	relays   *relay.Pool
	probe    probe
	daemon   *daemon
	began    time.Duration
	entering chan struct{} // a token for each who enters
	measured *client.Group // books of all receivers that are measured: few and large, for each costs a collection a second
	faulty   *client.Group // of those that are not

	mu       sync.Mutex
	phase    string                             // Guarded by mu, as all below.
	failures map[string]int                     // by kind
	times    map[string]*hdrhistogram.Histogram // by name
	series   []report.Second
	people   int
	rooms    []*room
}

// Run carries a scenario out. The report is valid JSON and HTML whatever happened; the error says that nothing could be measured.
func Run(ctx context.Context, sc scenario.Scenario, o Options) (*report.Report, error) {
	pacer, err := pace.NewPacer()
	if err != nil {
		return nil, err
	}
	defer pacer.Close()
	r := newRunner(sc, o, pacer)
	defer r.close()
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	return r.run(ctx)
}

func newRunner(sc scenario.Scenario, o Options, p *pace.Pacer) *runner {
	return &runner{
		sc: sc, o: o, probe: probe{o.PID, o.Metrics}, entering: make(chan struct{}, maxEntering), measured: client.NewGroup(), faulty: client.NewGroup(),
		env:      &client.Env{Server: o.Server, TLS: o.TLS, Minter: o.Minter, Pacer: p, Seed: o.Seed, Passcode: o.Passcode, E2EE: o.Minter.E2EE},
		failures: map[string]int{}, times: map[string]*hdrhistogram.Histogram{},
	}
}

// prepare starts what a run needs besides itself: the daemon, if it is ours, and the relay.
func (r *runner) prepare(ctx context.Context) (err error) {
	if len(r.o.Daemon) > 0 {
		if r.daemon, err = startDaemon(ctx, r.o.Daemon, r.o.Server); err != nil {
			return err
		}
		r.probe.pid = r.daemon.pid()
	}
	if r.env.Local, err = localAddress(r.o.Server); err != nil {
		return err
	}
	if n := r.sc.Network; n != nil {
		r.relays = relay.NewPool(course(n), r.o.Seed, r.env.Local)
		r.env.Via = r.relays.Via
	}
	return nil
}

func (r *runner) close() {
	if r.relays != nil {
		r.relays.Close()
	}
	if r.daemon != nil {
		r.daemon.stop()
	}
}

// course translates.
func course(n *scenario.Network) relay.Course {
	if c, ok := relay.CourseNamed(n.Profile); ok {
		return c
	}
	return relay.Steady(relay.Profile{
		Delay: time.Duration(n.Delay), Jitter: time.Duration(n.Jitter), Loss: n.Loss, Reorder: n.Reorder,
		Rate: n.Rate, Queue: time.Duration(n.Queue),
	})
}

// localAddress is where to send media from: the loopback address to a server there, any other else.
func localAddress(server string) (netip.Addr, error) {
	u, err := url.Parse(server)
	if err != nil {
		return netip.Addr{}, err
	}
	if Loopback(u.Hostname()) {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	return netip.IPv4Unspecified(), nil
}

// Loopback reports whether a host is this machine, by what its name resolves to.
func Loopback(host string) bool {
	addrs, err := net.LookupHost(host)
	if err != nil || len(addrs) == 0 {
		return false
	}
	for _, a := range addrs {
		if addr, err := netip.ParseAddr(a); err != nil || !addr.IsLoopback() {
			return false
		}
	}
	return true
}

func (r *runner) run(ctx context.Context) (*report.Report, error) {
	r.began = pace.Now()
	rep := &report.Report{
		Schema: report.Schema, Scenario: r.sc.Name, Command: r.o.Command, Commit: report.Commit(), Started: time.Now(),
		Machine: report.ThisMachine(), Rooms: r.sc.Rooms, Clients: clientKind(r.sc.Light), Network: r.sc.Network.String(),
		Invalid: []string{}, Verdicts: []report.Verdict{},
	}
	before := r.probe.sample(ctx)
	books := newSampler(r)
	sampling, stop := context.WithCancel(context.WithoutCancel(ctx))
	sampled := make(chan struct{})
	go func() { defer close(sampled); books.sample(sampling) }()
	r.setPhase("people arrive")
	browsers := r.openBrowserRoom(ctx)
	r.open(ctx)
	pause(ctx, warmUp)
	r.setPhase("measuring")
	browsers.open(ctx)
	books.open(ctx)
	r.play(ctx)
	books.close(context.WithoutCancel(ctx))
	rep.Browsers = browsers.close(context.WithoutCancel(ctx))
	r.setPhase("people leave")
	r.leave(context.WithoutCancel(ctx))
	stop()
	<-sampled
	rep.Interrupted = ctx.Err() != nil
	books.write(rep, before)
	r.mu.Lock()
	defer r.mu.Unlock()
	rep.Failures, rep.Series = maps.Clone(r.failures), slices.Clone(r.series)
	rep.Times = map[string]report.Distribution{}
	for name, h := range r.times {
		rep.Times[name] = report.NewDistribution(h)
	}
	rep.Invalid = append(rep.Invalid, r.invalidReasons(rep)...)
	return rep, nil
}

func clientKind(light bool) string {
	if light {
		return "light"
	}
	return "real"
}

// invalidReasons lists what makes the numbers the generator's own.
func (r *runner) invalidReasons(rep *report.Report) []string {
	var all []string
	g := rep.Generator
	if limit := maxSendLag.Seconds() * 1000; g.SendLag.P99 > limit {
		all = append(all, fmt.Sprintf("the generator sent late: p99 %.1f ms after the packet was due, at most %.0f ms are allowed", g.SendLag.P99, limit))
	}
	if limit := maxStall.Seconds() * 1000; g.SendLag.Max > limit {
		all = append(all, fmt.Sprintf("the generator stood still for %.0f ms", g.SendLag.Max))
	}
	if g.CPUShare > maxCPU {
		all = append(all, fmt.Sprintf("the generator used %.0f %% of its %d core(s)", 100*g.CPUShare, g.Cores))
	}
	if g.SocketDrops > 0 {
		all = append(all, fmt.Sprintf("the kernel dropped %d packets because the generator read too late", g.SocketDrops))
	}
	if rep.Participants == 0 {
		all = append(all, "nobody came in: there was nothing to measure")
	}
	return all
}

// setPhase names the phase.
func (r *runner) setPhase(phase string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = phase
}

// fail counts what went wrong.
func (r *runner) fail(what string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		if code := client.Code(err); code != "" {
			what += ": " + code
		} else {
			what += ": " + err.Error()
		}
	}
	if len(r.failures) >= maxFailureKinds && r.failures[what] == 0 {
		what = "other"
	}
	r.failures[what]++
}

// recordTime records how long something took.
func (r *runner) recordTime(name string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.times[name]
	if h == nil {
		h = pace.NewHistogram()
		r.times[name] = h
	}
	pace.Record(h, d)
}

func (r *runner) addPeople(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.people += n
}

// pause waits, unless the context ends before; it reports whether the time passed.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// open lets all rooms begin, over the ramp, and waits until all are complete.
func (r *runner) open(ctx context.Context) {
	var all sync.WaitGroup
	gap := time.Duration(r.sc.Ramp) / time.Duration(max(r.sc.Rooms, 1))
	for i := range r.sc.Rooms {
		if i > 0 && !pause(ctx, gap) {
			break
		}
		p := newRoom(r, i)
		r.mu.Lock()
		r.rooms = append(r.rooms, p)
		r.mu.Unlock()
		all.Go(func() { p.open(ctx) })
	}
	all.Wait()
}

// play runs the script in all rooms for the window.
func (r *runner) play(ctx context.Context) {
	window, cancel := context.WithTimeout(ctx, time.Duration(r.sc.Duration))
	defer cancel()
	var all sync.WaitGroup
	for _, p := range r.openRooms() {
		all.Go(func() { p.play(window) })
	}
	if r.sc.Script == "restart" {
		all.Go(func() { r.restart(window) })
	}
	<-window.Done()
	all.Wait()
}

func (r *runner) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, p := range r.openRooms() {
		all.Go(func() { p.leave(ctx) })
	}
	all.Wait()
}

// cores are those that the generator may use.
func cores() int { return runtime.GOMAXPROCS(0) }
