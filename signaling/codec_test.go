package signaling

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"alcove/room"
	"alcove/room/live"
)

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// TestFramesThatClose: who cannot frame is not answered.
func TestFramesThatClose(t *testing.T) {
	for note, frame := range map[string]string{
		"empty":                  ``,
		"not JSON":               `hello`,
		"a list":                 `[{"id":"1","type":"ping"}]`,
		"a string":               `"ping"`,
		"null":                   `null`,
		"two objects":            `{"id":"1","type":"ping"}{"id":"2","type":"ping"}`,
		"cut off":                `{"id":"1","type":"ping"`,
		"a missing comma":        `{"id":"1" "type":"ping"}`,
		"no id":                  `{"type":"ping"}`,
		"an empty id":            `{"id":"","type":"ping"}`,
		"an id that is a number": `{"id":1,"type":"ping"}`,
		"an id too long":         `{"id":"` + strings.Repeat("x", 65) + `","type":"ping"}`,
		"no type":                `{"id":"1"}`,
		"a type that is null":    `{"id":"1","type":null}`,
		"an envelope field more": `{"id":"1","type":"ping","seq":1}`,
		"a repeated id":          `{"id":"1","id":"2","type":"ping"}`,
		"a repeated data":        `{"id":"1","type":"ping","data":{},"data":{}}`,
		"data is a list":         `{"id":"1","type":"ping","data":[]}`,
		"data is null":           `{"id":"1","type":"ping","data":null}`,
		"repeated in data":       `{"id":"1","type":"hand.set","data":{"raised":true,"raised":false}}`,
		"broken UTF-8":           "{\"id\":\"1\",\"type\":\"ping\xff\"}",
		"too deep":               `{"id":"1","type":"ping","data":{"x":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}}`,
		"names in other case":    `{"ID":"1","Type":"ping"}`,
		"too many fields":        `{"id":"1","type":"ping","data":{` + manyFields(maxFields+1) + `}}`,
	} {
		if r, err := ParseRequest([]byte(frame)); err == nil {
			t.Errorf("%s: accepted as %+v", note, r)
		}
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"f` + strings.Repeat("x", i) + `":1`)
	}
	return b.String()
}

// TestErrorsNameTheFieldOnly: what a client sent never comes back in a message.
func TestErrorsNameTheFieldOnly(t *testing.T) {
	const canary = "CANARY"
	for frame, field := range map[string]string{
		`{"id":"1","type":"hello","data":{"client":{"name":"x","version":"1"},"token":"CANARY X"}}`:                                  "token",
		`{"id":"1","type":"hello","data":{"client":{"name":"x","version":["CANARY"]},"token":"a"}}`:                                  "client.version",
		`{"id":"1","type":"hand.set","data":{"raised":"CANARY"}}`:                                                                    "raised",
		`{"id":"1","type":"mod.mute","data":{"participantId":"a","source":"CANARY"}}`:                                                "source",
		`{"id":"1","type":"waiting.admit","data":{"participantIds":["CANARY CANARY"]}}`:                                              "participantIds[]",
		`{"id":"1","type":"media.offer","data":{"generation":1,"sdp":"v=0","tracks":[{"mid":"CANARY too long","source":"camera"}]}}`: "tracks[].mid",
	} {
		r, err := ParseRequest([]byte(frame))
		if err != nil {
			t.Fatal(frame, err)
		}
		_, f := r.Decode()
		if f == nil || f.Code != room.BadRequest || !strings.HasPrefix(f.Message, field+": ") || strings.Contains(f.Message, canary) {
			t.Errorf("%s: %+v", frame, f)
		}
	}
	r, _ := ParseRequest([]byte(`{"id":"1","type":"CANARY"}`))
	if _, f := r.Decode(); f == nil || f.Code != UnknownType || strings.Contains(f.Message, canary) {
		t.Errorf("%+v", f)
	}
}

func TestOfferOfTooManyLines(t *testing.T) {
	sdp := "v=0\r\n" + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", MaxLines+1)
	data, _ := json.Marshal(map[string]any{"generation": 1, "sdp": sdp, "tracks": []any{}})
	r, err := ParseRequest([]byte(`{"id":"1","type":"media.offer","data":` + string(data) + `}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, f := r.Decode(); f == nil || f.Code != live.TrackLimit {
		t.Errorf("%+v", f)
	}
}

func FuzzDecode(f *testing.F) {
	seeds := 0
	for _, g := range readGoldens(f) {
		for _, frame := range g.Frames {
			f.Add([]byte(frame.Frame))
			seeds++
		}
		for _, frame := range g.Refused {
			f.Add([]byte(frame.Frame))
			seeds++
		}
	}
	if seeds < 100 {
		f.Fatalf("only %d seeds: the golden files are not read", seeds)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseRequest(raw)
		if err != nil {
			return
		}
		if len(r.ID) > 4*maxRequestID || r.ID == "" || !json.Valid(raw) {
			t.Errorf("accepted %q", raw)
		}
		asked, refused := r.Decode()
		if (asked == nil) == (refused == nil) {
			t.Errorf("%q: neither or both of %v and %v", raw, asked, refused)
		}
		if refused != nil {
			if _, known := errorRules[refused.Code]; !known || len(refused.Message) > 200 {
				t.Errorf("%q: %+v", raw, refused)
			}
			if !json.Valid(EncodeAnswer(r.ID, nil, refused)) {
				t.Errorf("%q: the answer is not JSON", raw)
			}
		}
		again, err := ParseRequest(raw)
		if err != nil || again.Fingerprint != r.Fingerprint {
			t.Errorf("%q: read differently the second time", raw)
		}
	})
}

func TestBucket(t *testing.T) {
	now := time.Unix(1790000000, 0)
	b := newBucket(now)
	for i := range burst {
		if wait, _ := b.take(now); wait != 0 {
			t.Fatalf("message %d of the burst refused", i)
		}
	}
	wait, flood := b.take(now)
	if wait != time.Second/perSecond || flood {
		t.Errorf("wait %v, flood %v", wait, flood)
	}
	if wait, _ := b.take(now.Add(wait)); wait != 0 {
		t.Errorf("refused after the wait that was told: %v", wait)
	}
	for range maxRefused {
		_, flood = b.take(now)
	}
	if flood {
		t.Error("a flood too early")
	}
	if _, flood = b.take(now); !flood {
		t.Error("no flood")
	}
}

// TestBucketPings: who has spent the whole pace is alive all the same, and not above it by asking for it.
func TestBucketPings(t *testing.T) {
	now := time.Unix(1790000000, 0)
	const interval = 5 * time.Second
	b := newBucket(now)
	spend := func() {
		for wait := time.Duration(0); wait == 0; wait, _ = b.take(now) {
		}
	}
	for i := range 20 {
		spend()
		if wait, _ := b.takePing(now, interval); wait != 0 {
			t.Fatalf("ping %d came in time and is refused", i)
		}
		now = now.Add(interval)
	}
	spend()
	for range freePings {
		b.takePing(now, interval)
	}
	if wait, _ := b.takePing(now, interval); wait == 0 {
		t.Error("a ping too many costs nothing")
	}
	flood := false
	for range maxRefused + 1 {
		_, flood = b.takePing(now, interval)
	}
	if !flood {
		t.Error("pings alone never count as a flood")
	}
}

func TestOutboxIsBounded(t *testing.T) {
	for name, fill := range map[string]func(*outbox){
		"frames": func(o *outbox) {
			for range maxQueuedFrames + 1 {
				o.answer([]byte("{}"))
			}
		},
		"bytes": func(o *outbox) {
			for range 3 {
				o.answer(make([]byte, maxQueuedBytes/2))
			}
		},
	} {
		o := newOutbox()
		fill(o)
		if frame, bye := o.next(); frame != nil || bye != CloseRateLimited || o.bytes != 0 {
			t.Errorf("%s: %d bytes to send, close %d", name, len(frame), bye)
		}
		o.event(time.Time{}, "roster", Object{})
		if frame, _ := o.next(); frame != nil {
			t.Errorf("%s: took an event after the end", name)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	l := newIdempotencyCaches()
	a, release := l.acquire("s", true)
	ask := func(id string, size int) *cachedAnswer {
		entry, mine := a.begin(Request{ID: id})
		if !mine {
			t.Fatalf("%s is known", id)
		}
		a.complete(entry, make([]byte, size))
		return entry
	}
	for i := range 3 * maxAnswers {
		ask(strings.Repeat("a", i+1), 10)
	}
	if len(a.byID) != maxAnswers || len(a.order) != maxAnswers || a.bytes != maxAnswers*10 {
		t.Errorf("%d answers, %d in order, %d bytes", len(a.byID), len(a.order), a.bytes)
	}
	for i := range 10 {
		ask(strings.Repeat("b", i+1), maxAnswerBytes/3)
	}
	if a.bytes > maxAnswerBytes || len(a.byID) > 3 {
		t.Errorf("%d bytes in %d answers", a.bytes, len(a.byID))
	}
	if _, mine := a.begin(Request{ID: "bbbbbbbbbb"}); mine {
		t.Error("the last answer is forgotten")
	}
	if none, _ := l.acquire("other", false); none != nil || l.size() != 1 {
		t.Error("a guess made an entry")
	}
	again, second := l.acquire("s", false)
	release()
	release()
	if again != a || l.size() != 1 {
		t.Error("forgotten while held")
	}
	if second(); l.size() != 0 {
		t.Error("kept though nobody holds it")
	}
}
