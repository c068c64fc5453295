package record_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"alcove/sfu/record"
)

// A daemon records one track to the clinic's public key. The clinic, which has the identity and the keyring, verifies it.
func ExampleOpener_Verify() {
	dir, err := os.MkdirTemp("", "record-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	report, err := recordAndVerify(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, track := range report.Tracks {
		fmt.Println(track.Kind, track.Source, "units:", track.Units, "complete:", track.Complete)
	}
	fmt.Println("intact:", report.Intact(), "problems:", len(report.Problems))

	// Output:
	// audio microphone units: 3 complete: true
	// intact: true problems: 0
}

func recordAndVerify(dir string) (record.Report, error) {
	identity, err := age.GenerateX25519Identity() // stays with the clinic
	if err != nil {
		return record.Report{}, err
	}
	paths := record.KeyringPaths{
		File: filepath.Join(dir, "keyring"), KeyFile: filepath.Join(dir, "keyring.key"), Copy: filepath.Join(dir, "keyring.copy"),
	}
	if err := record.CreateKeyring(paths); err != nil {
		return record.Report{}, err
	}
	keyring, err := record.OpenKeyring(paths, time.Now)
	if err != nil {
		return record.Report{}, err
	}
	storage, err := record.OpenFolder(filepath.Join(dir, "segments"))
	if err != nil {
		return record.Report{}, err
	}
	recorder, err := record.Open(record.Config{
		Storage: storage, Keyring: keyring, MinFree: 1,
		Recipients: func() (record.Recipients, error) {
			return record.ParseRecipients([]byte(identity.Recipient().String()))
		},
		OnFailed: func(f record.Failure) { fmt.Println("track failed:", f.Cause) },
	})
	if err != nil {
		return record.Report{}, err
	}
	track, err := recorder.Start(record.Info{
		Session: "session-1", Person: "person-1", Kind: record.Audio, Codec: record.Opus, Source: "microphone", ClockRate: 48000,
		Class: "therapy", Purpose: "recording.audio",
	})
	if err != nil {
		return record.Report{}, err
	}
	now := time.Now()
	for i := range 3 {
		track.Put(record.Unit{
			Seq: uint64(i), Timestamp: uint32(i * 960), Arrived: now.Add(time.Duration(i) * 20 * time.Millisecond), Payload: []byte{0xf8, 0xff, 0xfe},
		})
	}
	if err := recorder.Close(); err != nil { // writes the end record of each track
		return record.Report{}, err
	}
	opener, err := record.NewOpener([]byte(identity.String()), keyring)
	if err != nil {
		return record.Report{}, err
	}
	return opener.Verify(storage, nil, nil)
}
