package strictjson

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]error{
		`{}`: nil, `{"a":1,"A":{"a":[]}}`: nil, " {\"a\":null}\n": nil, `{"a":1,"b":2,"c":3}`: ErrTooMany,
		`{"a":1,"a":1}`: ErrDuplicate, `{"a":1,"\u0061":1}`: ErrDuplicate, `{"a":1}{}`: ErrTrailing, `{"a":1} x`: ErrTrailing,
		``: ErrNotObject, `[]`: ErrNotObject, `null`: ErrNotObject, `"a"`: ErrNotObject, `{"a":1`: ErrNotObject, `{"a"}`: ErrNotObject,
		`{1:1}`: ErrNotObject, `{"a":1 "b":1}`: ErrNotObject, `{"a":01}`: ErrNotObject,
	} {
		if object, err := Parse([]byte(text), 2); !errors.Is(err, want) || (object == nil) != (err != nil) {
			t.Errorf("%s: %v %v, want %v", text, object, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":{"b":[1,"x"]},"A":null}`, `{"a":1,"a":2}`, `{"a":1}{}`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		object, err := Parse(data, 8)
		if err != nil {
			return
		}
		var loose map[string]json.RawMessage
		if json.Unmarshal(data, &loose) != nil || len(loose) != len(object) || len(object) > 8 {
			t.Errorf("%q: %d names, encoding/json reads %d", data, len(object), len(loose))
		}
	})
}
