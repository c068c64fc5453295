package wire

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	"alcove/auth/strictjson"
)

// fields is one JSON object with exact, unique names (strictjson).
type fields map[string]json.RawMessage

var (
	errNotObject = errors.New("not one JSON object")
	errRepeated  = errors.New("a field is repeated")
	errFields    = errors.New("too many fields")
	errDepth     = errors.New("nested too deep")
	errUTF8      = errors.New("not UTF-8")
)

// ParseObject reads a document that is one JSON object. Its errors are fit for the client.
func ParseObject(raw []byte) (Reader, error) {
	if len(raw) == 0 {
		return newReader(fields{}), nil
	}
	if err := checkText(raw); err != nil {
		return Reader{}, err
	}
	f, err := parseObject(raw)
	return newReader(f), err
}

// parseObject reads one object and nothing after it. The values are only known to be JSON.
func parseObject(raw []byte) (fields, error) {
	f, err := strictjson.Parse(raw, maxFields)
	switch {
	case errors.Is(err, strictjson.ErrDuplicate):
		return nil, errRepeated
	case errors.Is(err, strictjson.ErrTooMany):
		return nil, errFields
	case err != nil:
		return nil, errNotObject
	}
	return f, nil
}

// checkText refuses broken UTF-8 and deep nesting before the parser sees them.
func checkText(raw []byte) error {
	if !utf8.Valid(raw) {
		return errUTF8
	}
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return errDepth
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
