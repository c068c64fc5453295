package operator

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"alcove/auth"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/signaling/web"
)

// Limits of what a server delivers, and how long it may take: the whole page has a few hundred kB.
const (
	maxManifest    = 64 << 10
	maxDelivered   = 8 << 20
	deliverTimeout = 30 * time.Second
)

// Names of the keys of a release.
const (
	releaseKeyFile    = "release.key"
	releasePublicFile = "release.pub"
)

const manifestTitle = "Alcove page, SHA-256\n"

// RunRelease runs the command release.
func RunRelease(t cli.Terminal, args []string) error {
	return cli.RunSub(t, "usage: alcove release manifest [--key FILE]\n       alcove release verify [--key FILE] [--url ADDRESS] MANIFEST\n       alcove release keygen [--out DIR]\n", map[string]func(cli.Terminal, []string) error{
		"manifest": runReleaseManifest,
		"verify":   runReleaseVerify,
		"keygen":   runReleaseKeygen,
	}, args)
}

func runReleaseManifest(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "release manifest", `release manifest [--key FILE]

Prints the SHA-256 of every file of the page that is built in, as sha256sum does, under a title. With --key it is signed, as a note
(golang.org/x/mod/sumdb/note, Ed25519). The same sources give the same manifest.`)
	key := f.String("key", "", "sign with the private key in this `file` ("+releaseKeyFile+")")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	manifest, err := pageManifest(web.FS())
	if err != nil {
		return err
	}
	if *key != "" {
		signer, err := keyfile.ReadSecret(*key, parseReleaseKey)
		if err != nil {
			return err
		}
		signed, err := note.Sign(&note.Note{Text: manifest}, signer)
		if err != nil {
			return fmt.Errorf("cannot sign: %w", err)
		}
		manifest = string(signed)
	}
	_, err = io.WriteString(t.Out, manifest)
	return err
}

// pageManifest lists the files as they are delivered, without their compressed forms.
func pageManifest(page fs.FS) (string, error) {
	if !web.Built(page) {
		return "", errors.New("the page was not built into this program: run `make page` and build it again")
	}
	var b strings.Builder
	b.WriteString(manifestTitle)
	err := fs.WalkDir(page, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".br") || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		data, err := fs.ReadFile(page, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(data), name)
		return nil
	})
	return b.String(), err
}

func runReleaseVerify(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "release verify", `release verify [--key FILE] [--url ADDRESS] MANIFEST

Says whether the page of this program, or what a server delivers at an address, is the one of a manifest. With --key the manifest must be
signed by that key. Exits with 1 if a file differs or is missing. A server may deliver one page to this command and another to people:
pin index.html where they load it from.`)
	key := f.String("key", "", "the public key `file` of the release ("+releasePublicFile+")")
	url := f.String("url", "", "compare what is delivered at this `address` instead of the page of this program")
	if err := cli.ParseFlags(f, args, 1); err != nil {
		return err
	}
	if f.NArg() == 0 {
		return errors.New("name the file of the manifest")
	}
	data, err := keyfile.ReadLimited(f.Arg(0), maxManifest)
	if err != nil {
		return err
	}
	want, err := openManifest(data, *key)
	if err != nil {
		return err
	}
	read := func(name string) ([]byte, error) { return fs.ReadFile(web.FS(), name) }
	if *url != "" {
		read = deliveredBy(strings.TrimRight(*url, "/"))
	}
	return compareManifest(t.Out, want, read, *key != "")
}

// A manifestLine is one file of a manifest.
type manifestLine struct{ sum, name string }

// openManifest checks the signature if there is a key to check it with, and reads the lines.
func openManifest(data []byte, keyName string) ([]manifestLine, error) {
	text := string(data)
	if keyName != "" {
		public, err := keyfile.ReadLimited(keyName, keyfile.MaxSize)
		if err != nil {
			return nil, err
		}
		verifier, err := note.NewVerifier(strings.TrimSpace(string(public)))
		if err != nil {
			return nil, fmt.Errorf("%s is no public key of a release: it looks like NAME+HASH+KEY", keyName)
		}
		opened, err := note.Open(data, note.VerifierList(verifier))
		if err != nil {
			return nil, errors.New("the manifest is not signed by this key")
		}
		text = opened.Text
	}
	text, _, _ = strings.Cut(text, "\n\n") // the signature stands behind an empty line
	body, found := strings.CutPrefix(text, manifestTitle)
	if !found {
		return nil, errors.New("this is no manifest: it begins with \"" + strings.TrimSpace(manifestTitle) + "\"")
	}
	var all []manifestLine
	for line := range strings.Lines(body) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != sha256.Size || !fs.ValidPath(name) {
			return nil, errors.New("a line of the manifest is damaged")
		}
		all = append(all, manifestLine{sum, name})
	}
	if !slices.ContainsFunc(all, func(l manifestLine) bool { return l.name == web.Index }) {
		return nil, errors.New("the manifest does not name " + web.Index)
	}
	return all, nil
}

func compareManifest(w io.Writer, want []manifestLine, read func(string) ([]byte, error), signed bool) error {
	wrong := 0
	for _, line := range want {
		data, err := read(line.name)
		switch {
		case err != nil:
			fmt.Fprintf(w, "missing  %s: %v\n", line.name, err)
		case fmt.Sprintf("%x", sha256.Sum256(data)) != line.sum:
			fmt.Fprintf(w, "differs  %s\n", line.name)
		default:
			continue
		}
		wrong++
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d files are not those of the manifest", wrong, len(want))
	}
	by := "; the manifest's signature was not checked: give --key"
	if signed {
		by = ", signed by the key"
	}
	_, err := fmt.Fprintf(w, "fine     %d files are those of the manifest%s\n", len(want), by)
	return err
}

// deliveredBy reads files as a browser gets them.
func deliveredBy(address string) func(string) ([]byte, error) {
	client := &http.Client{Timeout: deliverTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(name string) ([]byte, error) {
		if name == web.Index {
			name = ""
		}
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address+"/"+name, nil)
		if err != nil {
			return nil, errors.New("the address is none")
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, errors.New("no answer")
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("answered %d", response.StatusCode)
		}
		data, err := io.ReadAll(io.LimitReader(response.Body, maxDelivered))
		if err != nil {
			return nil, errors.New("the answer broke off")
		}
		return data, nil
	}
}

// parseReleaseKey reads a private key; its errors contain no part of it.
func parseReleaseKey(data []byte) (note.Signer, error) {
	signer, err := note.NewSigner(string(bytes.TrimSpace(data)))
	if err != nil {
		return nil, errors.New("this is no key of a release: make one with `alcove release keygen`")
	}
	return signer, nil
}

func runReleaseKeygen(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "release keygen", `release keygen [--out DIR]

Makes the key that signs manifests, for those who publish builds of their own. Overwrites nothing.`)
	out := f.String("out", ".", "the `folder` to write to; it is made if it does not exist")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, keyfile.ModeFolder); err != nil {
		return fmt.Errorf("cannot make the folder: %w", err)
	}
	private, public, err := note.GenerateKey(rand.Reader, "alcove-release-"+strings.ToLower(auth.RandomSecret().Reveal()[:8]))
	if err != nil {
		return err
	}
	err = keyfile.Write(*out, []keyfile.File{
		{Name: releaseKeyFile, Content: private + "\n", Mode: keyfile.ModeSecret},
		{Name: releasePublicFile, Content: public + "\n", Mode: keyfile.ModePublic},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%s\n    signs manifests. Keep it secret, away from the media server.\n", filepath.Join(*out, releaseKeyFile))
	_, err = fmt.Fprintf(t.Out, "%s\n    verifies them: publish it where the page does not come from.\n", filepath.Join(*out, releasePublicFile))
	return err
}
