package operator

import (
	"errors"
	"flag"
	"fmt"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/sfu/record"
)

const recordingUsage = `usage: alcove recording list    tracks, as their headers describe them
       alcove recording verify  whether anything was changed, removed or put elsewhere
       alcove recording export  WebM, one file for each person
       alcove recording gc      remove what has expired
       alcove recording hold    keep a session or a person from expiry and erasure
       alcove recording erase   a person, in every recording and every backup of one
       alcove recording adopt   write the second place of the erasure keys anew
`

func runRecording(t cli.Terminal, args []string) error {
	return cli.RunSub(t, recordingUsage, map[string]func(cli.Terminal, []string) error{
		"list":   runRecordingList,
		"verify": runRecordingVerify,
		"export": runRecordingExport,
		"gc":     runRecordingGC,
		"hold":   runRecordingHold,
		"erase":  runRecordingErase,
		"adopt":  runRecordingAdopt,
	}, args)
}

// A selection selects recordings and their folder.
type selection struct {
	config, dir, session, person *string
}

func newSelection(f *flag.FlagSet) selection {
	return selection{
		config:  f.String("config", "", "the configuration `file`, where the daemon's is at hand"),
		dir:     f.String("dir", "", "the `folder` of recordings, where it is not"),
		session: f.String("session", "", "only this session, by its opaque `key`"),
		person:  f.String("person", "", "only this person, by their opaque `id`"),
	}
}

// open opens the folder of recordings and, if it was named, the configuration.
func (s selection) open() (record.Storage, config.Config, error) {
	if (*s.config == "") == (*s.dir == "") {
		return nil, config.Config{}, errors.New("give --config FILE, or --dir FOLDER where there is no configuration")
	}
	var c config.Config
	dir := *s.dir
	if dir == "" {
		var err error
		if c, _, err = recordingConfigOf(*s.config); err != nil {
			return nil, c, err
		}
		dir = c.Recording.Dir
	}
	l, err := record.ReadFolder(dir)
	if err != nil {
		return nil, c, fmt.Errorf("cannot open the recordings: %w", err)
	}
	return l, c, nil
}

// openWith opens the folder of recordings, and the keys that open what is in it.
func (s selection) openWith(k openerFlags) (record.Storage, *record.Opener, config.Config, error) {
	l, c, err := s.open()
	if err != nil {
		return nil, nil, c, err
	}
	o, err := k.opener(c)
	return l, o, c, err
}

// recordingConfigOf reads a configuration that records.
func recordingConfigOf(name string) (config.Config, *config.SourceMap, error) {
	c, l, err := config.Load(name)
	if err == nil && !c.Recording.Enabled() {
		err = l.At("recording.dir", errors.New("is empty: nothing is recorded"))
	}
	return c, l, err
}

func (s selection) matches(h record.Header) bool {
	return (*s.session == "" || *s.session == h.Session) && (*s.person == "" || *s.person == h.Person)
}

// openerFlags name the keys that open recordings.
type openerFlags struct{ identity, keyring, key *string }

func newOpenerFlags(f *flag.FlagSet) openerFlags {
	return openerFlags{
		identity: f.String("identity", "", "the `file` with the clinic's private key, as age-keygen makes it"),
		keyring:  f.String("erasure-keys", "", "the `file` of erasure keys (recording.erasure_keys_file, or its copy); the configuration's if left out"),
		key:      f.String("erasure-key", "", "the `file` of the key that seals them (recording.erasure_key_file); their name and .key if left out"),
	}
}

// opener reads the keys. It writes nothing: erasures that the second place knows of count all the same where it is configured.
func (k openerFlags) opener(c config.Config) (*record.Opener, error) {
	if *k.identity == "" {
		return nil, errors.New("give --identity FILE: the private key of a recipient, which belongs on the clinic's own machine")
	}
	if err := record.NoCoreDumps(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	identity, err := keyfile.ReadLimited(*k.identity, keyfile.MaxSize)
	if err != nil {
		return nil, err
	}
	files := c.Recording.Keyring()
	if *k.keyring != "" {
		files = record.KeyringPaths{File: *k.keyring, KeyFile: *k.keyring + ".key"}
	}
	if *k.key != "" {
		files.KeyFile = *k.key
	}
	if files.File == "" {
		return nil, errors.New("give --erasure-keys FILE: without the erasure keys nothing opens")
	}
	keyring, err := record.ReadKeyring(files)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.File, err)
	}
	return record.NewOpener(identity, keyring)
}
