package daemon

import (
	"fmt"
	"log/slog"
	"net"
	"os"
)

// States of sd_notify(3).
const (
	notifyReady     = "READY=1"
	notifyReloading = "RELOADING=1"
	notifyStopping  = "STOPPING=1"
)

// notify notifies the service manager, if NOTIFY_SOCKET names its socket; an abstract one begins with @, as in Go. A failure is logged and
// does not stop the daemon.
func notify(log *slog.Logger, state string) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	if err := sendDatagram(socket, state); err != nil {
		log.Warn("cannot notify the service manager", "state", state, "error", err.Error())
	}
}

// sendDatagram sends one datagram, which a socket of this kind takes whole or not at all.
func sendDatagram(socket, state string) error {
	c, err := net.Dial("unixgram", socket)
	if err != nil {
		return fmt.Errorf("cannot reach NOTIFY_SOCKET: %w", err)
	}
	defer c.Close()
	_, err = c.Write([]byte(state))
	return err
}
