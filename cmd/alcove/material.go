package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"alcove/auth"
	"alcove/room"
	"alcove/room/audit"
	"alcove/room/store"
)

// material is what the files that a configuration names hold.
type material struct {
	keys     *auth.KeyFile
	store    store.Key
	audit    audit.Key
	person   auth.PersonKey
	policies map[string]room.Policy
	cert     *tls.Certificate // nil without TLS
}

// loadMaterial reads all files; l knows the lines of their names.
func loadMaterial(c config, l *layout) (m material, err error) {
	var errs []error
	if m.keys, err = auth.OpenKeyFile(keySetReader(c.Auth.JWKSFile)); err != nil {
		errs = append(errs, l.at("auth.jwks_file", missing(fmt.Errorf("%s: %w", c.Auth.JWKSFile, err))))
	}
	if m.person, err = readSecret(c.Auth.PersonKeyFile, auth.ParsePersonKey); err != nil {
		errs = append(errs, l.at("auth.person_key_file", missing(err)))
	}
	if m.store, err = readSecret(c.Store.KeyFile, store.ParseKey); err != nil {
		errs = append(errs, l.at("store.key_file", missing(err)))
	}
	if m.audit, err = readSecret(c.Audit.KeyFile, audit.ParseKey); err != nil {
		errs = append(errs, l.at("audit.key_file", missing(err)))
	}
	if m.policies, err = loadPolicies(c, l, readText); err != nil {
		errs = append(errs, err)
	}
	if err := loadRecorder(c, l); err != nil {
		errs = append(errs, err)
	}
	if !c.Recording.on() {
		unrecorded(m.policies)
	}
	if c.Audit.CheckpointCopy != "" {
		if _, err := audit.NewCopy(c.Audit.CheckpointCopy).Load(); err != nil {
			errs = append(errs, l.at("audit.checkpoint_copy", err))
		}
	}
	if c.TLS.CertFile != "" {
		if m.cert, err = loadCertificate(c.TLS); err != nil {
			errs = append(errs, l.at("tls.cert_file", err))
		} else if err := closedToOthers(c.TLS.KeyFile); err != nil {
			errs = append(errs, l.at("tls.key_file", err))
		}
	}
	return m, errors.Join(errs...)
}

// missing says who makes a key that is not there. A store or a log that runs already has its key: another one does not open it.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: `alcove keygen` makes one, for a daemon that never ran", err)
	}
	return err
}

// keySetReader reads a JWKS file each time it is asked; its errors name the file.
func keySetReader(name string) func() ([]byte, error) {
	return func() ([]byte, error) { return readLimited(name, auth.MaxKeySet) }
}

// readSecret reads a key that others on this host must not read.
func readSecret[T any](name string, parse func([]byte) (T, error)) (key T, err error) {
	if err := closedToOthers(name); err != nil {
		return key, err
	}
	data, err := readLimited(name, maxKeyFile)
	if err != nil {
		return key, err
	}
	if key, err = parse(data); err != nil {
		return key, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// closedToOthers looks whether others on this host may read a secret.
func closedToOthers(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !private(info.Mode(), ownedByUs(info)) {
		return fmt.Errorf("%s can be read by others: chmod 600 it, and make a new key if others use this host", name)
	}
	return nil
}

// private reports whether nobody else is let in. A secret that a service manager or Kubernetes lends us stays root's: it reaches
// us by an access list or by a group made for us, and both show as the group's right to read.
func private(mode os.FileMode, ours bool) bool {
	others := os.FileMode(othersRead)
	if !ours {
		others &^= groupRead
	}
	return mode.Perm()&others == 0
}

// ownedByUs is true where the system does not tell.
func ownedByUs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(stat.Uid) == os.Geteuid()
}

func readKeySet(name string) (auth.KeySet, error) {
	data, err := readLimited(name, auth.MaxKeySet)
	if err != nil {
		return auth.KeySet{}, err
	}
	set, err := auth.ParseKeySet(data)
	if err != nil {
		return auth.KeySet{}, fmt.Errorf("%s: %w", name, err)
	}
	return set, nil
}
