//go:build !linux || !(amd64 || arm64)

package udp

import (
	"errors"
	"net"
	"time"
)

func newBatchConn(*net.UDPConn, *Stats, bool) (Conn, error) { return nil, errors.ErrUnsupported }

func receiveBufferSize(*net.UDPConn) int { return 0 }

func pair(*Socket, *Socket) (Conn, error) { return nil, errors.ErrUnsupported }

// Nap pauses the goroutine.
func Nap(d time.Duration) { time.Sleep(d) }
