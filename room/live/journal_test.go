package live

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"alcove/auth"
	"alcove/room"
)

// A fakeJournal writes at once, later or never, or fails.
type fakeJournal struct {
	mu       sync.Mutex
	holds    bool
	fails    bool
	slow     time.Duration
	err      error
	held     []func()
	states   map[string][]byte
	entries  []room.Entry
	consents []room.ConsentRecord
	writes   int
}

func newFakeJournal() *fakeJournal { return &fakeJournal{states: map[string][]byte{}} }

func (j *fakeJournal) Write(r Record, done func(error)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.writes++
	slow := j.slow
	keep := func() {
		time.Sleep(slow) // in the bubble
		j.mu.Lock()
		err := errors.New("disk full")
		if !j.fails {
			err = nil
			j.entries, j.consents = append(j.entries, r.Entries...), append(j.consents, r.Consents...)
			if j.states[r.Session] = r.State; r.State == nil {
				delete(j.states, r.Session)
			}
		}
		j.mu.Unlock()
		done(err)
	}
	if j.holds {
		j.held = append(j.held, keep)
		return
	}
	go keep()
}

func (j *fakeJournal) Late() error { return nil }

func (j *fakeJournal) Load() ([]Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []Record
	for key, state := range j.states {
		list = append(list, Record{Session: key, State: bytes.Clone(state)})
	}
	return list, nil
}

func (j *fakeJournal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

func (j *fakeJournal) set(change func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change()
}

// release writes the records that were held back.
func (j *fakeJournal) release() {
	j.mu.Lock()
	held := j.held
	j.held = nil
	j.mu.Unlock()
	for _, keep := range held {
		keep()
	}
	synctest.Wait()
}

// acts waits until all goroutines are blocked and lists the acts of all entries.
func (j *fakeJournal) acts() []string {
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []string
	for _, e := range j.entries {
		if e.Act == room.ActUndone {
			e.Act += " " + e.Detail
		}
		list = append(list, e.Act)
	}
	return list
}

// savedState is the state of the only session.
func (j *fakeJournal) savedState(t *testing.T) room.State {
	t.Helper()
	synctest.Wait()
	records, _ := j.Load()
	if len(records) != 1 {
		t.Fatalf("%d sessions are kept", len(records))
	}
	s, err := room.DecodeState(records[0].State)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// withJournal is withHarness with a journal.
func withJournal(t *testing.T, test func(t *testing.T, h *harness, j *fakeJournal)) {
	t.Helper()
	withHarness(t, func(t *testing.T, h *harness) {
		j := newFakeJournal()
		h.reg.cfg.Journal = j
		test(t, h, j)
		j.set(func() { j.holds, j.fails, j.err = false, false, nil })
		j.release()
	})
}

// start runs a command in the background and returns a channel for its result.
func (h *harness) start(g testSeat, c room.Command) chan error {
	answer := make(chan error, 1)
	go func() {
		_, err := g.Do(h.t.Context(), c)
		answer <- err
	}()
	synctest.Wait()
	return answer
}

func TestOpeningIsWrittenFirst(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		h.notices(ann)
		j.set(func() { j.holds = true })
		answer := h.start(host, room.Admit{All: true})
		if n := h.notices(ann); n != nil || len(answer) != 0 {
			t.Fatalf("admitted before it was written: %+v", n)
		}
		h.start(ann, room.Message{Text: "hello"}) // the room goes on meanwhile
		j.release()
		if err := <-answer; err != nil {
			t.Fatal(err)
		}
		h.wantKinds(h.notices(ann)[1:], "RoomUpdated", "Roster", "MediaReady")
		want := []string{room.ActAdmitted, room.ActStarted, room.ActWaiting, room.ActAdmitted}
		if got := j.acts(); !slices.Equal(got, want) {
			t.Fatalf("written %v, want %v", got, want)
		}
		if p := j.savedState(t).Participants[1]; p.Access != room.Admitted {
			t.Fatalf("kept %+v", p)
		}
	})
}

func TestClosingIsCarriedOutFirst(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		h.do(host, room.Admit{All: true})
		j.set(func() { j.holds = true })
		answer := h.start(host, room.Remove{Target: ann.ID()})
		h.wantEnd(ann, room.Removed, "removed")
		if len(answer) != 0 {
			t.Fatal("answered before it was written, although the journal may work")
		}
		j.set(func() { j.fails = true })
		j.release()
		if err := <-answer; err != nil {
			t.Fatalf("a closing act was refused: %v", err)
		}
		if h.reg.Err() == nil {
			t.Fatal("nobody hears that an act is not written")
		}
		h.do(host, room.Lock{})
		_, err := host.Do(t.Context(), room.Unlock{})
		h.wantCode(err, room.Unavailable)
		j.set(func() { j.holds, j.fails = false, false })
		j.release()
		time.Sleep(2 * maxRetry)
		acts, want := j.acts(), []string{room.ActBarred, room.ActEnded, room.ActLocked}
		if !slices.Equal(acts[len(acts)-3:], want) {
			t.Fatalf("written %v, want %v at the end", acts, want)
		}
		if s := j.savedState(t); !s.Locked || len(s.Barred) != 1 || h.reg.Err() != nil {
			t.Fatalf("kept %+v, %v", s, h.reg.Err())
		}
		h.do(host, room.Unlock{})
	})
}

func TestActIsDecidedAgainAfterItsRecord(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host, cohost := h.join("g", "host", auth.Host), h.join("g", "cohost", auth.Cohost)
		ann := h.join("g", "ann", auth.Participant)
		j.set(func() { j.holds = true })
		admit := h.start(host, room.Admit{Targets: []room.ParticipantID{ann.ID()}})
		lock := h.start(cohost, room.Lock{})
		j.release() // what the admission would come to
		h.wantCode(<-admit, room.RoomLocked)
		j.release() // the lock
		if err := <-lock; err != nil {
			t.Fatal(err)
		}
		if s := j.savedState(t); !s.Locked || s.Participants[2].Access != room.Waiting {
			t.Fatalf("kept %+v", s)
		}
		if acts := j.acts(); !slices.Contains(acts, room.ActUndone+" "+room.ActAdmitted) {
			t.Fatalf("written %v", acts)
		}
	})
}

func TestAdmissionNeedsARecord(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		h.notices(ann)
		j.set(func() { j.holds = true })
		admit := h.start(host, room.Admit{All: true})
		go h.join("g", "ben", auth.Participant)
		synctest.Wait()
		j.release()
		if len(admit) != 0 {
			t.Fatal("somebody entered whose admission is not written")
		}
		j.release()
		if err := <-admit; err != nil {
			t.Fatal(err)
		}
		if n := h.reg.Counts().Admitted[auth.Participant]; n != 2 {
			t.Fatalf("%d admitted", n)
		}
		admitted := 0
		for _, act := range j.acts() {
			if act == room.ActAdmitted {
				admitted++
			}
		}
		if admitted != 3 {
			t.Fatalf("%d admissions written: %v", admitted, j.acts())
		}
	})
}

func TestStalledJournal(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		j.set(func() { j.holds = true })
		began := time.Now()
		_, err := host.Do(t.Context(), room.Admit{All: true})
		if h.wantCode(err, room.Unavailable); time.Since(began) != journalTimeout {
			t.Fatalf("refused after %s", time.Since(began))
		}
		_, err = host.Do(t.Context(), room.Admit{All: true})
		if h.wantCode(err, room.Unavailable); time.Since(began) != journalTimeout {
			t.Fatal("waited for a journal that stalls")
		}
		if h.reg.Err() == nil {
			t.Fatal("nobody hears of it")
		}
		h.do(host, room.Lock{}) // closes
		h.do(host, room.SetHand{Raised: true})
		host.Disconnect()
		synctest.Wait()
		host, err = h.resume(host) // a session goes on
		if err != nil {
			t.Fatal(err)
		}
		j.set(func() { j.holds = false })
		j.release() // what was refused long ago
		if acts := j.acts(); !slices.Contains(acts, room.ActUndone+" "+room.ActAdmitted) {
			t.Fatalf("written %v", acts)
		}
		s := j.savedState(t)
		if !s.Locked || s.Participants[1].Access != room.Waiting || h.reg.Err() != nil {
			t.Fatalf("kept %+v, %v", s, h.reg.Err())
		}
		h.do(host, room.Unlock{})
		h.do(host, room.Admit{Targets: []room.ParticipantID{ann.ID()}})
	})
}

func TestStalledJournalAndResume(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		host.Disconnect()
		synctest.Wait()
		j.set(func() { j.holds = true })
		began := time.Now()
		again, err := h.resume(host)
		if err != nil || time.Since(began) != journalTimeout {
			t.Fatalf("resumed after %s: %v", time.Since(began), err)
		}
		h.refusedJoin(grant("g", "host2", auth.Host), room.Unavailable)
		j.set(func() { j.holds = false })
		j.release()
		h.do(again, room.Lock{})
		h.join("g", "host2", auth.Host)
	})
}

func TestDeadJournal(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		j.set(func() { j.err, j.fails = errors.New("no disk"), true })
		h.refusedJoin(grant("another", "host", auth.Host), room.Unavailable)
		if h.reg.Err() == nil {
			t.Fatal("nobody hears of it")
		}
		began := time.Now()
		ann := h.join("g", "ann", auth.Participant) // to wait opens nothing
		h.do(host, room.Deny{Target: ann.ID()})
		h.do(host, room.End{})
		if time.Since(began) != 0 {
			t.Fatalf("waited %s for a dead journal", time.Since(began))
		}
		h.wantEnd(host, room.Ended, "ended")
		j.set(func() { j.err, j.fails = nil, false })
		time.Sleep(2 * maxRetry)
		if acts := j.acts(); acts[len(acts)-1] != room.ActSessionEnded {
			t.Fatalf("written %v", acts)
		}
		if records, _ := j.Load(); len(records) != 0 {
			t.Fatal("a session that ended is kept")
		}
	})
}

// TestAnswersAreWrittenFirst crashes right after each answer and checks that the answered act is in the journal.
func TestAnswersAreWrittenFirst(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		j.set(func() { j.slow = 3 * time.Millisecond })
		rules := room.NewText("rules", "1", "en", "What is said here stays here.")
		p := recordingPolicy()
		p.Agreement, p.SessionLimit = []room.Text{rules}, time.Hour
		h.reg.cfg.Policies["default"] = p
		host, ann, ben := h.join("g", "host", auth.Host), h.join("g", "ann", auth.Participant), h.join("g", "ben", auth.Participant)
		answer := func(granted bool) room.Command {
			return room.AnswerConsent{Scope: room.RecordingAudio, TextHash: audio.Hash, Granted: granted}
		}
		consent := func(want room.Answer) func(room.State) bool {
			return func(s room.State) bool { return len(s.Consents) == 1 && s.Consents[0].Answer == want }
		}
		for _, step := range []struct {
			by   testSeat
			do   room.Command
			kept func(room.State) bool
		}{
			{ann, room.Acknowledge{TextHash: rules.Hash}, func(s room.State) bool { return len(s.Acknowledged) == 1 }},
			{host, room.Admit{Targets: []room.ParticipantID{ann.ID()}}, func(s room.State) bool { return s.Participants[1].Access == room.Admitted }},
			{host, room.AskConsent{Scopes: []room.Scope{room.RecordingAudio}}, func(s room.State) bool { return len(s.Asked) == 1 }},
			{ann, answer(true), consent(room.Granted)},
			{ann, room.WithdrawConsent{}, consent(room.Withdrawn)},
			{ann, answer(false), consent(room.Refused)},
			{host, room.Remove{Target: ben.ID()}, func(s room.State) bool { return len(s.Barred) == 1 }},
			{host, room.Lock{}, func(s room.State) bool { return s.Locked }},
			{host, room.Unlock{}, func(s room.State) bool { return !s.Locked }},
			{host, room.SetRole{Target: ann.ID(), Role: auth.Cohost}, func(s room.State) bool { return s.Participants[1].Role == auth.Cohost }},
		} {
			h.do(step.by, step.do)
			records, _ := j.Load()
			s, err := room.DecodeState(records[0].State)
			if err != nil || !step.kept(s) {
				t.Errorf("%T was answered, and kept is %+v, %v", step.do, s, err)
			}
		}
		h.do(host, room.End{})
		if records, _ := j.Load(); len(records) != 0 {
			t.Error("an end was answered, and the session is kept")
		}
		if len(j.consents) != 4 {
			t.Errorf("consent records %+v", j.consents)
		}
	})
}

func TestFailedWrite(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		h.join("g", "ann", auth.Participant)
		host.Disconnect()
		synctest.Wait()
		j.set(func() { j.holds, j.fails = true, true })
		resumed := make(chan testSeat, 1)
		go func() {
			g, err := h.resume(host)
			if err != nil {
				t.Errorf("a session did not go on: %v", err)
			}
			resumed <- g
		}()
		synctest.Wait()
		j.release()
		host = <-resumed
		_, err := host.Do(t.Context(), room.Admit{All: true})
		h.wantCode(err, room.Unavailable)
		j.set(func() { j.holds, j.fails = false, false })
		j.release()
		time.Sleep(2 * maxRetry)
		h.do(host, room.Admit{All: true})
		j.set(func() { j.fails = true })
		_, err = h.reg.Do(t.Context(), "g", room.Extend{Minutes: 1})
		h.wantCode(err, room.InvalidState)
		_, _, err = h.reg.Join(t.Context(), JoinRequest{Grant: grant("g2", "host", auth.Host)}, &fakeClient{t: t})
		h.wantCode(err, room.Unavailable) // found out with its own record
		j.set(func() { j.fails = false })
		time.Sleep(2 * maxRetry)
		if n := h.reg.Counts().Rooms; n != 1 {
			t.Fatalf("%d rooms run: one that nobody entered is over", n)
		}
	})
}

// TestUnwrittenIsBounded fills the buffer of a room whose journal fails, and checks that dropped entries are counted and logged.
func TestUnwrittenIsBounded(t *testing.T) {
	s := journalWriter{journal: newFakeJournal(), results: make(chan error, 1)}
	entry := room.Entry{Act: room.ActHelp}
	for range maxUnwritten + 3 {
		s.addEntries(entry)
	}
	if len(s.entries) != maxUnwritten || s.lost != 3 {
		t.Fatalf("%d kept, %d lost", len(s.entries), s.lost)
	}
	now, records := time.Now(), 0
	for s.dirty = true; s.dirty; records++ {
		s.submit(room.EntryContext{Session: "key", At: now}, nil, nil, nil, nil)
		s.completed(now, <-s.results)
	}
	if len(s.entries) != 0 || s.lost != 0 || records != maxUnwritten/maxEntries {
		t.Fatalf("%d kept, %d lost, in %d records", len(s.entries), s.lost, records)
	}
	written := s.journal.(*fakeJournal).entries
	if last := written[len(written)-1]; last.Act != room.ActGap || last.Detail != "3" {
		t.Fatalf("the last entry is %+v", last)
	}
}

// TestPanicIsWritten checks that a room that panicked is not restored.
func TestPanicIsWritten(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host := h.join("g", "host", auth.Host)
		h.join("g", "ann", auth.Participant)
		h.media.set(func() { h.media.panics = true })
		j.set(func() { j.slow = time.Millisecond })
		admit := h.start(host, room.Admit{All: true}) // fails when its record is back
		time.Sleep(time.Second)
		h.wantCode(<-admit, room.Internal)
		h.wantEnd(host, room.Ended, "internal")
		acts := j.acts()
		if records, _ := j.Load(); len(records) != 0 || acts[len(acts)-1] != room.ActSessionEnded {
			t.Fatalf("kept %d, written %v", len(records), acts)
		}
		h.media.set(func() { h.media.panics = false })
	})
}

// TestEndAnswersPendingRequests checks that requests waiting for the journal are answered when the room ends.
func TestEndAnswersPendingRequests(t *testing.T) {
	withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
		host, cohost := h.join("g", "host", auth.Host), h.join("g", "cohost", auth.Cohost)
		h.join("g", "ann", auth.Participant)
		j.set(func() { j.holds = true })
		admit, lift := h.start(cohost, room.Admit{All: true}), h.start(cohost, room.SetPermission{})
		end := h.start(host, room.End{})
		h.wantCode(<-admit, room.RoomEnded)
		h.wantCode(<-lift, room.BadRequest)
		h.wantEnd(cohost, room.Ended, "ended")
		time.Sleep(journalTimeout)
		synctest.Wait()
		if len(end) != 1 {
			t.Fatal("an end waits for the journal for ever")
		}
		j.set(func() { j.holds = false })
		j.release()
		if acts := j.acts(); !slices.Contains(acts, room.ActUndone+" "+room.ActAdmitted) || !slices.Contains(acts, room.ActSessionEnded) {
			t.Fatalf("written %v", acts)
		}
	})
}
