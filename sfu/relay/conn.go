package relay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// errOver is the end of a connection whose allocation was not refreshed.
var errOver = errors.New("relay: the allocation is over")

// A conn is one client's connection as pion wants it: a socket that gives whole messages. pion reads from one goroutine and writes
// from two, one for answers and one for what was relayed, so who reads slowly delays nobody else.
type conn struct {
	net.Conn
	server *Server
	media  []Media       // as it was when the connection began
	in     *bufio.Reader // Owned by ReadFrom.
	before int           // messages without an allocation. Owned by ReadFrom.
	once   sync.Once

	channels int       // that were bound. Owned by pion's reader.
	ends     time.Time // a little before the allocation does; zero without one. Owned by pion's reader.

	grant   *grant   // what was proven. Guarded by server.mu.
	relayed *relayed // Guarded by server.mu.
	over    bool     // Guarded by server.mu.
}

// serve starts a TURN server for this connection alone. It ends when ReadFrom does.
func (c *conn) serve() error {
	c.SetReadDeadline(time.Now().Add(allocateTimeout))
	_, err := turn.NewServer(turn.ServerConfig{
		Realm: realm, AuthHandler: c.key, QuotaHandler: c.claim, InboundMTU: maxMessage + 1,
		EventHandler:      turn.EventHandler{OnAuth: c.judged, OnChannelCreated: c.bound},
		LoggerFactory:     &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: c, RelayAddressGenerator: generator{c}, PermissionHandler: c.permits}},
	})
	return err
}

// ReadFrom gives one message, and ends the connection where it cannot (net.PacketConn).
func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := readMessage(c.in, b)
	if err == nil && !c.ends.IsZero() && !time.Now().Before(c.ends) {
		err = errOver
	}
	if err == nil && !c.allocated() {
		if c.before++; c.before > maxBefore {
			err = errMessage
		}
	}
	switch {
	case errors.Is(err, errMessage):
		c.server.refused[malformed].Add(1)
	case c.ends.IsZero() && errors.Is(err, os.ErrDeadlineExceeded):
		c.server.refused[silent].Add(1)
	}
	if err != nil {
		c.Close()
		return 0, nil, err
	}
	return n, c.RemoteAddr(), nil
}

// WriteTo sends one message: there is one client only (net.PacketConn).
func (c *conn) WriteTo(b []byte, _ net.Addr) (int, error) {
	if lifetime, ok := c.granted(b); ok {
		c.ends = time.Now().Add(max(lifetime-endsBefore, 0))
		c.SetReadDeadline(c.ends)
	}
	c.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := c.Write(b)
	if err != nil {
		c.Close() // half a message may be out
	}
	return n, err
}

// granted is for how long this answer lets an allocation live. That to an Allocate said again tells the lifetime of then, and changes
// nothing.
func (c *conn) granted(answer []byte) (lifetime time.Duration, ok bool) {
	if kind := binary.BigEndian.Uint16(answer); kind != refreshed && (kind != allocated || !c.ends.IsZero()) {
		return 0, false
	}
	m := stun.Message{Raw: answer}
	if m.Decode() != nil {
		return 0, false
	}
	v, err := m.Get(stun.AttrLifetime)
	if err != nil || len(v) != 4 {
		return 0, false
	}
	return time.Duration(binary.BigEndian.Uint32(v)) * time.Second, true
}

// LocalAddr is of the family of our media, which pion takes for that of the allocation where a browser names none.
func (c *conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.media[0].Public) }

// Close ends the connection with its allocation, from any goroutine.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.server.leave(c)
		c.Conn.Close()
	})
	return nil
}

func (c *conn) allocated() bool {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.relayed != nil
}

// key gives pion the key of a username (RFC 8489, section 9.2.2).
func (c *conn) key(r *turn.RequestAttributes) (string, []byte, bool) {
	g := c.server.find(r.Username)
	if g == nil || r.Realm != realm {
		c.server.refused[wrongCredential].Add(1)
		return "", nil, false
	}
	return r.Username, g.key, true
}

// judged counts wrong passwords.
func (c *conn) judged(_, _ net.Addr, _, _, _, _ string, ok bool) {
	if !ok {
		c.server.refused[wrongCredential].Add(1)
	}
}

// claim takes one of the connections of a credential; it was proven.
func (c *conn) claim(username, _ string, _ net.Addr) bool { return c.server.claim(c, username) }

// bound ends a connection that binds a channel too many. It is called with locks of pion's held, which Close takes none of.
func (c *conn) bound(_, _ net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) {
	if c.channels++; c.channels > maxChannels {
		c.server.refused[elsewhere].Add(1)
		c.Close()
	}
}

// permits reports whether a client may name this address at all; which port counts is judged at each datagram.
func (c *conn) permits(_ net.Addr, ip net.IP) bool {
	for _, m := range c.media {
		if ip.Equal(m.Public.Addr().AsSlice()) {
			return true
		}
	}
	c.server.refused[elsewhere].Add(1)
	return false
}
