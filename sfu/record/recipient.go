package record

import (
	"bytes"
	"errors"
	"fmt"

	"filippo.io/age"
)

// Recipients are the public keys that recordings are sealed to, all of one kind.
type Recipients struct{ keys []age.Recipient }

// Empty reports whether there are no recipients.
func (r Recipients) Empty() bool { return len(r.keys) == 0 }

// PostQuantum reports whether the keys resist a quantum computer. They are all of one kind.
func (r Recipients) PostQuantum() bool {
	if r.Empty() {
		return false
	}
	_, hybrid := r.keys[0].(*age.HybridRecipient)
	return hybrid
}

// Strings returns the public keys as a recipients file has them.
func (r Recipients) Strings() (list []string) {
	for _, k := range r.keys {
		if s, ok := k.(fmt.Stringer); ok { // both native kinds are
			list = append(list, s.String())
		}
	}
	return list
}

// ErrMixedRecipients: the file has both X25519 and post-quantum recipients. age refuses that, because a recording that one X25519 key can
// open is not safe from a quantum computer.
var ErrMixedRecipients = errors.New("record: recipients of both kinds, age1… (X25519) and age1pq… (hybrid post-quantum): choose one kind, " +
	"since a recording is only as safe as its weakest recipient")

// ParseRecipients reads public keys, one a line; # begins a comment. Only native keys count: age1… or age1pq…, all of one kind.
func ParseRecipients(data []byte) (Recipients, error) {
	if len(data) > maxRecipientsFile {
		return Recipients{}, fmt.Errorf("record: more than %d bytes of recipients", maxRecipientsFile)
	}
	keys, err := age.ParseRecipients(bytes.NewReader(data))
	if err != nil {
		return Recipients{}, fmt.Errorf("record: recipients: %w", err)
	}
	if len(keys) > maxRecipients {
		return Recipients{}, fmt.Errorf("record: %d recipients, at most %d", len(keys), maxRecipients)
	}
	hybrid := 0
	for _, k := range keys {
		switch k.(type) {
		case *age.X25519Recipient:
		case *age.HybridRecipient:
			hybrid++
		default:
			return Recipients{}, errors.New("record: recipients: only age1… and age1pq… keys can be used")
		}
	}
	if hybrid != 0 && hybrid != len(keys) {
		return Recipients{}, ErrMixedRecipients
	}
	return Recipients{keys}, nil
}
