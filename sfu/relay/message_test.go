package relay

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
)

const cookie = "\x21\x12\xa4\x42"

// messages as a client sends them on a stream, with how many bytes are the message, or 0 where it is refused.
var messages = []struct {
	name, said string
	length     int
}{
	{"Allocate", "\x00\x03\x00\x00" + cookie + "123456789012", 20},
	{"Refresh with an attribute", "\x00\x04\x00\x08" + cookie + "123456789012" + "\x00\x0d\x00\x04\x00\x00\x00\x00", 28},
	{"Send indication", "\x00\x16\x00\x00" + cookie + "123456789012", 20},
	{"ChannelData", "\x40\x01\x00\x04data", 8},
	{"ChannelData with padding", "\x40\x01\x00\x05data!\x00\x00\x00", 9},
	{"ChannelData, empty", "\x40\x01\x00\x00", 4},
	{"HTTP", "GET / HTTP/1.1\r\n\r\n", 0},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0},
	{"another cookie", "\x00\x03\x00\x00\x00\x00\x00\x00123456789012", 0},
	{"a length that is no multiple of four", "\x00\x03\x00\x01" + cookie + "123456789012", 0},
	{"Connect of RFC 6062", "\x00\x0a\x00\x00" + cookie + "123456789012", 0},
	{"a success response", "\x01\x03\x00\x00" + cookie + "123456789012", 0},
	{"RTP", "\x80\x6f\x00\x00\x00\x00\x00\x00", 0},
	{"too long", "\x00\x03\x06\x58" + cookie + strings.Repeat("x", maxMessage), 0},
	{"too long in 16 bits", "\x00\x03\xff\xec" + cookie + "123456789012", 0},
	{"a channel too long in 16 bits", "\x40\x01\xff\xfc12345678", 0},
	{"a channel too long with its padding", "\x40\x01\xff\xfd12345678", 0},
}

func TestReadMessage(t *testing.T) {
	for _, m := range messages {
		r := bufio.NewReaderSize(strings.NewReader(m.said+"\x40\x02\x00\x01n\x00\x00\x00"), maxMessage)
		b := make([]byte, maxMessage+1)
		n, err := readMessage(r, b)
		if m.length == 0 {
			if !errors.Is(err, errMessage) {
				t.Errorf("%s: %v", m.name, err)
			}
			continue
		}
		if err != nil || string(b[:n]) != m.said[:m.length] {
			t.Errorf("%s: %q, %v", m.name, b[:n], err)
		}
		if n, err := readMessage(r, b); err != nil || string(b[:n]) != "\x40\x02\x00\x01n" {
			t.Errorf("%s, the one after: %q, %v", m.name, b[:n], err)
		}
		if _, err := readMessage(bufio.NewReader(strings.NewReader(m.said[:len(m.said)-1])), b); err == nil {
			t.Errorf("%s: half a message is one", m.name)
		}
	}
	if IsTURN('G') || IsTURN(0x16) || !IsTURN(messages[0].said[0]) {
		t.Error("the first byte tells HTTP and TURN apart")
	}
}

// FuzzReadMessage checks that each message is complete, within the limit, and consumes bytes of the stream.
func FuzzReadMessage(f *testing.F) {
	for _, m := range messages {
		f.Add([]byte(m.said))
		f.Add([]byte(m.said + m.said))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(said), maxMessage)
		b, left := make([]byte, maxMessage+1), len(said)
		for {
			n, err := readMessage(r, b)
			if err != nil {
				if !errors.Is(err, errMessage) && err != io.EOF && err != io.ErrUnexpectedEOF {
					t.Fatal(err)
				}
				return
			}
			if n < channelHeader || n > maxMessage || n > left {
				t.Fatalf("a message of %d bytes, of %d", n, left)
			}
			left -= n
		}
	})
}

// fromClient is a connection with the address of a client.
type fromClient struct{ net.Conn }

func (fromClient) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 40000} }

// FuzzServe checks that the server answers or closes on any input: a panic of pion would end the daemon.
func FuzzServe(f *testing.F) {
	for _, m := range messages {
		f.Add([]byte(m.said))
	}
	f.Add([]byte("\x00\x03\x00\x08" + cookie + "123456789012" + "\x00\x19\x00\x04\x11\x00\x00\x00"))
	f.Add([]byte("\x00\x03\x00\x20" + cookie + "123456789012" + "\x00\x06\x00\x04user\x00\x08\x00\x14aaaaaaaaaaaaaaaaaaaa"))
	at := netip.MustParseAddrPort("127.0.0.1:9")
	s := New(func() []Media { return []Media{{at, at}} })
	f.Fuzz(func(t *testing.T, said []byte) {
		near, far := net.Pipe()
		s.Serve(fromClient{far})
		go io.Copy(io.Discard, near)
		near.Write(said)
		near.Close()
		if n := s.Counts().Allocations; n != 0 {
			t.Fatal("a stranger has an allocation")
		}
	})
}
