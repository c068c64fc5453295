package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"alcove/cmd/alcove/internal/demotest"
	"alcove/room"
	"alcove/sfu/record"
)

const (
	filesHost = "policy=encrypted&room=canary-files&sub=canary-host&name=CanaryHost&role=host"
	filesAnn  = "policy=encrypted&room=canary-files&sub=canary-ann&name=CanaryAnn"
	pieceSize = 256 << 10
)

// A fileClient sends requests to /v1/files for one seat.
type fileClient struct {
	t          *testing.T
	p          *demotest.Process
	credential string
}

func newFileClient(t *testing.T, p *demotest.Process, s *demotest.Session) fileClient {
	t.Helper()
	var access struct{ Credential string }
	if a := s.Ask("file.access", demotest.Nothing); json.Unmarshal(a.Data, &access) != nil || !a.OK {
		t.Fatalf("file.access is answered %+v", a)
	}
	return fileClient{t, p, access.Credential}
}

func (c fileClient) ask(method, path string, body []byte, headers ...string) (int, http.Header, []byte) {
	c.t.Helper()
	r, err := http.NewRequest(method, c.p.Base+"/v1/files"+path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.credential)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, got
}

func (c fileClient) patch(id string, at int, piece []byte) {
	c.t.Helper()
	status, h, got := c.ask("PATCH", "/"+id, piece, "Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.Itoa(at))
	if status != http.StatusNoContent || h.Get("Upload-Offset") != strconv.Itoa(at+len(piece)) {
		c.t.Fatalf("a piece is answered %d %s", status, got)
	}
}

func createFile(t *testing.T, s *demotest.Session, data map[string]any) string {
	t.Helper()
	var created struct{ FileID string }
	if a := s.Ask("file.create", data); json.Unmarshal(a.Data, &created) != nil || !a.OK {
		t.Fatalf("file.create is answered %+v", a)
	}
	return created.FileID
}

// TestKillFiles kills the daemon after it acknowledged the last part of a file, in the middle of another file, and after the end of the
// session.
func TestKillFiles(t *testing.T) {
	t.Parallel()
	p := demotest.NewProcess(t)
	host, ann := p.Enter(filesHost), p.Enter(filesAnn)
	host.Must("waiting.admit", map[string]any{"participantIds": []string{ann.Seat}})
	ann.Heard("access.changed", "admitted")
	sender := newFileClient(t, p, host)
	content := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	sealed := base64.StdEncoding.EncodeToString([]byte("a key that only a page can open"))
	kept := createFile(t, host, map[string]any{"size": len(content), "to": []string{ann.Seat}, "sealed": sealed, "afterSession": true})
	sender.patch(kept, 0, content[:pieceSize])
	sender.patch(kept, pieceSize, content[pieceSize:])

	p.Crash() // after the last piece
	host, ann = p.Resume(host), p.Resume(ann)
	sender, reader := newFileClient(t, p, host), newFileClient(t, p, ann)
	if status, _, list := reader.ask("GET", "", nil); status != http.StatusOK || !bytes.Contains(list, []byte(kept)) {
		t.Fatalf("what was acknowledged is gone: %d %s", status, list)
	}
	if status, _, _ := reader.ask("GET", "/"+kept, nil); status != http.StatusNotFound {
		t.Errorf("it is given out before its time: %d", status)
	}
	half := createFile(t, host, map[string]any{"size": len(content), "to": []string{ann.Seat}, "sealed": sealed})
	sender.patch(half, 0, content[:pieceSize])
	journal := createFile(t, ann, map[string]any{"size": 1000, "clinic": "journal"})
	reader.patch(journal, 0, content[:1000])

	p.Crash() // in the middle of an upload, and after a journal
	if left, err := filepath.Glob(filepath.Join(p.Dir, "files", "*.part")); err != nil || len(left) != 0 {
		t.Errorf("left over: %v %v", left, err)
	}
	recordings, err := record.ReadFolder(filepath.Join(p.Dir, "recordings"))
	if err != nil {
		t.Fatal(err)
	}
	if papers, err := record.ListPapers(recordings); err != nil || len(papers) != 1 || papers[0].Paper.ID != journal || papers[0].Err != nil {
		t.Errorf("the journal: %+v %v", papers, err)
	}
	host, ann = p.Resume(host), p.Resume(ann)
	sender, reader = newFileClient(t, p, host), newFileClient(t, p, ann)
	if status, _, _ := sender.ask("HEAD", "/"+half, nil); status != http.StatusNotFound {
		t.Errorf("half a file is kept: %d", status)
	}
	host.Must("room.end", demotest.Nothing)
	ann.Heard("room.ended", "host")
	read := func() {
		t.Helper()
		if status, _, got := reader.ask("GET", "/"+kept, nil); status != http.StatusOK || !bytes.Equal(got, content) {
			t.Errorf("after the end: %d, %d bytes", status, len(got))
		}
		if status, _, got := reader.ask("GET", "/"+kept+"/key", nil); status != http.StatusOK || string(got) != "a key that only a page can open" {
			t.Errorf("its key: %d %q", status, got)
		}
	}
	deadline := 0
	for status := 0; status != http.StatusOK; deadline++ { // the session ends a moment after its participants are told
		if status, _, _ = reader.ask("GET", "/"+kept, nil); deadline > 10_000 {
			t.Fatalf("it is not released: %d", status)
		}
	}
	read()

	p.Crash() // after the end
	read()
	if err := p.Cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	p.CheckLog(map[string]int{room.ActFileSent: 1, room.ActSealed: 1, room.ActSessionEnded: 1})
	p.CheckClear("", sender.credential, reader.credential)
}
