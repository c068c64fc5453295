package sfu

import (
	"net"
	"net/netip"
	"slices"
)

// A Reach is how a worker's socket is reached: by clients, and on this host.
type Reach struct{ Public, Local netip.AddrPort }

// Reach returns the reach of each worker. Of the addresses in answers it names one, an IPv4 address if there is any: all workers have the
// same families.
func (e *Engine) Reach() []Reach {
	var all []Reach
	for _, w := range e.workers {
		var public []netip.Addr
		for _, h := range w.public() {
			if a, err := netip.ParseAddr(h); err == nil {
				public = append(public, a.Unmap())
			}
		}
		if len(public) == 0 {
			continue
		}
		first := public[max(slices.IndexFunc(public, netip.Addr.Is4), 0)]
		local := w.sock.Local.Addr()
		if hosts := w.hosts(); local == netip.IPv4Unspecified() && len(hosts) > 0 {
			local = netip.MustParseAddr(hosts[0])
		} else if local.IsUnspecified() {
			local = netip.IPv6Loopback()
		}
		port := w.sock.Local.Port()
		all = append(all, Reach{netip.AddrPortFrom(first, port), netip.AddrPortFrom(local, port)})
	}
	return all
}

// public are the addresses that answers name. Of two families each has those that are advertised, else its own.
func (w *worker) public() []string {
	advertised := w.engine.config.Advertise
	switch {
	case !w.sock.Second.IsValid() && len(advertised) > 0:
		return advertised
	case !w.sock.Second.IsValid():
		return w.hosts()
	}
	var all []string
	for _, local := range []netip.AddrPort{w.sock.Local, w.sock.Second} {
		of := slices.DeleteFunc(slices.Clone(advertised), func(a string) bool { return isIPv6(a) != local.Addr().Is6() })
		if len(of) == 0 {
			of = hostsOf(local.Addr())
		}
		all = append(all, of...)
	}
	return all
}

// portOf is the port of the socket that an address belongs to.
func (w *worker) portOf(host string) uint16 {
	if w.sock.Second.IsValid() && isIPv6(host) {
		return w.sock.Second.Port()
	}
	return w.sock.Local.Port()
}

func isIPv6(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().Is6()
}

// hosts are the addresses at which the first socket can be reached.
func (w *worker) hosts() []string { return hostsOf(w.sock.Local.Addr()) }

// hostsOf are the addresses at which a socket can be reached: its own, or those of all interfaces in its family, without
// link-local ones.
func hostsOf(listen netip.Addr) []string {
	if !listen.IsUnspecified() {
		return []string{listen.String()}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var all, loopback []string
	for _, a := range addrs {
		ip, ok := a.(*net.IPNet)
		if !ok || ip.IP.IsLinkLocalUnicast() || (ip.IP.To4() == nil) != listen.Is6() {
			continue
		}
		if ip.IP.IsLoopback() {
			loopback = append(loopback, ip.IP.String())
		} else {
			all = append(all, ip.IP.String())
		}
	}
	if len(all) == 0 {
		return loopback
	}
	return all
}
