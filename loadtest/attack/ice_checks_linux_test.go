package attack

import (
	"net/netip"
	"sync/atomic"
	"testing"

	"alcove/auth"
	"alcove/loadtest/client"
)

// These tests attack the choice of the address that media is sent to. An ICE-lite server that sends media to the source of any check can be
// made to send it to anybody.

// A spoofedHost is an uninvolved host whose address is forged, with the packets that it receives.
type spoofedHost struct {
	at             netip.Addr
	stun, rest     atomic.Int64 // bytes that came: of STUN, of anything else
	answers, asked atomic.Int64 // datagrams: responses, requests
}

func (w *RawConn) spoofedHost(at string) *spoofedHost {
	s := &spoofedHost{at: netip.MustParseAddr(at)}
	w.OnDatagram(func(d Datagram) {
		switch {
		case d.To.Addr() != s.at:
		case len(d.Data) > 0 && d.Data[0] > 3:
			s.rest.Add(int64(len(d.Data)))
		default:
			s.stun.Add(int64(len(d.Data)))
			if stunKind(d.Data) == bindingRequest {
				s.asked.Add(1)
			} else {
				s.answers.Add(1)
			}
		}
	})
	return s
}

func (s *spoofedHost) port(n int) netip.AddrPort { return netip.AddrPortFrom(s.at, uint16(n)) }

func hostAndGuest(t *testing.T, d *Daemon, room string) (host, guest *Client) {
	t.Helper()
	voice := client.Microphone()
	host = d.Enter(t, client.Persona{Room: room, Subject: "host-" + room, Name: "Host", Role: auth.Host, Light: true, Audio: &voice})
	guest = d.Enter(t, client.Persona{Room: room, Subject: "guest-" + room, Name: "Guest", Role: auth.Participant, Light: true, Audio: &voice})
	waitForAudio(t, "before the attack", 20, host, guest)
	return host, guest
}

// waitForAudio waits until each client has received so many more audio packets.
func waitForAudio(t *testing.T, when string, more uint64, all ...*Client) {
	t.Helper()
	for _, v := range all {
		before := v.AudioPackets()
		Eventually(t, "audio "+when, func() bool { return v.AudioPackets() >= before+more })
	}
}

// TestForgedSourceAddress sends an admitted person's genuine checks with the source address of somebody in another room. The victim keeps
// the address, sends and receives as before, and the attacker gets no media.
func TestForgedSourceAddress(t *testing.T) {
	d, w := NewDaemon(t, ""), NewRawConn(t)
	host, victim := hostAndGuest(t, d, "quiet")
	_, attacker := hostAndGuest(t, d, "hostile")
	for range 200 {
		w.Send(victim.Outside(), d.Media, attacker.Check(true).Bytes())
	}
	Eventually(t, "each is dropped: the address is held", func() bool { return d.Drops(t, "address_held") >= 200 })
	waitForAudio(t, "after the attack", 100, host, victim, attacker)
}

// TestReplayedCheck replays a captured check from one address and from more addresses than any table holds. The attacker gets no media, the
// victim keeps receiving it, and media follows within a second when the victim's address changes.
func TestReplayedCheck(t *testing.T) {
	d, w := NewDaemon(t, ""), NewRawConn(t)
	spy := w.spoofedHost("127.0.0.66")
	host, victim := hostAndGuest(t, d, "overheard")
	var check []byte
	Eventually(t, "a check is overheard", func() bool {
		for _, o := range w.CapturedSTUN() {
			if _, nominates := stunValue(o.Data, attrUseCandidate); nominates && o.From == victim.Outside() && stunKind(o.Data) == bindingRequest {
				check = o.Data
			}
		}
		return check != nil
	})
	before := victim.AudioPackets()
	port := 0
	Eventually(t, "audio while the check is repeated", func() bool {
		port++
		w.Send(spy.port(1000+port), d.Media, check)
		w.Send(spy.port(1000), d.Media, check)
		return port >= 70 && victim.AudioPackets() >= before+250 // nominations are settled 3 s after the handshake
	})
	if n := spy.rest.Load(); n != 0 {
		t.Errorf("the spy got %d bytes that are not STUN", n)
	}
	if d.Drops(t, "repeated_check") == 0 {
		t.Error("no repeat was dropped by its name")
	}
	changeAddress(t, d, w, victim, "127.0.0.5")
	waitForAudio(t, "after the attack", 100, host, victim)
}

// changeAddress gives a client another address and checks that media follows before it sends one second's worth of packets from there.
func changeAddress(t *testing.T, d *Daemon, w *RawConn, v *Client, to string) {
	t.Helper()
	at := netip.MustParseAddr(to)
	var back atomic.Bool
	var waited atomic.Int64
	w.OnDatagram(func(g Datagram) {
		switch isSTUN := len(g.Data) > 0 && g.Data[0] <= 3; {
		case g.From.Addr() == at && !back.Load():
			waited.Add(1)
		case g.To.Addr() == at && !isSTUN:
			back.Store(true)
		}
	})
	v.Rebind(at)
	waitForAudio(t, "after the address changed", 20, v)
	if n := waited.Load(); n > 50 {
		t.Errorf("media followed after %d packets of 20 ms", n)
	}
	if !back.Load() {
		t.Error("media came another way")
	}
}

// TestAmplification sends an admitted person's checks with the source address of an uninvolved host. That host gets at most three times the
// bytes, and only STUN.
func TestAmplification(t *testing.T) {
	d, w := NewDaemon(t, ""), NewRawConn(t)
	target := w.spoofedHost("127.0.0.77")
	_, attacker := hostAndGuest(t, d, "hostile")
	sent := 0
	before := attacker.AudioPackets()
	Eventually(t, "audio while checks are forged", func() bool {
		for _, nominate := range []bool{true, false} {
			b := attacker.Check(nominate).Bytes()
			sent += len(b)
			w.Send(target.port(4000+sent%50), d.Media, b)
		}
		return attacker.AudioPackets() >= before+150
	})
	if n := target.rest.Load(); n != 0 {
		t.Errorf("%d bytes went there that are not STUN", n)
	}
	if n := target.stun.Load(); n == 0 || n > 3*int64(sent) {
		t.Errorf("%d bytes went there for %d that came", n, sent)
	}
}
