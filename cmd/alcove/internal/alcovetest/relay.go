package alcovetest

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/pion/turn/v5"

	"alcove/signaling/wire"
)

// ICEServers reads events until media.ready, or until the answer to the request, and gives what the former says of the relay.
func ICEServers(t *testing.T, conn *websocket.Conn, answer string) []wire.ICEServer {
	t.Helper()
	for {
		var frame struct {
			ID, Type string
			Data     struct{ ICEServers []wire.ICEServer }
		}
		text := Next(t, conn)
		if err := json.Unmarshal([]byte(text), &frame); err != nil {
			t.Fatal(err)
		}
		switch {
		case frame.Type == "media.ready":
			return frame.Data.ICEServers
		case strings.Contains(text, "iceServers") || strings.Contains(text, "turn:"):
			t.Fatalf("told of a relay: %s", text)
		case answer != "" && frame.ID == answer:
			return nil
		}
	}
}

// AnswerICEServers reads events until the answer to the request, and gives what that says of the relay.
func AnswerICEServers(t *testing.T, conn *websocket.Conn, answer string) []wire.ICEServer {
	t.Helper()
	for {
		var frame struct {
			ID   string
			Data struct{ ICEServers []wire.ICEServer }
		}
		if err := json.Unmarshal([]byte(Next(t, conn)), &frame); err != nil {
			t.Fatal(err)
		}
		if frame.ID == answer {
			return frame.Data.ICEServers
		}
	}
}

func Send(t *testing.T, conn *websocket.Conn, frame string) {
	t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

// AllocateRelay asks for an allocation, over TLS if config is not nil.
func AllocateRelay(t *testing.T, at string, s wire.ICEServer, config *tls.Config) (net.PacketConn, error) {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		c = tls.Client(c, config)
	}
	client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: at, Conn: turn.NewSTUNConn(c), Username: s.Username, Password: s.Credential})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); c.Close() })
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	return client.Allocate()
}

// AllocateRelayUDP asks for an allocation over UDP, at the first URL.
func AllocateRelayUDP(t *testing.T, s wire.ICEServer) (net.PacketConn, error) {
	t.Helper()
	at := strings.TrimSuffix(strings.TrimPrefix(s.URLs[0], "turn:"), "?transport=udp")
	sock, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close() })
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: at, Conn: sock, Username: s.Username, Password: s.Credential, RequestedAddressFamily: turn.RequestedAddressFamilyIPv4})
	if err == nil {
		err = c.Listen()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.Allocate()
}
