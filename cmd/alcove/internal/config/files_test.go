package config

import (
	"strings"
	"testing"

	"alcove/room"
)

func TestFilesAreChecked(t *testing.T) {
	policies := "policies:\n  care: {e2ee: required, clinic_papers: true}\n"
	for name, c := range map[string]struct{ text, want string }{
		"the folder of others":    {"files: {dir: state/store}\nstore: {dir: state/store, key_file: store.key}\n", "files.dir"},
		"kept for ever":           {"files: {keep_after_end: 9000h}\n", "files.keep_after_end"},
		"not at all":              {"files: {keep_after_end: 0s}\n", "files.keep_after_end"},
		"no space":                {"files: {person_mib: 0}\n", "files.person_mib"},
		"no such reach":           {"policies:\n  care: {chat: everybody}\n", "policies.care.chat"},
		"no such mode":            {"policies:\n  care: {e2ee: maybe}\n", "policies.care.e2ee"},
		"papers without a keeper": {policies, "recording.dir"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := Parse("alcove.yaml", []byte(minimal+c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestWithoutEncryptionNobodyWrites(t *testing.T) {
	p := DefaultPolicy()
	p.Chat, p.Files, p.ClinicPapers = "all", "all", true
	if rule := p.roomPolicy("care", true); rule.Chat != room.ReachNobody || rule.Files != room.ReachNobody || rule.ClinicPapers {
		t.Errorf("without encryption: %+v", rule)
	}
	p.E2EE = room.E2EERequired.String()
	if rule := p.roomPolicy("care", true); rule.Chat != room.ReachAll || rule.Files != room.ReachAll || !rule.ClinicPapers {
		t.Errorf("with it: %+v", rule)
	}
	if rule := p.roomPolicy("care", false); rule.Chat != room.ReachAll || rule.Files != room.ReachNobody || rule.ClinicPapers {
		t.Errorf("without a folder: %+v", rule)
	}
}
