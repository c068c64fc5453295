package client

import (
	"fmt"
	"os"
	"time"

	"alcove/auth"
)

// A Minter issues the tokens of a run, as an identity provider would.
type Minter struct {
	Key              auth.SigningKey
	Issuer, Audience string
	Policy           string // the claim "policy", "" for none
	E2EE             bool   // the claim "e2ee" is required
}

// LoadKey reads the file that `alcove keygen` wrote.
func (m *Minter) LoadKey(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("cannot read the signing key: %w", err)
	}
	m.Key, err = auth.ParseSigningKey(data)
	return err
}

// Token admits one person to one room once.
func (m *Minter) Token(room, subject, name string, role auth.Role) (auth.Secret, error) {
	mode := ""
	if m.E2EE {
		mode = "required"
	}
	return m.Key.Sign(auth.TokenClaims{
		E2EE:   mode,
		Issuer: m.Issuer, Audience: m.Audience, Subject: subject, Room: room, Role: role, Policy: m.Policy, Name: name,
		IssuedAt: time.Now(), Lifetime: auth.MaxLifetime,
	})
}
