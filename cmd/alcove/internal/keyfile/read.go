package keyfile

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"alcove/auth"
)

// ReadLimited reads a file that may be the wrong one.
func ReadLimited(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes: is it the right file?", name, limit)
	}
	return data, nil
}

// ReadSigningKey refuses a key that others on this host can read.
func ReadSigningKey(name string) (auth.SigningKey, error) {
	info, err := os.Stat(name)
	if err != nil {
		return auth.SigningKey{}, err
	}
	if info.Mode().Perm()&othersRead != 0 {
		return auth.SigningKey{}, fmt.Errorf("%s can be read by others: chmod 600 it, and make a new key if others use this host", name)
	}
	data, err := ReadLimited(name, MaxSize)
	if err != nil {
		return auth.SigningKey{}, err
	}
	key, err := auth.ParseSigningKey(data)
	if err != nil {
		return auth.SigningKey{}, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// KeySetReader returns a function that reads a JWKS file; its errors name the file.
func KeySetReader(name string) func() ([]byte, error) {
	return func() ([]byte, error) { return ReadLimited(name, auth.MaxKeySet) }
}

// ReadSecret reads a key that others on this host must not read.
func ReadSecret[T any](name string, parse func([]byte) (T, error)) (key T, err error) {
	if err := CheckPrivate(name); err != nil {
		return key, err
	}
	data, err := ReadLimited(name, MaxSize)
	if err != nil {
		return key, err
	}
	if key, err = parse(data); err != nil {
		return key, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// CheckPrivate returns an error if others on this host may read a secret.
func CheckPrivate(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !IsPrivate(info.Mode(), OwnedByProcess(info)) {
		return fmt.Errorf("%s can be read by others: chmod 600 it, and make a new key if others use this host", name)
	}
	return nil
}

// IsPrivate reports whether nobody else is let in. A secret that a service manager or Kubernetes lends us stays root's: it reaches
// us by an access list or by a group made for us, and both show as the group's right to read.
func IsPrivate(mode os.FileMode, ours bool) bool {
	others := os.FileMode(othersRead)
	if !ours {
		others &^= groupRead
	}
	return mode.Perm()&others == 0
}

// OwnedByProcess reports whether the process owns a file; true where the system does not say.
func OwnedByProcess(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(stat.Uid) == os.Geteuid()
}

// ReadKeySet reads a key set in the form of a JWKS file.
func ReadKeySet(name string) (auth.KeySet, error) {
	data, err := ReadLimited(name, auth.MaxKeySet)
	if err != nil {
		return auth.KeySet{}, err
	}
	set, err := auth.ParseKeySet(data)
	if err != nil {
		return auth.KeySet{}, fmt.Errorf("%s: %w", name, err)
	}
	return set, nil
}
