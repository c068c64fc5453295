package operator

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"alcove/auth"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/keyfile"
)

func runKeygen(t cli.Terminal, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "passcode":
			return runKeygenPasscode(t, args[1:])
		case "e2ee":
			return runKeygenEncryption(t, args[1:])
		}
	}
	f := cli.NewFlags(t, "keygen", `keygen [--out DIR]
       alcove keygen e2ee [--out DIR]
       alcove keygen passcode

Makes the key that signs tokens and its public half for the daemon, the key of end-to-end encryption, the person key, and the keys
of the store and of the audit log. Overwrites nothing.`)
	out := f.String("out", ".", "the `folder` to write to; it is made if it does not exist")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, keyfile.ModeFolder); err != nil {
		return fmt.Errorf("cannot make the folder: %w", err)
	}
	if _, _, err := keyfile.Generate(*out); err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%s\n    signs tokens. Keep it secret, away from the daemon: whoever has it can enter every room.\n", filepath.Join(*out, keyfile.SigningFile))
	writeEncryptionKeyUse(t.Out, *out)
	fmt.Fprintf(t.Out, "%s\n    verifies them: auth.jwks_file of the configuration.\n", filepath.Join(*out, keyfile.KeySetFile))
	fmt.Fprintf(t.Out, "%s\n    tells people apart: auth.person_key_file. Keep it secret, and keep it.\n", filepath.Join(*out, keyfile.PersonFile))
	fmt.Fprintf(t.Out, "%s\n    encrypts the store: store.key_file. Keep it secret, and keep it apart from the store's backups.\n", filepath.Join(*out, keyfile.StoreFile))
	fmt.Fprintf(t.Out, "%s\n    signs the audit log: audit.key_file. Keep it secret.\n", filepath.Join(*out, keyfile.AuditFile))
	_, err := fmt.Fprintf(t.Out, "%s\n    verifies it: alcove audit verify --key. Keep a copy away from this host.\n", filepath.Join(*out, keyfile.AuditPublicFile))
	return err
}

func writeEncryptionKeyUse(w io.Writer, folder string) {
	fmt.Fprintf(w, "%s\n    proves people to each other under end-to-end encryption. Keep it secret, away from the daemon: whoever has both reads sessions.\n",
		filepath.Join(folder, keyfile.EncryptionFile))
}

func runKeygenEncryption(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "keygen e2ee", `keygen e2ee [--out DIR]

Makes the key of end-to-end encryption alone, for a clinic that has the others. It belongs to whatever makes the links, never to the
media server. Overwrites nothing.`)
	out := f.String("out", ".", "the `folder` to write to; it is made if it does not exist")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, keyfile.ModeFolder); err != nil {
		return fmt.Errorf("cannot make the folder: %w", err)
	}
	if err := keyfile.Write(*out, []keyfile.File{keyfile.GenerateEncryption()}); err != nil {
		return err
	}
	writeEncryptionKeyUse(t.Out, *out)
	return nil
}

func runKeygenPasscode(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "keygen passcode", `keygen passcode [--stdin]

Makes a passcode for a room and its hash: passcode_hash of a policy. Only the hash goes into the configuration.`)
	read := f.Bool("stdin", false, "take the passcode from the standard input instead of making one")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	passcode := auth.GeneratePasscode()
	if *read {
		data, err := io.ReadAll(io.LimitReader(t.In, 2*auth.MaxPasscode))
		if err != nil {
			return fmt.Errorf("cannot read the passcode: %w", err)
		}
		passcode = auth.NewSecret(strings.TrimRight(string(data), "\r\n"))
	}
	hash, err := auth.HashPasscode(passcode)
	if err != nil {
		return err
	}
	if !*read {
		fmt.Fprintf(t.Out, "# tell people, nobody else: %s\n", passcode.Reveal())
	}
	_, err = fmt.Fprintf(t.Out, "passcode_hash: %s\n", hash.Reveal())
	return err
}
