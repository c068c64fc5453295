package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
)

// A memoryIndex is an Index that a test can make fail.
type memoryIndex struct {
	mu      sync.Mutex
	values  map[string][]byte
	entries []room.Entry
	fails   error
}

func (m *memoryIndex) SaveFiles(_ context.Context, kept map[string][]byte, deleted []string, entries []room.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails != nil {
		return m.fails
	}
	for _, id := range deleted {
		delete(m.values, id)
	}
	maps.Copy(m.values, kept)
	m.entries = append(m.entries, entries...)
	return nil
}

func (m *memoryIndex) LoadFiles(_ context.Context, use func([]byte) error) error {
	for _, v := range m.values {
		if err := use(v); err != nil {
			return err
		}
	}
	return nil
}

func (m *memoryIndex) acts() (all []string) {
	for _, e := range m.entries {
		all = append(all, e.Act)
	}
	return all
}

// fakeRooms has one session, "s", in which "wait" waits and everyone else is admitted.
type fakeRooms struct {
	ended bool
	told  []room.ParticipantID
}

func (r *fakeRooms) Admitted(_ context.Context, session string, p room.ParticipantID) (room.PersonID, error) {
	switch {
	case r.ended || session != "s":
		return "", &room.Error{Code: room.RoomEnded}
	case p == "wait":
		return "", &room.Error{Code: room.NotAdmitted}
	}
	return room.PersonID("person " + p), nil
}

func (r *fakeRooms) Running(session string) bool { return session == "s" && !r.ended }

func (r *fakeRooms) NotifyFiles(_ string, to []room.ParticipantID) { r.told = append(r.told, to...) }

type keptPapers struct {
	papers  []Paper
	content [][]byte
	during  func() // called while one is kept, if not nil
}

func (k *keptPapers) Recipients() ([]string, error) { return []string{"age1pq1clinic"}, nil }
func (k *keptPapers) Keep(p Paper, content []byte) error {
	if k.during != nil {
		k.during()
	}
	k.papers, k.content = append(k.papers, p), append(k.content, content)
	return nil
}

// A bench is a service with all around it.
type bench struct {
	*Service
	t      *testing.T
	dir    string
	index  *memoryIndex
	rooms  *fakeRooms
	clinic *keptPapers
	now    time.Time
	free   uint64
	limits Limits
}

var host, ann, ben = Seat{"s", "host"}, Seat{"s", "ann"}, Seat{"s", "ben"}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, dir: t.TempDir(), index: &memoryIndex{values: map[string][]byte{}}, rooms: &fakeRooms{}, clinic: &keptPapers{},
		now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), free: 1 << 40,
		limits: Limits{PerDaemon: 100 << 20, PerSession: 60 << 20, PerPerson: 30 << 20, MinFree: 1 << 20, KeepAfterEnd: time.Hour}}
	b.reopen()
	return b
}

// reopen starts over as a process that was killed: nothing was closed or flushed.
func (b *bench) reopen() {
	b.t.Helper()
	s, err := Open(b.t.Context(), Config{Dir: b.dir, Index: b.index, Clinic: b.clinic, Key: make([]byte, 32), Limits: b.limits,
		Now: func() time.Time { return b.now }, Free: func(string) (uint64, error) { return b.free, nil }})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Service = s
	s.Serve(b.rooms)
}

func (b *bench) step() { b.Service.step(b.t.Context()) }

func content(n int) []byte {
	all := make([]byte, n)
	for i := range all {
		all[i] = byte(i * 7)
	}
	return all
}

func (b *bench) create(seat Seat, c Creation) string {
	b.t.Helper()
	if c.Sealed == nil && c.Clinic == "" {
		c.Sealed = []byte("sealed key")
	}
	id, err := b.Create(b.t.Context(), seat, c)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func (b *bench) upload(seat Seat, id string, data []byte) {
	b.t.Helper()
	at := int64(0)
	for piece := range slices.Chunk(data, PieceSize) {
		next, err := b.Upload(b.t.Context(), seat, id, at, piece)
		if err != nil || next != at+int64(len(piece)) {
			b.t.Fatalf("piece at %d: %d, %v", at, next, err)
		}
		at = next
	}
}

func (b *bench) send(seat Seat, c Creation, data []byte) string {
	b.t.Helper()
	c.Size = int64(len(data))
	id := b.create(seat, c)
	b.upload(seat, id, data)
	return id
}

func (b *bench) code(want room.Code, err error) {
	b.t.Helper()
	got := room.Code("")
	if e := (*room.Error)(nil); errors.As(err, &e) {
		got = e.Code
	} else if err != nil {
		b.t.Fatalf("an error without a code: %v", err)
	}
	if got != want {
		b.t.Fatalf("%q (%v), want %q", got, err, want)
	}
}

// reads reports whether a seat gets key and content.
func (b *bench) reads(seat Seat, id string, want []byte) bool {
	b.t.Helper()
	key, keyErr := b.Key(b.t.Context(), seat, id)
	f, err := b.Content(b.t.Context(), seat, id)
	if (err == nil) != (keyErr == nil) {
		b.t.Fatalf("key %v, content %v", keyErr, err)
	}
	if err != nil {
		return false
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, want) || string(key) != "sealed key" {
		b.t.Fatalf("%d bytes, key %q, %v", len(got), key, err)
	}
	return true
}

func (b *bench) onDisk() (names []string) {
	all, err := os.ReadDir(b.dir)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func (b *bench) end() {
	b.rooms.ended = true
	b.SessionEnded("s")
	b.step()
}

func to(all ...room.ParticipantID) []room.ParticipantID { return all }

func TestOnlyTheChosenGetAFile(t *testing.T) {
	b, data := newBench(t), content(PieceSize*2+100)
	id := b.send(host, Creation{To: to("ann")}, data)
	if !b.reads(ann, id, data) {
		t.Error("the chosen one cannot read it")
	}
	for _, seat := range []Seat{ben, host, {"s", "wait"}, {"other", "ann"}} {
		if b.reads(seat, id, data) {
			t.Errorf("%v reads it", seat)
		}
	}
	if got := b.rooms.told; !slices.Equal(got, to("host", "ann")) {
		t.Errorf("told %v", got)
	}
	if got := b.index.acts(); !slices.Equal(got, []string{room.ActFileSent}) {
		t.Errorf("entries %v", got)
	}
	list := func(seat Seat) []Item {
		items, _, err := b.List(t.Context(), seat)
		if err != nil {
			t.Fatal(err)
		}
		return items
	}
	if own := list(host); len(own) != 1 || !slices.Equal(own[0].To, to("ann")) || own[0].ID != id || !own[0].Released {
		t.Errorf("own list %+v", own)
	}
	if other := list(ann); len(other) != 1 || other[0].To != nil || other[0].From != "host" || other[0].Size != int64(len(data)) {
		t.Errorf("list of a recipient %+v", other)
	}
	if none := list(ben); len(none) != 0 {
		t.Errorf("list of another %+v", none)
	}
	_, _, err := b.List(t.Context(), Seat{"s", "wait"})
	b.code(room.NotAdmitted, err)
}

func TestUploadContinuesWhereItStopped(t *testing.T) {
	b, data := newBench(t), content(PieceSize+10)
	id := b.create(host, Creation{Size: int64(len(data)), To: to("ann")})
	next, err := b.Upload(t.Context(), host, id, 0, data[:PieceSize])
	b.code("", err)
	if b.reads(ann, id, data) {
		t.Error("half a file is there")
	}
	_, err = b.Upload(t.Context(), host, id, 0, data[:PieceSize])
	b.code(room.OffsetMismatch, err)
	offset, size, err := b.Offset(t.Context(), host, id)
	if b.code("", err); offset != next || size != int64(len(data)) {
		t.Errorf("at %d of %d", offset, size)
	}
	_, _, err = b.Offset(t.Context(), ann, id)
	b.code(room.TargetNotFound, err)
	_, err = b.Upload(t.Context(), ann, id, next, data[next:])
	b.code(room.TargetNotFound, err)
	_, err = b.Upload(t.Context(), host, id, next, append(data[next:], 1))
	b.code(room.FileTooLarge, err)
	_, err = b.Upload(t.Context(), host, id, next, data[next:])
	b.code("", err)
	at, err := b.Upload(t.Context(), host, id, size, nil) // whose answer was lost
	if b.code("", err); at != size || !b.reads(ann, id, data) {
		t.Errorf("at %d", at)
	}
}

func TestCompleteFilesSurviveAKillAndUploadsDoNot(t *testing.T) {
	b, data := newBench(t), content(300)
	kept := b.send(host, Creation{To: to("ann"), Release: Release{AtEnd: true}}, data)
	half := b.create(host, Creation{Size: 300, To: to("ann")})
	_, err := b.Upload(t.Context(), host, half, 0, data[:200])
	b.code("", err)
	if err := os.WriteFile(filepath.Join(b.dir, "a file of somebody else"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	if got := b.onDisk(); !slices.Contains(got, kept) || len(got) != 2 {
		t.Errorf("on the disk %v", got)
	}
	_, _, err = b.Offset(t.Context(), host, half)
	b.code(room.TargetNotFound, err)
	if b.reads(ann, kept, data) {
		t.Error("it is released before the end")
	}
	b.rooms.ended = true // while the daemon was down
	b.reopen()
	b.step()
	if !b.reads(ann, kept, data) {
		t.Error("what was acknowledged is gone")
	}
	b.reopen()
	if !b.reads(ann, kept, data) {
		t.Error("gone after another restart")
	}
}

// A crash between the name and the record leaves ciphertext that no record names.
func TestAnUploadWhoseRecordFailedIsNotThereAndMayBeCompleted(t *testing.T) {
	b, data := newBench(t), content(300)
	id := b.create(host, Creation{Size: 300, To: to("ann")})
	b.index.fails = errors.New("full")
	_, err := b.Upload(t.Context(), host, id, 0, data)
	b.code(room.Unavailable, err)
	if b.reads(ann, id, data) || len(b.rooms.told) > 0 {
		t.Error("it is there without a record")
	}
	b.index.fails = nil
	offset, _, err := b.Offset(t.Context(), host, id)
	if b.code("", err); offset != 300 {
		t.Fatalf("at %d", offset)
	}
	_, err = b.Upload(t.Context(), host, id, 300, nil)
	if b.code("", err); !b.reads(ann, id, data) {
		t.Error("it was not completed")
	}
}

func TestTimedRelease(t *testing.T) {
	b, data := newBench(t), content(500)
	atEnd := b.send(host, Creation{To: to("ann"), Release: Release{AtEnd: true}}, data)
	later := b.now.Add(10 * time.Minute)
	dated := b.send(host, Creation{To: to("ann", "ben"), Release: Release{At: later}}, data)
	atOnce := b.send(host, Creation{To: to("ann")}, data)
	if b.reads(ann, atEnd, data) || b.reads(ann, dated, data) || !b.reads(ann, atOnce, data) {
		t.Fatal("released too early, or not at all")
	}
	b.rooms.told = nil
	b.now = later
	b.step()
	if !b.reads(ann, dated, data) || b.reads(ann, atEnd, data) || !slices.Equal(b.rooms.told, to("host", "ann", "ben")) {
		t.Errorf("at its time: told %v", b.rooms.told)
	}
	b.end()
	if !b.reads(ann, atEnd, data) || !b.reads(ann, dated, data) || b.reads(ann, atOnce, data) {
		t.Error("after the end: what was timed is there, and nothing else")
	}
	if _, err := os.Stat(filepath.Join(b.dir, atOnce)); !os.IsNotExist(err) {
		t.Error("what was released at once is on the disk after the end")
	}
	_, ended, err := b.List(t.Context(), ann)
	if b.code("", err); !ended {
		t.Error("the list does not say that the session is over")
	}
	_, err = b.Create(t.Context(), host, Creation{Size: 1, To: to("ann"), Sealed: []byte("x")})
	b.code(room.RoomEnded, err)
	b.now = b.now.Add(b.limits.KeepAfterEnd)
	b.step()
	if b.reads(ann, atEnd, data) || len(b.onDisk()) > 0 || len(b.index.values) > 0 {
		t.Errorf("after its time: %v on the disk, %d records", b.onDisk(), len(b.index.values))
	}
	released := slices.DeleteFunc(b.index.acts(), func(act string) bool { return act != room.ActFileReleased })
	if len(released) != 2 {
		t.Errorf("%d releases in the log", len(released))
	}
}

func TestWithdrawAndReplace(t *testing.T) {
	b, data := newBench(t), content(500)
	old := b.send(host, Creation{To: to("ann", "ben")}, data)
	b.code(room.TargetNotFound, b.Withdraw(t.Context(), ann, old))
	_, err := b.Create(t.Context(), ann, Creation{Size: 1, To: to("host"), Sealed: []byte("x"), Replaces: old})
	b.code(room.TargetNotFound, err)
	next := b.create(host, Creation{Size: 10, To: to("ann"), Replaces: old})
	if !b.reads(ben, old, data) {
		t.Error("the old one is gone before the new one is complete")
	}
	b.upload(host, next, content(10))
	b.step()
	if b.reads(ann, old, data) || !b.reads(ann, next, content(10)) || slices.Contains(b.onDisk(), old) {
		t.Error("not replaced")
	}
	if !slices.Contains(b.rooms.told, "ben") {
		t.Error("who had the old one is not told")
	}
	b.code("", b.Withdraw(t.Context(), host, next))
	if b.reads(ann, next, content(10)) {
		t.Error("withdrawn, and there before the disk knows")
	}
	b.index.fails = errors.New("full")
	b.step()
	b.index.fails = nil
	b.step()
	if len(b.onDisk()) > 0 || len(b.index.values) > 0 {
		t.Errorf("%v on the disk, %d records", b.onDisk(), len(b.index.values))
	}
	b.code(room.TargetNotFound, b.Withdraw(t.Context(), host, next))
	b.reopen()
	if b.reads(ann, next, content(10)) {
		t.Error("it came back")
	}
}

func TestWhoLostTheSeatGetsNothing(t *testing.T) {
	b, data := newBench(t), content(100)
	both := b.send(host, Creation{To: to("ann", "ben"), Release: Release{AtEnd: true}}, data)
	one := b.send(host, Creation{To: to("ann"), Release: Release{AtEnd: true}}, data)
	b.SeatLost("s", "ann")
	b.step()
	b.reopen()
	b.end()
	if b.reads(ann, both, data) || !b.reads(ben, both, data) || b.reads(ann, one, data) || slices.Contains(b.onDisk(), one) {
		t.Error("a lost seat reads")
	}
}

func TestQuotas(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bench)
		size   int64
		by     Seat
		want   room.Code
	}{
		"a file":        {func(b *bench) {}, 25 << 20, host, ""},
		"one too large": {func(b *bench) {}, MaxSize + 1, host, room.FileTooLarge},
		"of the person": {func(b *bench) { b.create(host, Creation{Size: 20 << 20, To: to("ann")}) }, 11 << 20, host, room.FileQuota},
		"of another":    {func(b *bench) { b.create(host, Creation{Size: 20 << 20, To: to("ann")}) }, 11 << 20, ann, ""},
		"of the session": {func(b *bench) {
			for _, seat := range []Seat{host, ann} {
				b.create(seat, Creation{Size: 25 << 20, To: to("ben")})
			}
		}, 15 << 20, ben, room.FileQuota},
		"of the daemon": {func(b *bench) { b.Service.cfg.Limits.PerDaemon = 10 << 20 }, 11 << 20, host, room.StorageFull},
		"of the disk":   {func(b *bench) { b.free = 2 << 20 }, 1<<20 + 1, host, room.StorageFull},
		"of the disk, for uploads that go on": {func(b *bench) {
			b.free = 21 << 20 // and 1 MiB stays free
			b.upload(host, b.create(host, Creation{Size: PieceSize, To: to("ann")}), content(PieceSize))
			b.create(host, Creation{Size: 10 << 20, To: to("ann")})
		}, 10<<20 + 1, ann, room.StorageFull},
		"beside uploads that go on": {func(b *bench) {
			b.free = 21 << 20
			b.create(host, Creation{Size: 10 << 20, To: to("ann")})
		}, 10 << 20, ann, ""},
		"in number": {func(b *bench) {
			for range maxFiles {
				f := &file{complete: true, record: record{ID: newID(), Session: "s", Person: "person else", Size: 1}}
				b.files[f.ID] = f
			}
		}, 1, host, room.FileQuota},
		"at a time": {func(b *bench) {
			for range maxUploads {
				b.create(host, Creation{Size: 10, To: to("ann")})
			}
		}, 10, host, room.FileQuota},
		"who waits": {func(b *bench) {}, 10, Seat{"s", "wait"}, room.NotAdmitted},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			c.change(b)
			_, err := b.Create(t.Context(), c.by, Creation{Size: c.size, To: to("ann"), Sealed: []byte("x")})
			b.code(c.want, err)
		})
	}
}

func TestUploadsThatPauseAreGivenUp(t *testing.T) {
	b := newBench(t)
	id := b.create(host, Creation{Size: 500, To: to("ann")})
	_, err := b.Upload(t.Context(), host, id, 0, content(100))
	b.code("", err)
	b.now = b.now.Add(uploadIdle - time.Second)
	b.step()
	if len(b.onDisk()) != 1 {
		t.Error("given up too early")
	}
	b.now = b.now.Add(time.Second)
	b.step()
	if len(b.onDisk()) != 0 {
		t.Errorf("left on the disk: %v", b.onDisk())
	}
	_, err = b.Upload(t.Context(), host, id, 100, content(100))
	b.code(room.TargetNotFound, err)
}

func TestPapersForTheClinic(t *testing.T) {
	b, data := newBench(t), content(5000)
	id := b.send(ann, Creation{Clinic: room.Journal}, data)
	if len(b.clinic.papers) != 1 || !bytes.Equal(b.clinic.content[0], data) {
		t.Fatal("not kept")
	}
	p := b.clinic.papers[0]
	if p != (Paper{id, "s", "person ann", room.Journal, b.now}) {
		t.Errorf("kept as %+v", p)
	}
	if items, _, _ := b.List(t.Context(), ann); len(items) > 0 {
		t.Errorf("listed: %+v", items)
	}
	for _, seat := range []Seat{ann, host} {
		if b.reads(seat, id, data) {
			t.Error("somebody in the group reads it")
		}
	}
	b.code(room.TargetNotFound, b.Withdraw(t.Context(), ann, id))
	b.step()
	if len(b.onDisk()) > 0 || !slices.Equal(b.index.acts(), []string{room.ActSealed}) || b.index.entries[0].Detail != "journal/"+id {
		t.Errorf("left %v, entries %+v", b.onDisk(), b.index.entries)
	}
	_, err := b.Create(t.Context(), ann, Creation{Clinic: room.Journal, Size: MaxClinicSize + 1})
	b.code(room.FileTooLarge, err)
	b.cfg.Clinic = nil
	_, err = b.Create(t.Context(), ann, Creation{Clinic: room.Journal, Size: 10})
	b.code(room.Forbidden, err)
}

// TestReplacedUploads checks that nothing is left of an upload that is replaced before it is complete, and that nothing replaces what the
// clinic keeps: it counts towards the limits.
func TestReplacedUploads(t *testing.T) {
	b := newBench(t)
	half := b.create(host, Creation{Size: 500, To: to("ann")})
	_, err := b.Upload(t.Context(), host, half, 0, content(100))
	b.code("", err)
	next := b.send(host, Creation{To: to("ann"), Replaces: half}, content(10))
	b.step()
	if got := b.onDisk(); !slices.Equal(got, []string{next}) {
		t.Errorf("on the disk %v", got)
	}
	journal := b.send(ann, Creation{Clinic: room.Journal}, content(10))
	_, err = b.Create(t.Context(), ann, Creation{Size: 1, To: to("host"), Sealed: []byte("x"), Replaces: journal})
	b.code(room.TargetNotFound, err)
}

// TestWithdrawWhileTheClinicGetsIt checks that a withdrawal either stops a journal or is refused: it never succeeds for one that the clinic
// keeps.
func TestWithdrawWhileTheClinicGetsIt(t *testing.T) {
	b := newBench(t)
	id := b.create(ann, Creation{Clinic: room.Journal, Size: 10})
	withdrawn := make(chan error, 1)
	b.clinic.during = func() {
		go func() { withdrawn <- b.Withdraw(t.Context(), ann, id) }()
		for n := 0; n < 1000 && len(withdrawn) == 0; n++ { // it has its chance
			runtime.Gosched()
		}
	}
	b.upload(ann, id, content(10))
	b.code(room.TargetNotFound, <-withdrawn)
	if len(b.clinic.papers) != 1 {
		t.Errorf("%d kept", len(b.clinic.papers))
	}
}

// TestPieceAfterWithdrawal checks that a piece that is written after its file was withdrawn and deleted, because it was checked before, leaves
// nothing on the disk.
func TestPieceAfterWithdrawal(t *testing.T) {
	b := newBench(t)
	f := b.files[b.create(host, Creation{Size: 500, To: to("ann")})]
	b.code("", b.Withdraw(t.Context(), host, f.ID))
	b.step()
	b.code(room.TargetNotFound, b.write(f, 0, content(100)))
	if len(b.onDisk()) != 1 {
		t.Fatal("the piece is not written")
	}
	b.step()
	if left := b.onDisk(); len(left) > 0 {
		t.Errorf("left on the disk: %v", left)
	}
}

func TestCredentialsNameOneSeat(t *testing.T) {
	b := newBench(t)
	c := b.Credential(ann)
	if seat, ok := b.SeatOf(c); !ok || seat != ann {
		t.Errorf("%v %v", seat, ok)
	}
	for _, bad := range []string{"", ".", "s.ann", strings.Replace(c.Reveal(), "s.ann", "s.ben", 1), c.Reveal()[:len(c.Reveal())-2], c.Reveal() + "x"} {
		if seat, ok := b.SeatOf(auth.NewSecret(bad)); ok {
			t.Errorf("%q is %v", bad, seat)
		}
	}
}

func TestErasedPersonsFilesAreDeleted(t *testing.T) {
	b := newBench(t)
	b.send(ann, Creation{To: to("host")}, content(10))
	kept := b.send(ben, Creation{To: to("host")}, content(10))
	half := b.create(ann, Creation{Size: 500, To: to("host")})
	if _, err := b.Upload(t.Context(), ann, half, 0, content(100)); err != nil {
		t.Fatal(err)
	}
	for _, nobody := range []room.PersonID{"", " ", "person else"} {
		if n, err := b.Erase(t.Context(), nobody); n != 0 || err != nil {
			t.Errorf("%q: %d erased, %v", nobody, n, err)
		}
	}
	b.index.fails = errors.New("disk")
	if n, err := b.Erase(t.Context(), "person ann"); n != 2 || err == nil {
		t.Errorf("%d erased without a store, %v", n, err)
	}
	b.index.fails = nil
	if n, err := b.Erase(t.Context(), "person ann"); n != 0 || err != nil {
		t.Errorf("%d erased again, %v", n, err)
	}
	if e := b.index.entries[len(b.index.entries)-1]; e.Act != room.ActFileDeleted || e.By != room.ByClinic || e.Person != "person ann" {
		t.Errorf("entered %+v", e)
	}
	if !slices.Equal(b.onDisk(), []string{kept}) || len(b.index.values) != 1 {
		t.Errorf("left %v", b.onDisk())
	}
}

func TestFullDisk(t *testing.T) {
	b := newBench(t)
	id := b.create(host, Creation{Size: 500, To: to("ann")})
	part := filepath.Join(b.dir, id+partSuffix)
	if err := os.Symlink("/dev/full", part); err != nil {
		t.Fatal(err)
	}
	_, err := b.Upload(t.Context(), host, id, 0, content(500))
	b.code(room.StorageFull, err)
	if offset, _, _ := b.Offset(t.Context(), host, id); offset != 0 {
		t.Errorf("acknowledged %d bytes that are nowhere", offset)
	}
	if err := os.Remove(part); err != nil { // the disk has room again
		t.Fatal(err)
	}
	b.upload(host, id, content(500))
	if !b.reads(ann, id, content(500)) {
		t.Error("it did not go on")
	}
}
