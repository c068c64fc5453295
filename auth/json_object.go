package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

var (
	errNoObject  = errors.New("is not a JSON object")
	errDuplicate = errors.New("holds the same name twice")
	errTrailing  = errors.New("has something after the JSON object")
)

// object is a JSON object whose names are compared exactly, unlike those of encoding/json, which ignores their case.
type object map[string]json.RawMessage

// parseObject reads one JSON object; a name that comes twice is refused, because two readers could take different ones
// (RFC 7515, section 4; RFC 7519, section 4).
func parseObject(data []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	o := object{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errNoObject
		}
		name, ok := t.(string)
		if !ok {
			return nil, errNoObject
		}
		if _, twice := o[name]; twice {
			return nil, errDuplicate
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errNoObject
		}
		o[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errNoObject
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errTrailing
	}
	return o, nil
}

// text reads a string; absent and null are "". ok is false for anything else.
func (o object) text(name string) (s string, ok bool) {
	raw, there := o[name]
	if !there {
		return "", true
	}
	return s, json.Unmarshal(raw, &s) == nil
}
