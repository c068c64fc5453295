package live

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"alcove/auth"
	"alcove/room"
)

// A fakeClient records its notices. panics makes the next Deliver panic.
type fakeClient struct {
	t *testing.T

	mu      sync.Mutex
	notices []Notice
	ends    []room.Closing
	panics  bool
}

func (c *fakeClient) Deliver(n Notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.panics {
		panic("a client failed")
	}
	if len(c.ends) > 0 {
		c.t.Errorf("%T after the end", n)
	}
	c.notices = append(c.notices, n)
}

func (c *fakeClient) End(e room.Closing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends = append(c.ends, e)
	if len(c.ends) > 1 {
		c.t.Errorf("ended twice: %+v", c.ends)
	}
}

// take returns and clears the notices.
func (c *fakeClient) take() []Notice {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.notices
	c.notices = nil
	return n
}

func (c *fakeClient) ended() (room.Closing, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ends) == 0 {
		return room.Closing{}, false
	}
	return c.ends[0], true
}

// A fakeMedia is a media plane that applies plans at once, later, or never.
type fakeMedia struct {
	mu      sync.Mutex
	refuses bool
	holds   bool // keep the callbacks of ApplyPlan
	panics  bool
	answer  error
	reads   func() // is called when an offer was read, before it is accepted
	rooms   []*fakeRoom
}

func (m *fakeMedia) Open(_ MediaSession, events func(MediaEvent)) (MediaRoom, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuses {
		return nil, errors.New("no port")
	}
	r := &fakeRoom{media: m, events: events}
	m.rooms = append(m.rooms, r)
	return r, nil
}

func (m *fakeMedia) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// A fakeRoom records its calls.
type fakeRoom struct {
	media     *fakeMedia
	events    func(MediaEvent)
	plans     []room.Plan
	offers    []Offer
	held      []func()
	announced []uint64
	views     map[room.ParticipantID]View
	closed    int
	onPlan    func(room.Plan) // called with each plan; may be nil
}

func (r *fakeRoom) Answer(o Offer, accept func() error, done func(Answer, error)) {
	r.media.mu.Lock()
	r.offers = append(r.offers, o)
	err, reads := r.media.answer, r.media.reads
	r.media.mu.Unlock()
	go func() {
		if reads != nil {
			reads()
		}
		if err == nil {
			err = accept()
		}
		done(Answer{SDP: "answer"}, err)
	}()
}

func (r *fakeRoom) ApplyPlan(plan room.Plan, done func()) {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	if r.media.panics {
		panic(errors.New("the media plane failed"))
	}
	r.plans = append(r.plans, plan)
	if r.onPlan != nil {
		r.onPlan(plan)
	}
	if r.media.holds {
		r.held = append(r.held, done)
		return
	}
	go done()
}

func (r *fakeRoom) Announced(_ room.ParticipantID, version uint64) {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	r.announced = append(r.announced, version)
}

func (r *fakeRoom) View(id room.ParticipantID, v View) {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	if r.views == nil {
		r.views = map[room.ParticipantID]View{}
	}
	r.views[id] = v
}

func (r *fakeRoom) Close() {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	r.closed++
}

// release calls the callbacks that ApplyPlan kept.
func (r *fakeRoom) release() {
	r.media.mu.Lock()
	held := r.held
	r.held = nil
	r.media.mu.Unlock()
	for _, done := range held {
		done()
	}
}

// A fakeObserver counts results.
type fakeObserver struct {
	mu sync.Mutex
	n  map[string]int
}

func (o *fakeObserver) count(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.n == nil {
		o.n = map[string]int{}
	}
	o.n[key]++
}

func (o *fakeObserver) got(key string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n[key]
}

func (o *fakeObserver) Joined(r string)        { o.count("joined " + r) }
func (o *fakeObserver) Resumed(r string)       { o.count("resumed " + r) }
func (o *fakeObserver) Admitted(r string)      { o.count("admitted " + r) }
func (o *fakeObserver) Waited(d time.Duration) { o.count("waited " + d.String()) }
func (o *fakeObserver) Panicked()              { o.count("panicked") }

// A harness is a registry with fakes, inside a synctest bubble.
type harness struct {
	t        *testing.T
	reg      *Registry
	media    *fakeMedia
	observer *fakeObserver
}

// withHarness runs a test in a synctest bubble and checks that all goroutines end with the rooms.
func withHarness(t *testing.T, test func(t *testing.T, h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &harness{t: t, media: &fakeMedia{}, observer: &fakeObserver{}}
		h.reg = NewRegistry(Config{
			Policies: map[string]room.Policy{
				"default": {MaxParticipants: 50, MaxWaiting: 100, ResumeWindow: time.Minute},
				"other":   {MaxParticipants: 5, MaxWaiting: 5, ResumeWindow: time.Minute},
			},
			Media: h.media, Observe: h.observer, MaxRooms: 3,
		})
		test(t, h)
		if err := h.reg.Close(t.Context()); err != nil {
			t.Errorf("close: %v", err)
		}
		for i, r := range h.media.rooms {
			if r.closed != 1 {
				t.Errorf("media of room %d was closed %d times", i, r.closed)
			}
		}
	})
}

// A testSeat is a joined client.
type testSeat struct {
	*Seat
	client  *fakeClient
	welcome Welcome
}

func grant(name, person string, role auth.Role) auth.Grant {
	return auth.Grant{Room: name, Person: person, Role: role, Name: person, IssuedAt: time.Now()}
}

func (h *harness) join(name, person string, role auth.Role) testSeat {
	h.t.Helper()
	c := &fakeClient{t: h.t}
	seat, welcome, err := h.reg.Join(h.t.Context(), JoinRequest{Grant: grant(name, person, role), E2EE: true}, c)
	if err != nil {
		h.t.Fatalf("join of %s: %v", person, err)
	}
	return testSeat{seat, c, welcome}
}

func (h *harness) refusedJoin(g auth.Grant, want room.Code) {
	h.t.Helper()
	c := &fakeClient{t: h.t}
	_, _, err := h.reg.Join(h.t.Context(), JoinRequest{Grant: g}, c)
	h.wantCode(err, want)
	if n := c.take(); n != nil {
		h.t.Fatalf("a refused client was told %+v", n)
	}
	if e, ok := c.ended(); ok {
		h.t.Fatalf("a refused client was ended: %+v", e)
	}
}

func (h *harness) resume(g testSeat) (testSeat, error) {
	c := &fakeClient{t: h.t}
	seat, welcome, err := h.reg.Resume(h.t.Context(), ResumeRequest{Session: g.welcome.Session, Secret: g.welcome.Secret, E2EE: true}, c)
	return testSeat{seat, c, welcome}, err
}

func (h *harness) do(g testSeat, c room.Command) room.Outcome {
	h.t.Helper()
	o, err := g.Do(h.t.Context(), c)
	if err != nil {
		h.t.Fatalf("%T: %v", c, err)
	}
	return o
}

func (h *harness) wantCode(err error, want room.Code) {
	h.t.Helper()
	var e *room.Error
	if !errors.As(err, &e) || e.Code != want {
		h.t.Fatalf("error %v, want %s", err, want)
	}
}

func (h *harness) wantEnd(g testSeat, access room.Access, reason string) {
	h.t.Helper()
	synctest.Wait()
	if e, ok := g.client.ended(); !ok || e.Access != access || e.Reason != reason {
		h.t.Fatalf("end %v %+v, want %s %s", ok, e, access, reason)
	}
}

// notices waits until all goroutines are blocked and returns the notices since the last call.
func (h *harness) notices(g testSeat) []Notice {
	synctest.Wait()
	return g.client.take()
}

func shortContext(h *harness) (context.Context, context.CancelFunc) {
	return context.WithTimeout(h.t.Context(), 2*time.Second)
}
