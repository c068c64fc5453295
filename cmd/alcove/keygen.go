package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"alcove/auth"
	"alcove/room/audit"
	"alcove/room/store"
)

// Names of the files that keygen writes.
const (
	signingKeyFile = "signing.jwk"
	keySetFile     = "jwks.json"
	personKeyFile  = "person.key"
	storeKeyFile   = "store.key"
	auditKeyFile   = "audit.key"
	auditPublic    = "audit.pub"
)

func runKeygen(t terminal, args []string) error {
	if len(args) > 0 && args[0] == "passcode" {
		return runKeygenPasscode(t, args[1:])
	}
	f := newFlags(t, "keygen", "keygen [--out DIR]\n       alcove keygen passcode\n\nMakes the key that signs tokens and its public half for the daemon, the person key, and the keys of the store and of the\naudit log. Overwrites nothing.")
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
	fmt.Fprintf(t.out, "%s\n    tells people apart: auth.person_key_file. Keep it secret, and keep it.\n", filepath.Join(*out, personKeyFile))
	fmt.Fprintf(t.out, "%s\n    encrypts the store: store.key_file. Keep it secret, and keep it apart from the store's backups.\n", filepath.Join(*out, storeKeyFile))
	fmt.Fprintf(t.out, "%s\n    signs the audit log: audit.key_file. Keep it secret.\n", filepath.Join(*out, auditKeyFile))
	_, err := fmt.Fprintf(t.out, "%s\n    verifies it: alcove audit verify --key. Keep a copy away from this host.\n", filepath.Join(*out, auditPublic))
	return err
}

// makeKeys writes a set of keys, all three files or an error; existing ones are never touched.
func makeKeys(folder string) (auth.SigningKey, auth.PersonKey, error) {
	signing, person := auth.GenerateSigningKey(), auth.RandomPersonKey()
	files := []keyFile{
		{signingKeyFile, signing.File().Reveal(), modeSecret},
		{keySetFile, string(signing.JWKS()), modePublic},
		{personKeyFile, person.File().Reveal(), modeSecret},
	}
	files = append(files, stateKeys()...)
	if err := writeKeys(folder, files); err != nil {
		return auth.SigningKey{}, auth.PersonKey{}, err
	}
	return signing, person, nil
}

// A keyFile is a file of a key to be written.
type keyFile struct {
	name    string
	content string
	mode    os.FileMode
}

// stateKeys makes the keys of the store and of the audit log.
func stateKeys() []keyFile {
	private, public := audit.GenerateKey()
	return []keyFile{
		{storeKeyFile, store.GenerateKey().Reveal(), modeSecret},
		{auditKeyFile, private.Reveal(), modeSecret},
		{auditPublic, public, modePublic},
	}
}

// writeKeys writes all files or, if one is there already, none.
func writeKeys(folder string, files []keyFile) error {
	for _, f := range files {
		if name := filepath.Join(folder, f.name); exists(name) {
			return fmt.Errorf("%s exists already and is not overwritten: move it away first, or choose another folder", name)
		}
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(folder, f.name), f.content, f.mode); err != nil {
			return fmt.Errorf("cannot write a key: %w", err)
		}
	}
	return nil
}

func runKeygenPasscode(t terminal, args []string) error {
	f := newFlags(t, "keygen passcode", `keygen passcode [--stdin]

Makes a passcode for a room and its hash: passcode_hash of a policy. Only the hash goes into the configuration.`)
	read := f.Bool("stdin", false, "take the passcode from the standard input instead of making one")
	if err := parseFlags(f, args, 0); err != nil {
		return err
	}
	passcode := auth.GeneratePasscode()
	if *read {
		data, err := io.ReadAll(io.LimitReader(t.in, 2*auth.MaxPasscode))
		if err != nil {
			return fmt.Errorf("cannot read the passcode: %w", err)
		}
		passcode = auth.NewSecret(strings.TrimRight(string(data), "\r\n"))
	}
	hash, err := auth.HashPasscode(passcode)
	if err != nil {
		return err
	}
	if !*read {
		fmt.Fprintf(t.out, "# tell people, nobody else: %s\n", passcode.Reveal())
	}
	_, err = fmt.Fprintf(t.out, "passcode_hash: %s\n", hash.Reveal())
	return err
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
