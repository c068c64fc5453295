package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"alcove/auth"
	"alcove/loadtest/pace"
	"alcove/signaling/wire"
)

// An Env holds what all members of a run share.
type Env struct {
	Server string      // http://host:port
	TLS    *tls.Config // nil: the system's roots
	Minter Minter
	Pacer  *pace.Pacer
	Local  netip.Addr                          // to send media from
	Via    func(netip.AddrPort) netip.AddrPort // where to send media instead of straight to the server, nil: straight
	Seed   uint64
	// Passcode is entered where a room asks for one.
	Passcode string
	E2EE     bool // rooms are encrypted end to end, as far as a server sees it

	once     sync.Once
	identity *identity
	err      error
}

func (l *Env) sharedIdentity() (*identity, error) {
	l.once.Do(func() { l.identity, l.err = newIdentity() })
	return l.identity, l.err
}

// A Persona describes a participant and their behaviour.
type Persona struct {
	Room, Subject, Name string
	Role                auth.Role
	Light               bool
	Audio, Video        *MediaProfile // nil: publishes none
	Silent              bool          // enters without media
	SendOnly            bool          // receives nothing: offers no slots
	AdmitAll            bool          // a host who admits everybody at once
	NoConsent           bool          // consents to nothing by itself
	// Connect creates the member's connections; nil: light or real ones.
	Connect func() (Transport, error)
	// Wrap wraps each connection that the member creates; nil: none.
	Wrap func(Transport) Transport
}

// Times of a member's entry, by Now; zero: not yet.
type Times struct {
	Dialed, Welcomed, Admitted, Offered, Answered, Connected time.Duration
}

// A Transport is one connection for media: light, real, or of a browser.
type Transport interface {
	Offer(Slots) (sdp string, tracks []Track, err error)
	Answered(ctx context.Context, sdp string, via func(netip.AddrPort) netip.AddrPort) error
	Start(*rand.Rand)
	Closed() <-chan struct{}
	Close(polite bool)
}

// A Member is one participant.
type Member struct {
	env       *Env
	persona   Persona
	sink      *Sink
	offers    chan ready // newest only
	random    *rand.Rand
	admitting atomic.Int64 // events about waiting people since admitAll was last idle

	mu         sync.Mutex
	conn       *SignalConn // Guarded by mu, as all below.
	id         string
	session    string
	secret     string
	state      string
	pingEvery  time.Duration
	times      Times
	changed    chan struct{} // closed and replaced when state, times or slots change
	generation uint32
	slots      Slots
	transport  Transport
	sources    []*source
	owners     map[uint32]string // participant by CSRC, from the slot maps
	inSlots    map[string]bool   // by participant: the newest slot map; replaced whole
	failure    error
	onEvent    func(Event)

	group memberGroup
}

// ready is the event media.ready.
type ready struct {
	Generation uint32 `json:"generation"`
	Slots      Slots  `json:"slots"`
}

// NewMember creates a participant who has not joined yet. hear receives every event, on the reader's goroutine; nil for none.
func NewMember(env *Env, group *Group, persona Persona, onEvent func(Event)) *Member {
	m := &Member{
		env: env, persona: persona, sink: group.NewSink(), offers: make(chan ready, 1), owners: map[uint32]string{},
		changed: make(chan struct{}), onEvent: onEvent, random: rand.New(rand.NewPCG(env.Seed, hash(persona.Room+"/"+persona.Subject))),
	}
	return m
}

// hash turns a name into a seed.
func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s)) // never fails
	return h.Sum64()
}

// welcome is the answer to hello.
type welcome struct {
	SessionID     string `json:"sessionId"`
	ResumeSecret  string `json:"resumeSecret"`
	ParticipantID string `json:"participantId"`
	State         string `json:"state"`
	PingMs        int    `json:"pingMs"`
}

// Enter connects and sends hello with a new token.
func (m *Member) Enter(ctx context.Context) error {
	token, err := m.env.Minter.Token(m.persona.Room, m.persona.Subject, m.persona.Name, m.persona.Role)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.times = Times{Dialed: pace.Now()}
	m.mu.Unlock()
	return m.hello(ctx, map[string]any{"token": token.Reveal(), "displayName": m.persona.Name})
}

// Resume takes the seat again after Cut.
func (m *Member) Resume(ctx context.Context) error {
	m.mu.Lock()
	session, secret := m.session, m.secret
	m.times.Dialed = pace.Now()
	m.mu.Unlock()
	return m.hello(ctx, map[string]any{"resume": map[string]string{"sessionId": session, "secret": secret}})
}

func (m *Member) hello(ctx context.Context, data map[string]any) error {
	welcomed := make(chan struct{}) // events follow the answer at once, and must not overtake it here
	release := sync.OnceFunc(func() { close(welcomed) })
	defer release()
	conn, err := Dial(ctx, m.env.Server, m.env.TLS, func(e Event) { <-welcomed; m.event(e) })
	if err != nil {
		return err
	}
	if m.env.E2EE {
		data["e2ee"] = wire.E2EEVersion
	}
	data["client"] = map[string]string{"name": "loadtest", "version": "1"}
	if m.env.Passcode != "" && m.persona.Role == auth.Host {
		data["passcode"] = m.env.Passcode
	}
	var answer json.RawMessage
	var w welcome
	err = conn.Call(ctx, "hello", data, &answer)
	if err == nil {
		err = json.Unmarshal(answer, &w)
	}
	if err != nil {
		release()
		conn.Disconnect()
		return err
	}
	m.mu.Lock()
	m.conn = conn
	m.id, m.session, m.secret = w.ParticipantID, w.SessionID, w.ResumeSecret
	m.pingEvery = time.Duration(max(w.PingMs, 100)) * time.Millisecond
	m.times.Welcomed = pace.Now()
	if m.state != "admitted" || w.State != "admitted" {
		m.setState(w.State)
	}
	m.mu.Unlock()
	m.respond(conn, answer)
	if m.env.E2EE {
		go func() {
			if err := m.joinGroup(context.Background(), conn); err != nil && !errors.Is(err, ErrLost) && Code(err) != "rate_limited" {
				m.fail(err)
			}
		}()
	}
	go m.keepAlive(conn)
	go m.negotiate(conn)
	return nil
}

// keepAlive pings, which also confirms a resume's new secret.
func (m *Member) keepAlive(conn *SignalConn) {
	m.mu.Lock()
	every := m.pingEvery
	m.mu.Unlock()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		_ = conn.Call(context.Background(), "ping", nil, nil)
		select {
		case <-ticker.C:
		case <-conn.Done():
			return
		}
	}
}

// setState notes a state. Called with mu held.
func (m *Member) setState(state string) {
	if state == "admitted" && m.times.Admitted == 0 {
		m.times.Admitted = pace.Now()
	}
	m.state = state
	m.notify()
}

// notify wakes all waiters for a change. Called with mu held.
func (m *Member) notify() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// event runs on the reader of the signalling connection. Unknown events of newer servers are ignored.
func (m *Member) event(e Event) {
	switch e.Type {
	case "access.changed":
		var d struct{ State string }
		if json.Unmarshal(e.Data, &d) == nil {
			m.access(d.State)
		}
	case "media.ready":
		var r ready
		if json.Unmarshal(e.Data, &r) == nil && !m.persona.Silent {
			select {
			case <-m.offers: // only the newest counts
			default:
			}
			m.offers <- r
		}
	case "slot.map":
		m.slotMap(e.Data)
	case "self.updated":
		m.mu.Lock()
		conn := m.conn
		m.mu.Unlock()
		m.respond(conn, e.Data)
	case "waiting.list", "waiting.added", "waiting.updated":
		if m.persona.AdmitAll {
			m.admitAll(e)
		}
	}
	if m.env.E2EE {
		m.groupEvent(e)
	}
	if m.onEvent != nil {
		m.onEvent(e)
	}
}

func (m *Member) access(state string) {
	m.mu.Lock()
	was := m.state
	m.setState(state)
	t := m.transport
	if was == "admitted" && state != "admitted" {
		m.transport, m.times.Admitted = nil, 0
		m.times.Offered, m.times.Answered, m.times.Connected = 0, 0, 0
	} else {
		t = nil
	}
	m.mu.Unlock()
	if t != nil {
		go t.Close(true)
	}
}

func (m *Member) slotMap(data json.RawMessage) {
	var d struct {
		Slots []struct {
			ParticipantID string `json:"participantId"`
			CSRC          uint32 `json:"csrc"`
		}
	}
	if json.Unmarshal(data, &d) != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inSlots = map[string]bool{}
	for _, s := range d.Slots {
		m.owners[s.CSRC] = s.ParticipantID
		m.inSlots[s.ParticipantID] = true
	}
}

// admitAll admits all waiting people, one request after the other however many events there are, because the server limits the rate.
func (m *Member) admitAll(e Event) {
	var d struct{ Waiting []struct{} }
	if e.Type == "waiting.list" && (json.Unmarshal(e.Data, &d) != nil || len(d.Waiting) == 0) {
		return
	}
	if m.admitting.Add(1) > 1 {
		return // the running call will ask again
	}
	go func() {
		for {
			seen := m.admitting.Load()
			m.Admit(context.Background())
			if m.admitting.CompareAndSwap(seen, 0) {
				return
			}
		}
	}()
}

func (m *Member) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure == nil {
		m.failure = err
	}
	m.notify()
}

// Call asks the server on the member's connection.
func (m *Member) Call(ctx context.Context, kind string, data, into any) error {
	m.mu.Lock()
	conn := m.conn
	m.mu.Unlock()
	if conn == nil {
		return ErrLost
	}
	return conn.Call(ctx, kind, data, into)
}
