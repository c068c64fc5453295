//go:build !linux || !(amd64 || arm64)

package udp

import (
	"errors"
	"net"
)

func newFast(*net.UDPConn, *Stats) (Conn, error) { return nil, errors.ErrUnsupported }

func givenBuffer(*net.UDPConn) int { return 0 }
