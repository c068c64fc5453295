package record

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"io"

	"filippo.io/age"
)

// A track's key is wrapped twice: by age for the clinic's recipients, and the result under the person's erasure key. Both are
// needed to open it, so destroying the erasure key is enough.

// outerKey is derived for one track alone, so its one message may have the nonce 0.
func outerKey(erasure, id []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, erasure, id, labelErasure, keySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newGCM(key)
}

// wrapKey wraps a track's key.
func wrapKey(key []byte, to Recipients, erasure []byte, track string) ([]byte, error) {
	if to.Empty() {
		return nil, ErrRecipients
	}
	var inner bytes.Buffer
	w, err := age.Encrypt(&inner, to.keys...)
	if err != nil {
		return nil, errors.Join(ErrRecipients, err)
	}
	if _, err := w.Write(key); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	id := rawID(track)
	aead, err := outerKey(erasure, id[:])
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, make([]byte, aead.NonceSize()), inner.Bytes(), id[:]), nil
}

// Errors of opening a track's key.
var (
	// ErrErased: the person was erased.
	ErrErased = errors.New("the person was erased")
	// ErrUnknownKey: the header names an erasure key that is not in the keyring.
	ErrUnknownKey = errors.New("there is no such erasure key, nor was there: the header was changed, or the keyring is of other recordings or older")
	// ErrIdentity: the recording is sealed to other recipients.
	ErrIdentity = errors.New("no identity fits: the recording is sealed to other recipients")

	errWrapped = errors.New("the wrapped key is damaged")
)

func unwrapKey(wrapped []byte, identities []age.Identity, erasure []byte, track string) ([]byte, error) {
	id := rawID(track)
	aead, err := outerKey(erasure, id[:])
	if err != nil {
		return nil, err
	}
	inner, err := aead.Open(nil, make([]byte, aead.NonceSize()), wrapped, id[:])
	if err != nil {
		return nil, errWrapped
	}
	r, err := age.Decrypt(bytes.NewReader(inner), identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, ErrIdentity
	case err != nil:
		return nil, errWrapped
	}
	key, err := io.ReadAll(io.LimitReader(r, keySize+1))
	if err != nil || len(key) != keySize {
		return nil, errWrapped
	}
	return key, nil
}
