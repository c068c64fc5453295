package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"alcove/cmd/alcove/internal/keyfile"
)

// A sourceError is something wrong at one place of the file, or in one variable, with what to do about it.
type sourceError struct {
	file string
	line int
	text string
}

func (e *sourceError) Error() string {
	if e.line == 0 { // of the environment
		return e.file + ": " + e.text
	}
	return fmt.Sprintf("%s:%d: %s", e.file, e.line, e.text)
}

// Load reads a configuration file and the keys of the environment; paths in both are relative to the folder of the file.
func Load(name string) (Config, *SourceMap, error) {
	if name == "" {
		return Config{}, nil, errors.New("name the configuration with --config FILE (deploy/alcove.example.yaml is one to start from)")
	}
	data, err := keyfile.ReadLimited(name, MaxConfigFile)
	if err != nil {
		return Config{}, nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	c, l, err := parseWithEnv(name, data, os.Environ())
	if err != nil {
		return Config{}, nil, err
	}
	for _, f := range []*string{&c.Control, &c.TLS.ACME.CAFile, &c.TLS.ACME.CacheDir, &c.TLS.CertFile, &c.TLS.KeyFile, &c.Auth.JWKSFile, &c.Auth.PersonKeyFile,
		&c.Store.Dir, &c.Store.KeyFile, &c.Audit.Dir, &c.Audit.KeyFile, &c.Audit.CheckpointCopy, &c.Files.Dir} {
		if *f != "" && !filepath.IsAbs(*f) {
			*f = filepath.Join(filepath.Dir(name), *f)
		}
	}
	for _, f := range c.Recording.files() {
		if *f != "" && !filepath.IsAbs(*f) {
			*f = filepath.Join(filepath.Dir(name), *f)
		}
	}
	resolveTexts(c.Policies, filepath.Dir(name))
	if err := readPasscodes(c.Policies, filepath.Dir(name), l); err != nil {
		return Config{}, nil, err
	}
	return c, l, nil
}

// Parse reads a configuration without an environment.
func Parse(name string, data []byte) (Config, *SourceMap, error) {
	return parseWithEnv(name, data, nil)
}

// parseWithEnv reads a configuration strictly: an unknown key, a key that comes twice, a wrong type or a value out of its range is
// an error with its line or its variable, and all of them are reported at once. It reads no other file.
func parseWithEnv(name string, data []byte, env []string) (Config, *SourceMap, error) {
	l := &SourceMap{file: name, lines: map[string]int{}}
	c := Default()
	d := yaml.NewDecoder(bytes.NewReader(data))
	root := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} // empty: all defaults
	var doc yaml.Node
	if err := d.Decode(&doc); err != nil && err != io.EOF {
		l.failYAML(err)
		return Config{}, nil, l.err()
	} else if err == nil && len(doc.Content) > 0 {
		root = doc.Content[0]
		if d.Decode(new(yaml.Node)) != io.EOF {
			l.failAt(doc.Line, "the file must hold one YAML document: remove what follows the \"---\"")
		}
	}
	l.applyEnv(root, env)
	l.walk("", root, reflect.TypeFor[Config]())
	if err := l.err(); err != nil {
		return Config{}, nil, err
	}
	if err := root.Decode(&c); err != nil {
		l.failYAML(err)
		return Config{}, nil, l.err()
	}
	fillPolicyDefaults(&c)
	l.validate(&c)
	if err := l.err(); err != nil {
		return Config{}, nil, err
	}
	return c, l, nil
}

// A SourceMap knows the line of every key and collects what is wrong.
type SourceMap struct {
	file  string
	lines map[string]int // by path: media.port, origins[0]; those below 0 count back in env
	env   []string       // the variables that are keys
	errs  []*sourceError
}

func (l *SourceMap) failAt(line int, format string, args ...any) {
	l.errs = append(l.errs, l.locate(line, fmt.Sprintf(format, args...)))
}

// locate says where something is wrong.
func (l *SourceMap) locate(line int, text string) *sourceError {
	if line < 0 {
		return &sourceError{l.env[-line-1], 0, text}
	}
	return &sourceError{l.file, max(line, 1), text}
}

// fail reports at the line of a key, or of the nearest key above it that is in the file.
func (l *SourceMap) fail(key, format string, args ...any) {
	line := 0
	for k := key; k != "" && line == 0; k = parent(k) {
		line = l.lines[k]
	}
	l.failAt(line, "%s: %s", key, fmt.Sprintf(format, args...))
}

func parent(key string) string { return key[:max(strings.LastIndexAny(key, ".["), 0)] }

// At wraps an error of a file that a key names.
func (l *SourceMap) At(key string, err error) error {
	return l.locate(l.lines[key], key+": "+err.Error())
}

// err joins what was collected, in the order of the file.
func (l *SourceMap) err() error {
	slices.SortStableFunc(l.errs, func(a, b *sourceError) int { return a.line - b.line })
	var all []error
	for _, e := range l.errs {
		all = append(all, e)
	}
	return errors.Join(all...)
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (-?\d+): (.*)$`)

// failYAML turns the errors of the YAML reader into sourceErrors.
func (l *SourceMap) failYAML(err error) {
	texts := []string{err.Error()}
	if t, ok := errors.AsType[*yaml.TypeError](err); ok {
		texts = t.Errors
	}
	for _, text := range texts {
		line := 1
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			line, _ = strconv.Atoi(m[1])
			text = m[2]
		}
		l.failAt(line, "%s", strings.TrimPrefix(text, "yaml: "))
	}
}

// walk notes the line of every key and refuses what the schema does not have.
func (l *SourceMap) walk(key string, n *yaml.Node, t reflect.Type) {
	if key != "" {
		l.lines[key] = n.Line
	}
	null := n.Kind == yaml.ScalarNode && n.Tag == "!!null"
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		l.failAt(n.Line, "anchors and aliases are not accepted: write the value out")
	case null && t.Kind() != reflect.String && key != "": // a key without a value keeps its default
	case t == reflect.TypeFor[Duration]():
		_, err := time.ParseDuration(n.Value)
		l.expectKind(key, n, err == nil, "a number with a unit, such as 60s or 2m")
	case t == reflect.TypeFor[Instant]():
		_, err := parseInstant(n.Value)
		l.expectKind(key, n, err == nil && n.Kind == yaml.ScalarNode, "a time with its offset, such as 2026-03-02T10:00:00+01:00")
	case t.Kind() == reflect.Struct:
		l.walkMapping(key, n, structFields(t), nil)
	case t.Kind() == reflect.Map:
		l.walkMapping(key, n, nil, t.Elem())
	case t.Kind() == reflect.Slice:
		if l.expectKind(key, n, n.Kind == yaml.SequenceNode, "a list, such as [a, b]") {
			for i, e := range n.Content {
				l.walk(fmt.Sprintf("%s[%d]", key, i), e, t.Elem())
			}
		}
	case t.Kind() == reflect.Int:
		l.expectKind(key, n, n.Tag == "!!int", "a whole number")
	case t.Kind() == reflect.Bool:
		l.expectKind(key, n, n.Tag == "!!bool", "true or false")
	default:
		l.expectKind(key, n, n.Kind == yaml.ScalarNode, "text")
	}
}

// expectKind refuses a value of the wrong kind.
func (l *SourceMap) expectKind(key string, n *yaml.Node, ok bool, kind string) bool {
	if !ok {
		l.failAt(n.Line, "%s must be %s", key, kind)
	}
	return ok
}

// walkMapping walks a mapping with the fields of a struct, or with any keys and values of one type.
func (l *SourceMap) walkMapping(key string, n *yaml.Node, fields map[string]reflect.Type, elem reflect.Type) {
	where := "the configuration"
	if key != "" {
		where = key
	}
	if !l.expectKind(where, n, n.Kind == yaml.MappingNode, "a mapping with keys") {
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		t := elem
		if fields != nil {
			t = fields[k.Value]
		}
		switch {
		case k.Kind != yaml.ScalarNode || t == nil:
			l.failAt(k.Line, "unknown key %q in %s: remove it, or use one of %s", k.Value, where, knownKeys(fields))
			continue
		case seen[k.Value]:
			l.failAt(k.Line, "key %q comes twice in %s: remove one", k.Value, where)
			continue
		}
		seen[k.Value] = true
		l.walk(strings.TrimPrefix(key+"."+k.Value, "."), v, t)
		l.lines[strings.TrimPrefix(key+"."+k.Value, ".")] = k.Line
	}
}

func structFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for f := range t.Fields() {
		fields[f.Tag.Get("yaml")] = f.Type
	}
	return fields
}

func knownKeys(fields map[string]reflect.Type) string {
	if len(fields) == 0 {
		return "plain text names"
	}
	names := make([]string, 0, len(fields))
	for n := range fields {
		names = append(names, n)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
