package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"alcove/auth"
	"alcove/loadtest/pace"
)

// negotiate sends the offers that the server asks for, one after the other, until the signalling connection ends.
func (m *Member) negotiate(conn *SignalConn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-conn.Done()
		cancel()
	}()
	for {
		select {
		case r := <-m.offers:
			if err := m.offerMedia(ctx, conn, r); err != nil && ctx.Err() == nil && !errors.Is(err, errGone) {
				m.fail(err)
			}
		case <-conn.Done():
			return
		}
	}
}

// offerMedia answers one media.ready.
func (m *Member) offerMedia(ctx context.Context, conn *SignalConn, r ready) error {
	if m.persona.SendOnly {
		r.Slots = Slots{}
	}
	m.mu.Lock()
	t, generation := m.transport, m.generation
	alive := t != nil && r.Generation <= generation && !isClosed(t.Closed()) // it may have been said before our offer came
	enough := r.Slots.Pairs <= m.slots.Pairs && r.Slots.Screens <= m.slots.Screens
	m.mu.Unlock()
	if alive && enough {
		return nil // resumed, and the connection outlived the wire
	}
	if !alive {
		var err error
		if t, err = m.connection(); err != nil {
			return err
		}
		generation = r.Generation + 1
	}
	sdp, tracks, err := t.Offer(r.Slots)
	if err != nil {
		return err
	}
	if tracks == nil {
		tracks = []Track{}
	}
	m.mu.Lock()
	m.generation, m.slots = generation, r.Slots
	if !alive {
		m.transport = t
		m.times.Offered = pace.Now()
	}
	m.mu.Unlock()
	var answer struct{ SDP string }
	request := map[string]any{"generation": generation, "sdp": sdp, "tracks": tracks}
	if err := conn.Call(ctx, "media.offer", request, &answer); err != nil {
		if !alive {
			t.Close(false)
		}
		if Code(err) == "not_admitted" || Code(err) == "stale_generation" {
			return nil // sent back, or a newer connection: the server told us, or will
		}
		return fmt.Errorf("media.offer: %w", err)
	}
	m.setTime(func(times *Times) {
		if !alive {
			times.Answered = pace.Now()
		}
	})
	if err := t.Answered(ctx, answer.SDP, m.env.Via); err != nil {
		return err
	}
	if !alive {
		m.setTime(func(times *Times) { times.Connected = pace.Now() })
		t.Start(m.random)
	}
	return nil
}

func (m *Member) setTime(change func(*Times)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.times)
	m.notify()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// connection creates a new transport with new sources, and closes the old one.
func (m *Member) connection() (Transport, error) {
	t, err := m.newTransport()
	if err == nil && m.persona.Wrap != nil {
		return m.persona.Wrap(t), nil
	}
	return t, err
}

func (m *Member) newTransport() (Transport, error) {
	var sources []*source
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	m.mu.Lock()
	old := m.transport
	m.transport = nil
	was := map[bool]bool{}
	for _, s := range m.sources {
		was[s.video] = s.muted.Load()
	}
	for video, shape := range map[bool]*MediaProfile{false: m.persona.Audio, true: m.persona.Video} {
		if shape != nil {
			profile := *shape
			profile.Sealed = m.env.E2EE
			s := newSource(profile, video, random)
			s.muted.Store(was[video])
			sources = append(sources, s)
		}
	}
	if len(sources) == 2 && sources[0].video { // microphone first (PROTOCOL.md, section 6)
		sources[0], sources[1] = sources[1], sources[0]
	}
	m.sources = sources
	m.mu.Unlock()
	if old != nil {
		go old.Close(true)
	}
	m.sink.Forget()
	if m.persona.Connect != nil {
		return m.persona.Connect()
	}
	if !m.persona.Light {
		return newReal(m.env.Local, m.env.Pacer, m.sink, sources)
	}
	id, err := m.env.sharedIdentity()
	if err != nil {
		return nil, err
	}
	return newLight(m.env.Local, id, m.env.Pacer, m.sink, sources)
}

// Await waits until ok holds for a consistent View, or until the member failed or the context ends.
func (m *Member) Await(ctx context.Context, what string, ok func(View) bool) error {
	for {
		m.mu.Lock()
		v, changed := m.snapshot(), m.changed
		m.mu.Unlock()
		if ok(v) {
			return nil
		}
		if v.Err != nil {
			return v.Err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s, %s", what, v.stage())
		}
	}
}

// A View is a member at one moment.
type View struct {
	ID    string
	State string
	Times Times
	Err   error // the first thing that went wrong
}

// stage describes the member's progress, for errors; it contains no names, so that failures of one kind are counted together.
func (v View) stage() string {
	switch {
	case v.State == "":
		return "not yet welcome"
	case v.State != "admitted":
		return "state " + v.State
	case v.Times.Offered == 0:
		return "admitted, no offer made yet"
	case v.Times.Answered == 0:
		return "the offer is not answered"
	case v.Times.Connected == 0:
		return "the answer is there, ICE or DTLS is not done"
	}
	return "connected"
}

// snapshot is called with mu held.
func (m *Member) snapshot() View { return View{m.id, m.state, m.times, m.failure} }

// View returns the member's present state.
func (m *Member) View() View {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.snapshot()
}

// Connected reports that media may flow.
func Connected(v View) bool { return v.State == "admitted" && v.Times.Connected != 0 }

// SetMuted stops or starts a source of the member and notifies the server: muting starts here, unmuting there.
func (m *Member) SetMuted(ctx context.Context, video, muted bool) error {
	if muted {
		m.mute(video, true)
	}
	err := m.Call(ctx, "publication.set", map[string]any{"source": sourceName(video), "muted": muted}, nil)
	if err == nil && !muted {
		m.mute(video, false)
	}
	return err
}

func (m *Member) mute(video, muted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sources {
		if s.video == video {
			s.muted.Store(muted)
		}
	}
}

// RenewSSRC continues the member's source of a Shape with MID under another SSRC, from its next frame on; light clients only.
func (m *Member) RenewSSRC(video bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sources {
		if s.video == video {
			s.renewals.Add(1)
		}
	}
}

// RenewedSSRCs is how many times a source of the member did so.
func (m *Member) RenewedSSRCs(video bool) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, s := range m.sources {
		if s.video == video {
			n += int(s.renewed.Load())
		}
	}
	return n
}

// Disconnect drops the signalling connection without closing it; media continues.
func (m *Member) Disconnect() {
	m.mu.Lock()
	conn := m.conn
	m.mu.Unlock()
	if conn != nil {
		conn.Disconnect()
	}
}

// Vanish drops everything without notice, as a crash does.
func (m *Member) Vanish() {
	m.Disconnect()
	m.drop(false)
}

func (m *Member) drop(polite bool) {
	m.mu.Lock()
	t := m.transport
	m.transport, m.state = nil, "left"
	m.mu.Unlock()
	if t != nil {
		t.Close(polite)
	}
	m.sink.Close()
}

// Leave leaves the session and closes all connections.
func (m *Member) Leave(ctx context.Context) error {
	err := m.Call(ctx, "leave", nil, nil)
	m.mu.Lock()
	conn := m.conn
	m.mu.Unlock()
	if conn != nil {
		timeout := time.After(time.Second)
		select {
		case <-conn.Done():
		case <-timeout:
		}
		conn.Disconnect()
	}
	m.drop(true)
	if errors.Is(err, ErrLost) {
		return nil
	}
	return err
}

// A FirstSent is when a member's source was first sent.
type FirstSent struct {
	Video bool
	At    time.Duration
}

// PacketsSent returns how many packets the member's sources have sent on this connection, and their debuts.
func (m *Member) PacketsSent() (packets uint64, debuts []FirstSent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sources {
		packets += s.sent.Load()
		if at := s.firstSent.Load(); at != 0 {
			debuts = append(debuts, FirstSent{s.video, time.Duration(at)})
		}
	}
	return packets, debuts
}

// FirstPackets returns when each participant's sources were first received: audio, and the first key frame.
func (m *Member) FirstPackets() map[string]FirstArrival {
	firsts := m.sink.FirstPackets()
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]FirstArrival{}
	for csrc, f := range firsts {
		who := all[m.owners[csrc]]
		if f.KeyFrame != 0 {
			who.KeyFrame = f.KeyFrame
		} else if who.Packet == 0 || f.Packet < who.Packet {
			who.Packet = f.Packet
		}
		all[m.owners[csrc]] = who
	}
	delete(all, "")
	return all
}

// InSlots returns the participants in the slots, by the newest slot map.
func (m *Member) InSlots() map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inSlots
}

// KernelDrops is the number of datagrams that the kernel dropped because this process read too late; light clients only.
func (m *Member) KernelDrops() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l, ok := m.transport.(*Light); ok {
		return l.drops()
	}
	return 0
}

// Host reports whether the member hosts the room.
func (m *Member) Host() bool { return m.persona.Role == auth.Host }

// HasSent reports whether the member's source has sent anything on this connection.
func (m *Member) HasSent(video bool) bool {
	_, debuts := m.PacketsSent()
	return slices.ContainsFunc(debuts, func(d FirstSent) bool { return d.Video == video })
}

// Admit admits all waiting people. It retries when the server cannot at the moment, as a host would click again.
func (m *Member) Admit(ctx context.Context) {
	for range admitTries {
		var answer struct {
			Refused []struct{ Code string }
		}
		err := m.Call(ctx, "waiting.admit", map[string]any{"participantIds": "*"}, &answer)
		r, refused := errors.AsType[*Refusal](err)
		later := slices.ContainsFunc(answer.Refused, func(r struct{ Code string }) bool { return r.Code == "unavailable" })
		if !later && (!refused || !r.Retryable) {
			return // done, or nobody waits, or the wire is gone
		}
		pause := admitPause
		if refused {
			pause = max(pause, time.Duration(r.RetryAfterMs)*time.Millisecond)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// WaitClosed waits for the end of the signalling connection and returns its close code, 0 if there was none.
func (m *Member) WaitClosed(ctx context.Context) int {
	m.mu.Lock()
	conn := m.conn
	m.mu.Unlock()
	select {
	case <-conn.Done():
		return conn.CloseCode()
	case <-ctx.Done():
		return 0
	}
}

// Stall makes a light member stop reading: arriving packets fill the kernel's buffer.
func (m *Member) Stall() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l, ok := m.transport.(*Light); ok {
		l.stalled.Store(true)
	}
}

// AskRepeatedly makes a light member request every packet again, and a key frame of every source, at every interval.
func (m *Member) AskRepeatedly(every time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l, ok := m.transport.(*Light); ok {
		l.pacer.Add(pace.Now(), false, func(due, _ time.Duration) (time.Duration, bool) { return due + every, l.sendRequests() })
	}
}
