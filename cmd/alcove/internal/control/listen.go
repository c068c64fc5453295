package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"alcove/cmd/alcove/internal/keyfile"
)

// Listen listens on a socket that others cannot open. One that a daemon left when it was killed is taken over; one on which
// somebody may answer is not, nor is what is no socket: a wrong path must not cost a key.
func Listen(name string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(name), keyfile.ModeFolder); err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	l, err := net.Listen("unix", name)
	if errors.Is(err, syscall.EADDRINUSE) {
		if info, statErr := os.Lstat(name); statErr == nil && info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("control: %s is there already and is no socket: name a path of its own", name)
		}
		if c, dialErr := net.Dial("unix", name); !errors.Is(dialErr, syscall.ECONNREFUSED) {
			if dialErr == nil {
				c.Close()
			}
			return nil, fmt.Errorf("control: another daemon listens on %s: stop it first, or name another path", name)
		}
		if err := os.Remove(name); err != nil {
			return nil, fmt.Errorf("control: %w", err)
		}
		l, err = net.Listen("unix", name)
	}
	if err != nil {
		return nil, fmt.Errorf("control: %w (a path of at most 107 characters in a folder that the daemon may write)", err)
	}
	if err := os.Chmod(name, keyfile.ModeSecret); err != nil {
		l.Close()
		return nil, fmt.Errorf("control: %w", err)
	}
	return l, nil
}
