package doctor

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/room"
)

// RunCheck runs the command check.
func RunCheck(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "check", "check --config FILE\n\nSays what the configuration would start. Starts nothing. Exits with 1 if something is wrong.")
	name := f.String("config", "", "the configuration `file`")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	c, l, err := config.Load(*name)
	if err != nil {
		return err
	}
	m, err := config.LoadSecrets(c, l)
	if err != nil {
		return err
	}
	shown, err := yaml.Marshal(effective(c, m))
	if err != nil {
		return fmt.Errorf("cannot write the configuration: %w", err)
	}
	fmt.Fprintf(t.Out, "# %s, with all defaults\n%s\n", *name, shown)
	return writePlan(t.Out, c, m)
}

// effective is the configuration as check shows it: with the hashes of the texts as they are now, without that of a passcode, which
// is enough to guess by.
func effective(c config.Config, m config.Secrets) config.Config {
	c.Policies = maps.Clone(c.Policies)
	for name, p := range c.Policies {
		rule := m.Policies[name]
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

func withHashes(texts []config.Text, loaded []room.Text) []config.Text {
	texts = slices.Clone(texts)
	for i := range texts {
		texts[i].SHA256 = loaded[i].Hash
	}
	return texts
}

// writePlan describes what serve would start.
func writePlan(w io.Writer, c config.Config, m config.Secrets) error {
	var b strings.Builder
	fmt.Fprintln(&b, "# alcove serve would start:")
	switch {
	case m.Certificate != nil:
		fmt.Fprintf(&b, "#   HTTPS on %s%s\n", c.Listen, certificate(m.Certificate))
	case c.TLS.Enabled():
		fmt.Fprintf(&b, "#   HTTPS on %s, certificates for %s from %s\n", c.Listen, strings.Join(c.TLS.ACME.Hosts, ", "), c.TLS.ACME.Directory)
	case len(c.TrustedProxies) > 0:
		fmt.Fprintf(&b, "#   HTTP on %s, behind the proxies %s\n", c.Listen, strings.Join(c.TrustedProxies, ", "))
	default:
		fmt.Fprintf(&b, "#   HTTP on %s, this host only\n", c.Listen)
	}
	fmt.Fprintf(&b, "#   /livez, /readyz and /metrics on %s; drain, undrain and reload by %s\n", c.Admin, c.Control)
	fmt.Fprintf(&b, "#   media on %s, UDP port %s", strings.Join(c.Media.Listen, " and "), ports(c.Media))
	if len(c.Media.Advertise) > 0 {
		fmt.Fprintf(&b, ", reached as %s", strings.Join(c.Media.Advertise, ", "))
	}
	fmt.Fprintf(&b, "\n#   %s", relayPlan(c))
	fmt.Fprintf(&b, "\n# tokens of %s for %s, verified by:\n", c.Auth.Issuer, c.Auth.Audience)
	for _, k := range m.Keys.Keys() {
		fmt.Fprintf(&b, "#   %s %q\n", k.Algorithm, k.ID)
	}
	fmt.Fprintf(&b, "# state in %s, encrypted; audit log in %s", c.Store.Dir, c.Audit.Dir)
	if c.Audit.CheckpointCopy != "" {
		fmt.Fprintf(&b, ", its newest checkpoint copied to %s", c.Audit.CheckpointCopy)
	}
	fmt.Fprintf(&b, "\n# %s\n", strings.Join(recorderPlan(c), "\n# "))
	fmt.Fprintf(&b, "# %s\n", strings.Join(encryptionPlan(c), "\n# "))
	fmt.Fprintf(&b, "# %s\n", filesPlan(c))
	fmt.Fprintf(&b, "# people told apart by the person key %v\n", m.PersonKey)
	_, err := io.WriteString(w, b.String())
	return err
}

func certificate(c *tls.Certificate) string {
	if c.Leaf == nil {
		return ""
	}
	return fmt.Sprintf(", certificate for %s until %s", strings.Join(c.Leaf.DNSNames, ", "), c.Leaf.NotAfter.UTC().Format(time.DateOnly))
}

func ports(m config.Media) string {
	if m.Workers == 1 {
		return fmt.Sprint(m.Port)
	}
	return fmt.Sprintf("%d to %d", m.Port, m.Port+m.Workers-1)
}

// relayPlan describes the relay.
func relayPlan(c config.Config) string {
	also := ""
	if c.Relay.Enabled && len(c.Relay.UDP) > 0 {
		also = "; relay over UDP on " + strings.Join(c.Relay.UDP, ", ") + ", for networks that let few ports through"
	}
	if c.RelayMode() == config.RelayOff {
		return "no relay over TCP: a network that blocks UDP cannot join" + also
	}
	at, over := c.Listen, "TCP"
	if c.RelayMode() == config.RelayOwn {
		at = c.Relay.Listen
	}
	if c.TLS.Enabled() {
		over = "TLS"
	}
	return "relay over " + over + " on " + at + ", for networks that block UDP" + also
}

// filesPlan describes the files of sessions.
func filesPlan(c config.Config) string {
	if c.Files.Dir == "" {
		return "no files in sessions, for files.dir is empty: also not where a policy allows them"
	}
	return fmt.Sprintf("sealed files of encrypted sessions in %s: %d MiB in all, %d MiB a session, %d MiB a person; timed ones are kept for %s after it",
		c.Files.Dir, c.Files.TotalMiB, c.Files.SessionMiB, c.Files.PersonMiB, c.Files.KeepAfterEnd)
}

// recorderPlan describes the recordings.
func recorderPlan(c config.Config) []string {
	var asks []string
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		if c.Policies[name].Recording.Mode != "none" {
			asks = append(asks, name)
		}
	}
	switch {
	case !c.Recording.Enabled() && len(asks) > 0:
		return []string{fmt.Sprintf("nothing is recorded, for recording.dir is empty: also not where a policy asks for it (%s)", strings.Join(asks, ", "))}
	case !c.Recording.Enabled() || len(asks) == 0:
		return []string{"nothing is recorded"}
	}
	all := []string{fmt.Sprintf("recordings in %s, of the policies %s, for those who have the keys of %s", c.Recording.Dir, strings.Join(asks, ", "), c.Recording.RecipientsFile)}
	for _, name := range slices.Sorted(maps.Keys(c.Recording.Classes)) {
		kept := "for ever"
		if keep := c.Recording.Classes[name]; keep != 0 {
			kept = "for " + keep.String()
		}
		all = append(all, fmt.Sprintf("  class %s: kept %s", name, kept))
	}
	return all
}
