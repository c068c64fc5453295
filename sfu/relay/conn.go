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

// errExpired is the end of a connection whose allocation was not refreshed.
var errExpired = errors.New("relay: the allocation is over")

// A conn is one client's connection as pion wants it: a socket that gives whole messages. pion reads from one goroutine and writes
// from two, one for answers and one for what was relayed, so who reads slowly delays nobody else.
type conn struct {
	net.Conn
	server              *Server
	media               []Media       // as it was when the connection began
	in                  *bufio.Reader // Owned by ReadFrom.
	unallocatedMessages int           // messages without an allocation. Owned by ReadFrom.
	once                sync.Once

	channels int       // that were bound. Owned by pion's reader.
	endsAt   time.Time // a little before the allocation does; zero without one. Owned by pion's reader.

	grant      *grant      // what was proven. Guarded by server.mu.
	allocation *allocation // Guarded by server.mu.
	closed     bool        // Guarded by server.mu.
}

// serve starts a TURN server for this connection alone. It ends when ReadFrom does.
func (c *conn) serve() error {
	c.SetReadDeadline(time.Now().Add(allocateTimeout))
	_, err := turn.NewServer(turn.ServerConfig{
		Realm: realm, AuthHandler: c.authKey, QuotaHandler: c.claim, InboundMTU: maxMessage + 1,
		EventHandler:      turn.EventHandler{OnAuth: c.onAuth, OnChannelCreated: c.onChannel},
		LoggerFactory:     &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: c, RelayAddressGenerator: addressGenerator{c}, PermissionHandler: c.onPermission}},
	})
	return err
}

// ReadFrom gives one message, and ends the connection where it cannot (net.PacketConn).
func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := readMessage(c.in, b)
	if err == nil && !c.endsAt.IsZero() && !time.Now().Before(c.endsAt) {
		err = errExpired
	}
	if err == nil && !c.allocated() {
		if c.unallocatedMessages++; c.unallocatedMessages > maxUnallocatedMessages {
			err = errMessage
		}
	}
	switch {
	case errors.Is(err, errMessage):
		c.server.refused[malformed].Add(1)
	case c.endsAt.IsZero() && errors.Is(err, os.ErrDeadlineExceeded):
		c.server.refused[timeout].Add(1)
	}
	if err != nil {
		c.Close()
		return 0, nil, err
	}
	return n, c.RemoteAddr(), nil
}

// WriteTo sends one message: there is one client only (net.PacketConn).
func (c *conn) WriteTo(b []byte, _ net.Addr) (int, error) {
	if lifetime, ok := c.answeredLifetime(b); ok {
		c.endsAt = time.Now().Add(max(lifetime-endMargin, 0))
		c.SetReadDeadline(c.endsAt)
	}
	c.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := c.Write(b)
	if err != nil {
		c.Close() // half a message may be out
	}
	return n, err
}

// answeredLifetime is for how long this answer lets an allocation live. That to an Allocate said again tells the lifetime of then, and changes
// nothing.
func (c *conn) answeredLifetime(answer []byte) (lifetime time.Duration, ok bool) {
	if kind := binary.BigEndian.Uint16(answer); kind != refreshSuccess && (kind != allocateSuccess || !c.endsAt.IsZero()) {
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
		c.server.forget(c)
		c.Conn.Close()
	})
	return nil
}

func (c *conn) allocated() bool {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.allocation != nil
}

// authKey gives pion the key of a username (RFC 8489, section 9.2.2).
func (c *conn) authKey(r *turn.RequestAttributes) (string, []byte, bool) {
	g := c.server.find(r.Username)
	if g == nil || r.Realm != realm {
		c.server.refused[wrongCredential].Add(1)
		return "", nil, false
	}
	return r.Username, g.key, true
}

// onAuth counts wrong passwords.
func (c *conn) onAuth(_, _ net.Addr, _, _, _, _ string, ok bool) {
	if !ok {
		c.server.refused[wrongCredential].Add(1)
	}
}

// claim takes one of the connections of a credential; it was proven.
func (c *conn) claim(username, _ string, _ net.Addr) bool { return c.server.claim(c, username) }

// onChannel ends a connection that binds a channel too many. It is called with locks of pion's held, which Close takes none of.
func (c *conn) onChannel(_, _ net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) {
	if c.channels++; c.channels > maxChannels {
		c.server.refused[forbiddenPeer].Add(1)
		c.Close()
	}
}

// onPermission reports whether a client may name this address at all; which port counts is judged at each datagram.
func (c *conn) onPermission(_ net.Addr, ip net.IP) bool {
	for _, m := range c.media {
		if ip.Equal(m.Public.Addr().AsSlice()) {
			return true
		}
	}
	c.server.refused[forbiddenPeer].Add(1)
	return false
}
