package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"alcove/cmd/alcove/internal/control"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/sfu/udp"
)

// A host provides the facts that doctor examines; tests replace it.
type host struct {
	now           func() time.Time
	lookup        func(ctx context.Context, name string) ([]netip.Addr, error)
	verify        func(*tls.Certificate) error // with the authorities of this host
	synced        func() (bool, error)         // whether the clock is synchronized, according to the kernel
	addresses     func() ([]netip.Addr, error)
	bind          func(network, address string) error
	alive         func(ctx context.Context, admin string) bool
	receiveBuffer func() (int, error) // bytes that a media socket gets
	openFiles     func() (uint64, error)
	disk          func(folder string) (disk, error)
	stat          func(file string) (fileInfo, error)
}

func thisHost() host {
	return host{
		now: time.Now, verify: verifyChain, synced: clockSynced, addresses: localAddresses, bind: tryBind, alive: isAlive,
		receiveBuffer: tryBuffer, openFiles: openFilesLimit, disk: measureDisk, stat: statFile,
		lookup: func(ctx context.Context, name string) ([]netip.Addr, error) {
			all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
			for i := range all {
				all[i] = all[i].Unmap()
			}
			return all, err
		},
	}
}

// verifyChain ignores time and name, which are checked separately.
func verifyChain(cert *tls.Certificate) error {
	between := x509.NewCertPool()
	for _, raw := range cert.Certificate[1:] {
		if c, err := x509.ParseCertificate(raw); err == nil {
			between.AddCert(c)
		}
	}
	_, err := cert.Leaf.Verify(x509.VerifyOptions{Intermediates: between, CurrentTime: cert.Leaf.NotBefore.Add(time.Minute)})
	return err
}

func localAddresses() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				all = append(all, ip.Unmap())
			}
		}
	}
	return all, nil
}

func tryBind(network, address string) error {
	var c io.Closer
	var err error
	if network == "udp" {
		c, err = net.ListenPacket(network, address)
	} else {
		c, err = net.Listen(network, address)
	}
	if err != nil {
		return err
	}
	return c.Close()
}

// isAlive reports whether a daemon answers /livez. A listener on all addresses is queried on loopback.
func isAlive(ctx context.Context, admin string) bool {
	name, port, err := net.SplitHostPort(admin)
	if err != nil {
		return false
	}
	if ip, err := netip.ParseAddr(name); name == "" || err == nil && ip.IsUnspecified() {
		name = "localhost"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(name, port)+"/livez", nil)
	if err != nil {
		return false
	}
	answer, err := control.LocalClient(probeTimeout).Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 16))
	return err == nil && answer.StatusCode == http.StatusOK && strings.TrimSpace(string(body)) == "ok"
}

// tryBuffer opens a media socket on a free port.
func tryBuffer() (int, error) {
	s, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"), udp.Plain)
	if err != nil {
		return 0, err
	}
	return s.ReceiveBuffer, s.Close()
}

// openFilesLimit is the hard one: Go raises the soft one to it.
func openFilesLimit() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return limit.Max, err
}

// measureDisk writes as the store does, into the folder or the nearest one above it that exists.
func measureDisk(folder string) (disk, error) {
	for {
		_, err := os.Stat(folder)
		if err == nil || folder == filepath.Dir(folder) {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return disk{}, err
		}
		folder = filepath.Dir(folder)
	}
	d := disk{folder: folder}
	var err error
	if d.free, d.inMemory, err = fileSystem(folder); err != nil {
		return d, err
	}
	f, err := os.CreateTemp(folder, ".alcove-doctor-")
	if err != nil {
		return d, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	for range diskWrites {
		begin := time.Now()
		if _, err := f.Write(make([]byte, diskBlock)); err != nil {
			return d, err
		}
		if err := f.Sync(); err != nil {
			return d, err
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	d.median, d.worst = took[len(took)/2], took[len(took)-1]
	return d, nil
}

func statFile(file string) (fileInfo, error) {
	info, err := os.Stat(file)
	if err != nil {
		return fileInfo{}, err
	}
	return fileInfo{info.Mode(), keyfile.OwnedByProcess(info), info.ModTime()}, nil
}

func joinPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
