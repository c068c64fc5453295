package front

import (
	"errors"
	"fmt"
	"syscall"
)

// BindFault explains why an address cannot be listened on, and the fix.
func BindFault(network, address string, err error) (text, fix string) {
	name := network + " " + address
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return name + " is taken by another program", "`ss -lntup` names it; stop it, or choose another port"
	case errors.Is(err, syscall.EACCES):
		return name + " needs a right that this user lacks", "the systemd unit gives it; or sysctl net.ipv4.ip_unprivileged_port_start=443; or a port above 1023"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return name + " is on an address that this host does not have", "use one that `ip address` shows"
	}
	return fmt.Sprintf("%s cannot be taken: %v", name, err), "see listen, admin and media in the configuration"
}

// CannotListen is the error for an address that cannot be listened on, with the fix.
func CannotListen(network, address string, err error) error {
	text, fix := BindFault(network, address, err)
	return fmt.Errorf("%s (fix: %s)", text, fix)
}
