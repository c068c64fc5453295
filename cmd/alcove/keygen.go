package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"alcove/auth"
)

// Names of the files that keygen writes.
const (
	signingKeyFile = "signing.jwk"
	keySetFile     = "jwks.json"
	personKeyFile  = "person.key"
)

func runKeygen(t terminal, args []string) error {
	f := newFlags(t, "keygen", "keygen [--out DIR]\n\nMakes the key that signs tokens, its public half for the daemon, and the person key. Overwrites nothing.")
	out := f.String("out", ".", "the `folder` to write to; it is made if it does not exist")
	if err := parseFlags(f, args, 0); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, modeFolder); err != nil {
		return fmt.Errorf("cannot make the folder: %w", err)
	}
	if _, _, err := makeKeys(*out); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s\n    signs tokens. Keep it secret, away from the daemon: whoever has it can enter every room.\n", filepath.Join(*out, signingKeyFile))
	fmt.Fprintf(t.out, "%s\n    verifies them: auth.jwks_file of the configuration.\n", filepath.Join(*out, keySetFile))
	_, err := fmt.Fprintf(t.out, "%s\n    tells people apart: auth.person_key_file. Keep it secret, and keep it.\n", filepath.Join(*out, personKeyFile))
	return err
}

// makeKeys writes a set of keys, all three files or an error; existing ones are never touched.
func makeKeys(folder string) (auth.SigningKey, auth.PersonKey, error) {
	signing, person := auth.GenerateSigningKey(), auth.RandomPersonKey()
	files := []struct {
		name    string
		content string
		mode    os.FileMode
	}{
		{signingKeyFile, signing.File().Reveal(), modeSecret},
		{keySetFile, string(signing.JWKS()), modePublic},
		{personKeyFile, person.File().Reveal(), modeSecret},
	}
	for _, f := range files {
		if name := filepath.Join(folder, f.name); exists(name) {
			return auth.SigningKey{}, auth.PersonKey{}, fmt.Errorf("%s exists already and is not overwritten: move it away first, or choose another folder", name)
		}
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(folder, f.name), f.content, f.mode); err != nil {
			return auth.SigningKey{}, auth.PersonKey{}, fmt.Errorf("cannot write a key: %w", err)
		}
	}
	return signing, person, nil
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// writeNew writes a file that must not exist, with its mode from the first byte on.
func writeNew(name, content string, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, content); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// readSigningKey refuses a key that others on this host can read.
func readSigningKey(name string) (auth.SigningKey, error) {
	info, err := os.Stat(name)
	if err != nil {
		return auth.SigningKey{}, err
	}
	if info.Mode().Perm()&othersRead != 0 {
		return auth.SigningKey{}, fmt.Errorf("%s can be read by others: chmod 600 it, and make a new key if others use this host", name)
	}
	data, err := readLimited(name, maxKeyFile)
	if err != nil {
		return auth.SigningKey{}, err
	}
	key, err := auth.ParseSigningKey(data)
	if err != nil {
		return auth.SigningKey{}, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}
