package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"alcove/auth"
	"alcove/loadtest/browser"
	"alcove/loadtest/client"
	"alcove/loadtest/report"
)

// A browserRoom is a room of browsers beside the rooms under load, to measure what people in one group see meanwhile.
type browserRoom struct {
	r        *runner
	chromium *browser.Chromium
	mu       sync.Mutex
	clients  []*browserClient // Guarded by mu.
	leaves   map[string]int   // by participant: who seals under which leaf. Guarded by mu
}

// A browserClient is one browser.
type browserClient struct {
	name       string
	member     *client.Member
	mu         sync.Mutex
	peer       *browser.Peer // Guarded by mu: the newest.
	slots      []slotOwner   // Guarded by mu: the newest slot map.
	telling    sync.Mutex    // one update after the other
	firstStats browser.Stats
	others     int // who publish video
}

// openBrowserRoom opens the room of browsers, if there is to be one.
func (r *runner) openBrowserRoom(ctx context.Context) *browserRoom {
	if r.o.Browsers == 0 {
		return nil
	}
	t := &browserRoom{r: r, leaves: map[string]int{}}
	var err error
	if t.chromium, err = browser.Start(ctx, ""); err != nil {
		r.failUnless(ctx, "chromium", err)
		return nil
	}
	if r.env.E2EE {
		worker, err := framesWorker(ctx, r.o)
		if err != nil {
			r.failUnless(ctx, "the frames worker of the page", err)
			t.chromium.Close()
			return nil
		}
		t.chromium.ServeWorker(worker)
	}
	for i := range r.o.Browsers {
		t.join(ctx, i)
	}
	return t
}

// join joins one browser; the first is the host.
func (t *browserRoom) join(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	s := &browserClient{name: fmt.Sprintf("Chromium %d", i+1)}
	who := client.Persona{
		Room: fmt.Sprintf("load-%x-browsers", t.r.o.Seed&0xffffff), Subject: fmt.Sprintf("browser-%d", i), Name: s.name, Role: auth.Participant,
		Connect: func() (client.Transport, error) {
			p, err := t.chromium.NewPeer(ctx)
			if err != nil {
				return nil, err
			}
			if t.r.env.E2EE {
				if err := p.Seal(ctx, i); err != nil {
					return nil, err
				}
			}
			s.mu.Lock()
			s.peer = p
			s.mu.Unlock()
			t.tellOwners(s)
			return p, nil
		},
	}
	if i == 0 {
		who.Role, who.AdmitAll = auth.Host, true
	}
	s.member = client.NewMember(t.r.env, t.r.faulty, who, func(e client.Event) {
		if e.Type == "slot.map" && s.noteSlots(e.Data) {
			go t.tellOwners(s)
		}
	})
	if err := s.member.Enter(ctx); err != nil {
		t.r.failUnless(ctx, "a browser's entry", err)
		return
	}
	t.mu.Lock()
	t.leaves[s.member.View().ID] = i
	all := append(slices.Clone(t.clients), s)
	t.mu.Unlock()
	for _, other := range all {
		t.tellOwners(other)
	}
	if err := s.member.Await(ctx, "media in a browser", client.Connected); err != nil {
		t.r.failUnless(ctx, "a browser's connection", err)
		s.member.Vanish()
		return
	}
	t.r.addPeople(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clients = append(t.clients, s)
}

// A slotOwner is an entry of a slot map.
type slotOwner struct {
	Kind          string
	ParticipantID string
	CSRC          uint32
}

// noteSlots keeps a slot map.
func (s *browserClient) noteSlots(data json.RawMessage) bool {
	var m struct{ Slots []slotOwner }
	if json.Unmarshal(data, &m) != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots = m.Slots
	return true
}

// tellOwners passes a browser the owners of CSRCs, if it seals frames and has a connection.
func (t *browserRoom) tellOwners(s *browserClient) {
	if !t.r.env.E2EE {
		return
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	peer, slots := s.peer, s.slots
	s.mu.Unlock()
	if peer == nil {
		return
	}
	streams := map[string]int{"audio": browser.StreamMicrophone, "video": browser.StreamCamera, "screen": browser.StreamScreen}
	owners := []browser.Owner{}
	t.mu.Lock()
	for _, slot := range slots {
		if leaf, known := t.leaves[slot.ParticipantID]; known {
			owners = append(owners, browser.Owner{CSRC: slot.CSRC, Leaf: leaf, Stream: streams[slot.Kind]})
		}
	}
	t.mu.Unlock()
	if err := peer.SetOwners(context.Background(), owners); err != nil {
		t.r.fail("a browser's keys", err)
	}
}

// framesWorker is the script that the page of the server seals frames with.
func framesWorker(ctx context.Context, o Options) ([]byte, error) {
	page, err := fetch(ctx, o, "/")
	if err != nil {
		return nil, err
	}
	name := regexp.MustCompile(`<meta name="frames-worker" content="(/[^"]+)"`).FindSubmatch(page)
	if name == nil {
		return nil, errors.New("the page names none: it was not built, or the server is an older one")
	}
	return fetch(ctx, o, string(name[1]))
}

// maxPageFile is far above any file of the page, in bytes.
const maxPageFile = 4 << 20

func fetch(ctx context.Context, o Options, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.Server+path, nil)
	if err != nil {
		return nil, err
	}
	c := http.Client{Transport: &http.Transport{TLSClientConfig: o.TLS, DisableKeepAlives: true}}
	answer, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxPageFile))
}

// open begins the window.
func (t *browserRoom) open(ctx context.Context) {
	if t == nil {
		return
	}
	for _, s := range t.clients {
		var err error
		if s.firstStats, err = s.peer.Stats(ctx); err != nil {
			t.r.failUnless(ctx, "a browser's statistics", err)
		}
	}
}

// close ends the window and the browsers.
func (t *browserRoom) close(ctx context.Context) []report.Browser {
	if t == nil {
		return nil
	}
	var all []report.Browser
	for _, s := range t.clients {
		last, err := s.peer.Stats(ctx)
		if err != nil {
			t.r.fail("a browser's statistics", err)
			continue
		}
		s.others = len(t.clients) - 1
		all = append(all, s.row(last))
	}
	for _, s := range t.clients {
		leaving, cancel := context.WithTimeout(ctx, time.Second)
		_ = s.member.Leave(leaving)
		t.r.addPeople(-1)
		cancel()
	}
	t.chromium.Close()
	return all
}

// row is what one browser saw within the window. A video that shows no new frame in the window counts as missing: the server left it out.
func (s *browserClient) row(last browser.Stats) report.Browser {
	f := s.firstStats
	seconds := (last.At - f.At) / 1000
	streams := 0.0
	for track, frames := range last.FramesByTrack {
		if (frames-f.FramesByTrack[track])/seconds > minFrameRate {
			streams++
		}
	}
	share := func(part, whole float64) float64 {
		if whole <= 0 {
			return 0
		}
		return max(part, 0) / whole
	}
	return report.Browser{
		Name: s.name, Streams: streams, Missing: float64(s.others) - streams,
		FPS: share(last.Frames-f.Frames, seconds*streams), Freezes: last.Freezes - f.Freezes,
		FrozenShare: share(last.Frozen-f.Frozen, seconds*streams), Concealed: share(last.Concealed-f.Concealed, last.Samples-f.Samples),
		FirstFrameMs: last.FirstFrame, Loss: share(last.Lost-f.Lost, last.Lost-f.Lost+last.Received-f.Received), RTTMs: 1000 * last.RTT,
		Width: last.Width, KbitPerStream: share(8*(last.Bytes-f.Bytes)/1000, seconds*streams),
		BufferMs: 1000 * share(last.BufferDelay-f.BufferDelay, last.BufferCount-f.BufferCount),
	}
}
