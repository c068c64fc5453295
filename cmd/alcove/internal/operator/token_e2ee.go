package operator

import (
	"errors"
	"flag"
	"fmt"

	"alcove/auth"
	"alcove/auth/e2ee"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/keyfile"
)

// encryptionFlags are the flags of a token for a session that is encrypted end to end.
type encryptionFlags struct {
	key, session, recipients *string
	codeOnly                 *bool
}

func addEncryptionFlags(f *flag.FlagSet) encryptionFlags {
	return encryptionFlags{
		key:        f.String("e2ee-key", "", "require end-to-end encryption, and prove the person with the key in this `file` ("+keyfile.EncryptionFile+")"),
		session:    f.String("e2ee-session", "", "`text` that all tokens of one session carry, such as its date; needed with --e2ee-key"),
		codeOnly:   f.Bool("e2ee", false, "require end-to-end encryption without a key: people compare a code aloud"),
		recipients: f.String("recipients", "", "the `file` of the age recipients that recordings, cards and journals of this person may be sealed to; the configuration's if left out"),
	}
}

// apply sets the claims. Recipients that no flag names are those of the configuration, which may be nil: without any, pages seal nothing.
func (e encryptionFlags) apply(c *auth.TokenClaims, conf *config.Config) (err error) {
	encrypted := *e.key != "" || *e.codeOnly
	switch {
	case *e.key != "" && *e.session == "":
		return errors.New("give --e2ee-session TEXT with --e2ee-key, the same for everybody in the session: its date, or its number")
	case *e.session != "" && !encrypted:
		return errors.New("--e2ee-session alone requires no encryption: give --e2ee-key FILE too, or --e2ee")
	}
	if encrypted {
		c.E2EE, c.E2EESession = "required", *e.session
	}
	if *e.recipients != "" {
		c.Recipients, err = config.Recording{RecipientsFile: *e.recipients}.RecipientHashes()
		return err
	}
	if c.E2EE == "" || conf == nil || !conf.Recording.Enabled() {
		return nil
	}
	if c.Recipients, err = conf.Recording.RecipientHashes(); err != nil {
		return fmt.Errorf("pages refuse to seal to keys that the token does not name: give --recipients FILE (%w)", err)
	}
	return nil
}

// secret is k for a token; empty without a key.
func (e encryptionFlags) secret(c auth.TokenClaims, token auth.Secret) (auth.Secret, error) {
	if *e.key == "" {
		return auth.Secret{}, nil
	}
	key, err := keyfile.ReadSecret(*e.key, e2ee.ParseClinicKey)
	if err != nil {
		return auth.Secret{}, err
	}
	return key.Link(c.Room, c.E2EESession, c.Role, c.Name, token), nil
}
