package wire

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"alcove/room"
)

// A Request is a frame of a client with a valid envelope.
type Request struct {
	ID, Type    string
	Fingerprint [sha256.Size]byte // of type and data: tells a repeated request from another one with the same ID

	data fields
}

var (
	errEnvelope = errors.New("a field besides id, type and data")
	errID       = errors.New("id: 1 to 64 characters")
	errType     = errors.New("type: 1 to 64 characters")
)

// ParseRequest reads the envelope of a frame. An error closes the connection with CloseProtocol: without a valid id there is no
// request that an answer could name. The error is fit for the close frame.
func ParseRequest(raw []byte) (Request, error) {
	if err := checkText(raw); err != nil {
		return Request{}, err
	}
	f, err := parseObject(raw)
	if err != nil {
		return Request{}, err
	}
	for name := range f {
		if name != "id" && name != "type" && name != "data" {
			return Request{}, errEnvelope
		}
	}
	c := newReader(f)
	r := Request{data: fields{}}
	if r.ID = c.Text("id", maxRequestID, anyRune); c.Err() != "" {
		return Request{}, errID
	}
	if r.Type = c.Text("type", maxRequestID, anyRune); c.Err() != "" {
		return Request{}, errType
	}
	if c.has("data") {
		if r.data, err = parseObject(f["data"]); err != nil {
			return Request{}, err
		}
	}
	r.Fingerprint = sha256.Sum256(append([]byte(r.Type+"\x00"), bytes.TrimSpace(f["data"])...))
	return r, nil
}

// Decode returns the content of the request: a Hello, Ping, PasscodeGuess, live.Offer, live.View, or a room.Command, whose By
// and Participant the seat fills in.
func (r Request) Decode() (any, *Failure) {
	decode, ok := decoders[r.Type]
	if !ok {
		return nil, NewFailure(UnknownType, "no such request")
	}
	c := newReader(r.data)
	content := decode(c)
	if c.Err() != "" {
		return nil, NewFailure(room.BadRequest, c.Err())
	}
	if f, bad := content.(*Failure); bad {
		return nil, f
	}
	return content, nil
}

// IsRequest reports whether the protocol has a request of this type.
func IsRequest(kind string) bool {
	_, ok := decoders[kind]
	return ok
}

// RequestTypes returns the types of all requests in no order.
func RequestTypes() []string {
	var all []string
	for kind := range decoders {
		all = append(all, kind)
	}
	return all
}
