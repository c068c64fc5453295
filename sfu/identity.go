package sfu

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

// The age of the DTLS certificates. A client knows its connection's certificate by the fingerprint of the answer (RFC 8122), so a new one
// concerns new connections only.
const (
	// certLifetime is the validity: pion refuses to set up a connection with an expired certificate.
	certLifetime = 30 * 24 * time.Hour
	// certRenewal is the age at which new connections get another certificate: long before the first one expires, and often enough
	// that one fingerprint does not name a server for weeks.
	certRenewal = 24 * time.Hour
	// certBackdate makes the certificate valid for clocks that are behind.
	certBackdate = 24 * time.Hour
)

// An identity is a DTLS certificate and its fingerprint.
type identity struct {
	cert        webrtc.Certificate
	fingerprint webrtc.DTLSFingerprint
	issued      time.Time // wall clock
}

// identities holds the certificate for new connections, which is valid for weeks.
type identities struct {
	mu      sync.Mutex
	current identity // Guarded by mu. Zero before the first connection.
}

// at returns the identity for a connection that begins now. The wall clock counts, because certificates are checked against it; a clock
// that was set back, or far ahead, also leads to a new certificate.
func (i *identities) at(now time.Time) (identity, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now = now.Round(0) // without the monotonic clock
	if age := now.Sub(i.current.issued); !i.current.issued.IsZero() && age >= 0 && age < certRenewal {
		return i.current, nil
	}
	next, err := newIdentity(now)
	if err != nil {
		return identity{}, err
	}
	i.current = next
	return next, nil
}

func newIdentity(now time.Time) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return identity{}, err
	}
	name := pkix.Name{CommonName: "WebRTC"} // as browsers name theirs
	c, err := webrtc.NewCertificate(key, x509.Certificate{
		SerialNumber: serial, Issuer: name, Subject: name, NotBefore: now.Add(-certBackdate), NotAfter: now.Add(certLifetime),
	})
	if err != nil {
		return identity{}, err
	}
	prints, err := c.GetFingerprints()
	if err != nil || len(prints) == 0 {
		return identity{}, errTransport
	}
	return identity{cert: *c, fingerprint: prints[0], issued: now}, nil
}
