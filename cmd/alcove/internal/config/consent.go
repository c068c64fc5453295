package config

import (
	"fmt"

	"alcove/room"
)

// maxReleaseRecipients bounds the recipients of released keys: each release has up to 12 KiB of base64 for them, and a post-quantum recipient
// takes 2.1 kB.
const maxReleaseRecipients = 5

// sealConsents binds the texts of consent to the clinic's recipients where participants release keys to them.
func (c Recording) sealConsents(rule *room.Policy) error {
	if !c.Enabled() || rule.E2EE != room.E2EERequired || len(rule.Consents) == 0 {
		return nil
	}
	recipients, err := c.RecipientKeys()
	if err != nil {
		return err
	}
	if len(recipients) > maxReleaseRecipients {
		return fmt.Errorf("%s has %d keys: under end-to-end encryption at most %d can open recordings", c.RecipientsFile, len(recipients), maxReleaseRecipients)
	}
	for i := range rule.Consents {
		f := &rule.Consents[i]
		f.Recipients = recipients
		for j, t := range f.Texts {
			f.Texts[j] = t.For(recipients)
		}
	}
	return nil
}
