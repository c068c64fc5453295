package keyfile

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"alcove/auth"
	"alcove/auth/e2ee"
	"alcove/room/audit"
	"alcove/room/store"
)

// Names of the files that keygen writes.
const (
	SigningFile     = "signing.jwk"
	KeySetFile      = "jwks.json"
	PersonFile      = "person.key"
	StoreFile       = "store.key"
	AuditFile       = "audit.key"
	AuditPublicFile = "audit.pub"
	EncryptionFile  = "e2ee.key"
)

// Generate writes a set of keys, all files or an error; existing ones are never touched.
func Generate(folder string) (auth.SigningKey, auth.PersonKey, error) {
	signing, person := auth.GenerateSigningKey(), auth.RandomPersonKey()
	files := []File{
		{SigningFile, signing.File().Reveal(), ModeSecret},
		{KeySetFile, string(signing.JWKS()), ModePublic},
		{PersonFile, person.File().Reveal(), ModeSecret},
	}
	files = append(files, GenerateEncryption())
	files = append(files, GenerateState()...)
	if err := Write(folder, files); err != nil {
		return auth.SigningKey{}, auth.PersonKey{}, err
	}
	return signing, person, nil
}

// A File is a file of a key to be written.
type File struct {
	Name    string
	Content string
	Mode    os.FileMode
}

// GenerateEncryption generates the key of end-to-end encryption, which the daemon must not have.
func GenerateEncryption() File {
	return File{EncryptionFile, e2ee.GenerateClinicKey().File().Reveal(), ModeSecret}
}

// GenerateState generates the keys of the store and of the audit log.
func GenerateState() []File {
	private, public := audit.GenerateKey()
	return []File{
		{StoreFile, store.GenerateKey().Reveal(), ModeSecret},
		{AuditFile, private.Reveal(), ModeSecret},
		{AuditPublicFile, public, ModePublic},
	}
}

// Write writes all files or, if one is there already, none.
func Write(folder string, files []File) error {
	for _, f := range files {
		if name := filepath.Join(folder, f.Name); Exists(name) {
			return fmt.Errorf("%s exists already and is not overwritten: move it away first, or choose another folder", name)
		}
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(folder, f.Name), f.Content, f.Mode); err != nil {
			return fmt.Errorf("cannot write a key: %w", err)
		}
	}
	return nil
}

// Exists reports whether a file exists.
func Exists(name string) bool {
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
