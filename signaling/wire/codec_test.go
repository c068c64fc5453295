package wire

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"alcove/room"
	"alcove/room/live"
)

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// TestInvalidEnvelopes checks that a frame with an invalid envelope is an error, which closes the connection.
func TestInvalidEnvelopes(t *testing.T) {
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

// TestErrorsNameTheFieldOnly checks that an error message never contains data of the client.
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
	sdp := "v=0\r\n" + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", maxLines+1)
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
		content, refused := r.Decode()
		if (content == nil) == (refused == nil) {
			t.Errorf("%q: neither or both of %v and %v", raw, content, refused)
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
			t.Errorf("%q: two reads differ", raw)
		}
	})
}
