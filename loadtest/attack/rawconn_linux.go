package attack

import (
	"encoding/binary"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	ipHeader  = 20 // RFC 791, section 3.1, without options
	udpHeader = 8  // RFC 768
)

// A Datagram is one that was overheard. Over the loopback interface each is heard once.
type Datagram struct {
	From, To netip.AddrPort
	Data     []byte
}

// A RawConn is a pair of raw sockets (raw(7)): one sends datagrams from any address, one hears all datagrams of the namespace.
type RawConn struct {
	t       testing.TB
	send    int
	receive *os.File

	mu        sync.Mutex
	captured  []Datagram       // Guarded by mu: kept by keep.
	callbacks []func(Datagram) // Guarded by mu.
}

// NewRawConn opens the sockets until the test ends.
func NewRawConn(t testing.TB) *RawConn {
	t.Helper()
	send, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		t.Fatal("raw socket: ", err)
	}
	hear, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if err != nil {
		t.Fatal("raw socket: ", err)
	}
	w := &RawConn{t: t, send: send, receive: os.NewFile(uintptr(hear), "raw")}
	go w.listen()
	t.Cleanup(func() {
		_ = w.receive.Close()
		_ = unix.Close(w.send)
	})
	return w
}

// Send sends one UDP datagram over IPv4, from any address.
func (w *RawConn) Send(from, to netip.AddrPort, payload []byte) {
	w.t.Helper()
	b := make([]byte, ipHeader+udpHeader, ipHeader+udpHeader+len(payload))
	source, target := from.Addr().As4(), to.Addr().As4()
	b[0], b[8], b[9] = 4<<4|ipHeader/4, 64, unix.IPPROTO_UDP
	copy(b[12:], source[:]) // the kernel fills in length, identification and checksum
	copy(b[16:], target[:])
	u := b[ipHeader:]
	binary.BigEndian.PutUint16(u[0:], from.Port())
	binary.BigEndian.PutUint16(u[2:], to.Port())
	binary.BigEndian.PutUint16(u[4:], uint16(udpHeader+len(payload))) // no checksum: optional over IPv4
	b = append(b, payload...)
	if err := unix.Sendto(w.send, b, 0, &unix.SockaddrInet4{Addr: target}); err != nil {
		w.t.Fatal("raw send: ", err)
	}
}

// OnDatagram calls f with every datagram from now on, on one goroutine.
func (w *RawConn) OnDatagram(f func(Datagram)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.callbacks = append(w.callbacks, f)
}

// CapturedSTUN returns the STUN datagrams so far: the first byte of others is larger (RFC 7983).
func (w *RawConn) CapturedSTUN() []Datagram {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.captured)
}

func (w *RawConn) listen() {
	buffer := make([]byte, 1<<16)
	for {
		n, err := w.receive.Read(buffer)
		if err != nil {
			return
		}
		d, ok := parse(buffer[:n])
		if !ok {
			continue
		}
		w.mu.Lock()
		if len(d.Data) > 0 && d.Data[0] <= 3 {
			w.captured = append(w.captured, d)
		}
		for _, f := range w.callbacks {
			f(d)
		}
		w.mu.Unlock()
	}
}

// parse reads an IPv4 packet that holds UDP.
func parse(b []byte) (Datagram, bool) {
	if len(b) < ipHeader || len(b) < int(b[0]&0x0f)*4+udpHeader {
		return Datagram{}, false
	}
	u := b[int(b[0]&0x0f)*4:]
	return Datagram{
		From: netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), binary.BigEndian.Uint16(u)),
		To:   netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:20])), binary.BigEndian.Uint16(u[2:])),
		Data: slices.Clone(u[udpHeader:]),
	}, true
}
