package dev

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
	"alcove/auth/e2ee"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/room"
	"alcove/room/audit"
	"alcove/room/store"
	"alcove/signaling/web"
)

// Settings of dev mode.
const (
	Issuer   = "alcove dev"
	Audience = "alcove"
	clinic   = "Alcove demo"
)

// emergency is what a clinic would write for its country.
var emergency = config.Localized{
	"en": "If you are in danger, call 112. The crisis line is there day and night.",
	"de": "Wenn Sie in Gefahr sind, rufen Sie 112 an. Der Krisendienst ist Tag und Nacht da.",
	"es": "Si está en peligro, llame al 112. La línea de crisis atiende día y noche.",
	"fr": "Si vous êtes en danger, appelez le 112. La ligne d’écoute répond jour et nuit.",
}

// A Demo is the environment of a demo daemon.
type Demo struct {
	Config  config.Config
	Secrets config.Secrets
	Public  []net.Listener
	Admin   net.Listener
	Links   map[string]http.Handler // handlers that issue tokens and redirect to the page
}

// Run parses the flags, creates keys and listeners, prints the links, and lets serve run the daemon.
func Run(t cli.Terminal, args []string, serve func(Demo, *slog.Logger) error) error {
	f := cli.NewFlags(t, "dev", `dev [flags]

Runs a demo on this machine, with keys of its own and two links: one for the therapist, one for participants. It gives tokens
to whoever asks, so the page is on loopback addresses only. Media may be on another address of this machine, for native clients that
skip loopback.`)
	data := f.String("data", "", "the `folder` for its state, kept at exit; a temporary one if left out")
	listen := f.String("listen", "127.0.0.1:8080", "the loopback `address` of the page; port 0 takes any free one")
	admin := f.String("admin", "127.0.0.1:0", "the loopback `address` of /livez, /readyz and /metrics")
	mediaListen := f.String("media-listen", "127.0.0.1", "the `address` of this machine for media: loopback, or one of an interface for native clients that skip loopback")
	mediaPort := f.Int("media-port", 0, "the UDP `port` for media; 0 takes any free one")
	mode := f.String("e2ee", room.E2EERequired.String(), "whether sessions are encrypted end to end: required or off")
	level := f.String("log", "info", "the `level` of the log: debug, info, warn or error")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	if _, ok := config.LogLevels[*level]; !ok {
		return fmt.Errorf("--log %q is no level: use debug, info, warn or error", *level)
	}
	c := config.Default()
	c.Listen, c.Admin, c.Page.Clinic, c.Page.Emergency = *listen, *admin, clinic, emergency
	c.Auth.Issuer, c.Auth.Audience = Issuer, Audience
	c.Media.Listen, c.Media.Port = config.Addresses{*mediaListen}, *mediaPort
	if err := setEncryption(&c, *mode); err != nil {
		return err
	}
	if err := checkAddresses(c); err != nil {
		return err
	}
	folder, remove, err := stateFolder(*data)
	if err != nil {
		return err
	}
	d, err := Open(c, folder)
	if err != nil {
		return errors.Join(err, remove())
	}
	if err := printLinks(t.Out, d, *data); err != nil {
		return errors.Join(err, remove())
	}
	log := slog.New(slog.NewTextHandler(t.Err, &slog.HandlerOptions{Level: config.LogLevels[*level]}))
	return errors.Join(serve(d, log), remove())
}

// checkAddresses refuses every address at which others could get a token. Media needs a token.
func checkAddresses(c config.Config) error {
	if !config.Loopback(c.Admin) {
		return errors.New("--admin is not a loopback address: dev listens on this machine only; use `alcove serve` for others")
	}
	if at := c.Media.Listen[0]; !config.LoopbackHost(at) && !ownAddress(at) {
		return fmt.Errorf("--media-listen %q is no address of this machine: use 127.0.0.1, or one that `ip address` shows", at)
	}
	if c.Media.Port < 0 || c.Media.Port > config.MaxPort {
		return fmt.Errorf("--media-port %d is out of range: use 1 to %d, or 0 for any free one", c.Media.Port, config.MaxPort)
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

// stateFolder is where dev keeps its state; remove keeps a folder that --data named.
func stateFolder(data string) (folder string, remove func() error, err error) {
	if data != "" {
		if err := os.MkdirAll(data, keyfile.ModeFolder); err != nil {
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

// Open creates the keys and opens the listeners.
func Open(c config.Config, folder string) (Demo, error) {
	signing, person, err := demoKeys(folder)
	if err != nil {
		return Demo{}, err
	}
	m, err := demoSecrets(&c, folder, signing, person)
	if err != nil {
		return Demo{}, err
	}
	encryption, err := encryptionKey(folder)
	if err != nil {
		return Demo{}, err
	}
	var recipients []string
	if c.Recording.Enabled() {
		if recipients, err = c.Recording.RecipientHashes(); err != nil {
			return Demo{}, err
		}
	}
	public, err := listenLoopback(c.Listen)
	if err != nil {
		return Demo{}, err
	}
	admin, err := net.Listen("tcp", c.Admin)
	if err != nil {
		for _, l := range public {
			l.Close()
		}
		return Demo{}, fmt.Errorf("cannot listen: %w (another port: --admin 127.0.0.1:0)", err)
	}
	return Demo{Config: c, Secrets: m, Public: public, Admin: admin, Links: map[string]http.Handler{"/dev/": newTokenLinks(signing, encryption, c.Policies, recipients)}}, nil
}

// demoSecrets puts the state of dev into its folder, and makes the keys of a folder that is older than they are.
func demoSecrets(c *config.Config, folder string, signing auth.SigningKey, person auth.PersonKey) (m config.Secrets, err error) {
	in := func(name string) string { return filepath.Join(folder, name) }
	c.Files.Dir, c.Files.MinFreeMiB = in("files"), 16
	c.Store = config.Store{Dir: in("store"), KeyFile: in(keyfile.StoreFile)}
	c.Control, c.DrainWait = in("alcove.sock"), 0 // Ctrl-C means now
	c.Audit.Dir, c.Audit.KeyFile = in("audit"), in(keyfile.AuditFile)
	if !keyfile.Exists(c.Store.KeyFile) {
		if err := keyfile.Write(folder, keyfile.GenerateState()); err != nil {
			return m, err
		}
	}
	m.PersonKey = person
	if err := ConfigureRecording(c, folder); err != nil {
		return m, err
	}
	addPolicies(c)
	if m.Policies, err = config.LoadPolicies(*c, &config.SourceMap{}, texts.ReadFile); err != nil {
		return m, err
	}
	if m.Keys, err = auth.OpenKeyFile(func() ([]byte, error) { return signing.JWKS(), nil }); err != nil {
		return m, err
	}
	if m.StoreKey, err = keyfile.ReadSecret(c.Store.KeyFile, store.ParseKey); err != nil {
		return m, err
	}
	m.AuditKey, err = keyfile.ReadSecret(c.Audit.KeyFile, audit.ParseKey)
	return m, err
}

// demoKeys reads the keys of the folder, or generates them.
func demoKeys(folder string) (auth.SigningKey, auth.PersonKey, error) {
	if !keyfile.Exists(filepath.Join(folder, keyfile.SigningFile)) {
		return keyfile.Generate(folder)
	}
	signing, err := keyfile.ReadSigningKey(filepath.Join(folder, keyfile.SigningFile))
	if err != nil {
		return auth.SigningKey{}, auth.PersonKey{}, err
	}
	person, err := keyfile.ReadSecret(filepath.Join(folder, keyfile.PersonFile), auth.ParsePersonKey)
	return signing, person, err
}

// encryptionKey reads the key of end-to-end encryption, or makes it in a folder that is older than it is.
func encryptionKey(folder string) (e2ee.ClinicKey, error) {
	name := filepath.Join(folder, keyfile.EncryptionFile)
	if !keyfile.Exists(name) {
		if err := keyfile.Write(folder, []keyfile.File{keyfile.GenerateEncryption()}); err != nil {
			return e2ee.ClinicKey{}, err
		}
	}
	return keyfile.ReadSecret(name, e2ee.ParseClinicKey)
}

// printLinks prints the links.
func printLinks(w io.Writer, d Demo, data string) error {
	base := fmt.Sprintf("http://localhost:%d", d.Public[0].Addr().(*net.TCPAddr).Port)
	state := "State is in a temporary folder that is removed at exit; --data DIR keeps it."
	if data != "" {
		state = "State is kept in " + data + "."
	}
	if !web.Built(web.FS()) {
		state += "\nThe page was not built into this daemon: run `make page` and build it again."
	}
	reach := "Alcove runs on this machine only."
	if at := d.Config.Media.Listen[0]; !config.LoopbackHost(at) {
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

`, base, d.Admin.Addr(), state, d.Config.Recording.Dir, reach)
	return err
}
