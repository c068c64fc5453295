package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"alcove/auth"
)

// material is what the files that a configuration names hold.
type material struct {
	keys   auth.KeySet
	person auth.PersonKey
	cert   *tls.Certificate // nil without TLS
}

// loadMaterial reads all files; l knows the lines of their names.
func loadMaterial(c config, l *layout) (m material, err error) {
	var errs []error
	if m.keys, err = readKeySet(c.Auth.JWKSFile); err != nil {
		errs = append(errs, l.at("auth.jwks_file", err))
	}
	if m.person, err = readPersonKey(c.Auth.PersonKeyFile); err != nil {
		errs = append(errs, l.at("auth.person_key_file", err))
	}
	if c.TLS.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.TLS.CertFile, c.TLS.KeyFile)
		switch {
		case err != nil:
			errs = append(errs, l.at("tls.cert_file", fmt.Errorf("cannot use the certificate with its key (both are PEM files): %w", err)))
		case pair.Leaf != nil && time.Now().After(pair.Leaf.NotAfter):
			errs = append(errs, l.at("tls.cert_file", fmt.Errorf("the certificate expired on %s: renew it", pair.Leaf.NotAfter.Format(time.DateOnly))))
		}
		m.cert = &pair
	}
	return m, errors.Join(errs...)
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

func readPersonKey(name string) (auth.PersonKey, error) {
	data, err := readLimited(name, maxKeyFile)
	if err != nil {
		return auth.PersonKey{}, err
	}
	key, err := auth.ParsePersonKey(data)
	if err != nil {
		return auth.PersonKey{}, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}
