package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"alcove/auth"
	"alcove/room/audit"
	"alcove/room/store"
	"alcove/signaling/web"
)

// What dev mode runs on.
const (
	devIssuer   = "alcove dev"
	devAudience = "alcove"
	devClinic   = "Alcove demo"
)

func runDev(t terminal, args []string) error {
	f := newFlags(t, "dev", `dev [flags]

Runs a demo on this machine, with keys of its own and two links: one for the therapist, one for participants. It gives tokens
to whoever asks, so the page is on loopback addresses only. Media may be on another address of this machine, for native clients that
skip loopback.`)
	data := f.String("data", "", "the `folder` for its state, kept at exit; a temporary one if left out")
	listen := f.String("listen", "127.0.0.1:8080", "the loopback `address` of the page; port 0 takes any free one")
	admin := f.String("admin", "127.0.0.1:0", "the loopback `address` of /livez, /readyz and /metrics")
	mediaListen := f.String("media-listen", "127.0.0.1", "the `address` of this machine for media: loopback, or one of an interface for native clients that skip loopback")
	mediaPort := f.Int("media-port", 0, "the UDP `port` for media; 0 takes any free one")
	level := f.String("log", "info", "the `level` of the log: debug, info, warn or error")
	if err := parseFlags(f, args, 0); err != nil {
		return err
	}
	if _, ok := logLevels[*level]; !ok {
		return fmt.Errorf("--log %q is no level: use debug, info, warn or error", *level)
	}
	c := defaultConfig()
	c.Listen, c.Admin, c.Page.Clinic = *listen, *admin, devClinic
	c.Auth.Issuer, c.Auth.Audience = devIssuer, devAudience
	c.Media.Listen, c.Media.Port = *mediaListen, *mediaPort
	if err := checkDev(c); err != nil {
		return err
	}
	stop, done := watchSignals()
	defer done()
	folder, remove, err := devFolder(*data)
	if err != nil {
		return err
	}
	d, err := openDev(c, folder, slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: logLevels[*level]})))
	if err != nil {
		return errors.Join(err, remove())
	}
	if err := greet(t.out, d, *data); err != nil {
		return errors.Join(err, remove())
	}
	return errors.Join(d.run(stop), remove())
}

// checkDev refuses every address at which others could get a token. Media goes to nobody without one.
func checkDev(c config) error {
	if !loopback(c.Admin) {
		return errors.New("--admin is not a loopback address: dev listens on this machine only; use `alcove serve` for others")
	}
	if !loopbackHost(c.Media.Listen) && !ownAddress(c.Media.Listen) {
		return fmt.Errorf("--media-listen %q is no address of this machine: use 127.0.0.1, or one that `ip address` shows", c.Media.Listen)
	}
	if c.Media.Port < 0 || c.Media.Port > maxPort {
		return fmt.Errorf("--media-port %d is out of range: use 1 to %d, or 0 for any free one", c.Media.Port, maxPort)
	}
	return nil
}

// ownAddress reports whether an interface of this machine has the address. "Any" is none: what is advertised must be one.
func ownAddress(host string) bool {
	at, err := netip.ParseAddr(host)
	all, listed := net.InterfaceAddrs()
	return err == nil && listed == nil && slices.ContainsFunc(all, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		own, valid := netip.Addr{}, false
		if ok {
			own, valid = netip.AddrFromSlice(n.IP)
		}
		return valid && own.Unmap() == at.Unmap()
	})
}

// devFolder is where dev keeps its state; remove does nothing to a folder that somebody named.
func devFolder(data string) (folder string, remove func() error, err error) {
	if data != "" {
		if err := os.MkdirAll(data, modeFolder); err != nil {
			return "", nil, fmt.Errorf("cannot make the folder of --data: %w", err)
		}
		return data, func() error { return nil }, nil
	}
	folder, err = os.MkdirTemp("", "alcove-dev-")
	if err != nil {
		return "", nil, fmt.Errorf("cannot make a temporary folder: %w", err)
	}
	return folder, func() error { return os.RemoveAll(folder) }, nil
}

// openDev makes the keys and opens the listeners.
func openDev(c config, folder string, log *slog.Logger) (daemon, error) {
	signing, person, err := devKeys(folder)
	if err != nil {
		return daemon{}, err
	}
	m, err := devMaterial(&c, folder, signing, person)
	if err != nil {
		return daemon{}, err
	}
	public, err := listenLoopback(c.Listen)
	if err != nil {
		return daemon{}, err
	}
	admin, err := net.Listen("tcp", c.Admin)
	if err != nil {
		for _, l := range public {
			l.Close()
		}
		return daemon{}, fmt.Errorf("cannot listen: %w (another port: --admin 127.0.0.1:0)", err)
	}
	return daemon{
		config: c, material: m, public: public, admin: admin, log: log,
		media: newMedia, dev: map[string]http.Handler{"/dev/": newDevLinks(signing)},
	}, nil
}

// devMaterial puts the state of dev into its folder, and makes the keys of a folder that is older than they are.
func devMaterial(c *config, folder string, signing auth.SigningKey, person auth.PersonKey) (m material, err error) {
	in := func(name string) string { return filepath.Join(folder, name) }
	c.Store = storeConfig{in("store"), in(storeKeyFile)}
	c.Control, c.DrainWait = in("alcove.sock"), 0 // Ctrl-C means now
	c.Audit.Dir, c.Audit.KeyFile = in("audit"), in(auditKeyFile)
	if !exists(c.Store.KeyFile) {
		if err := writeKeys(folder, stateKeys()); err != nil {
			return m, err
		}
	}
	m.person = person
	if err := devRecorder(c, folder); err != nil {
		return m, err
	}
	if err := addDevPolicies(c); err != nil {
		return m, err
	}
	if m.policies, err = loadPolicies(*c, &layout{}, devTexts.ReadFile); err != nil {
		return m, err
	}
	if m.keys, err = auth.OpenKeyFile(func() ([]byte, error) { return signing.JWKS(), nil }); err != nil {
		return m, err
	}
	if m.store, err = readSecret(c.Store.KeyFile, store.ParseKey); err != nil {
		return m, err
	}
	m.audit, err = readSecret(c.Audit.KeyFile, audit.ParseKey)
	return m, err
}

// devKeys reads the keys of the folder, or makes them.
func devKeys(folder string) (auth.SigningKey, auth.PersonKey, error) {
	if !exists(filepath.Join(folder, signingKeyFile)) {
		return makeKeys(folder)
	}
	signing, err := readSigningKey(filepath.Join(folder, signingKeyFile))
	if err != nil {
		return auth.SigningKey{}, auth.PersonKey{}, err
	}
	person, err := readSecret(filepath.Join(folder, personKeyFile), auth.ParsePersonKey)
	return signing, person, err
}

// greet prints the links.
func greet(w io.Writer, d daemon, data string) error {
	base := fmt.Sprintf("http://localhost:%d", d.public[0].Addr().(*net.TCPAddr).Port)
	state := "State is in a temporary folder that is removed at exit; --data DIR keeps it."
	if data != "" {
		state = "State is kept in " + data + "."
	}
	if !web.Built(web.FS()) {
		state += "\nThe page was not built into this daemon: run `make page` and build it again."
	}
	reach := "Alcove runs on this machine only."
	if at := d.config.Media.Listen; !loopbackHost(at) {
		reach = "The page is for this machine only; media is on " + at + "."
	}
	_, err := fmt.Fprintf(w, `%[5]s

  therapist     %[1]s/dev/host
  participants  %[1]s/dev/join   each opening is another person

Each opening makes a token that works once. Health and metrics: http://%[2]s/metrics
%[3]s Ctrl-C stops.

Recordings of the room "care" lie in
  %[4]s
encrypted; this demo keeps the key that opens them, and those of people, beside them. A real one would not.

`, base, d.admin.Addr(), state, d.config.Recording.Dir, reach)
	return err
}
