package sfu

import (
	"alcove/sfu/forward"
	"alcove/sfu/srtp"
	"alcove/sfu/udp"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"net/netip"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

type message struct {
	hdr syscall.Msghdr
	n   uint64
}

// The floor is what no SFU can be cheaper than: the same packets, sealed and sent in the same trains by a bare loop.
type floor struct {
	aead     cipher.AEAD
	nonce    [12]byte
	packets  [][]byte // plain, with room for the tag
	messages []message
	keep     []any // what messages point to
	sent     map[netip.AddrPort]int
}

func newFloor(out []udp.Packet) *floor {
	block, _ := aes.NewCipher(make([]byte, 32))
	f := &floor{sent: map[netip.AddrPort]int{}}
	f.aead, _ = cipher.NewGCM(block)
	for i := 0; i < len(out); {
		n := 1
		for i+n < len(out) && out[i+n].Addr == out[i].Addr && len(out[i+n].Data) <= len(out[i].Data) && len(out[i+n-1].Data) == len(out[i].Data) {
			n++
		}
		iov := make([]syscall.Iovec, n)
		for j := range iov {
			p := make([]byte, len(out[i+j].Data))
			f.packets = append(f.packets, p)
			iov[j] = syscall.Iovec{Base: &p[0], Len: uint64(len(p))}
		}
		to := &syscall.RawSockaddrInet4{Family: syscall.AF_INET, Addr: out[i].Addr.Addr().As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&to.Port))[:], out[i].Addr.Port())
		m := message{hdr: syscall.Msghdr{Name: (*byte)(unsafe.Pointer(to)), Namelen: syscall.SizeofSockaddrInet4, Iov: &iov[0], Iovlen: uint64(n)}}
		if n > 1 {
			c := make([]byte, 24)
			copy(c, []byte{18, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 103}) // SOL_UDP, UDP_SEGMENT
			binary.NativeEndian.PutUint16(c[16:], uint16(len(out[i].Data)))
			m.hdr.Control, m.hdr.Controllen = &c[0], 24
			f.keep = append(f.keep, c)
		}
		f.messages, f.keep = append(f.messages, m), append(f.keep, iov, to)
		f.sent[out[i].Addr] += n
		i += n
	}
	return f
}

func (f *floor) run(fd int) time.Duration {
	start := threadTime()
	for _, p := range f.packets {
		*(*uint64)(unsafe.Pointer(&f.nonce[0]))++
		body := p[forward.SentHeaderSize : len(p)-srtp.TagSize]
		f.aead.Seal(body[:0], f.nonce[:], body, p[:forward.SentHeaderSize])
	}
	for sent := 0; sent < len(f.messages); {
		n, _, e := syscall.RawSyscall6(307, uintptr(fd), uintptr(unsafe.Pointer(&f.messages[sent])), uintptr(len(f.messages)-sent), 0, 0, 0)
		if e != 0 {
			panic(e)
		}
		sent += int(n)
	}
	runtime.KeepAlive(f)
	return threadTime() - start
}
