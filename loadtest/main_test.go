package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alcove/auth"
	"alcove/loadtest/report"
)

// say runs a command line and returns its output.
func say(args ...string) (code int, out string) {
	var b bytes.Buffer
	code = command(terminal{&b, &b}, args)
	return code, b.String()
}

func keyFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "signing.jwk")
	if err := os.WriteFile(name, []byte(auth.GenerateSigningKey().File().Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCommandLine(t *testing.T) {
	key := keyFile(t)
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"", exitUsage, "usage:"},
		{"dance", exitUsage, "usage:"},
		{"run", exitUsage, "name one scenario"},
		{"run nonsense", exitUsage, "no scenario"},
		{"run basic", exitUsage, "--signing-key"},
		{"run basic --signing-key missing.jwk", exitUsage, "cannot read the signing key"},
		{"run basic --server https://198.51.100.7 --signing-key " + key, exitUsage, "--i-own-this-server"},
		{"run basic --server ftp://localhost --signing-key " + key, exitUsage, "is no address"},
		{"run basic --rooms 100000", exitUsage, "rooms must be"},
		{"run basic --assert nonsense --signing-key " + key, exitUsage, "write it like"},
		{"run basic --rate 1000 --queue 0s --signing-key " + key, exitUsage, "rate needs a queue"},
		{"compare one.json", exitUsage, "two reports"},
		{"guests --signing-key " + key + " --count 1000", exitUsage, "--count must be"},
		{"guests --signing-key " + key + " --local nowhere", exitUsage, "--local"},
		{"relay --target 198.51.100.7:5", exitUsage, "stays on this machine"},
		{"relay --target nowhere", exitUsage, "--target"},
		{"scenarios", exitOK, "therapy"},
	} {
		code, out := say(strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("loadtest %s: exit %d, %s", c.args, code, out)
		}
	}
}

// TestNoServerListens checks that a run without a server is invalid and still writes its report.
func TestNoServerListens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.json")
	page := filepath.Join(t.TempDir(), "out.html")
	code, out := say("run", "basic", "--size", "1", "--duration", "100ms", "--server", "http://127.0.0.1:1", "--signing-key", keyFile(t), "--json", file, "--html", page)
	if code != exitInvalid || !strings.Contains(out, "nobody came in") || !strings.Contains(out, "FAILED") {
		t.Errorf("exit %d: %s", code, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := report.Read(data); err != nil || r.Failed() == 0 {
		t.Errorf("the report: %+v, %v", r, err)
	}
	if _, err := os.Stat(page); err != nil {
		t.Error(err)
	}
	if strings.Contains(string(data), "signing.jwk") {
		t.Error("the report says where the key lies")
	}
}

func TestCompareCommand(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, change func(*report.Report)) string {
		r := &report.Report{Schema: report.Schema, Scenario: "basic", Times: map[string]report.Distribution{"join": {Count: 1, P95: 100}}}
		change(r)
		file := filepath.Join(folder, name)
		if err := writeFile(file, r.WriteJSON); err != nil {
			t.Fatal(err)
		}
		return file
	}
	before := write("a", func(*report.Report) {})
	worse := write("b", func(r *report.Report) { r.Times["join"] = report.Distribution{Count: 1, P95: 150} })
	invalid := write("c", func(r *report.Report) { r.Invalid = []string{"late"} })
	for _, c := range []struct {
		after string
		code  int
		want  string
	}{{before, exitOK, "nothing is worse"}, {worse, exitFailed, "worse"}, {invalid, exitInvalid, "no verdict"}} {
		if code, out := say("compare", before, c.after); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("exit %d: %s", code, out)
		}
	}
	if code, _ := say("compare", before, worse, "--tolerance", "0.6"); code != exitOK {
		t.Error("the tolerance is not heard")
	}
}

// TestSearch checks that the search finds the capacity of a server by trial runs alone.
func TestSearch(t *testing.T) {
	for _, c := range []struct {
		limit, most int
		generator   int // rooms at which the generator is late
		want        searchResult
	}{
		{limit: 13, most: 512, generator: 1000, want: searchResult{rooms: 13, broke: "join.p95<2s"}},
		{limit: 1, most: 512, generator: 1000, want: searchResult{rooms: 1, broke: "join.p95<2s"}},
		{limit: 0, most: 512, generator: 1000, want: searchResult{rooms: 0, broke: "join.p95<2s"}},
		{limit: 100, most: 16, generator: 1000, want: searchResult{rooms: 16, generatorLimited: true}},
		{limit: 100, most: 512, generator: 20, want: searchResult{rooms: 19, generatorLimited: true}},
	} {
		tried := map[int]int{}
		s := &search{out: &bytes.Buffer{}, maxRooms: c.most, runRooms: func(rooms int) (*report.Report, error) {
			r := &report.Report{}
			tried[rooms]++
			r.Verdicts = []report.Verdict{{Objective: "join.p95<2s", Held: rooms <= c.limit || rooms == 5 && tried[rooms] == 1 && c.limit > 5}}
			if rooms >= c.generator {
				r.Invalid = []string{"late"}
			}
			return r, nil
		}}
		f, err := s.run()
		if err != nil || f.rooms != c.want.rooms || f.broke != c.want.broke || f.generatorLimited != c.want.generatorLimited {
			t.Errorf("limit %d: found %+v, %v", c.limit, f, err)
		}
	}
}
