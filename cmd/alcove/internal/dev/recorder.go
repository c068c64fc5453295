package dev

import (
	"os"
	"path/filepath"

	"filippo.io/age"

	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/keyfile"
)

// Paths in dev mode; a clinic would keep some of these elsewhere.
const (
	IdentityFile   = "recording.identity" // opens recordings: never on a real server
	recipientsFile = "recipients.txt"
)

// ConfigureRecording configures recording as in a real deployment, with keys of the demo.
func ConfigureRecording(c *config.Config, folder string) error {
	in := func(name string) string { return filepath.Join(folder, name) }
	c.Recording = config.DefaultRecording()
	c.Recording.Dir, c.Recording.RecipientsFile = in("recordings"), in(recipientsFile)
	c.Recording.ErasureKeysFile, c.Recording.ErasureKeyFile = in("erasure.keys"), in("erasure.key")
	c.Recording.ErasureCopy = filepath.Join(in("second"), "erasure.keys")
	if err := os.MkdirAll(in("second"), keyfile.ModeFolder); err != nil {
		return err
	}
	if keyfile.Exists(in(IdentityFile)) {
		return nil
	}
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return err
	}
	return keyfile.Write(folder, []keyfile.File{
		{Name: IdentityFile, Content: identity.String() + "\n", Mode: keyfile.ModeSecret},
		{Name: recipientsFile, Content: identity.Recipient().String() + "\n", Mode: keyfile.ModePublic},
	})
}
