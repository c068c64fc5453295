package relay

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// datagrams serves TURN on one UDP socket.
type datagrams struct {
	server *Server
	sock   *net.UDPConn
	key    [32]byte // of nonces
	rate   float64  // challenges that may be sent. Owned by run.
	rateAt time.Time

	mu      sync.Mutex
	clients map[netip.AddrPort]*udpConn // with a credential. Guarded by mu.
}

// ServeUDP serves TURN on a socket until that is closed.
func (s *Server) ServeUDP(sock *net.UDPConn) {
	_ = sock.SetReadBuffer(udpBuffer) // a smaller one still works
	newDatagrams(s, sock).run()
}

func newDatagrams(s *Server, sock *net.UDPConn) *datagrams {
	d := &datagrams{server: s, sock: sock, clients: map[netip.AddrPort]*udpConn{}, rate: maxChallenges, rateAt: time.Now()}
	rand.Read(d.key[:])
	return d
}

func (d *datagrams) run() {
	b := make([]byte, maxMessage+1)
	for {
		n, from, err := d.sock.ReadFromUDPAddrPort(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(time.Millisecond) // an error that stays must not take a core
		default:
			d.take(b[:n], unmapped(from), time.Now())
		}
	}
}

// take passes a datagram to its client, or begins one.
func (d *datagrams) take(b []byte, from netip.AddrPort, now time.Time) {
	m, err := datagramMessage(b)
	if err != nil {
		d.server.refused[malformed].Add(1)
		return
	}
	d.mu.Lock()
	c := d.clients[from]
	d.mu.Unlock()
	switch {
	case c != nil:
		c.deliver(bytes.Clone(m))
	case binary.BigEndian.Uint16(m) == allocateRequest:
		d.begin(bytes.Clone(m), from, now)
	}
}

// begin takes the first message of an address. Without a nonce of ours its sender may be forged, so it only gets one.
func (d *datagrams) begin(raw []byte, from netip.AddrPort, now time.Time) {
	m := &stun.Message{Raw: raw}
	if m.Decode() != nil {
		d.server.refused[malformed].Add(1)
		return
	}
	var nonce stun.Nonce
	if !m.Contains(stun.AttrMessageIntegrity) || nonce.GetFrom(m) != nil {
		d.challenge(m, stun.CodeUnauthorized, from, now)
		return
	}
	if !d.valid(nonce.String(), from) {
		d.challenge(m, stun.CodeStaleNonce, from, now)
		return
	}
	var name stun.Username
	var of stun.Realm
	_, _ = name.GetFrom(m), of.GetFrom(m)
	g := d.server.find(name.String())
	if g == nil || of.String() != realm || stun.MessageIntegrity(g.key).Check(m) != nil {
		d.server.refused[wrongCredential].Add(1)
		return
	}
	c := &udpConn{datagrams: d, from: from, key: g.key, ours: nonce, queue: make(chan []byte, udpQueue), done: make(chan struct{}), timer: time.NewTimer(0)}
	c.queue <- noncelessRequest()
	c.queue <- raw
	d.mu.Lock()
	d.clients[from] = c
	d.mu.Unlock()
	d.server.serve(c, c.Read)
}

// challenge answers with a nonce.
func (d *datagrams) challenge(to *stun.Message, code stun.ErrorCode, from netip.AddrPort, now time.Time) {
	d.rate = min(maxChallenges, d.rate+now.Sub(d.rateAt).Seconds()*maxChallenges)
	if d.rateAt = now; d.rate < 1 {
		d.server.refused[overRate].Add(1)
		return
	}
	d.rate--
	m, err := stun.Build(stun.NewTransactionIDSetter(to.TransactionID), stun.NewType(stun.MethodAllocate, stun.ClassErrorResponse),
		stun.ErrorCodeAttribute{Code: code}, stun.NewRealm(realm), stun.NewNonce(d.nonce(now, from)))
	if err == nil {
		_, _ = d.sock.WriteToUDPAddrPort(m.Raw, from)
	}
}

// nonce is for one address and a while (RFC 8489, section 9.2).
func (d *datagrams) nonce(at time.Time, from netip.AddrPort) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(at.Unix()))
	h := hmac.New(sha256.New, d.key[:])
	h.Write(b)
	address, _ := from.MarshalBinary() // never fails
	h.Write(address)
	return base64.RawStdEncoding.EncodeToString(h.Sum(b)[:12])
}

func (d *datagrams) valid(nonce string, from netip.AddrPort) bool {
	b, err := base64.RawStdEncoding.DecodeString(nonce)
	if err != nil || len(b) != 12 {
		return false
	}
	at := time.Unix(int64(binary.BigEndian.Uint32(b)), 0)
	return time.Since(at) <= nonceLifetime && hmac.Equal([]byte(nonce), []byte(d.nonce(at, from)))
}

// noncelessRequest is an Allocate request without a credential: pion's answer to it holds a nonce.
func noncelessRequest() []byte {
	return stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw
}

// A udpConn is one client on a UDP socket, as a connection of whole messages. pion makes its nonces itself and would refuse the one that the
// client proved its address with, after which browsers give up. So the client's requests reach pion with a nonce of pion.
type udpConn struct {
	*datagrams
	from netip.AddrPort
	key  stun.MessageIntegrity // of its credential
	ours stun.Nonce            // that it began with

	pions    stun.Nonce  // Owned by the reader, as all below.
	deadline time.Time   // of Read
	timer    *time.Timer // for it

	queue chan []byte
	done  chan struct{}
	once  sync.Once
}

// deliver queues a message; one that finds the queue full is lost, as on a full path.
func (c *udpConn) deliver(m []byte) {
	select {
	case c.queue <- m:
	default:
		c.server.refused[overRate].Add(1)
	}
}

// Read returns one message (net.Conn).
func (c *udpConn) Read(b []byte) (int, error) {
	var expired <-chan time.Time
	if !c.deadline.IsZero() {
		c.timer.Reset(time.Until(c.deadline))
		expired = c.timer.C
	}
	select {
	case m := <-c.queue:
		return copy(b, c.translate(m)), nil
	case <-c.done:
		return 0, net.ErrClosed
	case <-expired:
		return 0, os.ErrDeadlineExceeded
	}
}

// translate gives a request with the nonce of before the one of pion, if it is authentic.
func (c *udpConn) translate(raw []byte) []byte {
	if raw[0]>>6 != 0 || c.pions == nil {
		return raw
	}
	m := &stun.Message{Raw: raw}
	var nonce stun.Nonce
	if m.Decode() != nil || nonce.GetFrom(m) != nil || !bytes.Equal(nonce, c.ours) || c.key.Check(m) != nil {
		return raw
	}
	to := stun.New()
	to.Type, to.TransactionID = m.Type, m.TransactionID
	to.WriteHeader()
	for _, a := range m.Attributes {
		switch a.Type {
		case stun.AttrNonce, stun.AttrMessageIntegrity, stun.AttrFingerprint:
		default:
			to.Add(a.Type, a.Value)
		}
	}
	if c.pions.AddTo(to) != nil || c.key.AddTo(to) != nil {
		return raw
	}
	return to.Raw
}

// Write sends one message (net.Conn). The first is pion's answer to the request without a nonce.
func (c *udpConn) Write(b []byte) (int, error) {
	if c.pions == nil {
		m := &stun.Message{Raw: bytes.Clone(b)}
		if m.Decode() != nil || c.pions.GetFrom(m) != nil {
			return 0, errMessage
		}
		return len(b), nil
	}
	if _, err := c.sock.WriteToUDPAddrPort(b, c.from); errors.Is(err, net.ErrClosed) {
		return 0, err
	}
	return len(b), nil // what a path does not take is lost
}

// Close forgets the client (net.Conn).
func (c *udpConn) Close() error {
	c.once.Do(func() {
		close(c.done)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.clients[c.from] == c {
			delete(c.clients, c.from)
		}
	})
	return nil
}

// SetReadDeadline is called by the reader, or before there is one (net.Conn).
func (c *udpConn) SetReadDeadline(at time.Time) error {
	c.deadline = at
	return nil
}

// SetDeadline and SetWriteDeadline are of no use: writes do not wait (net.Conn).
func (c *udpConn) SetDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, see SetDeadline.
func (c *udpConn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr is that of the socket (net.Conn).
func (c *udpConn) LocalAddr() net.Addr { return c.sock.LocalAddr() }

// RemoteAddr is the client's (net.Conn).
func (c *udpConn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.from) }
