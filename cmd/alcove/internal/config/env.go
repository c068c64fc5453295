package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// envPrefix is the prefix of all variables: ALCOVE_MEDIA__PORT is media.port. Two underscores stand for the dot, because keys
// have single ones in them. No other variable may begin so: a mistyped one would be silent.
const envPrefix = "ALCOVE_"

// applyEnv puts the keys of the environment over those of the file, before anything is checked. Lists are written as in the file:
// [a, b]. Errors name the variable.
func (l *SourceMap) applyEnv(root *yaml.Node, env []string) {
	env = slices.Sorted(slices.Values(env))
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		l.env = append(l.env, name)
		line := -len(l.env)
		path := strings.Split(strings.ToLower(strings.TrimPrefix(name, envPrefix)), "__")
		t, err := typeAt(path)
		if err == nil {
			var n *yaml.Node
			if n, err = parseValue(t, value); err == nil {
				setLine(n, line)
				err = setNode(root, path, n)
			}
		}
		if err != nil {
			l.failAt(line, "%v", err)
		}
	}
}

// typeAt finds the type of a key of the schema; any name will do for a policy.
func typeAt(path []string) (reflect.Type, error) {
	t := reflect.TypeFor[Config]()
	for i, name := range path {
		switch {
		case t.Kind() == reflect.Struct && writtenAsText(t):
			t = nil
		case t.Kind() == reflect.Struct:
			fields := structFields(t)
			if fields[name] == nil {
				return nil, fmt.Errorf("there is no key %s: use one of %s, or unset the variable", strings.Join(path[:i+1], "."), knownKeys(fields))
			}
			t = fields[name]
		case t.Kind() == reflect.Map && name != "":
			t = t.Elem()
		default:
			t = nil
		}
		if t == nil {
			return nil, fmt.Errorf("there is no key %s: unset the variable", strings.Join(path[:i+1], "."))
		}
	}
	if t.Kind() == reflect.Map || t.Kind() == reflect.Struct && !writtenAsText(t) {
		return nil, fmt.Errorf("%s holds keys: set them one by one, such as %s%s__NAME", strings.Join(path, "."), envPrefix, strings.ToUpper(strings.Join(path, "__")))
	}
	return t, nil
}

// writtenAsText reports whether values of a struct type are written as text.
func writtenAsText(t reflect.Type) bool { return t == reflect.TypeFor[Instant]() }

// parseValue parses a value: text verbatim, everything else as in the file.
func parseValue(t reflect.Type, value string) (*yaml.Node, error) {
	if k := t.Kind(); k != reflect.Slice && k != reflect.Bool && k != reflect.Int {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(value), &doc); err != nil || len(doc.Content) == 0 {
		return nil, errors.New("cannot be read: write it as in the file")
	}
	return doc.Content[0], nil
}

// setLine sets the line of a node and its children; a negative line stands for a variable.
func setLine(n *yaml.Node, line int) {
	n.Line = line
	for _, c := range n.Content {
		setLine(c, line)
	}
}

// setNode sets the value of a key and replaces that of the file.
func setNode(n *yaml.Node, path []string, value *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" { // a key without a value
		*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line}
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("the file has no keys where %s would be", path[0])
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != path[0] {
			continue
		}
		if len(path) > 1 {
			return setNode(n.Content[i+1], path[1:], value)
		}
		n.Content[i].Line, n.Content[i+1] = value.Line, value
		return nil
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: path[0], Line: value.Line}
	if len(path) == 1 {
		n.Content = append(n.Content, key, value)
		return nil
	}
	inner := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line}
	n.Content = append(n.Content, key, inner)
	return setNode(inner, path[1:], value)
}
