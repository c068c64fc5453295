// Package strictjson reads one JSON object such that two readers cannot disagree about it. encoding/json matches names without
// regard to case, lets the last of two equal names win and ignores what follows; a signature or a limit that one reader checks
// must not cover another object than the one that the next reader acts on (RFC 7515, section 4; RFC 7519, section 4).
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// Errors of Parse.
var (
	ErrNotObject = errors.New("not one JSON object")
	ErrDuplicate = errors.New("a name is repeated")
	ErrTrailing  = errors.New("something follows the JSON object")
	ErrTooMany   = errors.New("too many names")
)

// Parse reads one JSON object of at most limit names, and nothing after it. The names are exact and unique; of the values it only
// checks that they are JSON.
func Parse(data []byte, limit int) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, ErrNotObject
	}
	object := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, ErrNotObject
		}
		if _, there := object[name]; there {
			return nil, ErrDuplicate
		}
		if len(object) == limit {
			return nil, ErrTooMany
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, ErrNotObject
		}
		object[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, ErrNotObject
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, ErrTrailing
	}
	return object, nil
}
