package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
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

// A sourceError is an error at one line of the file, or in one variable, with the fix.
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
	for _, f := range append(c.Recording.files(), &c.Control, &c.TLS.ACME.CAFile, &c.TLS.ACME.CacheDir, &c.TLS.CertFile, &c.TLS.KeyFile, &c.Auth.JWKSFile,
		&c.Auth.PersonKeyFile, &c.Store.Dir, &c.Store.KeyFile, &c.Audit.Dir, &c.Audit.KeyFile, &c.Audit.CheckpointCopy, &c.Files.Dir) {
		*f = inFolder(filepath.Dir(name), *f)
	}
	resolveTexts(c.Policies, filepath.Dir(name))
	if err := readPasscodes(c.Policies, filepath.Dir(name), l); err != nil {
		return Config{}, nil, err
	}
	return c, l, nil
}

// inFolder makes a path of the configuration relative to a folder, unless it is absolute or missing.
func inFolder(folder, file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(folder, file)
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
	l.decode("", root, reflect.ValueOf(&c).Elem())
	if err := l.err(); err != nil {
		return Config{}, nil, err
	}
	l.validate(&c)
	if err := l.err(); err != nil {
		return Config{}, nil, err
	}
	return c, l, nil
}

// A SourceMap holds the line of every key and collects errors.
type SourceMap struct {
	file  string
	lines map[string]int // by path: media.port, origins[0]; those below 0 count back in env
	env   []string       // the variables that are keys
	errs  []*sourceError
}

func (l *SourceMap) failAt(line int, format string, args ...any) {
	l.errs = append(l.errs, l.locate(line, fmt.Sprintf(format, args...)))
}

// locate adds the place of an error.
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

// err joins the collected errors, in the order of the file.
func (l *SourceMap) err() error {
	slices.SortStableFunc(l.errs, func(a, b *sourceError) int { return a.line - b.line })
	var all []error
	for _, e := range l.errs {
		all = append(all, e)
	}
	return errors.Join(all...)
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (-?\d+): (.*)$`)

// failYAML reports a syntax error at its line.
func (l *SourceMap) failYAML(err error) {
	line, text := 1, err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	l.failAt(line, "%s", strings.TrimPrefix(text, "yaml: "))
}

// decode sets v, notes the line of every key, and refuses keys and values that the schema does not have. A key without a value keeps its
// default.
func (l *SourceMap) decode(key string, n *yaml.Node, v reflect.Value) {
	if key != "" {
		l.lines[key] = n.Line
	}
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		l.failAt(n.Line, "anchors and aliases are not accepted: write the value out")
		return
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null" && key != "":
		return
	}
	switch at := v.Addr().Interface().(type) {
	case *Duration:
		d, err := time.ParseDuration(n.Value)
		*at = Duration(d)
		l.expectKind(key, n, err == nil, "a number with a unit, such as 60s or 2m")
		return
	case *Instant:
		var err error
		*at, err = parseInstant(n.Value)
		l.expectKind(key, n, err == nil && n.Kind == yaml.ScalarNode, "a time with its offset, such as 2026-03-02T10:00:00+01:00")
		return
	}
	switch {
	case v.Kind() == reflect.Struct:
		l.decodeMapping(key, n, structFields(v.Type()), func(name string) reflect.Value { return fieldOf(v, name) })
	case v.Kind() == reflect.Map:
		l.decodeMap(key, n, v)
	case v.Type() == reflect.TypeFor[Addresses]() && n.Kind == yaml.ScalarNode:
		v.Set(reflect.ValueOf(Addresses{n.Value}))
	case v.Kind() == reflect.Slice:
		if l.expectKind(key, n, n.Kind == yaml.SequenceNode, "a list, such as [a, b]") {
			v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
			for i, e := range n.Content {
				l.decode(indexed(key, i), e, v.Index(i))
			}
		}
	case v.Kind() == reflect.Int:
		l.expectKind(key, n, n.Tag == "!!int" && n.Decode(v.Addr().Interface()) == nil, "a whole number")
	case v.Kind() == reflect.Bool:
		l.expectKind(key, n, n.Tag == "!!bool" && n.Decode(v.Addr().Interface()) == nil, "true or false")
	default:
		if l.expectKind(key, n, n.Kind == yaml.ScalarNode, "text") {
			v.SetString(n.Value)
		}
	}
}

// expectKind refuses a value of the wrong kind.
func (l *SourceMap) expectKind(key string, n *yaml.Node, ok bool, kind string) bool {
	if !ok {
		l.failAt(n.Line, "%s must be %s", key, kind)
	}
	return ok
}

// decodeMap decodes a mapping with any keys. A policy starts from the defaults.
func (l *SourceMap) decodeMap(key string, n *yaml.Node, m reflect.Value) {
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	values := map[string]reflect.Value{}
	l.decodeMapping(key, n, nil, func(name string) reflect.Value {
		v := reflect.New(m.Type().Elem()).Elem()
		if v.Type() == reflect.TypeFor[Policy]() {
			v.Set(reflect.ValueOf(DefaultPolicy()))
		}
		values[name] = v
		return v
	})
	for name, v := range values {
		m.SetMapIndex(reflect.ValueOf(name), v)
	}
}

// decodeMapping decodes a mapping into the value that child returns for each key. Without fields any key is accepted.
func (l *SourceMap) decodeMapping(key string, n *yaml.Node, fields map[string]reflect.Type, child func(string) reflect.Value) {
	where := cmp.Or(key, "the configuration")
	if !l.expectKind(where, n, n.Kind == yaml.MappingNode, "a mapping with keys") {
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case k.Kind != yaml.ScalarNode || fields != nil && fields[k.Value] == nil:
			l.failAt(k.Line, "unknown key %q in %s: remove it, or use one of %s", k.Value, where, knownKeys(fields))
			continue
		case seen[k.Value]:
			l.failAt(k.Line, "key %q comes twice in %s: remove one", k.Value, where)
			continue
		}
		seen[k.Value] = true
		path := strings.TrimPrefix(key+"."+k.Value, ".")
		l.decode(path, n.Content[i+1], child(k.Value))
		l.lines[path] = k.Line
	}
}

// fieldOf returns the field of a struct that has a key.
func fieldOf(v reflect.Value, key string) reflect.Value {
	for f, x := range v.Fields() {
		if f.Tag.Get("yaml") == key {
			return x
		}
	}
	panic("config: no such field")
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
	return strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
}
