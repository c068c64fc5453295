package front

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

// errACMEChallenge ends a connection of an ACME server that validates a name: the handshake is all of it (RFC 8737, section 3).
var errACMEChallenge = errors.New("asked by ACME")

// A Demux is a listener for HTTP and TURN. It distinguishes them by the first byte, inside TLS if there is any:
//
//	inner.Accept ─► one goroutine each, for headerTimeout: TLS, first byte ─► HTTP: Accept
//	                                                                      └► TURN: the relay
//
// A silent connection delays no other one. The inner listener bounds all connections, relayLimit those of TURN.
type Demux struct {
	net.Listener
	relayLimit      *conns.Limiter // of TURN connections
	tls             *tls.Config    // nil: none
	relay           *relay.Server
	handshakeFailed func() // called after each failed TLS handshake

	accepted chan acceptResult
	done     chan struct{}
	once     sync.Once

	mu       sync.Mutex
	sniffing map[net.Conn]bool // connections without a first byte. Guarded by mu; nil after Close.
}

// An acceptResult is a result of Accept.
type acceptResult struct {
	conn net.Conn
	err  error
}

// NewDemux starts to accept from inner. config is nil where the daemon does no TLS.
func NewDemux(inner net.Listener, relayLimit *conns.Limiter, config *tls.Config, to *relay.Server, handshakeFailed func()) *Demux {
	s := &Demux{Listener: inner, relayLimit: relayLimit, tls: config, relay: to, handshakeFailed: handshakeFailed,
		accepted: make(chan acceptResult), done: make(chan struct{}), sniffing: map[net.Conn]bool{}}
	go s.run()
	return s
}

// run accepts until Close. It returns each error through Accept before it tries again, because net/http waits longer after each error.
func (s *Demux) run() {
	for {
		c, err := s.Listener.Accept()
		if err == nil {
			go s.demux(c)
			continue
		}
		select {
		case s.accepted <- acceptResult{nil, err}:
		case <-s.done:
			return
		}
	}
}

// Accept returns the next HTTP connection.
func (s *Demux) Accept() (net.Conn, error) {
	select {
	case a := <-s.accepted:
		return a.conn, a.err
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// Close closes the listener, and the connections whose protocol is not known yet.
func (s *Demux) Close() error {
	err := net.ErrClosed
	s.once.Do(func() {
		close(s.done)
		err = s.Listener.Close()
		s.mu.Lock()
		all := s.sniffing
		s.sniffing = nil
		s.mu.Unlock()
		for c := range all {
			c.Close()
		}
	})
	return err
}

// demux reads the first byte of a connection and passes the connection to HTTP or TURN.
func (s *Demux) demux(raw net.Conn) {
	s.mu.Lock()
	open := s.sniffing != nil
	if open {
		s.sniffing[raw] = true
	}
	s.mu.Unlock()
	if !open {
		raw.Close()
		return
	}
	c, err := s.sniff(raw)
	s.mu.Lock()
	delete(s.sniffing, raw)
	s.mu.Unlock()
	switch {
	case err != nil:
		raw.Close()
	case relay.IsTURN(c.first):
		s.serveTURN(c)
	case c.protocol == turnProtocol:
		raw.Close()
	default:
		select {
		case s.accepted <- acceptResult{c.httpConn(), nil}:
		case <-s.done:
			raw.Close()
		}
	}
}

// sniff does TLS and reads the first byte, within the time that HTTP has for its headers.
func (s *Demux) sniff(raw net.Conn) (*sniffedConn, error) {
	raw.SetDeadline(time.Now().Add(HeaderTimeout))
	c := &sniffedConn{Conn: raw, raw: raw}
	if s.tls != nil {
		over := tls.Server(raw, s.tls)
		if err := over.Handshake(); err != nil {
			s.handshakeFailed()
			if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && isLetter(plain.RecordHeader[0]) {
				io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
			}
			return nil, err
		}
		c.Conn, c.protocol = over, over.ConnectionState().NegotiatedProtocol
	}
	if c.protocol == acme.ALPNProto {
		return nil, errACMEChallenge
	}
	var first [1]byte
	if _, err := io.ReadFull(c.Conn, first[:]); err != nil {
		return nil, err
	}
	c.first, c.unread = first[0], true
	return c, raw.SetDeadline(time.Time{})
}

// NetConn is the connection below.
func (c *sniffedConn) NetConn() net.Conn { return c.raw }

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// serveTURN passes a connection to the relay, if relayLimit has room.
func (s *Demux) serveTURN(c *sniffedConn) {
	place := s.relayLimit.Acquire(conns.Addr(c.raw.RemoteAddr()), func() { conns.Abort(c.raw) })
	if place == nil {
		s.relay.Refuse(c.raw)
		return
	}
	if t := conns.TCPConn(c.raw); t != nil {
		t.SetWriteBuffer(relay.SendBuffer)
	}
	s.relay.Serve(&relayConn{c, place})
}

// A sniffedConn is a connection whose first byte was read already and is read again.
type sniffedConn struct {
	net.Conn          // over TLS, if there is any
	raw      net.Conn // below it
	protocol string   // of TLS; "" where the client named none
	first    byte
	unread   bool // Owned by the reader.
}

func (c *sniffedConn) Read(b []byte) (int, error) {
	if !c.unread || len(b) == 0 {
		return c.Conn.Read(b)
	}
	b[0], c.unread = c.first, false
	return 1, nil
}

// httpConn shows the state of TLS, by which net/http knows that there is some.
func (c *sniffedConn) httpConn() net.Conn {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return tlsConn{c, t}
	}
	return c
}

type tlsConn struct {
	net.Conn
	tls *tls.Conn
}

func (c tlsConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// NetConn is the connection below TLS.
func (c tlsConn) NetConn() net.Conn { return c.tls.NetConn() }

// A relayConn closes at once: the close_notify of TLS would wait for a client that does not read.
type relayConn struct {
	*sniffedConn
	slot *conns.Lease // one of the relay's
}

// Allocated keeps the leases of a client with a valid credential (relay.Server).
func (c *relayConn) Allocated() {
	under, _ := conns.LeaseOf(c.raw)
	under.MarkSeated(true)
	c.slot.MarkSeated(true)
}

func (c *relayConn) Close() error {
	c.slot.Release()
	return c.raw.Close()
}
