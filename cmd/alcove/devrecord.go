package main

import (
	"os"
	"path/filepath"

	"filippo.io/age"
)

// Where dev keeps what a clinic would keep elsewhere.
const (
	devIdentity   = "recording.identity" // opens recordings: never on a real server
	devRecipients = "recipients.txt"
)

// devRecorder lets dev record as a real deployment does, with keys of its own.
func devRecorder(c *config, folder string) error {
	in := func(name string) string { return filepath.Join(folder, name) }
	c.Recording = defaultRecorderConfig()
	c.Recording.Dir, c.Recording.RecipientsFile = in("recordings"), in(devRecipients)
	c.Recording.ErasureKeysFile, c.Recording.ErasureKeyFile = in("erasure.keys"), in("erasure.key")
	c.Recording.ErasureCopy = filepath.Join(in("second"), "erasure.keys")
	if err := os.MkdirAll(in("second"), modeFolder); err != nil {
		return err
	}
	if exists(in(devIdentity)) {
		return nil
	}
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return err
	}
	return writeKeys(folder, []keyFile{
		{devIdentity, identity.String() + "\n", modeSecret}, {devRecipients, identity.Recipient().String() + "\n", modePublic},
	})
}
