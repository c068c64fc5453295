//go:build !linux || !(amd64 || arm64)

package udp

import (
	"errors"
	"net"
	"time"
)

func newFast(*net.UDPConn, *Stats, bool) (Conn, error) { return nil, errors.ErrUnsupported }

func givenBuffer(*net.UDPConn) int { return 0 }

// Nap pauses the goroutine.
func Nap(d time.Duration) { time.Sleep(d) }
