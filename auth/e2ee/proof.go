package e2ee

import (
	"crypto/hmac"
	"crypto/sha256"
)

// What a proof is about.
const (
	labelKey  = "key"
	labelHost = "host"
)

// ProveKeyPackage is a person's proof to hosts that a key package is theirs.
func (s PersonSecret) ProveKeyPackage(keyPackage []byte) []byte { return s.prove(labelKey, keyPackage) }

// KeyPackageProved checks it in constant time.
func (s PersonSecret) KeyPackageProved(keyPackage, proof []byte) bool {
	return hmac.Equal(s.ProveKeyPackage(keyPackage), proof)
}

// ProveWelcome is a host's proof to a newcomer, whose secret this is, that a host made the welcome.
func (s PersonSecret) ProveWelcome(welcome []byte) []byte { return s.prove(labelHost, welcome) }

// WelcomeProved checks it in constant time.
func (s PersonSecret) WelcomeProved(welcome, proof []byte) bool {
	return hmac.Equal(s.ProveWelcome(welcome), proof)
}

func (s PersonSecret) prove(label string, message []byte) []byte {
	if s.secret.Empty() {
		panic("e2ee: a secret must be made, not declared: anybody could prove with an empty one")
	}
	sum := sha256.Sum256(message)
	m := hmac.New(sha256.New, []byte(s.secret.Reveal()))
	m.Write(Join([]byte(label), sum[:]))
	return m.Sum(nil)
}
