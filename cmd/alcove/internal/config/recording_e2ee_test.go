package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/room"
)

// TestEncryptedRecordingConsents checks that, under end-to-end encryption, consent texts name the clinic's recipients and their hash covers
// them. Without encryption the texts and hashes do not change.
func TestEncryptedRecordingConsents(t *testing.T) {
	folder := t.TempDir()
	recipients := []string{newRecipient(t), newRecipient(t)}
	load := func(mode string, recipients []string) (room.ConsentForm, error) {
		t.Helper()
		alcovetest.WriteFile(t, filepath.Join(folder, "recipients.txt"), strings.Join(recipients, "\n"))
		c := Default()
		c.Recording = DefaultRecording()
		c.Recording.Dir, c.Recording.RecipientsFile = folder, filepath.Join(folder, "recipients.txt")
		p := c.Policies[DefaultPolicyName]
		p.E2EE = mode
		p.Recording = PolicyRecording{Mode: "each", Consents: []Consent{{Scope: "recording.audio", Texts: []Text{{ID: "a", Version: "1", Locale: "en", File: "a.txt"}}}}}
		c.Policies[DefaultPolicyName] = p
		all, err := LoadPolicies(c, &SourceMap{}, func(string) ([]byte, error) { return []byte("We record."), nil })
		if err != nil {
			return room.ConsentForm{}, err
		}
		return all[DefaultPolicyName].Consents[0], nil
	}
	plain := room.NewText("a", "1", "en", "We record.")
	f, err := load("off", recipients)
	if err != nil || len(f.Recipients) > 0 || f.Texts[0] != plain {
		t.Errorf("without encryption: %+v, %v", f, err)
	}
	f, err = load("required", recipients)
	if err != nil || !slices.Equal(f.Recipients, recipients) || f.Texts[0] != plain.For(recipients) {
		t.Errorf("with encryption: %+v, %v", f, err)
	}
	for len(recipients) <= maxReleaseRecipients {
		recipients = append(recipients, newRecipient(t))
	}
	if _, err := load("required", recipients); err == nil || !strings.Contains(err.Error(), "at most 5") {
		t.Errorf("too many recipients: %v", err)
	}
	if _, err := load("off", recipients); err != nil {
		t.Error(err)
	}
}

func newRecipient(t *testing.T) string {
	t.Helper()
	i, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return i.Recipient().String()
}
