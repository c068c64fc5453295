package files

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"alcove/room"
	"alcove/room/files"
	"alcove/signaling/internal/report"
)

type noIndex struct{}

func (noIndex) SaveFiles(context.Context, map[string][]byte, []string, []room.Entry) error {
	return nil
}
func (noIndex) LoadFiles(context.Context, func([]byte) error) error { return nil }

// oneRoom has the session "s": "wait" waits in it, and all others are admitted.
type oneRoom struct{ ended bool }

func (r *oneRoom) Admitted(_ context.Context, _ string, p room.ParticipantID) (room.PersonID, error) {
	switch {
	case r.ended:
		return "", &room.Error{Code: room.RoomEnded}
	case p == "wait":
		return "", &room.Error{Code: room.NotAdmitted}
	}
	return room.PersonID(p), nil
}
func (r *oneRoom) Running(string) bool                    { return !r.ended }
func (*oneRoom) NotifyFiles(string, []room.ParticipantID) {}

type server struct {
	*httptest.Server
	t     *testing.T
	files *files.Service
	room  *oneRoom
}

func newServer(t *testing.T) *server {
	limits := files.DefaultLimits
	limits.MinFree = 0
	svc, err := files.Open(t.Context(), files.Config{Dir: t.TempDir(), Index: noIndex{}, Key: make([]byte, 32), Limits: limits, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, files: svc, room: &oneRoom{}}
	svc.Serve(s.room)
	s.Server = httptest.NewServer(&Handler{
		Files: svc, Counted: func(string) {}, Faults: report.Faults{Log: slog.New(slog.DiscardHandler), OnPanic: func() {}},
		Allowed: func(r *http.Request) bool { return r.Header.Get("Origin") != "https://evil.example" },
	})
	t.Cleanup(s.Close)
	return s
}

func (s *server) ask(method, path string, who room.ParticipantID, body []byte, headers ...string) (*http.Response, []byte) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+s.files.Credential(files.Seat{Session: "s", Participant: who}).Reveal())
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, got
}

func (s *server) patch(id string, at int, piece []byte) *http.Response {
	s.t.Helper()
	answer, _ := s.ask("PATCH", "/v1/files/"+id, "host", piece, "Content-Type", pieceType, "Upload-Offset", strconv.Itoa(at))
	return answer
}

func (s *server) create(size int, release files.Release) string {
	s.t.Helper()
	id, err := s.files.Create(s.t.Context(), files.Seat{Session: "s", Participant: "host"},
		files.Creation{Size: int64(size), To: []room.ParticipantID{"ann"}, Sealed: []byte("sealed key"), Release: release})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func TestUploadAndDownload(t *testing.T) {
	s := newServer(t)
	data := bytes.Repeat([]byte("0123456789"), 60_000)
	id := s.create(len(data), files.Release{})
	for at := 0; at < len(data); at += files.PieceSize {
		piece := data[at:min(at+files.PieceSize, len(data))]
		if answer := s.patch(id, at, piece); answer.StatusCode != http.StatusNoContent || answer.Header.Get("Upload-Offset") != strconv.Itoa(at+len(piece)) {
			t.Fatalf("piece at %d: %d, offset %q", at, answer.StatusCode, answer.Header.Get("Upload-Offset"))
		}
	}
	if answer, got := s.ask("GET", "/v1/files/"+id, "ann", nil); answer.StatusCode != 200 || !bytes.Equal(got, data) {
		t.Errorf("content: %d, %d bytes", answer.StatusCode, len(got))
	}
	if answer, got := s.ask("GET", "/v1/files/"+id, "ann", nil, "Range", "bytes=599990-"); answer.StatusCode != 206 || string(got) != "0123456789" {
		t.Errorf("range: %d %q", answer.StatusCode, got)
	}
	if answer, got := s.ask("GET", "/v1/files/"+id+"/key", "ann", nil); answer.StatusCode != 200 || string(got) != "sealed key" {
		t.Errorf("key: %d %q", answer.StatusCode, got)
	}
	var list struct {
		Ended bool
		Files []struct {
			ID, From string
			Size     int
			Released bool
			To       []string
		}
	}
	_, got := s.ask("GET", "/v1/files", "ann", nil)
	if err := json.Unmarshal(got, &list); err != nil || list.Ended || len(list.Files) != 1 || list.Files[0].ID != id || !list.Files[0].Released || list.Files[0].To != nil {
		t.Errorf("list %s", got)
	}
}

func TestRefusals(t *testing.T) {
	s := newServer(t)
	done := s.create(3, files.Release{})
	s.patch(done, 0, []byte("abc"))
	timed := s.create(3, files.Release{AtEnd: true})
	s.patch(timed, 0, []byte("abc"))
	open := s.create(files.PieceSize+10, files.Release{})
	tus := []string{"Content-Type", pieceType, "Upload-Offset", "0"}
	for _, c := range []struct {
		name, method, path string
		who                room.ParticipantID
		body               []byte
		headers            []string
		status             int
	}{
		{"no credential", "GET", "/v1/files", "", nil, nil, 401},
		{"a credential in the query", "GET", "/v1/files?access_token=" + s.files.Credential(files.Seat{Session: "s", Participant: "ann"}).Reveal(), "", nil, nil, 401},
		{"another's", "GET", "/v1/files", "", nil, []string{"Authorization", "Bearer s.ann.AAAA"}, 401},
		{"who waits", "GET", "/v1/files", "wait", nil, nil, 403},
		{"not for this one", "GET", "/v1/files/" + done, "ben", nil, nil, 404},
		{"the key neither", "GET", "/v1/files/" + done + "/key", "ben", nil, nil, 404},
		{"its sender", "GET", "/v1/files/" + done, "host", nil, nil, 404},
		{"before its time", "GET", "/v1/files/" + timed, "ann", nil, nil, 404},
		{"its key before its time", "GET", "/v1/files/" + timed + "/key", "ann", nil, nil, 404},
		{"half of it", "GET", "/v1/files/" + open, "ann", nil, nil, 404},
		{"an upload by another", "PATCH", "/v1/files/" + open, "ann", []byte("x"), tus, 404},
		{"its offset", "HEAD", "/v1/files/" + open, "ann", nil, nil, 404},
		{"another offset", "PATCH", "/v1/files/" + open, "host", []byte("x"), []string{"Content-Type", pieceType, "Upload-Offset", "5"}, 409},
		{"no offset", "PATCH", "/v1/files/" + open, "host", []byte("x"), []string{"Content-Type", pieceType}, 400},
		{"a negative one", "PATCH", "/v1/files/" + open, "host", []byte("x"), []string{"Content-Type", pieceType, "Upload-Offset", "-1"}, 400},
		{"another type", "PATCH", "/v1/files/" + open, "host", []byte("x"), []string{"Content-Type", "text/plain", "Upload-Offset", "0"}, 415},
		{"too large a piece", "PATCH", "/v1/files/" + open, "host", make([]byte, files.PieceSize+1), tus, 413},
		{"no such file", "GET", "/v1/files/nothing", "ann", nil, nil, 404},
		{"a path", "GET", "/v1/files/..%2f..%2fetc%2fpasswd", "ann", nil, nil, 405},
		{"deeper", "GET", "/v1/files/" + done + "/key/more", "ann", nil, nil, 405},
		{"another method", "DELETE", "/v1/files/" + done, "host", nil, nil, 405},
		{"a foreign page", "GET", "/v1/files", "ann", nil, []string{"Origin", "https://evil.example"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, got := s.ask(c.method, c.path, c.who, c.body, c.headers...)
			var problem struct{ Error struct{ Code string } }
			if err := json.Unmarshal(got, &problem); answer.StatusCode != c.status || c.method != "HEAD" && (err != nil || problem.Error.Code == "") {
				t.Errorf("%d %s, want %d", answer.StatusCode, got, c.status)
			}
			if cors := answer.Header.Get("Access-Control-Allow-Origin"); cors != "" {
				t.Errorf("readable for %s", cors)
			}
		})
	}
}

// A connection that is cut in the middle of a piece leaves the offset where it was, and the upload goes on.
func TestCutConnection(t *testing.T) {
	s := newServer(t)
	data := bytes.Repeat([]byte("x"), 1000)
	id := s.create(len(data), files.Release{})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	credential := s.files.Credential(files.Seat{Session: "s", Participant: "host"}).Reveal()
	io.WriteString(conn, "PATCH /v1/files/"+id+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+credential+
		"\r\nContent-Type: "+pieceType+"\r\nUpload-Offset: 0\r\nContent-Length: 1000\r\n\r\n"+strings.Repeat("x", 500))
	conn.Close()
	answer, _ := s.ask("HEAD", "/v1/files/"+id, "host", nil)
	if answer.Header.Get("Upload-Offset") != "0" || answer.Header.Get("Upload-Length") != "1000" {
		t.Errorf("offset %q of %q", answer.Header.Get("Upload-Offset"), answer.Header.Get("Upload-Length"))
	}
	if answer := s.patch(id, 0, data); answer.StatusCode != http.StatusNoContent {
		t.Errorf("going on: %d", answer.StatusCode)
	}
	if answer := s.patch(id, 1000, nil); answer.StatusCode != http.StatusNoContent || answer.Header.Get("Upload-Offset") != "1000" {
		t.Errorf("asking again at the end: %d", answer.StatusCode)
	}
}

func TestAfterTheSession(t *testing.T) {
	s := newServer(t)
	timed := s.create(3, files.Release{AtEnd: true})
	s.patch(timed, 0, []byte("abc"))
	open := s.create(3, files.Release{})
	s.room.ended = true
	s.files.SessionEnded("s")
	if answer, got := s.ask("GET", "/v1/files/"+timed, "ann", nil); answer.StatusCode != 200 || string(got) != "abc" {
		t.Errorf("what was kept for the end: %d", answer.StatusCode)
	}
	if answer, got := s.ask("GET", "/v1/files", "ann", nil); answer.StatusCode != 200 || !strings.Contains(string(got), `"ended":true`) {
		t.Errorf("the list: %d %s", answer.StatusCode, got)
	}
	if answer := s.patch(open, 0, []byte("abc")); answer.StatusCode != http.StatusGone {
		t.Errorf("an upload: %d", answer.StatusCode)
	}
}

func TestPagesOfOtherOriginsAreAllowedByName(t *testing.T) {
	s := newServer(t)
	answer, _ := s.ask("OPTIONS", "/v1/files/x", "", nil, "Origin", "https://portal.clinic.example", "Access-Control-Request-Method", "PATCH")
	if answer.StatusCode != 204 || answer.Header.Get("Access-Control-Allow-Origin") != "https://portal.clinic.example" ||
		!strings.Contains(answer.Header.Get("Access-Control-Allow-Headers"), "Upload-Offset") {
		t.Errorf("preflight: %d %v", answer.StatusCode, answer.Header)
	}
	if answer, _ := s.ask("OPTIONS", "/v1/files/x", "", nil, "Origin", "https://evil.example"); answer.StatusCode != 403 {
		t.Errorf("a foreign page: %d", answer.StatusCode)
	}
}

func TestOneSeatHasFewRequestsAtATime(t *testing.T) {
	h := &Handler{}
	seat := files.Seat{Session: "s", Participant: "ann"}
	for range maxRequests {
		if !h.begin(seat) {
			t.Fatal("refused too early")
		}
	}
	if h.begin(seat) || !h.begin(files.Seat{Session: "s", Participant: "ben"}) {
		t.Error("no limit, or that of another")
	}
	h.end(seat)
	if !h.begin(seat) {
		t.Error("it does not get its place back")
	}
}
