package main

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"alcove/sfu/relay"
	"alcove/signaling/conns"
)

// turnProtocol is that of the relay in TLS (RFC 7443, section 4).
const turnProtocol = "stun.turn"

// errAsked is the end of a connection by which an ACME server asks whether a name is ours: the handshake is all of it (RFC 8737, section 3).
var errAsked = errors.New("asked by ACME")

// A splitter is a listener whose connections speak HTTP or TURN, told apart by their first byte, after TLS where that is ours:
//
//	inner.Accept ─► one goroutine each, for headerTimeout: TLS, first byte ─► HTTP: Accept
//	                                                                      └► TURN: the relay
//
// Who says nothing is waited for by nobody else. The inner listener bounds how many there are, and places those of the relay.
type splitter struct {
	net.Listener
	places *conns.Limiter // of the relay
	tls    *tls.Config    // nil: none
	relay  *relay.Server
	failed func() // a handshake failed

	out  chan accepted
	done chan struct{}
	once sync.Once

	mu    sync.Mutex
	begun map[net.Conn]bool // that have not said anything. Guarded by mu; nil after Close.
}

// accepted is what Accept gives.
type accepted struct {
	conn net.Conn
	err  error
}

func newSplitter(inner net.Listener, places *conns.Limiter, config *tls.Config, to *relay.Server, failed func()) *splitter {
	s := &splitter{Listener: inner, places: places, tls: config, relay: to, failed: failed,
		out: make(chan accepted), done: make(chan struct{}), begun: map[net.Conn]bool{}}
	go s.run()
	return s
}

// run accepts until Close. An error is handed on, and the next try waits until it was taken: who accepts waits longer each time.
func (s *splitter) run() {
	for {
		c, err := s.Listener.Accept()
		if err == nil {
			go s.sort(c)
			continue
		}
		select {
		case s.out <- accepted{nil, err}:
		case <-s.done:
			return
		}
	}
}

// Accept gives the next connection that speaks HTTP.
func (s *splitter) Accept() (net.Conn, error) {
	select {
	case a := <-s.out:
		return a.conn, a.err
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// Close ends the listener, and the connections that have not said what they speak.
func (s *splitter) Close() error {
	err := net.ErrClosed
	s.once.Do(func() {
		close(s.done)
		err = s.Listener.Close()
		s.mu.Lock()
		all := s.begun
		s.begun = nil
		s.mu.Unlock()
		for c := range all {
			c.Close()
		}
	})
	return err
}

// sort waits for the first byte of a connection, and gives it to whom that is for.
func (s *splitter) sort(raw net.Conn) {
	s.mu.Lock()
	open := s.begun != nil
	if open {
		s.begun[raw] = true
	}
	s.mu.Unlock()
	if !open {
		raw.Close()
		return
	}
	c, err := s.begin(raw)
	s.mu.Lock()
	delete(s.begun, raw)
	s.mu.Unlock()
	switch {
	case err != nil:
		raw.Close()
	case relay.IsTURN(c.first):
		s.turn(c)
	case c.protocol == turnProtocol:
		raw.Close()
	default:
		select {
		case s.out <- accepted{c.forHTTP(), nil}:
		case <-s.done:
			raw.Close()
		}
	}
}

// begin does TLS and reads the first byte, within the time that HTTP has for its headers.
func (s *splitter) begin(raw net.Conn) (*begun, error) {
	raw.SetDeadline(time.Now().Add(headerTimeout))
	c := &begun{Conn: raw, raw: raw}
	if s.tls != nil {
		over := tls.Server(raw, s.tls)
		if err := over.Handshake(); err != nil {
			s.failed()
			if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && isLetter(plain.RecordHeader[0]) {
				io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
			}
			return nil, err
		}
		c.Conn, c.protocol = over, over.ConnectionState().NegotiatedProtocol
	}
	if c.protocol == acme.ALPNProto {
		return nil, errAsked
	}
	var first [1]byte
	if _, err := io.ReadFull(c.Conn, first[:]); err != nil {
		return nil, err
	}
	c.first, c.again = first[0], true
	return c, raw.SetDeadline(time.Time{})
}

// NetConn is the connection below.
func (c *begun) NetConn() net.Conn { return c.raw }

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// turn gives a connection to the relay, if it has a place left.
func (s *splitter) turn(c *begun) {
	place := s.places.Acquire(conns.Addr(c.raw.RemoteAddr()), func() { conns.Abort(c.raw) })
	if place == nil {
		s.relay.Refuse(c.raw)
		return
	}
	if t := conns.TCPConn(c.raw); t != nil {
		t.SetWriteBuffer(relay.SendBuffer)
	}
	s.relay.Serve(&relayConn{c, place})
}

// A begun connection has said its first byte, which is read again.
type begun struct {
	net.Conn          // over TLS, if there is any
	raw      net.Conn // below it
	protocol string   // of TLS; "" where the client named none
	first    byte
	again    bool // Owned by the reader.
}

func (c *begun) Read(b []byte) (int, error) {
	if !c.again || len(b) == 0 {
		return c.Conn.Read(b)
	}
	b[0], c.again = c.first, false
	return 1, nil
}

// forHTTP shows the state of TLS, by which net/http knows that there is some.
func (c *begun) forHTTP() net.Conn {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return overTLS{c, t}
	}
	return c
}

type overTLS struct {
	net.Conn
	tls *tls.Conn
}

func (c overTLS) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// NetConn is the connection below TLS.
func (c overTLS) NetConn() net.Conn { return c.tls.NetConn() }

// A relayConn closes at once: the farewell of TLS waits for who does not read.
type relayConn struct {
	*begun
	place *conns.Lease // one of the relay's
}

// Allocated keeps the places of who proved a credential (relay.Server).
func (c *relayConn) Allocated() {
	under, _ := conns.LeaseOf(c.raw)
	under.MarkSeated(true)
	c.place.MarkSeated(true)
}

func (c *relayConn) Close() error {
	c.place.Release()
	return c.raw.Close()
}
