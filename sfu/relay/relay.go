package relay

import (
	"bufio"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// A Media is a media port: the address that clients know and the one on this host.
type Media struct{ Public, Local netip.AddrPort }

// The reasons of refusals.
const (
	wrongCredential = iota // unknown, ended, or with a wrong password
	overQuota              // too many connections of one credential
	serverFull             // too many connections in all
	malformed              // not TURN, or too much of it before an allocation
	timeout                // no allocation in time
	forbiddenPeer          // to anything but our media ports
	overRate               // UDP: more first messages than are answered, or more of a client than it reads
	refusalCount
)

// Refusals returns their names, in order.
func Refusals() []string {
	return []string{"credential", "quota", "full", "malformed", "silent", "destination", "rate"}
}

// A Server relays. All methods are safe for concurrent use and do not block.
type Server struct {
	media func() []Media

	refused           [refusalCount]atomic.Uint64
	bytesIn, bytesOut atomic.Uint64

	mu          sync.Mutex
	grants      map[string]*grant // by username. Guarded by mu.
	holders     map[string]*grant // Guarded by mu.
	conns       map[*conn]bool    // Guarded by mu.
	allocations int               // allocations. Guarded by mu.
	closed      bool              // Guarded by mu.
}

// New returns a server. media lists the media ports, all of one family; it is called for each connection.
func New(media func() []Media) *Server {
	return &Server{media: media, grants: map[string]*grant{}, holders: map[string]*grant{}, conns: map[*conn]bool{}}
}

// An AllocationListener is a connection that is notified of its allocation, after which it is authenticated.
type AllocationListener interface{ Allocated() }

// Serve takes over a connection and serves TURN on it until it closes. The connection's Close must not wait for the client.
func (s *Server) Serve(with net.Conn) {
	in := bufio.NewReaderSize(with, maxMessage)
	s.serve(with, func(b []byte) (int, error) { return readMessage(in, b) })
}

// serve is Serve with a way to read whole messages.
func (s *Server) serve(with net.Conn, next func([]byte) (int, error)) {
	c := &conn{Conn: with, server: s, media: s.media(), next: next}
	s.mu.Lock()
	refused := s.closed || len(c.media) == 0
	if !refused {
		s.conns[c] = true
	}
	s.mu.Unlock()
	if refused || c.serve() != nil {
		c.Close()
	}
}

// Refuse closes a connection above the server's limit and counts it.
func (s *Server) Refuse(c net.Conn) {
	s.refused[serverFull].Add(1)
	c.Close()
}

// claim binds a connection to the credential that it authenticated with.
func (s *Server) claim(c *conn, username string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grants[username]
	switch {
	case g == nil || c.closed || c.grant != nil && c.grant != g:
		s.refused[wrongCredential].Add(1)
		return false
	case !g.conns[c] && len(g.conns) >= maxConns:
		s.refused[overQuota].Add(1)
		return false
	}
	c.grant, g.conns[c] = g, true
	return true
}

// allocate registers the one allocation of a connection.
func (s *Server) allocate(c *conn, r *allocation) bool {
	s.mu.Lock()
	ok := !c.closed && c.grant != nil && c.allocation == nil
	if ok {
		c.allocation = r
		s.allocations++
	}
	s.mu.Unlock()
	if listener, is := c.Conn.(AllocationListener); ok && is {
		listener.Allocated()
	}
	return ok
}

// forget removes a connection.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.closed = true
	delete(s.conns, c)
	if c.grant != nil {
		delete(c.grant.conns, c)
	}
	if c.allocation != nil {
		s.allocations--
	}
}

// Close closes all connections; later ones are closed at once.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	all := s.conns
	s.conns = map[*conn]bool{}
	s.mu.Unlock()
	for c := range all {
		c.Close()
	}
}

// Counts of a server. All but Allocations only grow.
type Counts struct {
	Allocations       int
	BytesIn, BytesOut uint64 // relayed: from clients, and to them
	Refused           []uint64
}

// Counts are those of now; Refused is in the order of Refusals.
func (s *Server) Counts() Counts {
	n := Counts{BytesIn: s.bytesIn.Load(), BytesOut: s.bytesOut.Load()}
	for i := range s.refused {
		n.Refused = append(n.Refused, s.refused[i].Load())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n.Allocations = s.allocations
	return n
}
