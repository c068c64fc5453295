//go:build amd64 || arm64

package udp

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Linux constants that package syscall lacks (linux/udp.h, asm-generic/socket.h).
const (
	solUDP       = 17
	udpSegment   = 103 // UDP_SEGMENT: the kernel, or the card, cuts one buffer into datagrams of this size
	soRxqOvfl    = 40  // SO_RXQ_OVFL: each message says how many the socket dropped so far
	udpGRO       = 104 // UDP_GRO: the kernel delivers a train as one message with the size of its datagrams
	mtuDiscover  = 10  // IP_MTU_DISCOVER
	mtuDiscover6 = 23  // IPV6_MTU_DISCOVER
	// pmtuProbe sets the don't-fragment bit and minds the MTU of the interface only: what ICMP says of a path may be forged. pmtuDont
	// lets the kernel send fragments.
	pmtuProbe, pmtuDont = 3, 0
	controlSize         = 24 // one control message of four bytes at most, with its header, aligned
)

// Limits of a train.
const (
	// maxTrain is UDP_MAX_SEGMENTS of kernels before 6.9.
	maxTrain = 64
	// maxTrainBytes keeps a train within one IP datagram's length field.
	maxTrainBytes = 65000
	// maxNoGSO bounds the remembered remotes. Full: all are forgotten, and each costs one more refused train.
	maxNoGSO = 1024
	// maxMessages bounds one system call (UIO_MAXIOV is 1024).
	maxMessages = 256
)

// mmsghdr is struct mmsghdr (recvmmsg(2)).
type mmsghdr struct {
	hdr syscall.Msghdr
	n   uint32
	_   [4]byte
}

// A batchConn sends and receives many datagrams per system call, and sends equal-sized ones to one address as a train (UDP_SEGMENT),
// because the cost is the kernel's work per datagram, not the call.
type batchConn struct {
	conn     *net.UDPConn
	raw      syscall.RawConn
	family   uint16
	woken    atomic.Bool
	deadline time.Time // Owned by the reader, as all below.

	in          receiveBatch
	readErr     syscall.Errno
	kernelDrops uint32 // kernel drops, as last reported

	messages int // filled in outHdr
	sent     int
	sendErr  syscall.Errno
	outHdr   []mmsghdr
	outFirst []int // index in the batch of each message's first packet
	outIov   []syscall.Iovec
	outName  []syscall.RawSockaddrInet6
	outCtl   [][controlSize]byte
	noGSO    bool // the kernel knows no trains

	// noGSOTo are the remotes behind a device that cannot do trains (EIO: it has no checksum offload), at most maxNoTrains.
	noGSOTo map[netip.Addr]struct{}

	single         *Packet // sent by itself
	singleName     syscall.RawSockaddrInet6
	singleErr      syscall.Errno
	sendSingle     func(uintptr)
	sendFragmented func(uintptr)

	readOnce   func(uintptr) bool
	readNoWait func(uintptr)
	sendOnce   func(uintptr)
	stats      *Stats
}

func newBatchConn(c *net.UDPConn, stats *Stats, receiveTrains bool) (Conn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	f := &batchConn{conn: c, raw: raw, family: syscall.AF_INET6, stats: stats, in: receiveBatch{size: MaxDatagram}}
	if c.LocalAddr().(*net.UDPAddr).IP.To4() != nil {
		f.family = syscall.AF_INET
	}
	f.outHdr, f.outFirst = make([]mmsghdr, maxMessages), make([]int, maxMessages+1)
	f.outName, f.outCtl = make([]syscall.RawSockaddrInet6, maxMessages), make([][controlSize]byte, maxMessages)
	f.readOnce, f.sendOnce, f.sendSingle, f.sendFragmented = f.recvmmsg, f.sendmmsg, f.sendto, f.sendFragments
	f.noGSOTo = map[netip.Addr]struct{}{}
	f.readNoWait = func(fd uintptr) { f.recvmmsg(fd) }
	err = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soRxqOvfl, 1) // without it drops are only not counted
		f.noGSO = syscall.SetsockoptInt(int(fd), solUDP, udpSegment, 0) != nil
		f.setPathMTU(fd, pmtuProbe)
		if receiveTrains && syscall.SetsockoptInt(int(fd), solUDP, udpGRO, 1) == nil {
			f.in.size = maxTrainBytes + MaxDatagram
		}
	})
	return f, err
}

// receiveBufferSize reads the effect of SetReadBuffer: the kernel includes its own overhead, twice the size asked for.
func receiveBufferSize(c *net.UDPConn) int {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	size := 0
	_ = raw.Control(func(fd uintptr) {
		size, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	})
	return size / 2
}

func addrPort(sa *syscall.RawSockaddrInet6) netip.AddrPort {
	if sa.Family == syscall.AF_INET {
		v4 := (*syscall.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), swapPort(v4.Port))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), swapPort(sa.Port))
}

// swapPort turns network byte order into the machine's and back.
func swapPort(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

func (f *batchConn) Write(batch []Packet) int {
	taken := 0
	for len(batch) > 0 {
		used := f.fillMessages(batch)
		done := f.flush(batch[:used])
		taken += done
		if done < used {
			return taken // the kernel is full: the rest would be late
		}
		batch = batch[used:]
	}
	return taken
}

// fillMessages fills messages from the front of the batch and returns how many packets they hold.
func (f *batchConn) fillMessages(batch []Packet) int {
	if len(f.outIov) < len(batch) {
		f.outIov = make([]syscall.Iovec, len(batch))
	}
	i := 0
	for f.messages = 0; i < len(batch) && f.messages < maxMessages; f.messages++ {
		n := 1
		if f.gsoTo(batch[i].Addr.Addr()) {
			n = trainLength(batch[i:])
		}
		for j := i; j < i+n; j++ {
			f.outIov[j] = syscall.Iovec{Base: &batch[j].Data[0], Len: uint64(len(batch[j].Data))}
		}
		f.fillMessage(batch[i], i, n)
		i += n
	}
	f.outFirst[f.messages] = i
	return i
}

func (f *batchConn) fillMessage(first Packet, at, n int) {
	m := f.messages
	f.outFirst[m] = at
	size := f.putAddress(&f.outName[m], first.Addr)
	h := &f.outHdr[m].hdr
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(&f.outName[m])), size
	h.Iov, h.Iovlen = &f.outIov[at], uint64(n)
	h.Control, h.Controllen = nil, 0
	if n > 1 {
		c := &f.outCtl[m]
		binary.NativeEndian.PutUint64(c[0:], 18) // cmsg_len: header and two bytes
		binary.NativeEndian.PutUint32(c[8:], solUDP)
		binary.NativeEndian.PutUint32(c[12:], udpSegment)
		binary.NativeEndian.PutUint16(c[16:], uint16(len(first.Data)))
		h.Control, h.Controllen = &c[0], controlSize
	}
}

// trainLength is how many packets at the front of the batch can leave as one train: to one address, of one size, the last may be
// shorter.
func trainLength(batch []Packet) int {
	size, total := len(batch[0].Data), len(batch[0].Data)
	n := 1
	for n < len(batch) && n < maxTrain {
		p := batch[n]
		if p.Addr != batch[0].Addr || len(p.Data) > size || total+len(p.Data) > maxTrainBytes {
			break
		}
		n++
		total += len(p.Data)
		if len(p.Data) < size {
			break
		}
	}
	return n
}

func (f *batchConn) putAddress(sa *syscall.RawSockaddrInet6, to netip.AddrPort) uint32 {
	if f.family == syscall.AF_INET {
		v4 := (*syscall.RawSockaddrInet4)(unsafe.Pointer(sa))
		*v4 = syscall.RawSockaddrInet4{Family: syscall.AF_INET, Port: swapPort(to.Port()), Addr: to.Addr().As4()}
		return syscall.SizeofSockaddrInet4
	}
	*sa = syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Port: swapPort(to.Port()), Addr: to.Addr().As16()}
	return syscall.SizeofSockaddrInet6
}

// setPathMTU sets how the socket treats the MTU of paths, for both families where it has both.
func (f *batchConn) setPathMTU(fd uintptr, how int) {
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, mtuDiscover, how)
	if f.family == syscall.AF_INET6 {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, mtuDiscover6, how)
	}
}

func (f *batchConn) gsoTo(to netip.Addr) bool {
	if f.noGSO || len(f.noGSOTo) == 0 {
		return !f.noGSO
	}
	_, without := f.noGSOTo[to]
	return !without
}

// disableGSOTo remembers a remote that no train reaches.
func (f *batchConn) disableGSOTo(to netip.Addr) {
	if len(f.noGSOTo) >= maxNoGSO {
		clear(f.noGSOTo)
	}
	f.noGSOTo[to] = struct{}{}
}

// sendOneByOne sends the packets of a refused train, or one that was refused alone, and returns how many it dealt with.
func (f *batchConn) sendOneByOne(batch []Packet) int {
	for i := range batch {
		f.single = &batch[i]
		if err := f.raw.Control(f.sendSingle); err != nil {
			return i
		}
		if f.singleErr == syscall.EMSGSIZE && len(f.single.Data) <= BaseDatagram {
			_ = f.raw.Control(f.sendFragmented)
			f.stats.Fragmented++
		}
		switch f.singleErr {
		case 0:
			f.stats.Messages++
			f.stats.Datagrams++
		case syscall.EAGAIN, syscall.ENOBUFS:
			return i
		case syscall.EMSGSIZE:
			f.single.TooLong = true
			f.stats.TooLong++
			f.stats.Refused++
		default:
			f.stats.Refused++
		}
	}
	return len(batch)
}

func (f *batchConn) sendto(fd uintptr) {
	p := f.single
	size := f.putAddress(&f.singleName, p.Addr)
	_, _, f.singleErr = syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p.Data[0])), uintptr(len(p.Data)),
		syscall.MSG_DONTWAIT, uintptr(unsafe.Pointer(&f.singleName)), uintptr(size))
}

// sendFragments is sendto for a datagram that even a small MTU has to carry.
func (f *batchConn) sendFragments(fd uintptr) {
	f.setPathMTU(fd, pmtuDont)
	f.sendto(fd)
	f.setPathMTU(fd, pmtuProbe)
}

// flush sends the loaded messages. The datagrams of a refused train are sent again one by one. Only EIO means that the device supports no
// trains; other errors concern this train, such as a size above the MTU (EINVAL, EMSGSIZE).
func (f *batchConn) flush(batch []Packet) int {
	for m := 0; m < f.messages; {
		f.sent = m
		if err := f.raw.Control(f.sendOnce); err != nil {
			return f.outFirst[m]
		}
		if f.sendErr == 0 {
			m = f.sent
			continue
		}
		first, next := f.outFirst[m], f.outFirst[m+1]
		switch {
		case f.sendErr == syscall.EAGAIN || f.sendErr == syscall.ENOBUFS:
			return first
		case next-first > 1:
			f.stats.ResentTrains++
			if f.sendErr == syscall.EIO {
				f.disableGSOTo(batch[first].Addr.Addr())
			}
		}
		if done := f.sendOneByOne(batch[first:next]); done < next-first { // the others still want theirs
			return first + done
		}
		m++
	}
	return len(batch)
}

func (f *batchConn) sendmmsg(fd uintptr) {
	m := f.sent
	n, _, e := syscall.RawSyscall6(sysSendmmsg, fd, uintptr(unsafe.Pointer(&f.outHdr[m])), uintptr(f.messages-m), syscall.MSG_DONTWAIT, 0, 0)
	switch f.sendErr = e; e {
	case syscall.EINTR:
		f.sendErr = 0
	case 0:
		f.sent = m + int(n)
		f.stats.Messages += uint64(n)
		f.stats.Datagrams += uint64(f.outFirst[f.sent] - f.outFirst[m])
	}
}

func (f *batchConn) WriteTo(data []byte, to netip.AddrPort) (int, error) {
	n, err := f.conn.WriteToUDPAddrPort(data, to)
	if errors.Is(err, syscall.EMSGSIZE) && len(data) <= BaseDatagram {
		discover := func(how int) { _ = f.raw.Control(func(fd uintptr) { f.setPathMTU(fd, how) }) }
		discover(pmtuDont)
		n, err = f.conn.WriteToUDPAddrPort(data, to)
		discover(pmtuProbe)
	}
	return n, err
}

func (f *batchConn) Wake() {
	f.woken.Store(true)
	_ = f.conn.SetReadDeadline(wakeDeadline)
}

func (f *batchConn) Close() error { return f.conn.Close() }

// Nap sleeps for a time that is too short for Go's timers, which have millisecond resolution here. It is a raw system call, so the
// scheduler does not hand the processor to another thread, which would cost more than the sleep saves. A garbage collection
// interrupts it by a signal.
func Nap(d time.Duration) {
	if d <= 0 {
		return
	}
	t := syscall.NsecToTimespec(int64(d))
	_, _, _ = syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0) // woken early is as good
}
