package wire

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// A golden is one file of testdata/messages; the TypeScript client checks the same.
type golden struct {
	Type, From string
	Frames     []struct {
		Note  string
		Frame json.RawMessage
	}
	Refused []struct {
		Note  string
		Frame json.RawMessage
		Error room.Code
	}
}

func readGoldens(t testing.TB) map[string]golden {
	t.Helper()
	files, _ := filepath.Glob("testdata/messages/*.json")
	if len(files) < len(decoders)+len(events) {
		t.Fatalf("only %d golden files", len(files))
	}
	all := map[string]golden{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(raw, &g); err != nil {
			t.Fatal(file, err)
		}
		if len(g.Frames) == 0 {
			t.Error(file, "holds no frame")
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = g
	}
	return all
}

func eventFile(kind string) string {
	if _, also := decoders[kind]; also {
		return kind + ".event"
	}
	return kind
}

// TestGoldenFilesAreComplete checks that every type has its golden files, every golden file has a type, and PROTOCOL.md names each type.
func TestGoldenFilesAreComplete(t *testing.T) {
	goldens, want := readGoldens(t), map[string][2]string{"error": {"error", "server"}}
	page, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind := range decoders {
		want[kind], want[kind+".answer"] = [2]string{kind, "client"}, [2]string{kind, "server"}
	}
	for _, kind := range events {
		want[eventFile(kind)] = [2]string{kind, "server"}
	}
	for name, w := range want {
		if g := goldens[name]; g.Type != w[0] || g.From != w[1] {
			t.Errorf("%s.json: type %q from %q, want %q", name, g.Type, g.From, w)
		}
		if kind := strings.TrimSuffix(w[0], ".event"); kind != "error" && !strings.Contains(string(page), "`"+kind+"`") {
			t.Errorf("PROTOCOL.md does not name %s", kind)
		}
	}
	for name := range goldens {
		if _, ok := want[name]; !ok {
			t.Errorf("%s.json belongs to no type", name)
		}
	}
}

// TestErrorsAreTheTable checks that section 8 of PROTOCOL.md, the list in errors.go and error.json have the same codes.
func TestErrorsAreTheTable(t *testing.T) {
	page, _ := os.ReadFile("../PROTOCOL.md")
	_, section, _ := strings.Cut(string(page), "## 8. Errors")
	table := map[room.Code]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|.*\\| (yes|no) \\|$").FindAllStringSubmatch(section, -1) {
		table[room.Code(m[1])] = m[2] == "yes"
	}
	if len(table) != len(errorRules) {
		t.Errorf("PROTOCOL.md has %d errors, the code %d", len(table), len(errorRules))
	}
	for code, r := range errorRules {
		if retryable, ok := table[code]; !ok || retryable != r.retryable {
			t.Errorf("%s: in the table %v, retryable %v there, %v here", code, ok, retryable, r.retryable)
		}
	}
	seen := map[room.Code]bool{}
	for _, g := range readGoldens(t)["error"].Frames {
		var frame struct{ Error Failure }
		if err := json.Unmarshal(g.Frame, &frame); err != nil {
			t.Fatal(err)
		}
		f := frame.Error
		made := NewFailure(f.Code, f.Message)
		made.Ref = f.Ref
		if f.Code == RateLimited {
			made.RetryAfterMs = f.RetryAfterMs
		}
		sameJSON(t, g.Note, EncodeAnswer("k7f3-1", nil, made), g.Frame)
		seen[f.Code] = true
	}
	if len(seen) != len(errorRules) {
		t.Errorf("error.json has %d of %d errors", len(seen), len(errorRules))
	}
}

// TestCloseCodesAreTheTable checks that section 7 of PROTOCOL.md lists every close code of the server.
func TestCloseCodesAreTheTable(t *testing.T) {
	page, _ := os.ReadFile("../PROTOCOL.md")
	for _, code := range CloseCodes() {
		if !regexp.MustCompile(`(?m)^\| (any other \(.*)?` + strconv.Itoa(code)).Match(page) {
			t.Errorf("PROTOCOL.md does not list close code %d", code)
		}
	}
}

const (
	p1 room.ParticipantID = "pYcv4zdRq1uK"
	p2 room.ParticipantID = "p9mXw2LhTt0e"
	p3 room.ParticipantID = "pB6sNqJ8aVz3"
)

const (
	goldenToken  = "eyJhbGciOiJFZERTQSJ9.e30.c2ln"
	goldenSecret = "q0n1cJ2mXw5vYt8rLh3sKd6fGb9zPa7eUo4iNx1jRwM"
	goldenSDP    = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
)

// requestContents holds the contents of the requests in the golden files, in their order.
func requestContents() map[string][]any {
	page := ClientInfo{"alcove-page", "1.0"}
	token := auth.NewSecret(goldenToken)
	words := "We begin at ten, please come back then."
	return map[string][]any{
		"hello": {
			Hello{Token: token, DisplayName: "Maria S.", Client: page},
			Hello{Token: token, Client: page},
			Hello{DisplayName: "Jonas", Client: ClientInfo{"probe", "0.3"}},
			Hello{Session: "r4Kd.pYcv4zdRq1uK", Secret: auth.NewSecret(goldenSecret), Client: page},
			Hello{Token: token, Client: ClientInfo{"alcove-page", "1.1"}},
			Hello{Token: token, Passcode: auth.NewSecret("ab2c-d3ef-g4hi"), Client: page},
			Hello{Token: token, Nonce: auth.NewSecret("mB2xq0Vt9sKdLr4uYw7zPa1e"), Client: page},
			Hello{Token: token, DisplayName: "Maria S.", Client: page},
			Hello{Token: token, Client: page},
			Hello{Token: token, Client: page, E2EE: 1},
		},
		"ping":     {Ping{}, Ping{}},
		"leave":    {room.Leave{}, room.Leave{}, room.Leave{AloneMinutes: 10}},
		"hand.set": {room.SetHand{Raised: true}, room.SetHand{}},
		"publication.set": {
			room.SetMuted{Source: room.Microphone, Muted: true}, room.SetMuted{Source: room.Camera},
			room.SetMuted{Source: room.Screen, Muted: true},
		},
		"permission.ask": {room.AskScreen{}},
		"waiting.admit": {
			room.Admit{Targets: []room.ParticipantID{p1}}, room.Admit{Targets: []room.ParticipantID{p1, p3}}, room.Admit{All: true},
			room.Admit{Targets: []room.ParticipantID{p1}, Verify: true},
		},
		"waiting.deny": {room.Deny{Target: p1}, room.Deny{Target: p1, Message: words}},
		"waiting.message": {
			room.Message{Target: p1, Text: "Two more minutes."}, room.Message{Text: "I have no camera today.\nIs that all right?"},
		},
		"mod.sendBack": {room.SendBack{Target: p1}, room.SendBack{Target: p1, Message: words}},
		"mod.remove":   {room.Remove{Target: p1}, room.Remove{Target: p1, Message: words}},
		"mod.lift":     {room.Unbar{Target: p1}},
		"mod.mute":     {room.Mute{Target: p1, Source: room.Microphone}, room.Mute{Target: p1, Source: room.Screen}},
		"mod.muteAll":  {room.MuteAll{Source: room.Microphone}, room.MuteAll{Source: room.Camera}},
		"mod.lowerHands": {
			room.LowerHands{Targets: []room.ParticipantID{p1}}, room.LowerHands{Targets: []room.ParticipantID{p1, p3}}, room.LowerHands{All: true},
		},
		"mod.askUnmute": {room.AskUnmute{Target: p1, Source: room.Microphone}, room.AskUnmute{Target: p1, Source: room.Screen}},
		"mod.grant": {room.SetPermission{Target: p1, Source: room.Screen, Allowed: true}, room.SetPermission{Target: p1, Source: room.Screen},
			room.SetPermission{Target: p1, Source: room.Microphone}},
		"room.lock":   {room.Lock{}, room.Lock{}},
		"room.unlock": {room.Unlock{}, room.Unlock{}},
		"room.end":    {room.End{Reason: "host"}, room.End{Reason: "host"}},
		"media.offer": {
			live.Offer{Generation: 1, SDP: goldenSDP, Tracks: []live.Track{{MID: "0", Source: room.Microphone},
				{MID: "1", Source: room.Camera}, {MID: "2", Source: room.Screen}}},
			live.Offer{Generation: 2, SDP: goldenSDP},
		},
		"view.set": {live.View{"uQ7wz2": 360, "uV2pp9": 1080, "uT5yx4": 0}, live.View{}},
	}
}

func TestGoldenRequests(t *testing.T) {
	goldens, want := readGoldens(t), requestContents()
	maps.Copy(want, consentRequestContents())
	maps.Copy(want, e2eeRequestContents())
	maps.Copy(want, fileRequestContents())
	for kind := range decoders {
		g := goldens[kind]
		if len(g.Frames) != len(want[kind]) {
			t.Errorf("%s: %d frames, %d expected", kind, len(g.Frames), len(want[kind]))
			continue
		}
		for i, frame := range g.Frames {
			r, err := ParseRequest(frame.Frame)
			if err != nil || r.Type != kind {
				t.Errorf("%s, %s: %v", kind, frame.Note, err)
				continue
			}
			got, f := r.Decode()
			if f != nil || !equal(got, want[kind][i]) {
				t.Errorf("%s, %s: %#v %v, want %#v", kind, frame.Note, got, f, want[kind][i])
			}
		}
		for _, frame := range g.Refused {
			r, err := ParseRequest(frame.Frame)
			if err != nil {
				t.Errorf("%s, %s: %v", kind, frame.Note, err)
				continue
			}
			if got, f := r.Decode(); f == nil || f.Code != frame.Error {
				t.Errorf("%s, %s: accepted as %#v, %v", kind, frame.Note, got, f)
			}
		}
	}
}

func sameJSON(t *testing.T, what string, got, want []byte) {
	t.Helper()
	var g, w any
	if json.Unmarshal(got, &g) != nil || json.Unmarshal(want, &w) != nil || !equal(g, w) {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// notices holds the notices of the events in the golden files, in their order.
func notices() map[string][]live.Notice {
	accessChanged := func(reason, message string, state room.Access, p ...room.Permission) live.Notice {
		return live.AccessChanged{Self: room.Self{Access: state, Permissions: p}, Reason: reason, Message: message}
	}
	host := room.PersonView{ID: p2, DisplayName: "Dr. Klein", Role: auth.Host, Connected: true, Publications: []room.Publication{
		{ID: "uN3kd8", Source: room.Microphone, CSRC: 1}, {ID: "uQ7wz2", Source: room.Camera, CSRC: 2}}}
	guest := room.PersonView{ID: p1, DisplayName: "Maria S.", Role: auth.Participant, HandRaised: true, HandRaisedAt: time.UnixMilli(1789999970000), Verified: true, Away: true,
		VerifiedName: "Maria Schmidt", HelpRaised: true, Overrides: room.Overrides{Screen: room.Given, Camera: room.Taken},
		Publications: []room.Publication{{ID: "uT5yx4", Source: room.Microphone, Muted: true, CSRC: 3}}}
	recorder := room.PersonView{ID: room.RecorderID, Role: room.RecorderRole, Connected: true}
	fresh := room.PersonView{ID: p1, DisplayName: "Maria S.", Role: auth.Participant, Connected: true}
	weak, failed := fresh, fresh
	away := room.PersonView{ID: p2, DisplayName: "Dr. Klein", Role: auth.Host, Connected: true, Away: true, AwayMessage: "I am back in five minutes."}
	weak.Media, failed.Media = room.MediaState{AES128: true}, room.MediaState{Failure: "srtp_profile"}
	w1 := room.WaiterView{ID: p1, DisplayName: "Maria S.", VerifiedName: "Maria Schmidt", Since: time.UnixMilli(1789999940000), Connected: true,
		Needs: room.Needs{Agreement: true, Verification: true}}
	w2 := room.WaiterView{ID: p3, DisplayName: "Guest", Since: time.UnixMilli(1789999950000), Returning: true,
		Verified: true, HelpRaised: true}
	lost := w1
	lost.Connected = false
	out := map[string][]live.Notice{
		"access.changed": {
			accessChanged("admitted", "", room.Admitted, "publish.microphone", "publish.camera", "hand.raise"),
			accessChanged("", "", room.Admitted, "publish.microphone", "publish.camera", "publish.screen", "hand.raise"),
			accessChanged("sent_back", "One moment, please.", room.Waiting),
			accessChanged("denied", "We begin at ten, please come back then.", room.Denied),
			accessChanged("removed", "", room.Removed), accessChanged("replaced", "", room.Left), accessChanged("ended", "", room.Ended),
			accessChanged("internal", "", room.Ended), accessChanged("left", "", room.Left), accessChanged("timeout", "", room.Left),
		},
		"roster":              {live.Roster{People: []room.PersonView{host, guest}}},
		"participant.joined":  {live.PersonJoined{Person: fresh}, live.PersonJoined{Person: recorder}},
		"participant.updated": {live.PersonUpdated{Person: guest}, live.PersonUpdated{Person: weak}, live.PersonUpdated{Person: failed}, live.PersonUpdated{Person: away}},
		"speakers":            {live.Speakers{IDs: []room.ParticipantID{p2, p1}}, live.Speakers{}},
		"lines":               {live.Lines{Lines: []live.Line{{Participant: p2}, {Participant: p1, Lost: true}}}, live.Lines{}},
		"permission.asked":    {live.EffectNotice{Effect: room.ScreenRequested{Participant: p1}}},
		"unmute.asked":        {live.EffectNotice{Effect: room.UnmuteAsked{Source: room.Microphone}}},
		"waiting.message": {
			live.EffectNotice{Effect: room.MessageSent{FromHost: true, Waiter: p1, Text: "Two more minutes."}},
			live.EffectNotice{Effect: room.MessageSent{Waiter: p1, Text: "I have no camera today.\nIs that all right?"}},
		},
		"waiting.list":    {live.WaitingList{Waiting: []room.WaiterView{w1, w2}}, live.WaitingList{}},
		"waiting.added":   {live.WaiterAdded{Waiter: w1}, live.WaiterAdded{Waiter: w2}},
		"waiting.updated": {live.WaiterUpdated{Waiter: lost}},
		"waiting.removed": {live.WaiterRemoved{ID: p1}},
		"barred.list":     {live.BarredList{Barred: []room.BarView{{ID: p3, DisplayName: "Guest"}}}, live.BarredList{}},
		"media.ready":     {live.MediaReady{Pairs: 7, Screens: 1}, live.MediaReady{Generation: 1, Pairs: 15, Screens: 1}},
		"slot.map": {
			live.SlotMap{Slots: []live.SlotOwner{
				{Kind: "audio", Publication: "uN3kd8", Participant: p2, CSRC: 1}, {Kind: "video", Publication: "uQ7wz2", Participant: p2, CSRC: 2},
				{Kind: "audio", Index: 1, Publication: "uT5yx4", Participant: p1, CSRC: 3}, {Kind: "screen", Publication: "uV2pp9", Participant: p1, CSRC: 4},
			}}, live.SlotMap{},
		},
	}
	out["server.draining"] = make([]live.Notice, 2)
	out["slot.paused"] = []live.Notice{live.SlotsPaused{Publications: []room.PublicationID{"uQ7wz2", "uV2pp9"}}, live.SlotsPaused{}}
	out["encodings.wanted"] = []live.Notice{
		live.EncodingsWanted{Source: room.Camera, RIDs: []string{"q", "h"}}, live.EncodingsWanted{Source: room.Camera},
	}
	for _, code := range []string{"timeout", "srtp_profile", "cipher_suite", "dtls_version", "fingerprint", "closed", "other"} {
		out["media.failed"] = append(out["media.failed"], live.HandshakeFailed{Participant: p2, Code: code})
	}
	for _, reason := range []string{"left", "removed", "sent_back", "replaced", "expired"} {
		out["participant.left"] = append(out["participant.left"], live.PersonLeft{ID: p1, Reason: reason})
	}
	out["participant.left"] = append(out["participant.left"], live.PersonLeft{ID: room.RecorderID, Reason: "left"})
	for _, reason := range []string{"host", "empty", "draining", "limit", "absent", "idle", "revoked"} {
		out["room.ended"] = append(out["room.ended"], live.RoomEnded{Reason: reason})
	}
	return out
}

func TestGoldenEvents(t *testing.T) {
	goldens, expected := readGoldens(t), notices()
	maps.Copy(expected, consentNotices())
	maps.Copy(expected, e2eeNotices())
	expected["files.changed"] = []live.Notice{live.FilesChanged{}}
	relay := []ICEServer{{URLs: []string{"turns:video.example.org:443?transport=tcp"}, Username: "q3Zk0cXnS8mYw1Rj5uVbTg", Credential: "L2pTq9dFh4sKx7NzC1vBaQ"}}
	for _, kind := range events {
		g := goldens[eventFile(kind)]
		if len(g.Frames) != len(expected[kind]) {
			t.Errorf("%s: %d frames, %d expected", kind, len(g.Frames), len(expected[kind]))
			continue
		}
		for i, frame := range g.Frames {
			var ice []ICEServer
			if kind == "media.ready" && i == 1 {
				ice = relay
			}
			name, data := EventOf(expected[kind][i], ice)
			if kind == "server.draining" { // no room knows of it
				name, data = kind, DrainingData([]time.Time{time.UnixMilli(1790000060000), {}}[i])
			}
			sameJSON(t, kind+", "+frame.Note, EncodeEvent(7, time.UnixMilli(1790000000000), name, data), frame.Frame)
		}
	}
	if len(events) != len(expected) {
		t.Errorf("%d events, %d expected", len(events), len(expected))
	}
}

func TestGoldenAnswers(t *testing.T) {
	all := []room.Permission{"publish.microphone", "publish.camera", "publish.screen", "hand.raise", "waiting.manage",
		"participant.mute", "participant.remove", "participant.grant", "room.lock", "room.end"}
	policy := room.Policy{Name: "default", ResumeWindow: time.Minute, WaitingResume: 10 * time.Minute}
	want := map[string][]Object{
		"hello": {
			WelcomeData(live.Welcome{Session: "r4Kd.pYcv4zdRq1uK", Secret: auth.NewSecret(goldenSecret), Policy: policy,
				Self: room.Self{ID: p1, Role: auth.Participant, Access: room.Waiting}}, 5000),
			WelcomeData(live.Welcome{Session: "r4Kd.p9mXw2LhTt0e", Secret: auth.NewSecret("w8B2cVn5xKq0zLr7tYh4mJd1sGf6pEa9uIo3kNb8vXc"), Policy: policy,
				Self: room.Self{ID: p2, Role: auth.Host, Access: room.Admitted, Permissions: all}}, 5000),
			WelcomeData(live.Welcome{Session: "r4Kd.pYcv4zdRq1uK", Secret: auth.NewSecret(goldenSecret),
				Policy: room.Policy{Name: "care", E2EE: room.E2EERequired, Chat: room.ReachHosts, Files: room.ReachAll, ClinicPapers: true, Verify: true, HostGrace: 15 * time.Minute, ResumeWindow: time.Minute, WaitingResume: 10 * time.Minute, Recording: room.WithEveryone,
					Consents: []room.ConsentForm{{Scope: room.RecordingAudio}}},
				Self: room.Self{ID: p1, Role: auth.Participant, Access: room.Waiting, Needs: room.Needs{Passcode: true, Agreement: true},
					Agreement: []room.Text{goldenText}, DisplayName: "Maria S.", VerifiedName: "Maria Schmidt"}}, 5000),
		},
		"waiting.admit": {
			OutcomeData(room.Outcome{Admitted: []room.ParticipantID{p1, p3}}),
			OutcomeData(room.Outcome{Admitted: []room.ParticipantID{p1}, Refused: []room.Refusal{{Participant: p3, Code: room.TargetNotFound}}}),
		},
		"check.begin": {
			CheckBegunData([]ICEServer{{URLs: []string{"turns:video.example.org:443?transport=tcp"}, Username: "q3Zk0cXnS8mYw1Rj5uVbTg", Credential: "L2pTq9dFh4sKx7NzC1vBaQ"}}, 40*time.Second),
			CheckBegunData(nil, 40*time.Second),
		},
		"check.offer": {CheckAnswerData("v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n")},
		"file.access": {FileAccessData("r4Kd.pYcv4zdRq1uK.hLkq2mZ9", []string{"age1pq1clinic"}), FileAccessData("r4Kd.pYcv4zdRq1uK.hLkq2mZ9", nil)},
		"file.create": {FileCreatedData("fM3v8kQz1nXw5tYb2dRc7A")},
		"e2ee.sync":   {SyncData(room.Outcome{Through: 12})},
		"media.offer": {AnswerData(live.Answer{SDP: "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n", Slots: []live.Slot{
			{MID: "3", Kind: "audio"}, {MID: "4", Kind: "video"}, {MID: "5", Kind: "audio", Index: 1}, {MID: "6", Kind: "video", Index: 1}, {MID: "7", Kind: "screen"}}})},
	}
	goldens := readGoldens(t)
	for kind := range decoders {
		answers := want[kind]
		if answers == nil {
			answers = []Object{nil}
		}
		for i, g := range goldens[kind+".answer"].Frames {
			sameJSON(t, kind+", "+g.Note, EncodeAnswer("k7f3-1", answers[i], nil), g.Frame)
		}
	}
}
