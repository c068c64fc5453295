package daemon

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/dev"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling"
)

// startRules starts a dev daemon with other policies.
func startRules(t *testing.T, change func(*config.Config)) *running {
	t.Helper()
	c := config.Default()
	c.Listen, c.Admin = "127.0.0.1:0", "127.0.0.1:0"
	c.Auth.Issuer, c.Auth.Audience = dev.Issuer, dev.Audience
	change(&c)
	r := &running{log: &alcovetest.Log{}, media: &silence{}, signals: make(chan os.Signal, 2), stopped: make(chan error, 1)}
	d, err := openDaemon(c, t.TempDir(), slog.New(slog.NewTextHandler(r.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	d.OpenMedia = func(config.Config, *slog.Logger) (live.Media, Plane, error) { return r.media, r.media, nil }
	r.base, r.admin = "http://"+d.Public[0].Addr().String(), "http://"+d.Admin.Addr().String()
	stop, done := signalContexts(r.signals)
	t.Cleanup(done)
	go func() { r.stopped <- d.Run(stop) }()
	return r
}

// process gives the daemon the methods of one that is killed, except for the killing.
func (r *running) process(t *testing.T) *demotest.Process {
	return &demotest.Process{T: t, Base: r.base, Admin: r.admin, Log: r.log}
}

// stop ends the daemon as an operator does.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.signals <- os.Interrupt
	if err := <-r.stopped; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

// in is a time from now on, as dev links and the configuration take it.
func in(d time.Duration) string { return url.QueryEscape(time.Now().Add(d).Format(time.RFC3339)) }

// TestSchedule checks that the schedule of a token binds everybody but hosts, and takes precedence over that of the policy.
func TestSchedule(t *testing.T) {
	t.Parallel()
	r := startRules(t, func(c *config.Config) {
		later := config.DefaultPolicy()
		later.Schedule.NotBefore = config.Instant(time.Now().Add(time.Hour))
		c.Policies["later"] = later
	})
	defer r.stop(t)
	p := r.process(t)
	for _, tt := range []struct{ name, query, want string }{
		{"no schedule", "room=a", "waiting"},
		{"an hour early", "room=b&not_before=" + in(time.Hour), "room_not_started"},
		{"a host an hour early", "room=b&role=host&not_before=" + in(time.Hour), "admitted"},
		{"five minutes early", "room=c&not_before=" + in(5*time.Minute), "waiting"},
		{"too late", "room=d&not_after=" + in(-time.Minute), "room_ended"},
		{"a host too late", "room=d&role=host&not_after=" + in(-time.Minute), "room_ended"},
		{"the policy's schedule", "room=e&policy=later", "room_not_started"},
		{"the token's before the policy's", "room=f&policy=later&not_before=" + in(-time.Minute), "waiting"},
	} {
		if got := p.TryEnter(tt.query); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	host := p.Enter("room=g&role=host&not_before=" + in(5*time.Minute))
	early := p.Enter("room=g&not_before=" + in(5*time.Minute))
	if a := host.Ask("waiting.admit", map[string]any{"participantIds": []string{early.Seat}}); a.OK || a.Error.Code != "room_not_started" {
		t.Errorf("who is early is admitted: %+v", a)
	}
}

// TestLogin checks that the token must meet the policy's login requirements, at the join and at each act.
func TestLogin(t *testing.T) {
	t.Parallel()
	r := startRules(t, func(c *config.Config) {
		strict := config.DefaultPolicy()
		strict.Login = config.Login{
			Entry:     config.Assurance{ACR: []string{"silver", "gold"}},
			Hosting:   config.Assurance{AMR: []string{"otp"}, MaxAge: config.Duration(time.Hour)},
			Recording: config.Assurance{ACR: []string{"gold"}, MaxAge: config.Duration(5 * time.Minute)},
		}
		strict.Recording = config.PolicyRecording{Mode: "each", Consents: []config.Consent{
			{Scope: "recording.audio", Purpose: "p", Texts: []config.Text{{ID: "audio", Version: "1", Locale: "en", File: "texts/audio.en.txt"}}},
		}}
		c.Policies["strict"] = strict
	})
	defer r.stop(t)
	p := r.process(t)
	host := "policy=strict&role=host&acr=silver&auth_time=" + in(-time.Minute)
	for _, tt := range []struct{ name, query, want string }{
		{"nothing said", "policy=strict", "mfa_required"},
		{"a class that is not enough", "policy=strict&acr=bronze", "mfa_required"},
		{"a class that is", "policy=strict&acr=silver", "waiting"},
		{"a host with one factor", host + "&amr=pwd", "mfa_required"},
		{"a host with two", host + "&amr=pwd,otp", "admitted"},
		{"a host long ago", strings.Replace(host, in(-time.Minute), in(-2*time.Hour), 1) + "&amr=otp", "mfa_required"},
		{"a host who does not say when", "policy=strict&role=host&acr=silver&amr=otp", "mfa_required"},
	} {
		if got := p.TryEnter(tt.query); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	scopes := map[string]any{"scopes": []string{"recording.audio"}}
	if a := p.Enter(host+"&amr=otp&sub=one").Ask("recording.start", scopes); a.Error.Code != "mfa_required" {
		t.Errorf("a host with a lesser login asks to record: %+v", a)
	}
	p.Enter(strings.Replace(host, "silver", "gold", 1)+"&amr=otp&sub=two").Must("recording.start", scopes)
}

// TestAcknowledgedBefore checks that a person is not asked again for a text that they acknowledged, neither in another room nor after a
// restart.
func TestAcknowledgedBefore(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	r := startDevIn(t, folder)
	p := r.process(t)
	hello := func(query string) (*demotest.Session, string, []string) {
		s := p.Dial()
		needs, texts := s.NeedsOf(s.Ask("hello", map[string]any{"token": p.Token("policy=care&" + query), "client": demotest.Client}))
		return s, needs, texts
	}
	ann, needs, texts := hello("room=a&sub=ann")
	if needs != "passcode agreement verification" || len(texts) != 1 {
		t.Fatalf("at first %q and %d texts", needs, len(texts))
	}
	ann.Must("agreement.acknowledge", map[string]any{"textHash": texts[0]})
	if _, needs, texts = hello("room=b&sub=ann"); needs != "passcode verification" || len(texts) != 0 {
		t.Errorf("in another room %q and %d texts", needs, len(texts))
	}
	if _, needs, _ = hello("room=b&sub=bob"); needs != "passcode agreement verification" {
		t.Errorf("of somebody else %q", needs)
	}
	r.stop(t)
	r = startDevIn(t, folder)
	defer r.stop(t)
	p = r.process(t)
	if _, needs, texts = hello("room=c&sub=ann"); needs != "passcode verification" || len(texts) != 0 {
		t.Errorf("after a restart %q and %d texts", needs, len(texts))
	}
}

// A fullJournal takes nothing any more once it is full, and does not say so before.
type fullJournal struct{ full atomic.Bool }

func (j *fullJournal) Write(_ live.Record, done func(error)) {
	if j.full.Load() {
		go done(errors.New("no space left"))
		return
	}
	go done(nil)
}

func (*fullJournal) Late() error { return nil }

func (*fullJournal) Load() ([]live.Record, error) { return nil, nil }

func (*fullJournal) Err() error { return nil }

type nobody struct{}

func (nobody) Deliver(live.Notice) {}

func (nobody) End(room.Closing) {}

// TestReadyzReason checks that readyz says that acts cannot be written, and why, although the store itself reports no error.
func TestReadyzReason(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Listen, c.Admin = "127.0.0.1:0", "127.0.0.1:0"
	c.Auth.Issuer, c.Auth.Audience = dev.Issuer, dev.Audience
	d, err := openDaemon(c, t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range append(d.Public, d.Admin) {
		defer l.Close()
	}
	state, err := d.openState(new(newStateMetrics()))
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	journal := &fullJournal{}
	rooms := live.NewRegistry(live.Config{Policies: d.Secrets.Policies, Media: &silence{}, Journal: journal})
	server, err := d.server(rooms, signaling.NewMetrics(prometheus.NewRegistry(), ""), state, mediaPlane{mediaMetrics: &mediaMetrics{}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.AdminHandler())
	defer web.Close()
	grant := auth.Grant{Room: "r", Person: "p", Role: auth.Host, Policy: config.DefaultPolicyName}
	seat, _, err := rooms.Join(t.Context(), live.JoinRequest{Grant: grant}, nobody{})
	if err != nil {
		t.Fatal(err)
	}
	if resp, body := alcovetest.Get(t, web.URL+"/readyz"); resp.StatusCode != http.StatusOK {
		t.Fatalf("at first %s: %s", resp.Status, body)
	}
	journal.full.Store(true)
	if _, err := seat.Do(t.Context(), room.Lock{}); err != nil {
		t.Errorf("an act that closes is refused: %v", err)
	}
	if _, err := seat.Do(t.Context(), room.Unlock{}); err == nil {
		t.Error("an act that opens is not")
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		resp, body := alcovetest.Get(t, web.URL+"/readyz")
		if resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(body, "1 rooms have acts that are not written yet") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s", resp.Status, body)
		}
		runtime.Gosched()
	}
}
