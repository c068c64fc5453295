package config

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// Addresses are one address of IPv4 or IPv6, or one of each. One may be written without a list.
type Addresses []string

// MarshalYAML writes one as it is mostly written.
func (a Addresses) MarshalYAML() (any, error) {
	if len(a) == 1 {
		return a[0], nil
	}
	return []string(a), nil
}

// Sockets are the addresses of a worker, counted from 0: IPv4 first, if there are both.
func (m Media) Sockets(worker int) []string {
	var all []string
	for _, a := range m.Listen {
		all = append(all, net.JoinHostPort(a, strconv.Itoa(m.Port+worker)))
	}
	if len(m.Listen) == 2 && strings.Contains(m.Listen[0], ":") {
		slices.Reverse(all)
	}
	return all
}
