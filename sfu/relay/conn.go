package relay

import (
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

// A conn is one client's connection as a net.PacketConn of whole messages. pion reads from one goroutine and writes from two, one for
// responses and one for relayed data, so a slow client delays no other.
type conn struct {
	net.Conn
	server              *Server
	media               []Media                   // as it was when the connection began
	next                func([]byte) (int, error) // reads one whole message. Owned by ReadFrom.
	unallocatedMessages int                       // received before the allocation. Owned by ReadFrom.
	once                sync.Once

	channels int       // that were bound. Owned by pion's reader.
	endsAt   time.Time // a little before the allocation does; zero without one. Owned by pion's reader.

	grant      *grant      // the authenticated credential. Guarded by server.mu.
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

// ReadFrom reads one message and closes the connection on any error (net.PacketConn).
func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.next(b)
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

// WriteTo sends one message to the client; the address is ignored (net.PacketConn).
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

// answeredLifetime returns the LIFETIME of a success response. The response to a retransmitted Allocate repeats the first lifetime and
// is ignored.
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

// LocalAddr has the address family of our media. pion uses it for an allocation whose request names no family.
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

// authKey returns the key of a username (RFC 8489, section 9.2.2).
func (c *conn) authKey(r *turn.RequestAttributes) (string, []byte, bool) {
	g := c.server.find(r.Username)
	if g == nil || r.Realm != realm {
		c.server.refused[wrongCredential].Add(1)
		return "", nil, false
	}
	return r.Username, g.key, true
}

// onAuth counts failed authentications.
func (c *conn) onAuth(_, _ net.Addr, _, _, _, _ string, ok bool) {
	if !ok {
		c.server.refused[wrongCredential].Add(1)
	}
}

// claim counts the connection against the quota of its credential, after authentication.
func (c *conn) claim(username, _ string, _ net.Addr) bool { return c.server.claim(c, username) }

// onChannel closes a connection that binds too many channels. pion holds its own locks meanwhile; Close takes none of them.
func (c *conn) onChannel(_, _ net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) {
	if c.channels++; c.channels > maxChannels {
		c.server.refused[forbiddenPeer].Add(1)
		c.Close()
	}
}

// onPermission reports whether a client may use this IP address; WriteTo checks the port of each datagram.
func (c *conn) onPermission(_ net.Addr, ip net.IP) bool {
	for _, m := range c.media {
		if ip.Equal(m.Public.Addr().AsSlice()) {
			return true
		}
	}
	c.server.refused[forbiddenPeer].Add(1)
	return false
}
