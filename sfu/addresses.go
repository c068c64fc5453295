package sfu

import (
	"net"
	"net/netip"
	"slices"
)

// A Reach is how a worker's socket is reached: by clients, and on this host.
type Reach struct{ Public, Local netip.AddrPort }

// Reach returns the reach of each worker. Of the addresses in answers it names one, an IPv4 address if there is any: all workers have the
// same family.
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

// public are the addresses that answers name.
func (w *worker) public() []string {
	if a := w.engine.config.Advertise; len(a) > 0 {
		return a
	}
	return w.hosts()
}

// hosts are the addresses at which the socket can be reached: its own, or those of all interfaces.
func (w *worker) hosts() []string {
	if !w.sock.Local.Addr().IsUnspecified() {
		return []string{w.sock.Local.Addr().String()}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var all, loopback []string
	for _, a := range addrs {
		ip, ok := a.(*net.IPNet)
		if !ok || ip.IP.IsLinkLocalUnicast() || ip.IP.To4() == nil {
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
