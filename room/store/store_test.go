package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/audit"
	"alcove/room/live"
)

var (
	_ live.Journal     = (*Store)(nil)
	_ auth.UsedTokens  = (*Store)(nil)
	_ auth.Revocations = (*Store)(nil)
)

// A place is the folder, keys and log of a store that a test opens several times.
type place struct {
	t         testing.TB
	dir       string
	key       Key
	auditKey  audit.Key
	publicKey string
	wrap      func(audit.Folder) audit.Folder
	now       func() time.Time
	values    faultyValues // around the file that was opened last
}

func newPlace(t testing.TB) *place {
	t.Helper()
	private, public := audit.GenerateKey()
	auditKey, err := audit.ParseKey([]byte(private.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	return &place{t: t, dir: t.TempDir(), key: testKey(t), auditKey: auditKey, publicKey: public, now: time.Now,
		wrap: func(f audit.Folder) audit.Folder { return f }}
}

func testKey(t testing.TB) Key {
	t.Helper()
	k, err := ParseKey([]byte(GenerateKey().Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (p *place) log() *audit.Log {
	p.t.Helper()
	folder, err := audit.OpenDir(filepath.Join(p.dir, "audit"))
	if err != nil {
		p.t.Fatal(err)
	}
	l, err := audit.Open(audit.Config{Folder: p.wrap(folder), Key: p.auditKey, Now: time.Now})
	if err != nil {
		p.t.Fatal(err)
	}
	return l
}

func (p *place) try() (*Store, error) {
	p.t.Helper()
	cfg, err := p.config()
	if err != nil {
		return nil, err
	}
	return Open(cfg)
}

func (p *place) config() (Config, error) {
	p.t.Helper()
	file, err := OpenFile(filepath.Join(p.dir, "store"), p.now)
	if err != nil {
		return Config{}, err
	}
	p.values = faultyValues{File: file, faults: &faults{}}
	return Config{Values: p.values, Key: p.key, Audit: p.log(), Now: p.now}, nil
}

func (p *place) open() *Store {
	p.t.Helper()
	s, err := p.try()
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *place) close(s *Store) {
	p.t.Helper()
	if err := s.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// verify checks that the log is valid and has so many entries.
func (p *place) verify(entries int64) {
	p.t.Helper()
	key, err := audit.ParsePublicKey([]byte(p.publicKey))
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := audit.VerifyDir(filepath.Join(p.dir, "audit"), key, nil)
	if err != nil || r.Damage != nil || r.Entries != entries {
		p.t.Errorf("the log is %+v, want %d entries (%v)", r, entries, err)
	}
}

func (p *place) logText() string {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, "audit", "entries"))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

// write writes a record and waits for the result.
func write(t testing.TB, s *Store, r live.Record) error {
	t.Helper()
	result := make(chan error, 1)
	s.Write(r, func(err error) { result <- err })
	select {
	case err := <-result:
		return err
	case <-t.Context().Done():
		return t.Context().Err()
	}
}

func record(session, state string, act string) live.Record {
	r := live.Record{Session: session, Entries: []room.Entry{{At: time.Now(), Session: session, Act: act, Subject: "p1", Person: "person-1"}}}
	if state != "" {
		r.State = []byte(state)
	}
	return r
}

func TestJournal(t *testing.T) {
	p := newPlace(t)
	s := p.open()
	consent := room.ConsentRecord{At: time.Now().UTC(), Session: "a", Person: "person-1", Kind: "agreement", TextHash: "h1", Decision: "acknowledged"}
	first := record("a", "state 1", "admitted")
	first.Consents = []room.ConsentRecord{consent, {At: consent.At.Add(time.Second), Session: "a", Person: "person-1", Kind: "recording.audio", TextHash: "h2", Decision: "granted"}}
	for _, r := range []live.Record{first, first, record("b", "state 1", "locked"), record("a", "state 2", "removed"), record("c", "state", "joined"), record("c", "", "ended")} {
		if err := write(t, s, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Err(); err != nil {
		t.Error(err)
	}
	p.close(s)
	if err := write(t, s, record("d", "x", "late")); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed store: %v", err)
	}
	p.verify(6)

	s = p.open()
	defer p.close(s)
	records, err := s.Load()
	if err != nil || len(records) != 2 {
		t.Fatalf("%d sessions, %v", len(records), err)
	}
	for _, r := range records {
		if want := map[string]string{"a": "state 2", "b": "state 1"}[r.Session]; string(r.State) != want {
			t.Errorf("session %s is %s, want %s", r.Session, r.State, want)
		}
	}
	all, err := s.Consents(t.Context(), "person-1")
	if err != nil || len(all) != 2 || all[0] != consent || all[1].Decision != "granted" {
		t.Errorf("consents are %+v, %v", all, err)
	}
	if all, err := s.Consents(t.Context(), "person-2"); err != nil || len(all) != 0 {
		t.Errorf("somebody else's consents are %+v, %v", all, err)
	}
	if hashes, err := s.Acknowledged(t.Context(), "person-1"); err != nil || fmt.Sprint(hashes) != "[h1]" {
		t.Errorf("acknowledged: %v, %v", hashes, err)
	}
	if strings.Contains(p.logText(), audit.Unconfirmed) {
		t.Error("a store that was closed calls entries unsure")
	}
}

// TestJournalGroups checks that concurrent records are written in few groups.
func TestJournalGroups(t *testing.T) {
	p := newPlace(t)
	s := p.open()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Add(1)
		s.Write(record(fmt.Sprint("s", i), "state", "admitted"), func(err error) {
			if err != nil {
				t.Error(err)
			}
			wg.Done()
		})
	}
	wg.Wait()
	p.close(s)
	p.verify(200)
	data, err := os.ReadFile(filepath.Join(p.dir, "audit", "checkpoints"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "— "); n > 100 {
		t.Errorf("200 records were synced %d times", n)
	}
}

func use(id string, life time.Duration) auth.Use {
	now := time.Now()
	return auth.Use{Key: auth.NewTokenKey("i", id), IssuedAt: now, Until: now.Add(life), Person: "person-1", KeyID: "kid-1"}
}

func TestSpend(t *testing.T) {
	p := newPlace(t)
	s := p.open()
	spend := func(u auth.Use) error { return s.MarkUsed(time.Now(), u) }
	if err := spend(use("a", time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := spend(use("a", time.Minute)); !errors.Is(err, auth.ErrTokenUsed) {
		t.Errorf("used twice: %v", err)
	}
	var wg sync.WaitGroup
	accepted := make(chan error, 16)
	for range cap(accepted) {
		wg.Go(func() { accepted <- spend(use("b", time.Minute)) })
	}
	wg.Wait()
	close(accepted)
	n := 0
	for err := range accepted {
		if err == nil {
			n++
		} else if !errors.Is(err, auth.ErrTokenUsed) {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("%d uses of one token", n)
	}
	p.close(s)
	if err := spend(use("c", time.Minute)); err == nil {
		t.Error("a closed store lets tokens in")
	}
	s = p.open()
	for _, id := range []string{"a", "b"} {
		if err := spend(use(id, time.Minute)); !errors.Is(err, auth.ErrTokenUsed) {
			t.Errorf("%s after a restart: %v", id, err)
		}
	}
	p.close(s)
	if n := strings.Count(p.logText(), audit.TokenUsed); n < 2 || n > 1+cap(accepted) {
		t.Errorf("%d entries of two tokens", n)
	} else {
		p.verify(int64(n))
	}
	a, err := audit.FindAffectedDir(filepath.Join(p.dir, "audit"), audit.Query{Key: audit.KeyDetail("kid-1"), Token: audit.TokenDetail(auth.NewTokenKey("i", "a"))})
	if err != nil || len(a.People) != 1 {
		t.Errorf("who showed the token: %+v, %v", a, err)
	}
}

// TestUsedTokenIsForgotten checks that the use of a token is deleted some time after the token expired, and not at once, because a clock
// that is set back would let the token in again.
func TestUsedTokenIsForgotten(t *testing.T) {
	p, _, clock := troubled(t)
	s := p.open()
	defer p.close(s)
	u := use("a", time.Minute)
	if err := s.MarkUsed(clock.now(), u); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  error
	}{{2 * time.Minute, auth.ErrTokenUsed}, {auth.UsedTokenRetention - 3*time.Minute, auth.ErrTokenUsed}, {2 * time.Minute, nil}} {
		clock.add(c.after)
		if err := write(t, s, record("a", "x", "admitted")); err != nil { // values that expired go with a transaction
			t.Fatal(err)
		}
		if err := s.ensureUnused(u.Key.String()); !errors.Is(err, c.want) {
			t.Errorf("at %v: %v, want %v", clock.now(), err, c.want)
		}
	}
	if err := s.MarkUsed(clock.now(), u); err != nil {
		t.Errorf("its name is not free again: %v", err)
	}
}

func TestRevocationsLast(t *testing.T) {
	p := newPlace(t)
	s := p.open()
	person := auth.Revocation{Kind: auth.RevokePerson, Subject: "person-1"}
	for _, r := range []auth.Revocation{person, {Kind: auth.RevokeRoom, Subject: "room-1"}} {
		if err := revoke(s, r); err != nil {
			t.Fatal(err)
		}
	}
	lift(t, s, auth.RevokeRoom, "room-1", true)
	lift(t, s, auth.RevokeRoom, "room-1", false)
	lift(t, s, auth.RevokePerson, "room-1", false)
	if err := revoke(s, auth.Revocation{Kind: "all"}); err == nil {
		t.Error("revoked everything")
	}
	p.close(s)
	s = p.open()
	defer p.close(s)
	if !s.Revoked(time.Now(), auth.RevocationSubjects{Person: "person-1"}) || s.Revoked(time.Now(), auth.RevocationSubjects{Room: "room-1"}) || len(s.Revocations(time.Now())) != 1 {
		t.Errorf("after a restart: %+v", s.Revocations(time.Now()))
	}
	for _, act := range []string{"person.revoked", "room.revoked", "room.restored"} {
		if n := strings.Count(p.logText(), act); n != 1 {
			t.Errorf("%d entries of %s", n, act)
		}
	}
}

// TestOpenFailsClosed checks which stores Open refuses instead of treating them as new.
func TestOpenFailsClosed(t *testing.T) {
	p := newPlace(t)
	s := p.open()
	if err := write(t, s, record("a", "state", "admitted")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(filepath.Join(p.dir, "store"), p.now); !errors.Is(err, audit.ErrLocked) {
		t.Errorf("two daemons share a store: %v", err)
	}
	p.close(s)

	good := p.key
	p.key = testKey(t)
	if _, err := p.try(); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("with another key: %v", err)
	}
	p.key = good
	kept := filepath.Join(p.dir, "kept")
	move := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(p.dir, "audit")
	move(log, kept)
	if _, err := p.try(); err == nil || !strings.Contains(err.Error(), "audit log was cut") {
		t.Errorf("without its log: %v", err)
	}
	os.RemoveAll(log)
	move(kept, log)
	p.close(p.open())
	if _, err := Open(Config{}); err == nil {
		t.Error("opened without anything")
	}
}

// TestNothingInClear checks that neither session data nor the names of keys are on the disk in plaintext.
func TestNothingInClear(t *testing.T) {
	p := newPlace(t)
	s := p.open()
	planted := []string{"Mira Canary", "mira@canary.example", "canary-room", "203.0.113.99", "canary-passcode", "canary-session", "canary-person", "canary-purpose", "canary-jti"}
	r := live.Record{Session: "canary-session", State: []byte(strings.Join(planted, ",")), Entries: []room.Entry{{At: time.Now(), Act: "admitted", Subject: "p1"}}}
	r.Consents = []room.ConsentRecord{{At: time.Now(), Person: "canary-person", Purpose: "canary-purpose"}}
	for range 5 {
		if err := write(t, s, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.MarkUsed(time.Now(), use("canary-jti", time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := revoke(s, auth.Revocation{Kind: auth.RevokeToken, Subject: "0123"}); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		files := 0
		err := filepath.WalkDir(p.dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			data, err := os.ReadFile(name)
			for _, c := range append(planted, p.key.secret.Reveal()) {
				if strings.Contains(string(data), c) || strings.Contains(name, c) {
					t.Errorf("%s: %s holds %q", when, name, c)
				}
			}
			if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("others may read %s: %v", name, info.Mode())
			}
			return err
		})
		if err != nil || files != 5 {
			t.Errorf("%d files, %v", files, err)
		}
	}
	check("running")
	p.close(s)
	check("closed")
	if info, err := os.Stat(filepath.Join(p.dir, "store")); err != nil || info.Mode().Perm() != modeFolder {
		t.Errorf("others may enter the folder: %v", err)
	}
}

func TestKeysAndSeals(t *testing.T) {
	k := testKey(t)
	s := k.seal()
	sealed := s.close("b", "k", []byte("value"))
	if v, err := s.open("b", "k", sealed); err != nil || string(v) != "value" {
		t.Errorf("got %q, %v", v, err)
	}
	bent := append([]byte{}, sealed...)
	bent[len(bent)-1] ^= 1
	for name, open := range map[string]func() error{
		"another place": func() error { _, err := s.open("b", "l", sealed); return err },
		"bent":          func() error { _, err := s.open("b", "k", bent); return err },
		"short":         func() error { _, err := s.open("b", "k", sealed[:5]); return err },
		"another key":   func() error { _, err := testKey(t).seal().open("b", "k", sealed); return err },
	} {
		if open() == nil {
			t.Errorf("%s is opened", name)
		}
	}
	if printed := fmt.Sprintf("%v %+v %#v %x", k, k, struct{ K Key }{k}, k); strings.Contains(printed, k.secret.Reveal()) {
		t.Errorf("prints %s", printed)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte(GenerateKey().Reveal()))
	f.Add([]byte("AAAA"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := ParseKey(data); err == nil && len(k.secret.Reveal()) != keySize {
			t.Fatal("a key of another size")
		}
	})
}

// TestLargeSessions checks that the largest session that can be configured is stored, and that refusing a larger one does not affect other
// rooms.
func TestLargeSessions(t *testing.T) {
	p := newPlace(t)
	s := p.open()
	largest := room.State{Name: "g"}
	for i := range 500 + 1000 {
		person := room.PersonID(fmt.Sprintf("%043d", i))
		largest.Participants = append(largest.Participants, room.Participant{
			ID: room.ParticipantID(fmt.Sprintf("%022d", i)), Person: person, Role: auth.Participant, TokenRole: auth.Participant,
			DisplayName: strings.Repeat("<", 64), VerifiedName: strings.Repeat("<", 64), Access: room.Admitted, Since: time.Now(), LostAt: time.Now(),
			Secret: auth.RandomSecret().Hash(), OldSecret: auth.RandomSecret().Hash(),
			Publications: make([]room.Publication, 3),
		})
		largest.Known = append(largest.Known, person)
	}
	if err := write(t, s, live.Record{Session: "largest", State: room.EncodeState(largest)}); err != nil {
		t.Error(err)
	}
	results := make(chan error, 3)
	for _, r := range []live.Record{record("a", "state", "admitted"), {Session: "b", State: make([]byte, maxState+1)}, record("c", "state", "admitted")} {
		s.Write(r, func(err error) { results <- err })
	}
	refused := 0
	for range cap(results) {
		if <-results != nil {
			refused++
		}
	}
	if refused != 1 || s.Err() != nil {
		t.Errorf("%d of 3 are refused, and the store says %v", refused, s.Err())
	}
	p.close(s)
	s = p.open()
	defer p.close(s)
	if all, err := s.Load(); err != nil || len(all) != 3 {
		t.Errorf("%d sessions are there after a restart, %v", len(all), err)
	}
}
