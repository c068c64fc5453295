//go:build amd64 || arm64

package udp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// A pairConn is an IPv4 and an IPv6 socket as one: it reads both, and sends by the family of the address. Both are in an epoll set of its
// own, whose descriptor the runtime waits for, so that one goroutine waits for either.
type pairConn struct {
	v4, v6   *batchConn
	ready    *os.File // the epoll set
	raw      syscall.RawConn
	woken    atomic.Bool
	deadline time.Time // Owned by the reader, as all below.
	batch    []Packet  // of the read under way
	n        int       // packets that it has
	readErr  error
	odd      bool // reads of IPv6 go first: neither family starves the other
	events   [2]syscall.EpollEvent
	readOnce func(uintptr) bool
}

// pair joins two open sockets.
func pair(v4, v6 *Socket) (Conn, error) {
	a, aFast := v4.Conn.(*batchConn)
	b, bFast := v6.Conn.(*batchConn)
	if !aFast || !bFast {
		return nil, errors.ErrUnsupported
	}
	return newPairConn(a, b)
}

func newPairConn(v4, v6 *batchConn) (Conn, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // else the runtime does not wait for it
		syscall.Close(fd)
		return nil, err
	}
	c := &pairConn{v4: v4, v6: v6, ready: os.NewFile(uintptr(fd), "epoll")}
	c.readOnce = c.readBoth
	for _, sock := range []*batchConn{v4, v6} {
		var failed error
		err := sock.raw.Control(func(sockFD uintptr) {
			// An edge for each arrival: the set is read before the sockets, and those until they are empty.
			on := syscall.EpollEvent{Events: syscall.EPOLLIN | edgeTriggered, Fd: int32(sockFD)}
			failed = syscall.EpollCtl(fd, syscall.EPOLL_CTL_ADD, int(sockFD), &on)
		})
		if err = errors.Join(err, failed); err != nil {
			c.ready.Close()
			return nil, err
		}
	}
	if c.raw, err = c.ready.SyscallConn(); err != nil {
		c.ready.Close()
		return nil, err
	}
	return c, nil
}

// edgeTriggered is EPOLLET, which package syscall has as a negative number.
const edgeTriggered = 1 << 31

// Read implements Conn.
func (c *pairConn) Read(batch []Packet, deadline time.Time) (int, error) {
	c.batch, c.n, c.readErr = batch, 0, nil
	if c.take() || deadline.Equal(Now) {
		return c.n, c.readErr
	}
	if !deadline.Equal(c.deadline) {
		c.deadline = deadline
		if err := c.ready.SetReadDeadline(deadline); err != nil {
			return 0, net.ErrClosed
		}
	}
	// Wake sets the flag before it moves the deadline, so a wake that this check misses still ends the read.
	if c.woken.Swap(false) {
		c.deadline = wakeDeadline
		return 0, nil
	}
	err := c.raw.Read(c.readOnce)
	switch {
	case err == nil:
		return c.n, c.readErr
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.woken.Store(false)
		c.deadline = wakeDeadline
		return 0, nil
	}
	return 0, net.ErrClosed
}

// readBoth empties the set, then reads: what arrives in between makes another event.
func (c *pairConn) readBoth(fd uintptr) bool {
	_, _ = syscall.EpollWait(int(fd), c.events[:], 0)
	return c.take()
}

// take reads what is there, and reports whether that is anything, or an error.
func (c *pairConn) take() bool {
	first, second := c.v4, c.v6
	if c.odd = !c.odd; c.odd {
		first, second = second, first
	}
	for _, sock := range [...]*batchConn{first, second} {
		if c.n == len(c.batch) {
			break
		}
		n, err := sock.Read(c.batch[c.n:], Now)
		if err != nil {
			c.readErr = err
			return true
		}
		c.n += n
	}
	return c.n > 0
}

func (c *pairConn) of(to netip.Addr) *batchConn {
	if to.Is4() {
		return c.v4
	}
	return c.v6
}

// Write implements Conn. Packets for one peer are adjacent, so runs of one family are long.
func (c *pairConn) Write(batch []Packet) int {
	taken := 0
	for taken < len(batch) {
		sock, end := c.of(batch[taken].Addr.Addr()), taken+1
		for end < len(batch) && c.of(batch[end].Addr.Addr()) == sock {
			end++
		}
		n := sock.Write(batch[taken:end])
		if taken += n; taken < end {
			return taken
		}
	}
	return taken
}

// WriteTo implements Conn.
func (c *pairConn) WriteTo(data []byte, to netip.AddrPort) (int, error) {
	return c.of(to.Addr()).WriteTo(data, to)
}

// Wake implements Conn.
func (c *pairConn) Wake() {
	c.woken.Store(true)
	_ = c.ready.SetReadDeadline(wakeDeadline)
}

// Close implements Conn.
func (c *pairConn) Close() error {
	return errors.Join(c.ready.Close(), c.v4.Close(), c.v6.Close())
}
