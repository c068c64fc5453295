package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// fields is one JSON object with exact, unique names. encoding/json alone would match names without regard to case and let the
// last of two equal names win, so two readers of one frame could disagree.
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
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errNotObject
	}
	f := fields{}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errNotObject
		}
		if _, repeated := f[name]; repeated {
			return nil, errRepeated
		}
		if len(f) == maxFields {
			return nil, errFields
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil, errNotObject
		}
		f[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, errNotObject
	}
	if _, err := dec.Token(); err != io.EOF {
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
