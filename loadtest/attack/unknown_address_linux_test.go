package attack

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"testing"

	"alcove/auth"
	"alcove/loadtest/client"
)

// TestUnknownAddressesGetNoAnswer checks that datagrams of every kind from unknown hosts are dropped, counted by reason, and not answered.
func TestUnknownAddressesGetNoAnswer(t *testing.T) {
	d, w := NewDaemon(t, ""), NewRawConn(t)
	stranger := netip.MustParseAddrPort("127.0.0.66:4000")
	var answered atomic.Int64
	w.OnDatagram(func(g Datagram) {
		if g.To == stranger {
			answered.Add(1)
		}
	})
	rtp := append([]byte{0x80, 111, 0, 1}, make([]byte, 60)...)
	dtls := binary.BigEndian.AppendUint16([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0}, 1)
	for range 50 {
		w.Send(stranger, d.Media, rtp)
		w.Send(stranger, d.Media, append(dtls, 1))
		w.Send(stranger, d.Media, Check{Username: "nobody:someone", Password: "a password of nobody", Nominate: true}.Bytes())
	}
	Eventually(t, "all are dropped as of an unknown address", func() bool { return d.Drops(t, "unknown_address") >= 150 })
	if n := answered.Load(); n != 0 {
		t.Errorf("a stranger got %d answers", n)
	}
}

// TestClientsBehindNAT checks that clients behind the simulated NATs receive each other's audio. Otherwise the attack tests on the same
// network would prove nothing.
func TestClientsBehindNAT(t *testing.T) {
	d := NewDaemon(t, "")
	voice := client.Microphone()
	host := d.Enter(t, client.Persona{Room: "calm", Subject: "host", Name: "Host", Role: auth.Host, Light: true, Audio: &voice})
	guest := d.Enter(t, client.Persona{Room: "calm", Subject: "guest", Name: "Guest", Role: auth.Participant, Light: true, Audio: &voice})
	Eventually(t, "both hear the other", func() bool { return host.AudioPackets() > 20 && guest.AudioPackets() > 20 })
}
