package auth

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

// A KeyFile is the KeySource of a JWKS file that its issuer replaces now and then (RFC 7517; OpenID Connect Core, section 10.1.1:
// a new key is published before it signs, an old one stays until its tokens have expired). A file that cannot be used changes
// nothing: the keys read before go on.
type KeyFile struct {
	read func() ([]byte, error)
	set  atomic.Pointer[KeySet]

	mu       sync.Mutex
	lastHash [sha256.Size]byte // Guarded by mu. Hash of what was read last, good or bad.
}

// A KeyChange is one change of a KeyFile: the keys now in use, or why the file is not used.
type KeyChange struct {
	Keys []Key
	Err  error // the old keys stay
}

// OpenKeyFile reads the file for the first time; here a bad one is an error. read is to give its whole content.
func OpenKeyFile(read func() ([]byte, error)) (*KeyFile, error) {
	f := &KeyFile{read: read}
	if change, _ := f.Reload(); change.Err != nil {
		return nil, change.Err
	}
	return f, nil
}

// Key implements KeySource.
func (f *KeyFile) Key(kid string) (Key, bool) { return f.set.Load().Key(kid) }

// Keys lists the keys in use.
func (f *KeyFile) Keys() []Key { return f.set.Load().Keys() }

// Reload reads the file again. changed is false if it holds what it held the last time, good or bad: so an operator hears of
// each bad file once. Content is compared, not the time of the file: two changes may share a second, and links may be swapped
// to a folder that is older.
func (f *KeyFile) Reload() (change KeyChange, changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, err := f.read()
	hash := sha256.Sum256(data)
	if err != nil {
		hash = sha256.Sum256([]byte("error\x00" + err.Error()))
	}
	if hash == f.lastHash {
		return KeyChange{}, false
	}
	f.lastHash = hash
	var set KeySet
	if err == nil {
		set, err = ParseKeySet(data)
	}
	if err != nil {
		return KeyChange{Err: err}, true
	}
	f.set.Store(&set)
	return KeyChange{Keys: set.Keys()}, true
}

// Follow reloads at every tick, and reports changes, until ctx ends.
func (f *KeyFile) Follow(ctx context.Context, ticks <-chan time.Time, onChange func(KeyChange)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			if change, changed := f.Reload(); changed {
				onChange(change)
			}
		}
	}
}
