package sfu

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

var errTransport = errors.New("sfu: transport could not be set up")

// A transport is the ICE and DTLS half of one peer, pion's ORTC objects: the session descriptions are ours, so that an
// offer costs what we read of it and no more. It belongs to the goroutine that set it up until it is connected; after
// that only close is called.
type transport struct {
	gatherer *webrtc.ICEGatherer
	ice      *webrtc.ICETransport
	dtls     *webrtc.DTLSTransport
	tap      *keyTap
	nominees nominations
	local    local
	cancel   context.CancelFunc
	ctx      context.Context
	closed   sync.Once
}

// newTransport gathers the one host candidate and is ready for checks when it returns.
func (e *Engine) newTransport(m *mux) (*transport, error) {
	own, err := e.identities.at(time.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTransport, err)
	}
	t := &transport{tap: &keyTap{}}
	s := webrtc.SettingEngine{LoggerFactory: silent{}}
	s.SetLite(true)
	s.SetICEUDPMux(m)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetICEUseCandidateCheckPriority(true)
	s.SetICEBindingRequestHandler(t.nominees.request)
	s.SetICETimeouts(consentLimit/2, consentLimit/2, 0)
	s.SetDTLSKeyLogWriter(t.tap)
	s.SetDTLSServerHelloMessageHook(t.tap.serverHello)
	profiles := []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM}
	if e.config.AllowAES128 {
		profiles = append(profiles, dtls.SRTP_AEAD_AES_128_GCM)
	}
	s.SetSRTPProtectionProfiles(profiles...)
	api := webrtc.NewAPI(webrtc.WithSettingEngine(s))
	if t.gatherer, err = api.NewICEGatherer(webrtc.ICEGatherOptions{}); err != nil {
		return nil, fmt.Errorf("%w: %w", errTransport, err)
	}
	t.ice = api.NewICETransport(t.gatherer)
	if t.dtls, err = api.NewDTLSTransport(t.ice, []webrtc.Certificate{own.cert}); err != nil {
		return nil, fmt.Errorf("%w: %w", errTransport, err)
	}
	t.ctx, t.cancel = context.WithTimeout(context.Background(), handshakeLimit)
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

// gather waits until pion knows its candidate: from then on checks are answered.
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

// connect runs ICE and DTLS; it returns when the client's certificate was verified against the offer's fingerprint.
// selected is called with each address pair that a nominated check selected; lost when consent ran out.
func (t *transport) connect(o *offer, selected func(netip.AddrPort), lost func()) (keys, error) {
	defer t.cancel()
	t.ice.OnSelectedCandidatePairChange(func(p *webrtc.ICECandidatePair) {
		if addr, err := netip.ParseAddr(p.Remote.Address); err == nil {
			selected(netip.AddrPortFrom(addr.Unmap(), p.Remote.Port))
		}
	})
	t.ice.OnConnectionStateChange(func(s webrtc.ICETransportState) {
		if s == webrtc.ICETransportStateFailed {
			lost()
		}
	})
	role := webrtc.ICERoleControlled
	err := t.ice.StartContext(t.ctx, nil, webrtc.ICEParameters{UsernameFragment: o.ufrag, Password: o.pwd}, &role)
	if err != nil {
		return keys{}, fmt.Errorf("%w: ICE: %w", errTransport, err)
	}
	remote := webrtc.DTLSParameters{Role: webrtc.DTLSRoleClient, Fingerprints: o.fingerprints}
	if err := t.dtls.StartContext(t.ctx, remote); err != nil {
		return keys{}, fmt.Errorf("%w: DTLS: %w", errTransport, err)
	}
	t.nominees.settle(time.Now())
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
