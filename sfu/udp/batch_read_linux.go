//go:build amd64 || arm64

package udp

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// readMessages is how many messages of the kernel are taken at once.
const readMessages = 32

// A receiveBatch holds the result of one recvmmsg until all of it was delivered. Owned by the reader.
type receiveBatch struct {
	size   int // bytes of one message
	buffer []byte
	hdr    []mmsghdr
	iov    []syscall.Iovec
	name   []syscall.RawSockaddrInet6
	ctl    [][2 * controlSize]byte

	received int // messages
	next     int // the first that was not wholly handed on,
	offset   int // and the byte to continue at
	segment  int // bytes of its datagrams, the last may be shorter
}

func (b *receiveBatch) allocate() {
	b.buffer = make([]byte, readMessages*b.size) // the system allocates pages when they are written
	b.hdr, b.iov = make([]mmsghdr, readMessages), make([]syscall.Iovec, readMessages)
	b.name, b.ctl = make([]syscall.RawSockaddrInet6, readMessages), make([][2 * controlSize]byte, readMessages)
	b.received = readMessages
	b.prepare()
}

// prepare resets the messages of the last read.
func (b *receiveBatch) prepare() {
	for i := range b.received {
		b.iov[i] = syscall.Iovec{Base: &b.buffer[i*b.size], Len: uint64(b.size)}
		h := &b.hdr[i].hdr
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.name[i])), syscall.SizeofSockaddrInet6
		h.Iov, h.Iovlen = &b.iov[i], 1
		h.Control, h.Controllen = &b.ctl[i][0], 2*controlSize
	}
	b.received, b.next, b.offset = 0, 0, 0
}

// deliver copies as many datagrams as fit into the batch.
func (b *receiveBatch) deliver(batch []Packet) int {
	n := 0
	for ; n < len(batch) && b.next < b.received; n++ {
		size := int(b.hdr[b.next].n)
		if b.offset == 0 {
			if b.segment = int(controlValue(b.ctl[b.next][:], b.hdr[b.next].hdr.Controllen, solUDP, udpGRO)); b.segment == 0 {
				b.segment = max(size, 1)
			}
		}
		from := b.next*b.size + b.offset
		end := min(b.offset+b.segment, size)
		batch[n] = Packet{Data: b.buffer[from : b.next*b.size+end : b.next*b.size+end], Addr: addrPort(&b.name[b.next])}
		if b.offset = end; end == size {
			b.next, b.offset = b.next+1, 0
		}
	}
	return n
}

// controlValue finds a control message of four bytes, 0 if it is not there (cmsg(3)).
func controlValue(b []byte, size uint64, level, kind uint32) uint32 {
	for b = b[:min(size, uint64(len(b)))]; len(b) >= 20; b = b[controlSize:] {
		if binary.NativeEndian.Uint32(b[8:]) == level && binary.NativeEndian.Uint32(b[12:]) == kind {
			return binary.NativeEndian.Uint32(b[16:])
		}
		if len(b) < controlSize {
			break
		}
	}
	return 0
}

func (f *batchConn) Read(batch []Packet, deadline time.Time) (int, error) {
	if n := f.in.deliver(batch); n > 0 {
		return n, nil
	}
	if f.in.buffer == nil {
		f.in.allocate()
	}
	f.in.prepare()
	f.readErr = 0
	if deadline.Equal(Now) {
		if err := f.raw.Control(f.readNoWait); err != nil {
			return 0, net.ErrClosed
		}
		return f.afterRead(batch), nil
	}
	if !deadline.Equal(f.deadline) {
		f.deadline = deadline
		if err := f.conn.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
	}
	// Wake sets the flag before it moves the deadline, so a wake that this check misses still ends the read.
	if f.woken.Swap(false) {
		f.deadline = wakeDeadline
		return 0, nil
	}
	err := f.raw.Read(f.readOnce)
	switch {
	case err == nil && f.readErr == 0:
		return f.afterRead(batch), nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		f.woken.Store(false)
		f.deadline = wakeDeadline
		return 0, nil
	case err != nil:
		return 0, net.ErrClosed
	}
	return 0, nil // an ICMP error concerns one destination, not the socket
}

func (f *batchConn) recvmmsg(fd uintptr) bool {
	n, _, e := syscall.RawSyscall6(syscall.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&f.in.hdr[0])), readMessages,
		syscall.MSG_DONTWAIT, 0, 0)
	if e == syscall.EAGAIN || e == syscall.EINTR {
		return false
	}
	f.readErr = e
	if e == 0 {
		f.in.received = int(n)
	}
	return true
}

// afterRead delivers the datagrams that were read, and counts those that the kernel dropped.
func (f *batchConn) afterRead(batch []Packet) int {
	if last := f.in.received - 1; last >= 0 {
		c := &f.in.ctl[last]
		if total := controlValue(c[:], f.in.hdr[last].hdr.Controllen, syscall.SOL_SOCKET, soRxqOvfl); total > 0 {
			f.stats.KernelDrops += uint64(total - f.kernelDrops)
			f.kernelDrops = total
		}
	}
	return f.in.deliver(batch)
}
