package operator

import (
	"alcove/cmd/alcove/internal/cli"
)

// Commands are the commands that work beside the daemon or ask it.
func Commands() []cli.Command {
	return []cli.Command{
		{Name: "drain", Summary: "take no new rooms, so that the daemon can be stopped", Run: runDrain},
		{Name: "undrain", Summary: "take new rooms again", Run: runUndrain},
		{Name: "reload", Summary: "read the configuration and its files again", Run: runReload},
		{Name: "keygen", Summary: "make keys where there is no identity provider", Run: runKeygen},
		{Name: "token", Summary: "make a token, or explain one: token verify", Run: RunToken},
		{Name: "audit", Summary: "verify the audit log, or ask who was affected: audit verify, audit who", Run: RunAudit},
		{Name: "consent", Summary: "export what a person agreed to: consent export", Run: RunConsent},
		{Name: "recording", Summary: "list, verify, export, hold and erase recordings: recording export", Run: runRecording},
		{Name: "release", Summary: "print the hashes of the page, signed, or check a server's: release manifest", Run: RunRelease},
		{Name: "sealed", Summary: "list and open emergency cards and journals: sealed open", Run: runSealed},
	}
}
