package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/dev"
	"alcove/cmd/alcove/internal/keyfile"
	guests "alcove/loadtest/client"
	"alcove/loadtest/pace"
	"alcove/room"
	"alcove/room/live"
	"alcove/sfu/record"
)

// A studio is a daemon in this process that records, with people who send it audio and video that tests can find in the recordings.
type studio struct {
	*running
	t        *testing.T
	folder   string
	lab      *guests.Env
	recorder *recorder
	exported string // the folder of the last export
	stopping sync.Once
}

func newStudio(t *testing.T, mode string) *studio {
	t.Helper()
	return newStudioOf(t, mode, room.E2EEOff)
}

func newStudioOf(t *testing.T, mode string, encryption room.E2EEMode) *studio {
	t.Helper()
	s := &studio{t: t, folder: t.TempDir()}
	c := config.Default()
	c.Listen, c.Admin, c.Media.Port = "127.0.0.1:0", "127.0.0.1:0", 0
	c.Media.Listen = config.Addresses{"127.0.0.1"}
	c.Auth.Issuer, c.Auth.Audience = dev.Issuer, dev.Audience
	group := c.Policies[config.DefaultPolicyName]
	text := func(id string) []config.Text {
		return []config.Text{{ID: id, Version: "1", Locale: "en", File: "texts/" + id + ".en.txt"}}
	}
	group.Recording = config.PolicyRecording{Mode: mode, Consents: []config.Consent{
		{Scope: string(room.RecordingAudio), Purpose: "supervision", Texts: text("audio")},
		{Scope: string(room.RecordingVideo), Purpose: "supervision", Texts: text("video")},
	}}
	group.E2EE = encryption.String()
	c.Policies[config.DefaultPolicyName] = group
	s.running = &running{log: &alcovetest.Log{}, signals: make(chan os.Signal, 2), stopped: make(chan error, 1)}
	d, err := openDaemon(c, s.folder, slog.New(slog.NewTextHandler(s.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan *recorder, 1)
	d.OpenMedia = func(c config.Config, log *slog.Logger) (live.Media, Plane, error) {
		m, closer, err := OpenMedia(c, log)
		if err == nil {
			opened <- closer.(mediaPlane).rec
		}
		return m, closer, err
	}
	s.base, s.admin = "http://"+d.Public[0].Addr().String(), "http://"+d.Admin.Addr().String()
	stop, done := signalContexts(s.signals)
	go func() { s.stopped <- d.Run(stop) }()
	t.Cleanup(func() { s.stop(); done() })
	s.recorder = <-opened
	pacer, err := pace.NewPacer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pacer.Close)
	minter := guests.Minter{Issuer: dev.Issuer, Audience: dev.Audience, E2EE: encryption == room.E2EERequired}
	if err := minter.LoadKey(filepath.Join(s.folder, keyfile.SigningFile)); err != nil {
		t.Fatal(err)
	}
	s.lab = &guests.Env{Server: s.base, Minter: minter, Pacer: pacer, Local: netip.MustParseAddr("127.0.0.1"), Seed: 1, E2EE: encryption == room.E2EERequired}
	return s
}

// stop ends the daemon as an operator does.
func (s *studio) stop() {
	s.stopping.Do(func() {
		s.signals <- os.Interrupt
		if err := <-s.stopped; err != nil {
			s.t.Errorf("stopped with %v\n%s", err, s.log)
		}
	})
}

// A player is one of the people, with what they were told.
type player struct {
	*guests.Member
	studio *studio
	name   string

	mu        sync.Mutex
	texts     map[string]string // hashes of what is asked, by scope
	recording string
	states    []string // of the recording, each as it changed
	faults    []string
	changed   chan struct{} // closed and replaced with each event
}

// arrive brings somebody to the door of a room, hosts into it.
func (s *studio) arrive(in, name string, role auth.Role) *player {
	s.t.Helper()
	p := &player{studio: s, name: name, texts: map[string]string{}, changed: make(chan struct{})}
	sound, picture := guests.Microphone(), guests.Camera()
	p.Member = guests.NewMember(s.lab, guests.NewGroup(), guests.Persona{
		Room: in, Subject: name, Name: name, Role: role, Light: true, Audio: &sound, Video: &picture, NoConsent: true,
		AdmitAll: role == auth.Host,
	}, p.hear)
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	if err := p.Enter(ctx); err != nil {
		s.t.Fatalf("%s: %v\n%s", name, err, s.log)
	}
	s.t.Cleanup(p.Vanish)
	return p
}

// sends waits until the person is in and media flows.
func (p *player) sends() *player {
	p.studio.t.Helper()
	ctx, cancel := context.WithTimeout(p.studio.t.Context(), 20*time.Second)
	defer cancel()
	if err := p.Await(ctx, "media", guests.Connected); err != nil {
		p.studio.t.Fatalf("%s: %v\n%s", p.name, err, p.studio.log)
	}
	return p
}

func (s *studio) enter(name string, role auth.Role) *player {
	s.t.Helper()
	return s.arrive("studio", name, role).sends()
}

func (p *player) hear(e guests.Event) {
	var d struct {
		Recording string
		Reason    string
		Consents  []struct {
			Scope string
			Texts []struct{ TextHash string }
		}
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Type {
	case "room.updated":
		if p.recording != d.Recording {
			p.recording, p.states = d.Recording, append(p.states, d.Recording)
		}
	case "recording.failed":
		p.faults = append(p.faults, d.Reason)
	case "self.updated":
		for _, c := range d.Consents {
			p.texts[c.Scope] = c.Texts[0].TextHash
		}
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// until waits for something that the person was told.
func (p *player) until(what string, ok func() bool) {
	p.studio.t.Helper()
	late := time.After(20 * time.Second)
	for {
		p.mu.Lock()
		met, changed := ok(), p.changed
		p.mu.Unlock()
		if met {
			return
		}
		select {
		case <-changed:
		case <-late:
			p.studio.t.Fatalf("%s: not told that %s; recording is %q\n%s", p.name, what, p.recording, p.studio.log)
		}
	}
}

func (p *player) sees(state string) {
	p.studio.t.Helper()
	p.until("recording is "+state, func() bool { return p.recording == state })
}

func (p *player) must(kind string, data any) {
	p.studio.t.Helper()
	if err := p.Call(p.studio.t.Context(), kind, data, nil); err != nil {
		p.studio.t.Fatalf("%s: %s: %v", p.name, kind, err)
	}
}

func (p *player) answer(decision string, scopes ...string) {
	p.studio.t.Helper()
	for _, scope := range scopes {
		p.until("consent is asked", func() bool { return p.texts[scope] != "" })
		p.must("consent.respond", map[string]string{"scope": scope, "textHash": p.texts[scope], "decision": decision})
	}
}

const (
	soundScope   = "recording.audio"
	pictureScope = "recording.video"
)

func (p *player) ask(scopes ...string) {
	p.studio.t.Helper()
	p.must("recording.start", map[string]any{"scopes": scopes})
}

// speaks lets so many more packets of the person go to the daemon.
func (p *player) speaks(packets uint64) {
	p.studio.t.Helper()
	before, _ := p.PacketsSent()
	p.studio.wait(p.name+" sends", func() bool { now, _ := p.PacketsSent(); return now >= before+packets })
}

// wait looks until ok holds.
func (s *studio) wait(what string, ok func() bool) {
	s.t.Helper()
	look, late := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer look.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-late:
			s.t.Fatalf("waited in vain: %s\n%s", what, s.log)
		}
	}
}

// kept waits until so many more packets are recorded.
func (s *studio) kept(units uint64) {
	s.t.Helper()
	before := s.recorder.recorder.Stats().Units
	s.wait("packets are recorded", func() bool { return s.recorder.recorder.Stats().Units >= before+units })
}

// quiet checks that nothing more is recorded while people keep sending.
func (s *studio) quiet(of *player) {
	s.t.Helper()
	s.wait("the tracks end", func() bool { return s.recorder.recorder.Stats().Tracks == 0 })
	before := s.recorder.recorder.Stats().Units
	of.speaks(100)
	if now := s.recorder.recorder.Stats().Units; now != before {
		s.t.Errorf("%d packets were recorded without consent", now-before)
	}
}

// An interval is the time of a valid consent, from the request that granted it to the response to its withdrawal.
type interval struct{ from, to time.Duration }

// begin opens an interval before the act that lets something be recorded.
func begin() time.Duration { return pace.Now() }

// opened is all that the clinic's key and the keys of people open.
func (s *studio) opened() []byte {
	s.t.Helper()
	s.stop()
	identity, err := os.ReadFile(filepath.Join(s.folder, dev.IdentityFile))
	if err != nil {
		s.t.Fatal(err)
	}
	data, report := s.openedWith(identity, s.recorder.config)
	if len(report.Problems) > 0 {
		s.t.Errorf("verify says %+v", report.Problems)
	}
	return data
}

// openedWith is what an identity opens, and what verify says of it.
func (s *studio) openedWith(identity []byte, c config.Recording) ([]byte, record.Report) {
	s.t.Helper()
	layer, err := record.ReadFolder(c.Dir)
	if err != nil {
		s.t.Fatal(err)
	}
	keyring, err := record.ReadKeyring(c.Keyring())
	if err != nil {
		s.t.Fatal(err)
	}
	opener, err := record.NewOpener(identity, keyring)
	if err != nil {
		s.t.Fatal(err)
	}
	report, err := opener.Verify(layer, nil, nil)
	if err != nil {
		s.t.Errorf("verify: %v", err)
	}
	out, err := os.MkdirTemp(s.t.TempDir(), "export")
	if err != nil {
		s.t.Fatal(err)
	}
	x := record.Exporter{Opener: opener, Storage: layer, Create: func(session, person string) (record.WriteSeekCloser, error) {
		return os.Create(filepath.Join(out, session+"-"+person+".webm"))
	}}
	if _, err := x.Export(); err != nil {
		s.t.Fatal(err)
	}
	s.exported = out
	var all bytes.Buffer
	s.walk(out, func(_ string, data []byte) { all.Write(data) })
	return all.Bytes(), report
}

func (s *studio) walk(folder string, look func(name string, data []byte)) (files int) {
	s.t.Helper()
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(name)
		look(name, data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}

// nothingInClear looks for the media of everybody in all that the daemon left.
func (s *studio) nothingInClear(people ...*player) {
	s.t.Helper()
	files := s.walk(s.folder, func(name string, data []byte) {
		for _, p := range people {
			sound, pictures := p.Marks()
			for _, mark := range slices.Concat(sound, pictures) {
				if bytes.Contains(data, mark) || bytes.Contains(data, mark[:12]) || bytes.Contains(data, mark[12:]) {
					s.t.Errorf("%s holds media of %s in clear", filepath.Base(name), p.name)
				}
			}
		}
	})
	if files < 10 {
		s.t.Fatalf("looked at %d files", files)
	}
}

// wantExactly checks that the data contains what a person's source sent within the intervals, and nothing else.
func wantExactly(t *testing.T, p *player, what string, data []byte, marks [][]byte, perSecond int, intervals ...interval) {
	t.Helper()
	var sent []time.Duration
	for _, mark := range marks {
		sent = append(sent, guests.FindMarks(data, mark)...)
	}
	want := 0
	for _, in := range intervals {
		want += int((in.to - in.from) * time.Duration(perSecond*len(marks)) / time.Second)
	}
	for _, at := range sent {
		if !slices.ContainsFunc(intervals, func(in interval) bool { return in.from <= at && at <= in.to }) {
			t.Errorf("the %s of %s at %v was recorded; consent stood %v", what, p.name, at, intervals)
			return
		}
	}
	// A track begins within some packets, a picture with its key frame.
	if len(intervals) > 0 && len(sent) < want*6/10 {
		t.Errorf("%d packets of the %s of %s were recorded, about %d were sent", len(sent), what, p.name, want)
	}
}
