package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/front"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/sfu/record"
)

// The functions below are pure: facts in, findings out.

const renewal = "renew it: the daemon reads the files again by itself; restart it only where systemd hands them over"

// diagnoseCertificate: chain is the result of verifying it with the authorities of this host.
func diagnoseCertificate(cert *tls.Certificate, public string, now time.Time, chain error) []finding {
	const what = "certificate"
	leaf := cert.Leaf
	names := strings.Join(leaf.DNSNames, ", ")
	until := leaf.NotAfter.UTC().Format(time.DateOnly)
	var all []finding
	switch left := leaf.NotAfter.Sub(now); {
	case now.Before(leaf.NotBefore):
		all = append(all, fault(what, "is valid from "+leaf.NotBefore.UTC().Format(time.DateTime)+" only", "set the clock of this host, or wait"))
	case left <= 0:
		all = append(all, fault(what, "expired on "+until, renewal))
	case left < certificateSoon:
		all = append(all, warning(what, fmt.Sprintf("for %s ends on %s, in %d days", names, until, int(left.Hours()/24)), renewal))
	default:
		all = append(all, fine(what, "for %s until %s", names, until))
	}
	if public != "" && leaf.VerifyHostname(public) != nil {
		all = append(all, fault(what, fmt.Sprintf("is for %s, not for %s: no browser will open the page", names, public), "get one for "+public))
	}
	var stranger x509.UnknownAuthorityError
	switch {
	// Public authorities name the certificate above (RFC 5280, section 4.2.2.1); a clinic's own mostly signs without one between.
	case errors.As(chain, &stranger) && len(cert.Certificate) == 1 && len(leaf.IssuingCertificateURL) > 0:
		all = append(all, fault(what, "has no intermediate certificates", "append them to tls.cert_file; certbot names that file fullchain.pem"))
	case errors.As(chain, &stranger):
		all = append(all, warning(what, "is of no authority that this host knows: browsers refuse it unless theirs do", "install the authority on every device, or use a public one"))
	}
	return all
}

func diagnoseName(name string, found []netip.Addr, err error, advertise []string, local []netip.Addr) finding {
	const what = "DNS"
	if err != nil {
		return fault(what, fmt.Sprintf("%s is not found: %v", name, err), "add an A or AAAA record for "+name+", or name the right one with --name")
	}
	var texts []string
	ours := false
	for _, a := range found {
		texts = append(texts, a.String())
		ours = ours || slices.Contains(local, a) || slices.Contains(advertise, a.String())
	}
	list := strings.Join(texts, ", ")
	if !ours {
		return warning(what, name+" is "+list+": not an address of this host, nor in media.advertise", "correct behind a proxy; else change the record, or add the address to media.advertise")
	}
	return fine(what, "%s is %s", name, list)
}

// diagnoseClock: synced is the kernel's view of its clock.
func diagnoseClock(synced bool, err error) finding {
	const what = "clock"
	switch {
	case err != nil:
		return unknown(what, "cannot tell whether the clock is synchronized: "+err.Error(), "compare it with another clock: tokens are valid for two minutes")
	case !synced:
		return warning(what, "the clock is not synchronized: tokens are valid for two minutes, so an offset of one minute prevents joins", "run chrony or systemd-timesyncd")
	}
	return fine(what, "is kept by a time service")
}

func diagnoseAddresses(m config.Media, local []netip.Addr) []finding {
	const what = "addresses"
	var all []finding
	var reachable []netip.Addr
	for _, a := range m.Listen {
		listen, err := netip.ParseAddr(a)
		if err != nil {
			return nil // validate refused it
		}
		if !listen.IsUnspecified() && !slices.Contains(local, listen) {
			all = append(all, fault(what, a+" in media.listen is no address of this host", "use 0.0.0.0, or one that `ip address` shows"))
		}
		reachable = append(reachable, reachableOn(listen, local)...)
	}
	for _, a := range m.Advertise {
		ip, err := netip.ParseAddr(a)
		if err != nil {
			continue
		}
		switch {
		case ip.IsLoopback():
			all = append(all, warning(what, a+" in media.advertise reaches this machine only", "write the address that clients reach"))
		case ip.IsPrivate() || ip.IsLinkLocalUnicast():
			all = append(all, warning(what, a+" in media.advertise is private: only clients in that network can reach it", "correct in a clinic's own network; else use the public address"))
		case slices.Contains(local, ip):
			all = append(all, fine(what, "%s is ours and public", a))
		default:
			all = append(all, unknown(what, a+" is not ours: a router must pass the media ports on, unchanged", "run `alcove doctor --probe` on a machine outside"))
		}
	}
	if len(m.Advertise) == 0 && !slices.ContainsFunc(reachable, isPublic) {
		all = append(all, warning(what, "this host has no public address and media.advertise is empty: clients outside its network get no audio or video", "add the address of the router to media.advertise, if clients join from outside"))
	}
	if len(all) == 0 {
		all = append(all, fine(what, "media has a public address"))
	}
	return all
}

// reachableOn lists the addresses that a listener has.
func reachableOn(listen netip.Addr, local []netip.Addr) []netip.Addr {
	if listen.IsUnspecified() {
		return local
	}
	return []netip.Addr{listen}
}

func isPublic(a netip.Addr) bool { return a.IsGlobalUnicast() && !a.IsPrivate() }

func diagnosePort(network, address string, err error, running bool) finding {
	const what = "ports"
	name := network + " " + address
	switch {
	case err == nil:
		return fine(what, "%s is free", name)
	case errors.Is(err, syscall.EADDRINUSE) && running:
		return fine(what, "%s is taken, and an Alcove runs", name)
	}
	text, fix := front.BindFault(network, address, err)
	return fault(what, text, fix)
}

// diagnoseRelay: without a relay, clients on a network that blocks UDP have no media.
func diagnoseRelay(c config.Config) finding {
	const what = "relay"
	also := ""
	if c.Relay.Enabled && len(c.Relay.UDP) > 0 {
		also = "; over UDP at " + strings.Join(c.Relay.UDP, ", ") + ", for networks that let few ports through"
	}
	switch at := c.RelayMode(); {
	case at == config.RelayOff && c.Relay.Enabled:
		return warning(what, "is off over TCP: behind trusted_proxies it needs an address of its own; without it clients in a network that blocks UDP cannot join"+also,
			"set relay.listen, and let clients reach it past the proxy")
	case at == config.RelayOff:
		return fine(what, "is off by relay.enabled: clients in a network that blocks UDP cannot join")
	case at == config.RelayOwn:
		return fine(what, "is on at %s, for networks that block UDP%s", c.Relay.Listen, also)
	}
	return fine(what, "is on at %s, beside the page, for networks that block UDP%s", c.Listen, also)
}

func diagnoseBuffer(given int, err error) finding {
	const what = "buffer"
	switch {
	case err != nil || given == 0:
		return unknown(what, "the kernel does not report the size of the receive buffer", "check sysctl net.core.rmem_max")
	case given < mediaBuffer:
		return warning(what, fmt.Sprintf("the media socket gets a receive buffer of %d bytes, not %d: a short stall loses packets", given, mediaBuffer),
			fmt.Sprintf("sysctl -w net.core.rmem_max=%d, and the same line in a file of /etc/sysctl.d", mediaBuffer))
	}
	return fine(what, "the media socket gets its receive buffer of %d bytes", given)
}

func diagnoseOpenFiles(limit uint64, err error, connections int) finding {
	const what = "open files"
	need := uint64(connections + spareFiles)
	switch {
	case err != nil:
		return unknown(what, "their limit cannot be read: "+err.Error(), "look at `ulimit -Hn`")
	case limit < need:
		return warning(what, fmt.Sprintf("this user may have %d, limits.connections asks for %d", limit, need), "raise LimitNOFILE of the service, or lower limits.connections")
	}
	return fine(what, "%d allowed, %d needed", limit, need)
}

// A disk describes the file system of a folder.
type disk struct {
	folder   string // the one looked at: the nearest that exists
	median   time.Duration
	worst    time.Duration // of writes with fsync
	free     uint64        // bytes
	inMemory bool
}

// recordingsDisk names the folder of recordings in findings: recordings end before the disk is full.
const recordingsDisk = "recordings"

func diagnoseDisk(what string, d disk, err error) []finding {
	if err != nil {
		return []finding{fault(what, "cannot write to its folder: "+err.Error(), "create the folder, owned by the daemon's user, with mode 0700")}
	}
	var all []finding
	speed := fmt.Sprintf("a write reaches the disk of %s in %s, the worst in %s", d.folder, round(d.median), round(d.worst))
	switch {
	case d.inMemory:
		all = append(all, warning(what, d.folder+" is in memory: a reboot deletes everything in it", "choose a folder on a disk, if this is more than a trial"))
	case d.median > diskTooSlow:
		all = append(all, fault(what, speed, "every join waits for it: use a local disk, no network share"))
	case d.median > diskSlow || d.worst > diskTooSlow:
		all = append(all, warning(what, speed, "every join waits for it: use a faster disk, or one that does less else"))
	default:
		all = append(all, fine(what, "%s", speed))
	}
	free := fmt.Sprintf("%d MiB are free in %s", d.free>>20, d.folder)
	full, then := uint64(diskFull), "when it is full nobody can join"
	if what == recordingsDisk {
		full, then = record.DefaultMinFree, fmt.Sprintf("below %d MiB nothing is recorded", record.DefaultMinFree>>20)
	}
	switch {
	case d.free < full:
		all = append(all, fault(what, free, "free some space: "+then))
	case d.free < diskTight:
		all = append(all, warning(what, free, "free some space in time: "+then))
	default:
		all = append(all, fine(what, "%s", free))
	}
	return all
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

func diagnoseKeys(n int) finding {
	if n == 0 {
		return fault("tokens", "auth.jwks_file has no key: no token opens the door", "put the public keys of the issuer there")
	}
	return fine("tokens", "%d keys verify them", n)
}

// A fileInfo file.
type fileInfo struct {
	mode     os.FileMode
	ours     bool
	modified time.Time
}

func diagnoseFile(name string, secret bool, s fileInfo, now time.Time) []finding {
	var all []finding
	switch {
	case secret && !keyfile.IsPrivate(s.mode, s.ours):
		all = append(all, fault("modes", fmt.Sprintf("%s is open to others (%04o)", name, s.mode.Perm()), "chmod 600 it, and generate a new one if others use this host"))
	case s.mode.Perm()&othersWrite != 0:
		all = append(all, fault("modes", fmt.Sprintf("%s can be written by others (%04o), who could thereby admit anybody", name, s.mode.Perm()), "chmod 644 it"))
	}
	if s.modified.After(now.Add(clockSlack)) {
		all = append(all, fault("clock", name+" was changed in the future, on "+s.modified.UTC().Format(time.DateTime), "the clock of this host is behind: set it"))
	}
	return all
}

// diagnoseKeyFolders warns of a key in the folder that it encrypts, because backups then contain both.
func diagnoseKeyFolders(c config.Config) []finding {
	var all []finding
	for _, k := range []string{c.Store.KeyFile, c.Audit.KeyFile, c.Auth.PersonKeyFile} {
		for _, dir := range []string{c.Store.Dir, c.Audit.Dir} {
			if rel, err := filepath.Rel(dir, k); err == nil && filepath.IsLocal(rel) {
				all = append(all, warning("modes", k+" is in "+dir+": every backup of it contains the key too", "move it to another folder, and back it up separately"))
			}
		}
	}
	return all
}
