package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"

	"alcove/sfu/srtp"
)

// An identity is the certificate of all light clients of a process, because generating keys is not measured.
type identity struct {
	certificate tls.Certificate
	fingerprint string // "sha-256 AA:BB…" (RFC 8122, section 5)
}

func newIdentity() (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "load"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, fingerprint(der)}, nil
}

func fingerprint(der []byte) string {
	digest := sha256.Sum256(der)
	return "sha-256 " + strings.ReplaceAll(fmt.Sprintf("% X", digest[:]), " ", ":")
}

// binding is a check that nominates its pair at once (RFC 8445, sections 7.1 and 8.1.1).
func (l *Light) binding() (*stun.Message, error) {
	return stun.Build(stun.BindingRequest, stun.TransactionID,
		stun.NewUsername(l.server.ufrag+":"+l.ufrag), ice.AttrControlling(1), ice.PriorityAttr(1<<24),
		ice.UseCandidate(), stun.NewShortTermIntegrity(l.server.pwd), stun.Fingerprint)
}

// check repeats a binding request until the server answers it.
func (l *Light) check(ctx context.Context) error {
	for pause := checkRepeat; ; pause *= 2 {
		request, err := l.binding()
		if err != nil {
			return err
		}
		if _, err := l.sock.WriteTo(request.Raw, l.to); err != nil {
			return err
		}
		timeout := time.After(pause)
		select {
		case raw := <-l.answers:
			m := &stun.Message{Raw: raw}
			if m.Decode() == nil && m.Type == stun.BindingSuccess && stun.NewShortTermIntegrity(l.server.pwd).Check(m) == nil {
				return nil
			}
		case <-timeout:
		case <-ctx.Done():
			return fmt.Errorf("ICE: %w", ctx.Err())
		case <-l.closed:
			return errGone
		}
	}
}

var errFingerprint = errors.New("client: the server's certificate is not the one of its answer")

// handshake runs DTLS as client and exports the keys (RFC 5764, section 4.2).
func (l *Light) handshake(ctx context.Context) (*keys, error) {
	conn, err := dtls.ClientWithOptions(l.dtls, net.UDPAddrFromAddrPort(l.to),
		dtls.WithCertificates(l.identity.certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !strings.EqualFold(fingerprint(raw[0]), l.server.fingerprint) {
				return errFingerprint
			}
			return nil
		}),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_256_GCM),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret), dtls.WithLoggerFactory(discardLogger{}),
	)
	if err != nil {
		return nil, fmt.Errorf("DTLS: %w", err)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("DTLS: %w", err)
	}
	l.dtls.set(conn)
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, errors.New("DTLS: no state")
	}
	const size = 32
	material, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(size+srtp.SaltSize))
	if err != nil {
		return nil, fmt.Errorf("DTLS: %w", err)
	}
	k := &keys{}
	if k.seal, err = srtp.NewSealer(material[:size], material[2*size:2*size+srtp.SaltSize]); err != nil {
		return nil, err
	}
	k.open, err = srtp.NewOpener(material[size:2*size], material[2*size+srtp.SaltSize:])
	return k, err
}

// A dtlsConn is the packet connection that pion's DTLS reads and writes.
type dtlsConn struct {
	light *Light
	in    chan []byte // full: dropped, DTLS repeats
	mu    sync.Mutex
	conn  *dtls.Conn // Guarded by mu.
}

func (d *dtlsConn) set(c *dtls.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn = c
	go func() { // the server's goodbye ends the connection
		var b [64]byte
		for {
			if _, err := c.Read(b[:]); err != nil {
				d.light.Close(false)
				return
			}
		}
	}()
}

func (d *dtlsConn) push(b []byte) {
	select {
	case d.in <- append([]byte(nil), b...):
	default:
	}
}

// goodbye sends the close alert (RFC 6347, section 4.1.2.7; RFC 5246, section 7.2.1).
func (d *dtlsConn) goodbye() {
	d.mu.Lock()
	c := d.conn
	d.mu.Unlock()
	if c != nil {
		_ = c.Close()
	}
}

func (d *dtlsConn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case data := <-d.in:
		return copy(b, data), net.UDPAddrFromAddrPort(d.light.to), nil
	case <-d.light.closed:
		return 0, nil, io.EOF
	}
}

func (d *dtlsConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	return d.light.sock.WriteTo(b, d.light.to)
}

func (d *dtlsConn) Close() error                     { return nil }
func (d *dtlsConn) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(d.light.sock.Local) }
func (d *dtlsConn) SetDeadline(time.Time) error      { return nil }
func (d *dtlsConn) SetReadDeadline(time.Time) error  { return nil }
func (d *dtlsConn) SetWriteDeadline(time.Time) error { return nil }

// discardLogger throws pion's log lines away.
type discardLogger struct{}

func (discardLogger) NewLogger(string) logging.LeveledLogger { return discardLogger{} }
func (discardLogger) Trace(string)                           {}
func (discardLogger) Tracef(string, ...any)                  {}
func (discardLogger) Debug(string)                           {}
func (discardLogger) Debugf(string, ...any)                  {}
func (discardLogger) Info(string)                            {}
func (discardLogger) Infof(string, ...any)                   {}
func (discardLogger) Warn(string)                            {}
func (discardLogger) Warnf(string, ...any)                   {}
func (discardLogger) Error(string)                           {}
func (discardLogger) Errorf(string, ...any)                  {}
