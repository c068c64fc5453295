package sfu

import "net"

// hosts are the addresses under which the socket can be reached: its own, or those of all interfaces.
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
