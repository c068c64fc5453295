package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/sfu/record"
)

// Run examines the host on which the daemon will run. A host returns facts, the functions in diagnose.go turn them into findings.
func Run(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "doctor", `doctor --config FILE [--name HOST]
       alcove doctor --probe HOST:PORT [--udp PORT]

Says what of this host would keep people out or their words unsafe, and how to mend each. Run it as the user of the daemon,
or as root. Changes nothing, but writes a small file into the folder of the store, and removes it. Exits with 1 at a fault.

With --probe, from a second machine: whether the page of a running daemon can be reached and joined from, and its media ports;
and which line of the proxy in front to mend.`)
	name := f.String("config", "", "the configuration `file`")
	public := f.String("name", "", "the `host` name in people's links; those of the certificate if left out")
	target := f.String("probe", "", "the `host:port` of the page to reach")
	udp := f.Int("udp", config.Default().Media.Port, "with --probe: the first media `port`")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), doctorTimeout)
	defer cancel()
	var all []finding
	switch {
	case *target != "" && *name != "":
		return errors.New("--probe is for a second machine, --config for the one that serves: choose one")
	case *target != "":
		all = probe(ctx, *target, *udp, nil)
	default:
		c, l, err := config.Load(*name)
		if err != nil {
			return err
		}
		m, err := config.LoadSecrets(c, l)
		all = append(examineFiles(c, *name, err), examine(ctx, thisHost(), c, m, *public)...)
	}
	faults, err := writeFindings(t.Out, all)
	if err == nil && faults > 0 {
		return fmt.Errorf("%d to mend", faults)
	}
	return err
}

// examine runs every check that the configuration makes relevant.
func examine(ctx context.Context, h host, c config.Config, m config.Secrets, public string) []finding {
	local, err := h.addresses()
	if err != nil {
		local = nil
	}
	var all []finding
	names := []string{public}
	if m.Certificate != nil && m.Certificate.Leaf != nil {
		all = append(all, diagnoseCertificate(m.Certificate, public, h.now(), h.verify(m.Certificate))...)
		if public == "" {
			names = m.Certificate.Leaf.DNSNames
		}
	}
	if public == "" && m.Certificate == nil {
		names = c.TLS.ACME.Hosts
	}
	for _, name := range names {
		if name != "" && !strings.Contains(name, "*") {
			found, err := h.lookup(ctx, name)
			all = append(all, diagnoseName(name, found, err, c.Media.Advertise, local))
		}
	}
	synced, err := h.synced()
	all = append(all, diagnoseClock(synced, err))
	all = append(all, diagnoseAddresses(c.Media, local)...)
	all = append(all, examinePorts(ctx, h, c)...)
	all = append(all, diagnoseRelay(c))
	given, err := h.receiveBuffer()
	all = append(all, diagnoseBuffer(given, err))
	limit, err := h.openFiles()
	all = append(all, diagnoseOpenFiles(limit, err, sockets(c)))
	folders := []struct{ what, dir string }{{"store", c.Store.Dir}, {"audit", c.Audit.Dir}}
	if c.Recording.Enabled() {
		folders = append(folders, struct{ what, dir string }{recordingsDisk, c.Recording.Dir})
	}
	for _, folder := range folders {
		disk, err := h.disk(folder.dir)
		all = append(all, diagnoseDisk(folder.what, disk, err)...)
	}
	if m.Keys != nil {
		all = append(all, diagnoseKeys(len(m.Keys.Keys())))
	}
	var recipients record.Recipients // empty, and a finding, if they cannot be read
	if c.Recording.Enabled() {
		recipients, _ = c.Recording.Recipients()
	}
	all = append(all, diagnoseEncryption(c, recipients)...)
	all = append(all, diagnoseRecordings(c, lookAtRecordings(c.Recording))...)
	return append(all, examineModes(h, c)...)
}

// sockets is how many sockets all connections need. Half of the connections may be TURN, and each of those has one socket more.
func sockets(c config.Config) int {
	if !c.RelayOn() {
		return c.Limits.Connections
	}
	return c.Limits.Connections + (c.Limits.Connections+1)/2
}

// examineFiles returns a finding for each file that cannot be used.
func examineFiles(c config.Config, name string, err error) []finding {
	if err == nil {
		return []finding{fine("files", "%s and the files it names can be used", name)}
	}
	var all []finding
	for line := range strings.Lines(err.Error()) {
		all = append(all, fault("files", strings.TrimSpace(line), "correct that line of the configuration, or the file that it names"))
	}
	return all
}

// examinePorts tries to take every port. A daemon that runs has them already, and that is well.
func examinePorts(ctx context.Context, h host, c config.Config) []finding {
	running := h.alive(ctx, c.Admin)
	all := []finding{
		diagnosePort("tcp", c.Listen, h.bind("tcp", c.Listen), running),
		diagnosePort("tcp", c.Admin, h.bind("tcp", c.Admin), running),
	}
	if c.RelayMode() == config.RelayOwn {
		all = append(all, diagnosePort("tcp", c.Relay.Listen, h.bind("tcp", c.Relay.Listen), running))
	}
	if c.Relay.Enabled {
		for _, at := range c.Relay.UDP {
			all = append(all, diagnosePort("udp", at, h.bind("udp", at), running))
		}
	}
	for i := range c.Media.Workers {
		for _, address := range c.Media.Sockets(i) {
			all = append(all, diagnosePort("udp", address, h.bind("udp", address), running))
		}
	}
	return all
}

// examineModes checks which users may read secrets or write keys.
func examineModes(h host, c config.Config) []finding {
	var all []finding
	for _, f := range []struct {
		name   string
		secret bool
	}{
		{c.TLS.KeyFile, true}, {c.Auth.PersonKeyFile, true}, {c.Store.KeyFile, true}, {c.Audit.KeyFile, true}, {c.Recording.ErasureKeyFile, true},
		{c.Auth.JWKSFile, false}, {c.TLS.CertFile, false},
	} {
		if f.name == "" {
			continue
		}
		if seen, err := h.stat(f.name); err == nil { // missing files were reported before
			all = append(all, diagnoseFile(f.name, f.secret, seen, h.now())...)
		}
	}
	if len(all) == 0 {
		all = append(all, fine("modes", "secrets are readable by the owner only, and only the owner can write keys"))
	}
	return append(all, diagnoseKeyFolders(c)...)
}
