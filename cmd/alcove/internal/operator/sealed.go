package operator

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"alcove/cmd/alcove/internal/cli"
	"alcove/sfu/record"
)

const sealedUsage = `usage: alcove sealed list   emergency cards and journals, as their headers describe them
       alcove sealed open   their words, with the clinic's identity
`

func runSealed(t cli.Terminal, args []string) error {
	return cli.RunSub(t, sealedUsage, map[string]func(cli.Terminal, []string) error{
		"list": runSealedList,
		"open": runSealedOpen,
	}, args)
}

// selectedPapers lists the papers of a selection; those that cannot be read are counted.
func selectedPapers(l record.Storage, which selection, ids []string) (list []record.ListedPaper, unreadable int, err error) {
	all, err := record.ListPapers(l)
	if err != nil {
		return nil, 0, err
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	for _, one := range all {
		switch {
		case one.Err != nil:
			unreadable++
		case which.matches(record.Header{Session: one.Paper.Session, Person: one.Paper.Person}) && (len(ids) == 0 || wanted[one.Paper.ID]):
			list = append(list, one)
			delete(wanted, one.Paper.ID)
		}
	}
	if len(ids) > 0 && len(wanted) > 0 {
		return nil, unreadable, fmt.Errorf("%d of these papers are not here: sealed list shows them", len(wanted))
	}
	return list, unreadable, nil
}

func runSealedList(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "sealed list", `sealed list (--config FILE | --dir FOLDER) [--session KEY] [--person ID] [--json]

Lists emergency cards and journals, which pages sealed to the clinic. It needs no key, and opens none.`)
	which := newSelection(f)
	asJSON := f.Bool("json", false, "write JSON, one object a line")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	l, _, err := which.open()
	if err != nil {
		return err
	}
	list, unreadable, err := selectedPapers(l, which, nil)
	if err != nil {
		return err
	}
	if *asJSON {
		var papers []record.Paper
		for _, one := range list {
			papers = append(papers, one.Paper)
		}
		return writeLines(t.Out, papers)
	}
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	for _, one := range list {
		p := one.Paper
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.At.Format(time.RFC3339), p.ID, p.Kind, p.Session, p.Person)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.Out, "%d papers, %d files that cannot be read\n", len(list), unreadable)
	return err
}

// An openedPaper is one line of sealed open.
type openedPaper struct {
	ID      string          `json:"id"`
	Kind    string          `json:"kind"`
	At      time.Time       `json:"at"`
	Session string          `json:"session"`
	Person  string          `json:"person"`
	Paper   json.RawMessage `json:"paper"` // as the page wrote it: kind, at, from, text
}

func runSealedOpen(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "sealed open", `sealed open (--config FILE | --dir FOLDER) --identity FILE [--erasure-keys FILE] [--session KEY] [--person ID] [ID…]

Opens emergency cards and journals with the clinic's identity, one JSON object a line: all of them, those of a session or of a person, or
those that are named. What the page wrote stands in "paper"; "from" in it is the name that the person chose, which nobody verified: "person" says
who it was. Exits with 1 if one of them does not open, after all others.`)
	which, keys := newSelection(f), newOpenerFlags(f)
	if err := cli.ParseFlags(f, args, len(args)); err != nil {
		return err
	}
	l, o, _, err := which.openWith(keys)
	if err != nil {
		return err
	}
	list, _, err := selectedPapers(l, which, f.Args())
	if err != nil {
		return err
	}
	var failed []error
	for _, one := range list {
		p, text, err := o.OpenPaper(l, one.Name)
		if err == nil && !json.Valid(text) {
			err = errors.New("it holds no JSON")
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", one.Paper.ID, err))
			continue
		}
		if err := writeLines(t.Out, []openedPaper{{p.ID, p.Kind, p.At, p.Session, p.Person, text}}); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}
