package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/sfu/record"
)

// A Recording configures where recordings are stored and who can open them. Without Dir nothing is recorded, whatever a policy says.
type Recording struct {
	Dir            string `yaml:"dir"`
	RecipientsFile string `yaml:"recipients_file"`

	// The erasure keys: without them no recording can be opened. See record.KeyringPaths.
	ErasureKeysFile string `yaml:"erasure_keys_file"`
	ErasureKeyFile  string `yaml:"erasure_key_file"`
	ErasureCopy     string `yaml:"erasure_copy"`

	Classes map[string]Duration `yaml:"classes"` // retention of recordings, by the policy they were made under
}

// DefaultClass is the retention class of policies without a class of their own.
const DefaultClass = "default"

// DefaultRecording returns the defaults of the key recording.
func DefaultRecording() Recording {
	return Recording{
		RecipientsFile: "recipients.txt", ErasureKeysFile: "state/erasure.keys", ErasureKeyFile: "erasure.key",
		Classes: map[string]Duration{DefaultClass: Duration(30 * 24 * time.Hour)},
	}
}

// Enabled reports whether anything can be recorded.
func (c Recording) Enabled() bool { return c.Dir != "" }

// Keyring returns the paths of the erasure keys.
func (c Recording) Keyring() record.KeyringPaths {
	return record.KeyringPaths{File: c.ErasureKeysFile, KeyFile: c.ErasureKeyFile, Copy: c.ErasureCopy}
}

// ClassOf returns the retention class of recordings under a policy.
func (c Recording) ClassOf(policy string) string {
	if _, ok := c.Classes[policy]; ok {
		return policy
	}
	return DefaultClass
}

// RetentionClasses returns how long recordings of each class are kept.
func (c Recording) RetentionClasses() record.Classes {
	all := record.Classes{}
	for name, keep := range c.Classes {
		all[name] = time.Duration(keep)
	}
	return all
}

// Recipients reads the public keys that recordings are encrypted to, each time a track starts.
func (c Recording) Recipients() (record.Recipients, error) {
	data, err := keyfile.ReadLimited(c.RecipientsFile, keyfile.MaxSize)
	if err != nil {
		return record.Recipients{}, err
	}
	to, err := record.ParseRecipients(data)
	if err == nil && to.Empty() {
		err = record.ErrRecipients
	}
	if err != nil {
		return record.Recipients{}, fmt.Errorf("%s: %w", c.RecipientsFile, err)
	}
	return to, nil
}

// RecipientKeys returns the public keys as text, as shown to participants under end-to-end encryption.
func (c Recording) RecipientKeys() ([]string, error) {
	to, err := c.Recipients()
	return to.Strings(), err
}

// RecipientHashes returns their SHA-256 in hex, as in the claim recipients of tokens.
func (c Recording) RecipientHashes() (list []string, err error) {
	keys, err := c.RecipientKeys()
	for _, k := range keys {
		sum := sha256.Sum256([]byte(k))
		list = append(list, hex.EncodeToString(sum[:]))
	}
	return list, err
}

// files returns its paths, which Load makes absolute.
func (c *Recording) files() []*string {
	return []*string{&c.Dir, &c.RecipientsFile, &c.ErasureKeysFile, &c.ErasureKeyFile, &c.ErasureCopy}
}

func (l *SourceMap) validateRecorder(c *Config) {
	r := c.Recording
	for _, name := range slices.Sorted(maps.Keys(r.Classes)) {
		key, keep := "recording.classes."+name, time.Duration(r.Classes[name])
		if !auth.ValidPolicyName(name) {
			l.fail(key, "a class has the name of a policy, or %q", DefaultClass)
		}
		if keep != 0 && (keep < minRetention || keep > maxRetention) {
			l.fail(key, "%s is out of range: use %s to %s, or 0s to keep for ever", keep, minRetention, maxRetention)
		}
	}
	if !r.Enabled() {
		return
	}
	l.required("recording.recipients_file", r.RecipientsFile, "name the file with the public keys of those who may open recordings, as `age-keygen -y` prints them")
	l.required("recording.erasure_keys_file", r.ErasureKeysFile, "name a file for the keys of people: without theirs nobody opens a recording")
	l.required("recording.erasure_key_file", r.ErasureKeyFile, "name a file for the key of these keys, outside every backup")
	l.required("recording.erasure_copy", r.ErasureCopy, "name a file on another disk: it keeps what was erased erased when a backup is restored")
	if _, ok := r.Classes[DefaultClass]; !ok {
		l.fail("recording.classes", "is missing %q: say how long recordings are kept", DefaultClass)
	}
	for _, other := range []string{c.Store.Dir, c.Audit.Dir} {
		if filepath.Clean(r.Dir) == filepath.Clean(other) {
			l.fail("recording.dir", "%q holds other things: give recordings a folder of their own", r.Dir)
		}
	}
	if filepath.Dir(filepath.Clean(r.ErasureCopy)) == filepath.Dir(filepath.Clean(r.ErasureKeysFile)) {
		l.fail("recording.erasure_copy", "lies beside erasure_keys_file: choose a second place, on another disk")
	}
}

// checkRecipients checks that recordings could be encrypted.
func checkRecipients(c Config, l *SourceMap) error {
	if !c.Recording.Enabled() {
		return nil
	}
	if _, err := c.Recording.Recipients(); err != nil {
		return l.At("recording.recipients_file", err)
	}
	return nil
}
