package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"alcove/room"
)

func runCheck(t terminal, args []string) error {
	f := newFlags(t, "check", "check --config FILE\n\nSays what the configuration would start. Starts nothing. Exits with 1 if something is wrong.")
	name := f.String("config", "", "the configuration `file`")
	if err := parseFlags(f, args, 0); err != nil {
		return err
	}
	c, l, err := loadConfig(*name)
	if err != nil {
		return err
	}
	m, err := loadMaterial(c, l)
	if err != nil {
		return err
	}
	shown, err := yaml.Marshal(effective(c, m))
	if err != nil {
		return fmt.Errorf("cannot write the configuration: %w", err)
	}
	fmt.Fprintf(t.out, "# %s, with all defaults\n%s\n", *name, shown)
	return writePlan(t.out, c, m)
}

// effective is the configuration as check shows it: with the hashes of the texts as they are now, without that of a passcode, which
// is enough to guess by.
func effective(c config, m material) config {
	c.Policies = maps.Clone(c.Policies)
	for name, p := range c.Policies {
		rule := m.policies[name]
		p.Agreement = withHashes(p.Agreement, rule.Agreement)
		p.Recording.Consents = slices.Clone(p.Recording.Consents)
		for i, f := range p.Recording.Consents {
			p.Recording.Consents[i].Texts = withHashes(f.Texts, rule.Consents[i].Texts)
		}
		if p.PasscodeHash != "" {
			p.PasscodeHash = shownSecret
		}
		c.Policies[name] = p
	}
	return c
}

const shownSecret = "[secret]"

func withHashes(texts []textConfig, loaded []room.Text) []textConfig {
	texts = slices.Clone(texts)
	for i := range texts {
		texts[i].SHA256 = loaded[i].Hash
	}
	return texts
}

// writePlan says what serve would do.
func writePlan(w io.Writer, c config, m material) error {
	var b strings.Builder
	fmt.Fprintln(&b, "# alcove serve would start:")
	switch {
	case m.cert != nil:
		fmt.Fprintf(&b, "#   HTTPS on %s%s\n", c.Listen, certificate(m.cert))
	case c.TLS.on():
		fmt.Fprintf(&b, "#   HTTPS on %s, certificates for %s from %s\n", c.Listen, strings.Join(c.TLS.ACME.Hosts, ", "), c.TLS.ACME.Directory)
	case len(c.TrustedProxies) > 0:
		fmt.Fprintf(&b, "#   HTTP on %s, behind the proxies %s\n", c.Listen, strings.Join(c.TrustedProxies, ", "))
	default:
		fmt.Fprintf(&b, "#   HTTP on %s, this host only\n", c.Listen)
	}
	fmt.Fprintf(&b, "#   /livez, /readyz and /metrics on %s; drain, undrain and reload by %s\n", c.Admin, c.Control)
	fmt.Fprintf(&b, "#   media on %s, UDP port %s", c.Media.Listen, ports(c.Media))
	if len(c.Media.Advertise) > 0 {
		fmt.Fprintf(&b, ", reached as %s", strings.Join(c.Media.Advertise, ", "))
	}
	fmt.Fprintf(&b, "\n#   %s", relayPlan(c))
	fmt.Fprintf(&b, "\n# tokens of %s for %s, verified by:\n", c.Auth.Issuer, c.Auth.Audience)
	for _, k := range m.keys.Keys() {
		fmt.Fprintf(&b, "#   %s %q\n", k.Algorithm, k.ID)
	}
	fmt.Fprintf(&b, "# state in %s, encrypted; audit log in %s", c.Store.Dir, c.Audit.Dir)
	if c.Audit.CheckpointCopy != "" {
		fmt.Fprintf(&b, ", its newest checkpoint copied to %s", c.Audit.CheckpointCopy)
	}
	fmt.Fprintf(&b, "\n# %s\n", strings.Join(recorderPlan(c), "\n# "))
	fmt.Fprintf(&b, "# people told apart by the person key %v\n", m.person)
	_, err := io.WriteString(w, b.String())
	return err
}

func certificate(c *tls.Certificate) string {
	if c.Leaf == nil {
		return ""
	}
	return fmt.Sprintf(", certificate for %s until %s", strings.Join(c.Leaf.DNSNames, ", "), c.Leaf.NotAfter.UTC().Format(time.DateOnly))
}

func ports(m mediaConfig) string {
	if m.Workers == 1 {
		return fmt.Sprint(m.Port)
	}
	return fmt.Sprintf("%d to %d", m.Port, m.Port+m.Workers-1)
}
