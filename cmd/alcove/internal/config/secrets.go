package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/room"
	"alcove/room/audit"
	"alcove/room/store"
)

// LoadCertificate loads a certificate and its key. An expired certificate is returned with an error.
func LoadCertificate(t TLS) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot use the certificate with its key (both are PEM files): %w", err)
	case pair.Leaf != nil && time.Now().After(pair.Leaf.NotAfter):
		return &pair, fmt.Errorf("the certificate expired on %s: renew it", pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &pair, nil
}

// Secrets holds the contents of the files that a configuration names.
type Secrets struct {
	Keys        *auth.KeyFile
	StoreKey    store.Key
	AuditKey    audit.Key
	PersonKey   auth.PersonKey
	Policies    map[string]room.Policy
	Certificate *tls.Certificate // nil without TLS
}

// LoadSecrets reads all files; l knows the lines of their names.
func LoadSecrets(c Config, l *SourceMap) (m Secrets, err error) {
	var errs []error
	if m.Keys, err = auth.OpenKeyFile(keyfile.KeySetReader(c.Auth.JWKSFile)); err != nil {
		errs = append(errs, l.At("auth.jwks_file", withKeygenHint(fmt.Errorf("%s: %w", c.Auth.JWKSFile, err))))
	}
	if m.PersonKey, err = keyfile.ReadSecret(c.Auth.PersonKeyFile, auth.ParsePersonKey); err != nil {
		errs = append(errs, l.At("auth.person_key_file", withKeygenHint(err)))
	}
	if m.StoreKey, err = keyfile.ReadSecret(c.Store.KeyFile, store.ParseKey); err != nil {
		errs = append(errs, l.At("store.key_file", withKeygenHint(err)))
	}
	if m.AuditKey, err = keyfile.ReadSecret(c.Audit.KeyFile, audit.ParseKey); err != nil {
		errs = append(errs, l.At("audit.key_file", withKeygenHint(err)))
	}
	if m.Policies, err = LoadPolicies(c, l, readText); err != nil {
		errs = append(errs, err)
	}
	if err := checkRecipients(c, l); err != nil {
		errs = append(errs, err)
	}
	if !c.Recording.Enabled() {
		DisableRecording(m.Policies)
	}
	if c.Audit.CheckpointCopy != "" {
		if _, err := audit.NewCheckpointFile(c.Audit.CheckpointCopy).Load(); err != nil {
			errs = append(errs, l.At("audit.checkpoint_copy", err))
		}
	}
	if c.TLS.CertFile != "" {
		if m.Certificate, err = LoadCertificate(c.TLS); err != nil {
			errs = append(errs, l.At("tls.cert_file", err))
		} else if err := keyfile.CheckPrivate(c.TLS.KeyFile); err != nil {
			errs = append(errs, l.At("tls.key_file", err))
		}
	}
	return m, errors.Join(errs...)
}

// withKeygenHint adds the command that generates a missing key. An existing store or log needs its own key: another one does not open it.
func withKeygenHint(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: `alcove keygen` makes one, for a daemon that never ran", err)
	}
	return err
}

// LoadAll reads the configuration and the files it names.
func LoadAll(name string) (Config, *SourceMap, Secrets, error) {
	c, l, err := Load(name)
	if err != nil {
		return c, l, Secrets{}, err
	}
	m, err := LoadSecrets(c, l)
	return c, l, m, err
}
