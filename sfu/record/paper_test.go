package record

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"filippo.io/age"
)

// sealedFor is what a page makes of words.
func (c *clinic) sealedFor(words string) []byte {
	c.t.Helper()
	var b bytes.Buffer
	w := must(age.Encrypt(&b, c.identity.Recipient()))(c.t)
	if _, err := w.Write([]byte(words)); err != nil {
		c.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		c.t.Fatal(err)
	}
	return b.Bytes()
}

func (c *clinic) keepPaper(id, person, words string) {
	c.t.Helper()
	p := Paper{ID: id, Session: "session-1", Person: person, Kind: "journal", Class: "default", At: began}
	if err := KeepPaper(c.disk, c.keyring, p, c.sealedFor(words)); err != nil {
		c.t.Fatal(err)
	}
}

func TestPapersOpenForTheClinicAlone(t *testing.T) {
	c := newClinic(t, nil)
	c.keepPaper("one", "person-a", "the known word marzipan")
	all := must(ListPapers(c.disk))(t)
	if len(all) != 1 || all[0].Err != nil || all[0].Paper.Person != "person-a" || all[0].Paper.Kind != "journal" {
		t.Fatalf("listed %+v", all)
	}
	if segments := must(List(c.disk))(t); len(segments) != 0 {
		t.Errorf("a paper is taken for a recording: %v", segments)
	}
	p, text, err := c.opener().OpenPaper(c.disk, all[0].Name)
	if err != nil || string(text) != "the known word marzipan" || p.ID != "one" {
		t.Fatalf("%q %+v %v", text, p, err)
	}
	c.identity = must(age.GenerateX25519Identity())(t)
	if _, _, err := c.opener().OpenPaper(c.disk, all[0].Name); !errors.Is(err, ErrIdentity) {
		t.Errorf("another identity: %v", err)
	}
	f := must(c.disk.Open(all[0].Name))(t)
	defer f.Close()
	var raw bytes.Buffer
	raw.ReadFrom(f)
	if bytes.Contains(raw.Bytes(), []byte("marzipan")) || bytes.Contains(raw.Bytes(), []byte("age-encryption.org")) {
		t.Error("it lies open, or under the clinic's key alone")
	}
}

func TestDamagedPapersAreNamed(t *testing.T) {
	c := newClinic(t, nil)
	c.keepPaper("one", "person-a", "words")
	f := must(c.disk.Open("one" + paperSuffix))(t)
	var raw bytes.Buffer
	raw.ReadFrom(f)
	f.Close()
	put := func(name string, data []byte) {
		if err := withLock(c.disk, func(l LockedStorage) error { return l.Replace(name, data) }); err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func([]byte) []byte{
		"a bit of the end":    func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"a bit of the header": func(b []byte) []byte { return bytes.Replace(b, []byte("person-a"), []byte("person-b"), 1) },
		"cut":                 func(b []byte) []byte { return b[:len(b)-3] },
		"nothing":             func([]byte) []byte { return nil },
	} {
		put("one"+paperSuffix, damage(bytes.Clone(raw.Bytes())))
		if _, text, err := c.opener().OpenPaper(c.disk, "one"+paperSuffix); err == nil {
			t.Errorf("%s: it opens as %q", name, text)
		}
	}
	put("two"+paperSuffix, raw.Bytes()) // under another name
	if _, _, err := c.opener().OpenPaper(c.disk, "two"+paperSuffix); !errors.Is(err, errPaper) {
		t.Errorf("renamed: %v", err)
	}
}

func TestErasingAPersonErasesTheirPapers(t *testing.T) {
	c := newClinic(t, nil)
	c.keepPaper("one", "person-a", "words of a")
	c.keepPaper("two", "person-b", "words of b")
	backup := c.disk.copy()
	if _, err := SetHold(c.disk, Hold{Person: "person-a", Since: began}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := Erase(c.disk, c.keyring, "person-a"); !errors.Is(err, ErrHeld) {
		t.Fatalf("a legal hold is ignored: %v", err)
	}
	if _, err := SetHold(c.disk, Hold{Person: "person-a", Since: began}, false); err != nil {
		t.Fatal(err)
	}
	receipt := must(Erase(c.disk, c.keyring, "person-a"))(t)
	if receipt.Segments != 1 || len(must(ListPapers(c.disk))(t)) != 1 {
		t.Errorf("receipt %+v", receipt)
	}
	if _, _, err := c.opener().OpenPaper(backup, "one"+paperSuffix); !errors.Is(err, ErrErased) {
		t.Errorf("a backup opens: %v", err)
	}
	if _, text, err := c.opener().OpenPaper(backup, "two"+paperSuffix); err != nil || string(text) != "words of b" {
		t.Errorf("another's: %q %v", text, err)
	}
}

func TestPapersExpire(t *testing.T) {
	c := newClinic(t, nil)
	c.keepPaper("one", "person-a", "words")
	c.keepPaper("held", "person-b", "words")
	if _, err := SetHold(c.disk, Hold{Person: "person-b", Since: began}, true); err != nil {
		t.Fatal(err)
	}
	classes := Classes{"default": time.Hour}
	for _, step := range []struct {
		after time.Duration
		want  PapersGCResult
	}{{time.Hour - time.Second, PapersGCResult{}}, {time.Hour, PapersGCResult{Removed: 1, Held: 1}}, {2 * time.Hour, PapersGCResult{Held: 1}}} {
		var expired []string
		got, err := GCPapers(c.disk, classes, began.Add(step.after), func(p Paper) error { expired = append(expired, p.ID); return nil })
		if err != nil || got != step.want || len(expired) != step.want.Removed {
			t.Errorf("after %s: %+v %v %v, want %+v", step.after, got, expired, err, step.want)
		}
	}
	if got, err := GCPapers(c.disk, Classes{}, began.Add(time.Hour), nil); err != nil || got.Unknown != 1 {
		t.Errorf("an unknown class: %+v %v", got, err)
	}
	lost := errors.New("no entry")
	c.keepPaper("three", "person-a", "words")
	if _, err := GCPapers(c.disk, classes, began.Add(time.Hour), func(Paper) error { return lost }); !errors.Is(err, lost) || len(must(ListPapers(c.disk))(t)) != 2 {
		t.Errorf("removed without an entry: %v", err)
	}
}
