package audit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"alcove/room"
	"alcove/room/audit"
)

// ExampleVerifyDir verifies a log with its public key, before and after a byte of it changes.
func ExampleVerifyDir() {
	dir, err := os.MkdirTemp("", "audit-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	public, err := writeLog(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := audit.ParsePublicKey([]byte(public))
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := audit.VerifyDir(dir, key, nil)
	fmt.Println(report.Entries, "entries, bad:", report.Damage, "error:", err)

	name := filepath.Join(dir, "entries")
	entries, err := os.ReadFile(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	entries[len(entries)-3] ^= 1
	if err := os.WriteFile(name, entries, 0o600); err != nil {
		fmt.Println(err)
		return
	}
	report, err = audit.VerifyDir(dir, key, nil)
	fmt.Println("after a change: bad:", report.Damage != nil, "error:", err)

	// Output:
	// 2 entries, bad: <nil> error: <nil>
	// after a change: bad: true error: <nil>
}

func writeLog(dir string) (public string, err error) {
	private, public := audit.GenerateKey()
	key, err := audit.ParseKey([]byte(private.Reveal()))
	if err != nil {
		return "", err
	}
	folder, err := audit.OpenDir(dir)
	if err != nil {
		return "", err
	}
	log, err := audit.Open(audit.Config{Folder: folder, Key: key, Now: time.Now})
	if err != nil {
		return "", err
	}
	at := time.Date(2026, time.March, 3, 18, 0, 0, 0, time.UTC)
	_, err = log.Append([]room.Entry{
		{At: at, Session: "session-1", Act: "session.started"},
		{At: at.Add(time.Minute), Session: "session-1", Act: "seat.admitted", Subject: "participant-1", Detail: "participant"},
	})
	if err != nil {
		return "", err
	}
	return public, log.Close()
}
