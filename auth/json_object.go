package auth

import (
	"encoding/json"
	"errors"

	"alcove/auth/strictjson"
)

var (
	errNoObject  = errors.New("is not a JSON object")
	errDuplicate = errors.New("holds the same name twice")
	errTrailing  = errors.New("has something after the JSON object")
)

// object is a JSON object whose names are compared exactly, unlike those of encoding/json, which ignores their case.
type object map[string]json.RawMessage

// parseObject reads one JSON object. The caller has bounded its length.
func parseObject(data []byte) (object, error) {
	o, err := strictjson.Parse(data, len(data))
	switch {
	case errors.Is(err, strictjson.ErrDuplicate):
		return nil, errDuplicate
	case errors.Is(err, strictjson.ErrTrailing):
		return nil, errTrailing
	case err != nil:
		return nil, errNoObject
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
