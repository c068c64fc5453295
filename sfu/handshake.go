package sfu

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/pion/dtls/v3"
)

// suites are the cipher suites of DTLS: AEAD only, with a key exchange that keeps old traffic secret (RFC 8827, section 6.5). Our certificates
// have ECDSA keys.
var suites = []dtls.CipherSuiteID{
	dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
}

// A HandshakeFault is the reason why a connection got no keys. Its text is the code of the protocol.
type HandshakeFault string

// The closed list of faults.
const (
	FaultTimeout     HandshakeFault = "timeout"      // no check, or no end of DTLS, within handshakeLimit
	FaultProfile     HandshakeFault = "srtp_profile" // no SRTP profile in common
	FaultSuite       HandshakeFault = "cipher_suite" // no cipher suite or curve in common
	FaultVersion     HandshakeFault = "dtls_version" // not DTLS 1.2
	FaultFingerprint HandshakeFault = "fingerprint"  // the certificate is not the one of the offer
	FaultClosed      HandshakeFault = "closed"       // the client ended it
	FaultOther       HandshakeFault = "other"
)

// HandshakeFaults are all of them, in the order of Counters.HandshakesFailed.
var HandshakeFaults = [...]HandshakeFault{FaultTimeout, FaultProfile, FaultSuite, FaultVersion, FaultFingerprint, FaultClosed, FaultOther}

// faultTexts are the texts of pion's errors without an exported value. TestHandshakeFaults provokes each with the real pion, so that a
// release with other texts fails there.
var faultTexts = []struct {
	text  string
	fault HandshakeFault
}{
	{"client requested SRTP but we have no matching profiles", FaultProfile},
	{"do not support any shared cipher suites", FaultSuite},
	{"elliptic curves that are not supported", FaultSuite},
	{"unsupported protocol version", FaultVersion},
	{"remote certificate does not match any fingerprint", FaultFingerprint},
}

// A received alert is pion's error of an alert by the client (RFC 5246, section 7.2): its type has no name, but a method.
type receivedAlert interface {
	error
	IsFatalOrCloseNotify() bool
}

func faultOf(err error) HandshakeFault {
	if errors.Is(err, context.DeadlineExceeded) {
		return FaultTimeout
	}
	if _, ok := errors.AsType[receivedAlert](err); ok || errors.Is(err, dtls.ErrConnClosed) || errors.Is(err, io.EOF) {
		return FaultClosed
	}
	for _, f := range faultTexts {
		if strings.Contains(err.Error(), f.text) {
			return f.fault
		}
	}
	return FaultOther
}

// handshakeFailed counts a connection without keys, reports the reason, and ends it. A peer that ended meanwhile failed for another reason.
func (p *peer) handshakeFailed(err error) {
	if p.closed {
		return
	}
	w, fault := p.worker, faultOf(err)
	for i, f := range HandshakeFaults {
		if f == fault {
			w.count.HandshakesFailed[i]++
		}
	}
	w.engine.log.Warn("a connection got no keys", "reason", string(fault)) // pion's text may hold addresses
	if p.member != nil {
		p.member.room.events(HandshakeFailed{Peer: p.id, Generation: p.generation, Fault: fault})
	}
	p.close()
}
