package sfu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

var errTransport = errors.New("sfu: transport could not be set up")

// A transport is the DTLS half of one peer, made of pion's ORTC objects. Session descriptions (sdp.go) and ICE (ice.go) are our own, so
// that an offer costs no more than the parts that are read. It belongs to the goroutine that set it up until it is connected; after that
// only close is called.
type transport struct {
	gatherer *webrtc.ICEGatherer
	ice      *webrtc.ICETransport
	dtls     *webrtc.DTLSTransport
	tap      *keyTap
	pipe     *pipe
	local    local
	cancel   context.CancelFunc
	ctx      context.Context
	closed   sync.Once
}

// newTransport creates the ICE and DTLS objects of pion, and the credentials of the first answer.
func (e *Engine) newTransport() (*transport, error) {
	own, err := e.identities.at(time.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTransport, err)
	}
	t := &transport{tap: &keyTap{}, pipe: newPipe()}
	s := webrtc.SettingEngine{LoggerFactory: silent{}}
	s.SetLite(true)
	s.SetICEUDPMux(t.pipe)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICETimeouts(0, 0, 0) // consent is ours
	s.SetDTLSKeyLogWriter(t.tap)
	s.SetDTLSServerHelloMessageHook(t.tap.serverHello)
	profiles := []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM}
	if e.config.AllowAES128 {
		profiles = append(profiles, dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	}
	s.SetSRTPProtectionProfiles(profiles...)
	s.SetDTLSCipherSuites(suites...)
	api := webrtc.NewAPI(webrtc.WithSettingEngine(s))
	if t.gatherer, err = api.NewICEGatherer(webrtc.ICEGatherOptions{}); err != nil {
		return nil, fmt.Errorf("%w: %w", errTransport, err)
	}
	t.ice = api.NewICETransport(t.gatherer)
	if t.dtls, err = api.NewDTLSTransport(t.ice, []webrtc.Certificate{own.cert}); err != nil {
		return nil, fmt.Errorf("%w: %w", errTransport, err)
	}
	t.ctx, t.cancel = context.WithTimeout(context.Background(), cmp.Or(e.handshake, handshakeLimit))
	if err := t.gather(); err != nil {
		t.close()
		return nil, err
	}
	p, err := t.gatherer.GetLocalParameters()
	if err != nil {
		t.close()
		return nil, fmt.Errorf("%w: %w", errTransport, err)
	}
	t.local = local{ufrag: p.UsernameFragment, pwd: p.Password, fingerprint: own.fingerprint}
	return t, nil
}

// gather waits until pion knows its candidate.
func (t *transport) gather() error {
	done := make(chan struct{})
	t.gatherer.OnLocalCandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			close(done)
		}
	})
	if err := t.gatherer.Gather(); err != nil {
		return fmt.Errorf("%w: %w", errTransport, err)
	}
	select {
	case <-done:
		return nil
	case <-t.ctx.Done():
		return fmt.Errorf("%w: %w", errTransport, t.ctx.Err())
	}
}

// connect runs DTLS; it returns when the client's certificate was verified against the offer's fingerprint. out gets the datagrams that
// pion sends.
func (t *transport) connect(o *offer, out func([]byte)) (keys, error) {
	defer t.cancel()
	t.pipe.out = out
	if err := t.ice.AddRemoteCandidate(pipeCandidate()); err != nil {
		return keys{}, fmt.Errorf("%w: ICE: %w", errTransport, err)
	}
	role := webrtc.ICERoleControlled
	err := t.ice.StartContext(t.ctx, nil, webrtc.ICEParameters{UsernameFragment: o.ufrag, Password: o.pwd, ICELite: true}, &role)
	if err != nil {
		return keys{}, fmt.Errorf("%w: ICE: %w", errTransport, err)
	}
	remote := webrtc.DTLSParameters{Role: webrtc.DTLSRoleClient, Fingerprints: o.fingerprints}
	if err := t.dtls.StartContext(t.ctx, remote); err != nil {
		return keys{}, fmt.Errorf("%w: DTLS: %w", errTransport, err)
	}
	return t.tap.derive()
}

// close ends the goroutines of pion. It may take a moment: never on the worker.
func (t *transport) close() {
	t.closed.Do(func() {
		t.cancel()
		_ = t.dtls.Stop()
		_ = t.ice.Stop()
	})
}

// silent throws pion's log lines away: they hold addresses.
type silent struct{}

func (silent) NewLogger(string) logging.LeveledLogger { return silent{} }
func (silent) Trace(string)                           {}
func (silent) Tracef(string, ...any)                  {}
func (silent) Debug(string)                           {}
func (silent) Debugf(string, ...any)                  {}
func (silent) Info(string)                            {}
func (silent) Infof(string, ...any)                   {}
func (silent) Warn(string)                            {}
func (silent) Warnf(string, ...any)                   {}
func (silent) Error(string)                           {}
func (silent) Errorf(string, ...any)                  {}
