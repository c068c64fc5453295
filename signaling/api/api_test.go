package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/signaling/internal/report"
	"alcove/signaling/wire"
)

// fakeAdmin accepts the token "admin" and records revocations.
type fakeAdmin struct {
	revoked  []auth.Revocation
	lifted   []auth.Revocation
	consents map[room.PersonID][]room.ConsentRecord
	broken   error
	unready  error
	hang     chan struct{} // nothing is written before it is closed
}

func (*fakeAdmin) Verify(_ time.Time, token auth.Secret) error {
	if token.Reveal() != "admin" {
		return auth.Refusal{Reason: auth.Expired}
	}
	return nil
}

// An operator calls the API of a testServer.
type operator struct {
	t     *testing.T
	url   string
	admin *fakeAdmin
}

func newOperator(t *testing.T) (*testServer, *operator) {
	t.Helper()
	fake := &fakeAdmin{}
	h, faults := newTestServer(t)
	server := Server{
		Config: Config{
			Tokens: fake, Room: func(name string) string { return "room-" + strings.ToUpper(name) }, Issuer: "issuer",
			Person: func(sub string) string { return sub }, // as wiretest.Tokens
			Revoke: func(r auth.Revocation, done func(error)) {
				fake.revoked = append(fake.revoked, r)
				if fake.hang != nil {
					go func() { <-fake.hang; done(nil) }()
					return
				}
				done(fake.broken)
			},
			Restore: func(_ context.Context, kind auth.RevocationKind, subject string) (bool, error) {
				fake.lifted = append(fake.lifted, auth.Revocation{Kind: kind, Subject: subject})
				before := len(fake.revoked)
				if fake.broken == nil {
					fake.revoked = slices.DeleteFunc(fake.revoked, func(r auth.Revocation) bool { return r.Kind == kind && r.Subject == subject })
				}
				return len(fake.revoked) < before, fake.broken
			},
			Revocations: func(time.Time) []auth.Revocation { return slices.Clone(fake.revoked) },
			Consents: func(_ context.Context, p room.PersonID) ([]room.ConsentRecord, error) {
				return fake.consents[p], fake.broken
			},
		},
		Rooms: h.rooms, Faults: faults, Refusals: report.NewRefusals(nil, time.Now), Now: time.Now,
		Ready: func() error { return fake.unready },
	}
	if !server.Config.Complete() {
		t.Fatal("the configuration is not complete")
	}
	mux := http.NewServeMux()
	server.Register(mux)
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	return h, &operator{t, web.URL, fake}
}

func (o *operator) ask(token, method, path, body string) (int, map[string]any, http.Header) {
	o.t.Helper()
	req, err := http.NewRequest(method, o.url+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	var data map[string]any
	if err := json.Unmarshal(raw, &data); err != nil {
		o.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, raw)
	}
	if strings.Contains(string(raw), "Klein") || strings.Contains(string(raw), "Maria") {
		o.t.Errorf("%s %s tells a name: %s", method, path, raw)
	}
	return resp.StatusCode, data, resp.Header
}

func (o *operator) done(method, path, body string) map[string]any {
	o.t.Helper()
	status, data, _ := o.ask("admin", method, path, body)
	if status != http.StatusOK {
		o.t.Errorf("%s %s: %d %v", method, path, status, data)
	}
	return data
}

func (o *operator) refused(method, path, body string, status int, code room.Code) {
	o.t.Helper()
	got, data, header := o.ask("admin", method, path, body)
	if got != status || data["code"] != string(code) || data["status"] != float64(status) ||
		data["type"] != "urn:alcove:problem:"+string(code) || header.Get("Content-Type") != "application/problem+json" {
		o.t.Errorf("%s %s: %d %v, want %d %s", method, path, got, data, status, code)
	}
}

// TestAPI lists, shows, admits, locks, removes and ends.
func TestAPI(t *testing.T) {
	h, o := newOperator(t)
	if rooms := o.done("GET", "/v1/rooms", "")["rooms"].([]any); len(rooms) != 0 {
		t.Errorf("%v", rooms)
	}
	host, guest := h.enter(hostToken), h.enter(guestToken)
	one := o.done("GET", "/v1/rooms?name=tuesday", "")["rooms"].([]any)[0].(map[string]any)
	if one["id"] != "room-TUESDAY" || one["waiting"] != 1.0 || one["locked"] != false || one["recording"] != "off" ||
		one["admitted"].(map[string]any)["host"] != 1.0 || one["startedAt"] == nil {
		t.Errorf("%v", one)
	}
	if rooms := o.done("GET", "/v1/rooms?name=friday", "")["rooms"].([]any); len(rooms) != 0 {
		t.Errorf("%v", rooms)
	}
	const path = "/v1/rooms/room-TUESDAY"
	shown := o.done("GET", path, "")
	if _, named := shown["name"]; named || len(shown["participants"].([]any)) != 1 || len(shown["waiting"].([]any)) != 1 {
		t.Errorf("%v", shown)
	}
	got := o.done("POST", path+"/admit", `{"participantIds":["`+guest.Welcome.ParticipantID+`"]}`)
	if len(got["admitted"].([]any)) != 1 {
		t.Errorf("%v", got)
	}
	if e := guest.WaitFor("access.changed"); e.Data["state"] != "admitted" {
		t.Errorf("%v", e)
	}
	o.done("POST", path+"/lock", "")
	guest.WaitFor("room.updated")
	if e := guest.WaitFor("room.updated"); e.Data["locked"] != true {
		t.Errorf("%v", e)
	}
	o.done("POST", path+"/unlock", "{}")
	o.refused("POST", path+"/remove", `{"participantId":"nobody"}`, 404, room.TargetNotFound)
	o.refused("POST", path+"/remove", `{}`, 400, room.BadRequest)
	o.done("POST", path+"/remove", `{"participantId":"`+guest.Welcome.ParticipantID+`"}`)
	if code := guest.CloseCode(); code != wire.CloseForbidden {
		t.Errorf("removed with %d", code)
	}
	o.done("POST", path+"/end", "")
	if e := host.WaitFor("room.ended"); e.Data["reason"] != "clinic" {
		t.Errorf("%v", e)
	}
	o.refused("GET", path, "", 404, room.TargetNotFound)
}

// TestAPIRefuses checks that the API refuses requests without a token, with an invalid body, and for rooms that do not run.
func TestAPIRefuses(t *testing.T) {
	_, o := newOperator(t)
	for route := range routes {
		method, path, _ := strings.Cut(route, " ")
		path = strings.Replace(path, "{id}", "x", 1)
		status, data, header := o.ask("stranger", method, path, "")
		if status != 401 || data["code"] != "invalid_token" || header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: %d %v", route, status, data)
		}
		if strings.Contains(path, "/x") {
			o.refused(method, path, `{"participantIds":"*","participantId":"p"}`, 404, room.TargetNotFound)
		}
		if method == "POST" {
			o.refused(method, path, `[]`, 400, room.BadRequest)
			o.refused(method, path, `{"a":1,"a":2}`, 400, room.BadRequest)
			o.refused(method, path, `{"a":"`+strings.Repeat("x", maxBody)+`"}`, 400, room.BadRequest)
		}
	}
}

// TestAPIRevokes checks that a revocation is stored and ends running sessions of the person.
func TestAPIRevokes(t *testing.T) {
	h, o := newOperator(t)
	host, guest := h.enter(hostToken), h.enter(guestToken)
	o.refused("POST", "/v1/revocations", `{"kind":"world","value":"x"}`, 400, room.BadRequest)
	o.refused("POST", "/v1/revocations", `{"kind":"person"}`, 400, room.BadRequest)
	o.done("POST", "/v1/revocations", `{"kind":"token","value":"jti-1"}`)
	o.done("POST", "/v1/revocations", `{"kind":"person","value":"maria"}`)
	if code := guest.CloseCode(); code != wire.CloseForbidden {
		t.Errorf("the revoked was closed with %d", code)
	}
	o.done("POST", "/v1/revocations", `{"kind":"room","value":"friday"}`)
	o.done("POST", "/v1/revocations", `{"kind":"room","value":"tuesday"}`)
	if e := host.WaitFor("room.ended"); e.Data["reason"] != "revoked" {
		t.Errorf("%v", e)
	}
	want := []string{auth.NewTokenKey("issuer", "jti-1").String(), "maria", "room-FRIDAY", "room-TUESDAY"}
	for i, r := range o.admin.revoked {
		if r.Subject != want[i] || r.At.IsZero() {
			t.Errorf("%+v", r)
		}
	}
	if len(o.admin.revoked) != len(want) {
		t.Errorf("%d revocations", len(o.admin.revoked))
	}
}

// TestAPIUndoesRevocation checks that a person revoked by mistake can rejoin the running session, but not while the daemon is not ready.
func TestAPIUndoesRevocation(t *testing.T) {
	h, o := newOperator(t)
	h.enter(hostToken)
	guest := h.enter(guestToken)
	o.done("POST", "/v1/revocations", `{"kind":"person","value":"maria"}`)
	guest.CloseCode()
	barred := func() bool { return h.dial().TryHello(guestToken, "").Code() == room.BarredPerson }
	o.admin.unready = errors.New("disk full")
	o.refused("POST", "/v1/revocations/lift", `{"kind":"person","value":"maria"}`, 503, room.Unavailable)
	if !barred() || len(o.admin.lifted) > 0 {
		t.Error("a lift that is refused lifts a bar")
	}
	o.admin.unready = nil
	if got := o.done("POST", "/v1/revocations/lift", `{"kind":"person","value":"maria"}`)["lifted"]; got != true || barred() {
		t.Errorf("lifted: %v, barred: %v", got, barred())
	}
}

// TestAPIRevokesUnwritten checks that a revocation takes effect at once, whether or not it can be written, and that the answer says which.
func TestAPIRevokesUnwritten(t *testing.T) {
	h, o := newOperator(t)
	host, guest := h.enter(hostToken), h.enter(guestToken)
	o.admin.hang = make(chan struct{})
	hang := o.admin.hang
	let := sync.OnceFunc(func() { close(hang) })
	t.Cleanup(let)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		o.done("POST", "/v1/revocations", `{"kind":"person","value":"maria"}`)
	}()
	if code := guest.CloseCode(); code != wire.CloseForbidden {
		t.Errorf("the revoked was closed with %d", code)
	}
	select {
	case <-answered:
		t.Error("answered before it was written")
	default:
	}
	let()
	<-answered
	o.admin.hang, o.admin.broken = nil, errors.New("disk full")
	o.refused("POST", "/v1/revocations", `{"kind":"room","value":"tuesday"}`, 503, room.Unavailable)
	if e := host.WaitFor("room.ended"); e.Data["reason"] != "revoked" {
		t.Errorf("%v", e)
	}
	o.refused("POST", "/v1/revocations", `{"kind":"token","value":"jti-1"}`, 503, room.Unavailable)
	o.admin.broken = auth.ErrRevocationsFull
	o.refused("POST", "/v1/revocations", `{"kind":"token","value":"jti-1"}`, 409, room.InvalidState)
}

// TestAPIRemovesRevocations checks that revocations are listed, and removed by id or by subject, and that unknown ones are refused.
func TestAPIRemovesRevocations(t *testing.T) {
	_, o := newOperator(t)
	stand := func() []any { return o.done("GET", "/v1/revocations", "")["revocations"].([]any) }
	if all := stand(); len(all) != 0 {
		t.Errorf("%v", all)
	}
	at := time.Unix(1_790_000_000, 0)
	key := auth.NewTokenKey("issuer", "jti-1").String()
	o.admin.revoked = []auth.Revocation{
		{Kind: auth.RevokeToken, Subject: key, At: at.Add(time.Second), Until: at.Add(time.Hour)},
		{Kind: auth.RevokePerson, Subject: "maria", At: at}, {Kind: auth.RevokeRoom, Subject: "room-TUESDAY", At: at},
	}
	all := stand()
	if len(all) != 3 {
		t.Fatalf("%v", all)
	}
	first, last := all[0].(map[string]any), all[2].(map[string]any)
	if first["kind"] != "person" || first["subject"] != "maria" || first["at"] != float64(at.UnixMilli()) || first["until"] != nil {
		t.Errorf("%v", first)
	}
	if last["subject"] != key || last["until"] != float64(at.Add(time.Hour).UnixMilli()) {
		t.Errorf("%v", last)
	}
	for _, body := range []string{
		`{}`, `{"kind":"world","value":"x"}`, `{"kind":"person"}`, `{"kind":"person","value":"maria","subject":"maria"}`, `{"kind":"person","subject":"a b"}`,
	} {
		o.refused("POST", "/v1/revocations/lift", body, 400, room.BadRequest)
	}
	o.admin.broken = errors.New("disk full")
	o.refused("POST", "/v1/revocations/lift", `{"kind":"person","value":"maria"}`, 503, room.Unavailable)
	o.admin.broken, o.admin.lifted = nil, nil
	for _, body := range []string{`{"kind":"token","value":"jti-1"}`, `{"kind":"person","subject":"maria"}`, `{"kind":"room","value":"tuesday"}`} {
		for _, want := range []bool{true, false} {
			if got := o.done("POST", "/v1/revocations/lift", body)["lifted"]; got != want {
				t.Errorf("%s: %v, want %v", body, got, want)
			}
		}
	}
	if len(o.admin.lifted) != 6 || len(stand()) != 0 {
		t.Errorf("%v were lifted", o.admin.lifted)
	}
}

// TestAPIConsents looks up a person's answers by the claims of their token and by their opaque id.
func TestAPIConsents(t *testing.T) {
	_, o := newOperator(t)
	o.admin.consents = map[room.PersonID][]room.ConsentRecord{"maria": {{Person: "maria", Kind: "agreement", TextHash: "h", Decision: "acknowledged"}}}
	for _, body := range []string{`{"sub":"maria"}`, `{"person":"maria"}`} {
		got := o.done("POST", "/v1/consents", body)["consents"].([]any)
		if len(got) != 1 || got[0].(map[string]any)["decision"] != "acknowledged" {
			t.Errorf("%s: %v", body, got)
		}
	}
	if got, ok := o.done("POST", "/v1/consents", `{"sub":"paul"}`)["consents"].([]any); !ok || len(got) != 0 {
		t.Errorf("of somebody unknown: %v", got)
	}
	for _, body := range []string{`{}`, `{"sub":"maria","person":"maria"}`, `{"person":"a b"}`, `{"sub":""}`} {
		o.refused("POST", "/v1/consents", body, 400, room.BadRequest)
	}
	o.admin.broken = errors.New("disk gone")
	o.refused("POST", "/v1/consents", `{"sub":"maria"}`, 503, room.Unavailable)
}

// TestOpenAPI checks that openapi.yaml describes every route, and no other.
func TestOpenAPI(t *testing.T) {
	raw, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, paths, _ := strings.Cut(string(raw), "\npaths:\n")
	paths, _, _ = strings.Cut(paths, "\ncomponents:\n")
	path, described := "", map[string]bool{}
	for _, line := range strings.Split(paths, "\n") {
		if m := regexp.MustCompile(`^  (/\S+):$`).FindStringSubmatch(line); m != nil {
			path = m[1]
		}
		if m := regexp.MustCompile(`^    (get|put|post|patch|delete):$`).FindStringSubmatch(line); m != nil {
			described[strings.ToUpper(m[1])+" "+path] = true
		}
	}
	for route := range routes {
		if !described[route] {
			t.Errorf("openapi.yaml lacks %s", route)
		}
	}
	if len(described) != len(routes) {
		t.Errorf("openapi.yaml has %d routes, the server %d: %v", len(described), len(routes), described)
	}
}
