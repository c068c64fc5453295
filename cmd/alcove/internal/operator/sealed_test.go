package operator

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/sfu/record"
)

// seal keeps a paper as the daemon does.
func (a *archive) seal(id, sub, words string) {
	a.t.Helper()
	c, _, err := config.Load(a.config())
	if err != nil {
		a.t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(a.dir, "recipients.txt"))
	if err != nil {
		a.t.Fatal(err)
	}
	to, err := age.ParseRecipients(bytes.NewReader(data))
	if err != nil {
		a.t.Fatal(err)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to...)
	if err != nil {
		a.t.Fatal(err)
	}
	io.WriteString(w, words)
	w.Close()
	l, err := record.ReadFolder(c.Recording.Dir)
	if err != nil {
		a.t.Fatal(err)
	}
	keyring, err := record.OpenKeyring(c.Recording.Keyring(), time.Now)
	if err != nil {
		a.t.Fatal(err)
	}
	p := record.Paper{ID: id, Session: archiveSession, Person: a.person.Person(sub), Kind: "journal", Class: "default", At: time.Now()}
	if err := record.KeepPaper(l, keyring, p, sealed.Bytes()); err != nil {
		a.t.Fatal(err)
	}
}

func (a *archive) sealed(args ...string) (string, error) {
	var out bytes.Buffer
	err := runSealed(cli.Terminal{Out: &out, Err: io.Discard}, args)
	return out.String(), err
}

func TestSealedPapers(t *testing.T) {
	a := newArchive(t)
	a.seal("one", mira, `{"version":1,"kind":"journal","text":"the known word marzipan"}`)
	a.seal("two", noor, `{"version":1,"kind":"journal","text":"other words"}`)
	list, err := a.sealed("list", "--config", a.config())
	if err != nil || !strings.Contains(list, "one") || !strings.Contains(list, "2 papers, 0 files") || strings.Contains(list, "marzipan") {
		t.Errorf("list: %s %v", list, err)
	}
	if _, err := a.sealed("open", "--config", a.config()); err == nil {
		t.Error("it opens without an identity")
	}
	out, err := a.sealed("open", "--config", a.config(), "--identity", a.identity, "one")
	var opened openedPaper
	if jsonErr := json.Unmarshal([]byte(out), &opened); err != nil || jsonErr != nil || opened.Person != a.person.Person(mira) || !strings.Contains(string(opened.Paper), "marzipan") {
		t.Fatalf("open: %s %v %v", out, err, jsonErr)
	}
	if out, err := a.sealed("open", "--config", a.config(), "--identity", a.identity); err != nil || strings.Count(out, "\n") != 2 {
		t.Errorf("all: %s %v", out, err)
	}
	if out, err := a.sealed("open", "--config", a.config(), "--identity", a.identity, "--person", a.person.Person(noor)); err != nil || strings.Contains(out, "marzipan") {
		t.Errorf("of one person: %s %v", out, err)
	}
	if _, err := a.sealed("open", "--config", a.config(), "--identity", a.identity, "three"); err == nil {
		t.Error("one that is not there opens")
	}
	other, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := a.sealed("open", "--config", a.config(), "--identity", a.write("other", other.String())); err == nil || strings.Contains(out, "marzipan") {
		t.Errorf("another identity: %s %v", out, err)
	}
	var erased bytes.Buffer
	if err := runRecording(cli.Terminal{Out: &erased, Err: io.Discard}, []string{"erase", "--config", a.config(), "--sub", mira}); err != nil {
		t.Fatal(err)
	}
	if out, err := a.sealed("open", "--config", a.config(), "--identity", a.identity); err != nil || strings.Contains(out, "marzipan") || strings.Count(out, "\n") != 1 {
		t.Errorf("after the erasure: %s %v", out, err)
	}
}
