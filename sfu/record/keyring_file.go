package record

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The keyring's file has two lines: what may be read by all, as JSON, and base64 of the rest, sealed by AES-256-GCM with the first
// line authenticated and a random nonce in front. A key file has one sealing key a line, base64; two of them during an erasure.

// A keyringFile is the content of the file.
type keyringFile struct {
	ID         string   `json:"made"`       // random id of this keyring
	Generation uint64   `json:"generation"` // grows by one with each write
	Erased     []Erased `json:"erased"`     // in the open: it must be readable when the key is gone

	Keys     []erasureKey     `json:"-"`
	Receipts []ErasureReceipt `json:"-"`
}

// Erased is a key that was destroyed.
type Erased struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

type erasureKey struct {
	ID     string `json:"id"`
	Person string `json:"person"`
	Key    []byte `json:"key"`
}

type keyringSecrets struct {
	Keys     []erasureKey     `json:"keys"`
	Receipts []ErasureReceipt `json:"receipts,omitempty"`
}

// A keyringState is the result of loadKeyring.
type keyringState struct {
	file        keyringFile
	keys        [][]byte // sealing keys of all places, the one that opened the ring first
	needsReseal bool     // the places differ, or hold keys that should be gone
}

// loadKeyring reads both places, the second only if it is named, and takes the newest that opens, without what any of them says was
// erased.
func loadKeyring(f KeyringPaths) (*keyringState, error) {
	s := &keyringState{}
	for _, name := range []string{f.KeyFile, f.keyCopy()} {
		if name == f.keyCopy() && f.Copy == "" {
			continue
		}
		keys, err := readKeys(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		s.needsReseal = s.needsReseal || err != nil || len(keys) > 1
		for _, k := range keys {
			if !slices.ContainsFunc(s.keys, func(have []byte) bool { return bytes.Equal(have, k) }) {
				s.keys = append(s.keys, k)
			}
		}
	}
	s.needsReseal = s.needsReseal || len(s.keys) != 1
	first, err := readSmall(f.File, maxKeyringFile)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, err
	}
	var second []byte
	if f.Copy != "" {
		if second, err = readSmall(f.Copy, maxKeyringFile); errors.Is(err, fs.ErrNotExist) && !missing {
			return nil, ErrNoCopy
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(ErrNoCopy, err)
		}
	}
	if len(first) == 0 && len(second) == 0 {
		return nil, ErrNoKeyring
	}
	return s, s.chooseNewest(first, second, f.Copy != "")
}

// chooseNewest takes the newer of the two that opens. The newest must open: an older one lacks keys, and perhaps erasures.
func (s *keyringState) chooseNewest(first, second []byte, both bool) error {
	s.needsReseal = s.needsReseal || both && !bytes.Equal(first, second)
	var erased []Erased
	newest, made := uint64(0), ""
	opened := false
	for _, data := range [][]byte{first, second} {
		if len(data) == 0 {
			continue
		}
		r, err := parseKeyringFile(data)
		if err != nil {
			return err
		}
		if made != "" && r.ID != made {
			return errors.New("the two places hold different keyrings")
		}
		made, newest = r.ID, max(newest, r.Generation)
		erased = append(erased, r.Erased...)
		key, err := r.open(data, s.keys)
		if err != nil || opened && s.file.Generation >= r.Generation {
			continue
		}
		opened, s.file = true, r
		s.keys = slices.Insert(slices.DeleteFunc(s.keys, func(k []byte) bool { return bytes.Equal(k, key) }), 0, key)
	}
	if !opened || s.file.Generation < newest {
		return ErrStaleKeyring
	}
	return s.applyErasures(erased)
}

// applyErasures drops the keys that any copy lists as erased.
func (s *keyringState) applyErasures(erased []Erased) error {
	for _, e := range erased {
		if !slices.ContainsFunc(s.file.Erased, func(have Erased) bool { return have.ID == e.ID }) {
			s.file.Erased = append(s.file.Erased, e)
		}
		n := len(s.file.Keys)
		s.file.Keys = slices.DeleteFunc(s.file.Keys, func(k erasureKey) bool { return k.ID == e.ID })
		s.needsReseal = s.needsReseal || len(s.file.Keys) < n
	}
	return nil
}

// parseKeyringFile parses the unencrypted part.
func parseKeyringFile(data []byte) (r keyringFile, err error) {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || r.ID == "" {
		return keyringFile{}, errors.New("this is no file of erasure keys, or it is damaged")
	}
	return r, nil
}

// open decrypts the rest with the first key that fits.
func (r *keyringFile) open(data []byte, keys [][]byte) (key []byte, err error) {
	line, rest, _ := bytes.Cut(data, []byte("\n"))
	sealed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(rest)))
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		aead, err := newGCM(key)
		if err != nil || len(sealed) < aead.NonceSize() {
			continue
		}
		plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], line)
		if err != nil {
			continue
		}
		var c keyringSecrets
		if err := json.Unmarshal(plain, &c); err != nil {
			return nil, err
		}
		r.Keys, r.Receipts = c.Keys, c.Receipts
		return key, nil
	}
	return nil, ErrStaleKeyring
}

func (r keyringFile) seal(key []byte) ([]byte, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(keyringSecrets{r.Keys, r.Receipts})
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	aead, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails
	sealed := base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, line))
	return append(append(line, '\n'), sealed+"\n"...), nil
}

// store writes the ring to both places under the same key.
func (f KeyringPaths) store(r keyringFile, key []byte) error {
	r.Generation++
	data, err := r.seal(key)
	if err != nil {
		return err
	}
	if len(data) > maxKeyringFile {
		return errors.New("there are too many erasure keys")
	}
	return errors.Join(replaceFile(f.File, data, false), replaceFile(f.Copy, data, false))
}

// reseal writes the ring under a new key and destroys the others. Whatever a crash leaves, load finds a ring that opens: the new key
// is in both places before anything is sealed under it, and the old ones go last.
func (f KeyringPaths) reseal(r keyringFile, old [][]byte) error {
	key := make([]byte, keySize)
	rand.Read(key) // never fails
	if len(old) > maxOldKeys {
		old = old[:maxOldKeys] // the first opens the ring; the others were left by crashes
	}
	if err := f.storeKeys(append(slices.Clone(old), key)); err != nil {
		return err
	}
	if err := f.store(r, key); err != nil {
		return err
	}
	return f.storeKeys([][]byte{key})
}

func (f KeyringPaths) storeKeys(keys [][]byte) error {
	var text []byte
	for _, k := range keys {
		text = append(base64.StdEncoding.AppendEncode(text, k), '\n')
	}
	return errors.Join(replaceFile(f.KeyFile, text, true), replaceFile(f.keyCopy(), text, true))
}

// readKeys refuses a key file that others can read.
func readKeys(name string) (keys [][]byte, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others: chmod 600 it", name)
	}
	data, err := readSmall(name, maxKeyFile)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		if err != nil || len(key) != keySize {
			return nil, fmt.Errorf("%s holds no key of erasure keys", name)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func readSmall(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is too long", name)
	}
	return data, err
}

// replaceFile writes a file whole or not at all, durably. With shred the old content is overwritten where it lay, as far as the
// disk writes in place.
func replaceFile(name string, data []byte, shred bool) error {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer root.Close()
	base := filepath.Base(name)
	var old *os.File
	if shred {
		if old, err = root.OpenFile(base, os.O_RDWR, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := replace(root, base, data); err != nil || old == nil {
		return err
	}
	defer old.Close()
	info, err := old.Stat()
	if err != nil {
		return err
	}
	_, err = old.WriteAt(make([]byte, info.Size()), 0)
	return errors.Join(err, old.Sync())
}
