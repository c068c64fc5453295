package front

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/keyfile"
)

// Certificates provides the certificate of each handshake: from the files, as last read, or from an ACME server. A failure of either fails
// only handshakes without a certificate, never the daemon and never an existing connection.
type Certificates struct {
	files   atomic.Pointer[tls.Certificate] // nil with ACME
	manager *autocert.Manager               // nil with files
	hosts   []string
	expires atomic.Int64 // of the certificate that ends first, Unix seconds; 0: there is none
	failing atomic.Bool  // the last attempt to read or obtain a certificate failed
}

// NewCertificates returns nil where the daemon does no TLS.
func NewCertificates(c config.TLS, cert *tls.Certificate) (*Certificates, error) {
	if !c.Enabled() {
		return nil, nil
	}
	all := &Certificates{hosts: c.ACME.Hosts}
	if cert != nil {
		all.Replace(cert)
		return all, nil
	}
	client := &acme.Client{DirectoryURL: c.ACME.Directory, UserAgent: "alcove", HTTPClient: &http.Client{Timeout: acmeTimeout}}
	if c.ACME.CAFile != "" {
		pem, err := keyfile.ReadLimited(c.ACME.CAFile, keyfile.MaxSize)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", c.ACME.CAFile)
		}
		client.HTTPClient.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	}
	all.manager = &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(c.ACME.CacheDir), HostPolicy: autocert.HostWhitelist(c.ACME.Hosts...),
		Email: c.ACME.Email, Client: client,
	}
	return all, nil
}

// TLSConfig is that of the public listener. WebSockets need HTTP/1.1 (RFC 6455, section 4.1), so it is all that is offered, beside that
// of the relay, for the clients that name it (RFC 7443), and the one by which an ACME server validates a name (RFC 8737).
func (c *Certificates) TLSConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1", turnProtocol, acme.ALPNProto}, GetCertificate: c.getCertificate}
}

func (c *Certificates) getCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.manager == nil {
		return c.files.Load(), nil
	}
	return c.manager.GetCertificate(hello)
}

// Replace uses another certificate from the next handshake on.
func (c *Certificates) Replace(cert *tls.Certificate) {
	c.files.Store(cert)
	if cert.Leaf != nil {
		c.expires.Store(cert.Leaf.NotAfter.Unix())
	}
}

// ReloadFiles reads the files again, because they are mostly replaced without a signal. A pair that does not fit changes nothing, since one
// of the files may be half written; the first such failure is logged.
func (c *Certificates) ReloadFiles(t config.TLS, log *slog.Logger) {
	cert, err := config.LoadCertificate(t)
	switch before := c.failing.Swap(err != nil); {
	case err != nil && !before:
		log.Error("the certificate cannot be read: the previous one stays in use", "error", err.Error())
	case err == nil && !bytes.Equal(cert.Certificate[0], c.files.Load().Certificate[0]):
		c.Replace(cert)
		log.Info("the certificate was read again", "until", cert.Leaf.NotAfter.UTC().Format(time.DateOnly))
	}
}

// ecdsaHello is the ClientHello of a browser, which gets a certificate for ECDSA with P-256.
func ecdsaHello(host string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName: host, SupportedVersions: []uint16{tls.VersionTLS13}, SupportedCurves: []tls.CurveID{tls.CurveP256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	}
}

// obtain gets the certificates of all names before the first client connects, and stores when the first one expires.
func (c *Certificates) obtain() error {
	var errs []error
	var first time.Time
	for _, host := range c.hosts {
		cert, err := c.manager.GetCertificate(ecdsaHello(host))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", host, err))
			continue
		}
		if leaf := cert.Leaf; leaf != nil && (first.IsZero() || leaf.NotAfter.Before(first)) {
			first = leaf.NotAfter
		}
	}
	if !first.IsZero() {
		c.expires.Store(first.Unix())
	}
	return errors.Join(errs...)
}

// KeepObtained calls obtain at each acmeInterval until ctx ends. It logs when that starts to fail, and when it works again.
func (c *Certificates) KeepObtained(ctx context.Context, log *slog.Logger) {
	again := time.NewTicker(acmeInterval)
	defer again.Stop()
	for {
		err := c.obtain()
		switch before := c.failing.Swap(err != nil); {
		case err != nil && !before:
			log.Error("the ACME server issued no certificate: the current ones stay in use", "error", err.Error())
		case err == nil && before:
			log.Info("the ACME server issues certificates again")
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// ExpiryMetric is the time at which the first certificate expires.
func (c *Certificates) ExpiryMetric() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "alcove_certificate_expiry_timestamp_seconds", Help: "When the certificate that ends first does, since 1970; 0: there is none yet.",
	}, func() float64 { return float64(c.expires.Load()) })
}

// ACME reports whether an ACME server issues the certificates.
func (c *Certificates) ACME() bool { return c.manager != nil }
