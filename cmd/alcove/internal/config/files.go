package config

import (
	"path/filepath"
	"time"

	"alcove/room"
	"alcove/room/files"
)

// Files configures where the sealed files of sessions are kept. Without Dir there are none.
type Files struct {
	Dir          string   `yaml:"dir"`
	KeepAfterEnd Duration `yaml:"keep_after_end"`
	TotalMiB     int      `yaml:"total_mib"`
	SessionMiB   int      `yaml:"session_mib"`
	PersonMiB    int      `yaml:"person_mib"`
	MinFreeMiB   int      `yaml:"min_free_mib"`
}

// DefaultFiles returns the defaults of package files.
func DefaultFiles() Files {
	l := files.DefaultLimits
	return Files{Dir: "state/files", KeepAfterEnd: Duration(l.KeepAfterEnd), TotalMiB: int(l.PerDaemon >> 20), SessionMiB: int(l.PerSession >> 20),
		PersonMiB: int(l.PerPerson >> 20), MinFreeMiB: int(l.MinFree >> 20)}
}

// Limits returns the bounds in bytes.
func (f Files) Limits() files.Limits {
	return files.Limits{PerDaemon: int64(f.TotalMiB) << 20, PerSession: int64(f.SessionMiB) << 20, PerPerson: int64(f.PersonMiB) << 20,
		MinFree: uint64(f.MinFreeMiB) << 20, KeepAfterEnd: time.Duration(f.KeepAfterEnd)}
}

func (l *SourceMap) validateFiles(c *Config) {
	f := c.Files
	if f.Dir == "" {
		return
	}
	for _, other := range []string{c.Store.Dir, c.Audit.Dir, c.Recording.Dir} {
		if other != "" && filepath.Clean(f.Dir) == filepath.Clean(other) {
			l.fail("files.dir", "%q holds other things: give files a folder of their own", f.Dir)
		}
	}
	if d := time.Duration(f.KeepAfterEnd); d < minKeepFiles || d > maxKeepFiles {
		l.fail("files.keep_after_end", "%s is out of range: use %s to %s", d, minKeepFiles, maxKeepFiles)
	}
	l.intRange("files.total_mib", f.TotalMiB, 1, maxFilesMiB)
	l.intRange("files.session_mib", f.SessionMiB, 1, maxFilesMiB)
	l.intRange("files.person_mib", f.PersonMiB, 1, maxFilesMiB)
	l.intRange("files.min_free_mib", f.MinFreeMiB, 0, maxFilesMiB)
}

// reaches are the values of chat and files in a policy.
var reaches = map[string]room.Reach{"off": room.ReachNobody, "hosts": room.ReachHosts, "all": room.ReachAll}

func (l *SourceMap) validateMessages(c *Config, key string, p Policy) {
	switch {
	case !p.ClinicPapers:
	case !c.Recording.Enabled():
		l.fail(key+".clinic_papers", "needs recording.dir and its keys, which keep such papers")
	case c.Files.Dir == "":
		l.fail(key+".clinic_papers", "needs files.dir, where they are uploaded")
	}
	for name, value := range map[string]string{"chat": p.Chat, "files": p.Files} {
		if _, ok := reaches[value]; !ok {
			l.fail(key+"."+name, "%q is none of off, hosts, all", value)
		}
	}
}

// setMessages sets who may send messages and files to whom. The pages encrypt all of them, so they need end-to-end encryption.
func (p Policy) setMessages(rule *room.Policy, kept bool) {
	if rule.E2EE != room.E2EERequired {
		return
	}
	rule.Chat = reaches[p.Chat]
	if kept { // files.dir names a folder
		rule.Files, rule.ClinicPapers = reaches[p.Files], p.ClinicPapers
	}
}
