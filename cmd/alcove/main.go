// Command alcove is the daemon and its operator's tools. Everything here is wiring: the rules are in auth and room, the wire in
// signaling, the media plane in sfu.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"alcove/sfu/record"
)

// A terminal is what a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// A command is one subcommand.
type command struct {
	name, summary string
	run           func(t terminal, args []string) error
}

func commands() []command {
	return []command{
		{"dev", "try it here: http://localhost:8080, keys and links included", runDev},
		{"serve", "run the daemon from a configuration", runServe},
		{"check", "say what a configuration would start", runCheck},
		{"doctor", "say what of this host is in the way, and how to mend it", runDoctor},
		{"drain", "take no new rooms, so that the daemon can be stopped", runDrain},
		{"undrain", "take new rooms again", runUndrain},
		{"reload", "read the configuration and its files again", runReload},
		{"keygen", "make keys where there is no identity provider", runKeygen},
		{"token", "make a token, or explain one: token verify", runToken},
		{"audit", "verify the audit log, or ask who was affected: audit verify, audit who", runAudit},
		{"consent", "export what a person agreed to: consent export", runConsent},
		{"recording", "list, verify, export, hold and erase recordings: recording export", runRecording},
		{"version", "say which version this is", runVersion},
	}
}

// Exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
	// exitForced: a second signal ended the daemon before all was let go.
	exitForced = 3
	// exitUnfinished: something had not ended within the limit of a stop, and may not be written.
	exitUnfinished = 4
	// exitBusy: people were still there when `drain --wait` gave up.
	exitBusy = 5
)

// An exit is an error with a code of its own.
type exit struct {
	code int
	text string
}

func (e exit) Error() string { return e.text }

// errUsage says that the usage was printed already.
var errUsage = errors.New("usage")

func main() {
	if err := keepMemory(); err != nil {
		fmt.Fprintln(os.Stderr, "alcove: "+err.Error())
		os.Exit(exitError)
	}
	os.Exit(start(terminal{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// keepMemory keeps what every command has in memory, keys and names and media, out of core files and away from other processes. Where the
// system has no such promise (development on others than Linux) nothing is recorded either.
func keepMemory() error {
	if err := record.NoCoreDumps(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

func start(t terminal, args []string) int {
	if len(args) == 0 {
		usage(t.err)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "--help", "-help":
		usage(t.out)
		return exitOK
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		switch err := c.run(t, args[1:]); {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return exitOK
		case errors.Is(err, errUsage):
			return exitUsage
		default:
			fmt.Fprintln(t.err, "alcove "+c.name+": "+err.Error())
			if e, ok := errors.AsType[exit](err); ok {
				return e.code
			}
			return exitError
		}
	}
	fmt.Fprintf(t.err, "alcove: there is no command %q\n\n", args[0])
	usage(t.err)
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Alcove: video sessions for confidential group therapy, on your own server.\n\nusage: alcove COMMAND [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\n`alcove COMMAND -h` lists the flags of a command.\n")
}

// newFlags makes the flags of a command whose usage opens with the given lines.
func newFlags(t terminal, name, about string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(t.err)
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "usage: alcove %s\n\n", about)
		f.PrintDefaults()
	}
	return f
}

// parseFlags refuses arguments above the given number.
func parseFlags(f *flag.FlagSet, args []string, arguments int) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if f.NArg() > arguments {
		fmt.Fprintf(f.Output(), "unexpected argument %q\n", f.Arg(arguments))
		f.Usage()
		return errUsage
	}
	return nil
}

func runVersion(t terminal, args []string) error {
	if err := parseFlags(newFlags(t, "version", "version"), args, 0); err != nil {
		return err
	}
	_, err := fmt.Fprintln(t.out, "alcove "+version())
	return err
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v, commit, dirty := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	if (v == "" || v == "(devel)") && commit != "" {
		return commit + dirty
	}
	return v
}
