package sfu

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"

	"alcove/sfu/srtp"
)

var errKeys = errors.New("sfu: the handshake gave no SRTP keys")

// A keyTap gathers the key material of one DTLS connection, in memory only: the master secret and the client's random from the key log; the
// server's random, the cipher suite and the SRTP profile from the ServerHello. It is used only after the handshake was verified, because
// the key log is written before that.
type keyTap struct {
	mu           sync.Mutex
	clientRandom []byte // Guarded by mu, as all below.
	master       []byte
	serverRandom []byte
	suite        dtls.CipherSuiteID
	profile      dtls.SRTPProtectionProfile
}

// Write takes "CLIENT_RANDOM <random> <master secret>" (NSS key log format).
func (k *keyTap) Write(b []byte) (int, error) {
	f := bytes.Fields(b)
	if len(f) != 3 || string(f[0]) != "CLIENT_RANDOM" {
		return len(b), nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clientRandom, _ = hex.DecodeString(string(f[1]))
	k.master, _ = hex.DecodeString(string(f[2]))
	return len(b), nil
}

// serverHello reads the ServerHello and changes nothing.
func (k *keyTap) serverHello(m handshake.MessageServerHello) handshake.Message {
	k.mu.Lock()
	defer k.mu.Unlock()
	random := m.Random.MarshalFixed()
	k.serverRandom = random[:]
	if m.CipherSuiteID != nil {
		k.suite = dtls.CipherSuiteID(*m.CipherSuiteID)
	}
	for _, e := range m.Extensions {
		if use, ok := e.(*extension.UseSRTP); ok && len(use.ProtectionProfiles) == 1 {
			k.profile = use.ProtectionProfiles[0]
		}
	}
	return &m
}

// keys are the SRTP contexts of one connection, from the server's side.
type keys struct {
	open   *srtp.Opener
	seal   *srtp.Sealer
	aes128 bool
}

// derive exports the keying material (RFC 5705) and splits it (RFC 5764, section 4.2), then forgets the secret.
func (k *keyTap) derive() (keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer func() {
		clear(k.master)
		k.master = nil
	}()
	size, saltSize, aes128 := 32, srtp.SaltSize, false
	switch k.profile {
	case dtls.SRTP_AEAD_AES_256_GCM:
	case dtls.SRTP_AEAD_AES_128_GCM:
		size, aes128 = 16, true
	case dtls.SRTP_AES128_CM_HMAC_SHA1_80:
		size, saltSize, aes128 = srtp.CMKeySize, srtp.CMSaltSize, true
	default:
		return keys{}, errKeys
	}
	if len(k.master) == 0 || len(k.clientRandom) == 0 || len(k.serverRandom) == 0 {
		return keys{}, errKeys
	}
	seed := append([]byte("EXTRACTOR-dtls_srtp"), k.clientRandom...)
	seed = append(seed, k.serverRandom...)
	material, err := prf.PHash(k.master, seed, 2*(size+saltSize), k.hash())
	if err != nil {
		return keys{}, errKeys
	}
	clientKey, serverKey := material[:size], material[size:2*size]
	clientSalt, serverSalt := material[2*size:2*size+saltSize], material[2*size+saltSize:]
	out := keys{aes128: aes128}
	if out.open, err = srtp.NewOpener(clientKey, clientSalt); err != nil {
		return keys{}, err
	}
	if out.seal, err = srtp.NewSealer(serverKey, serverSalt); err != nil {
		return keys{}, err
	}
	clear(material)
	return out, nil
}

func (k *keyTap) hash() prf.HashFunc {
	switch k.suite {
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
		return func() hash.Hash { return sha512.New384() }
	}
	return sha256.New
}
