package config

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Page configures what the page shows of the clinic before and in a session.
type Page struct {
	Clinic    string    `yaml:"clinic"`
	Phone     string    `yaml:"phone"`
	Welcome   Localized `yaml:"welcome"`
	Emergency Localized `yaml:"emergency"`
}

// A Localized is a text for each language (BCP 47).
type Localized map[string]string

func (l *SourceMap) validatePage(p Page) {
	l.oneLine("page.clinic", p.Clinic, maxClinic)
	l.oneLine("page.phone", p.Phone, maxPhone)
	l.validateLocalized("page.welcome", p.Welcome, maxWelcome)
	l.validateLocalized("page.emergency", p.Emergency, maxEmergency)
}

// validateLocalized wants plain text of some lines for each language, and one text for each.
func (l *SourceMap) validateLocalized(key string, texts Localized, limit int) {
	if len(texts) > maxLanguages {
		l.fail(key, "has more than %d languages", maxLanguages)
	}
	seen := map[string]string{}
	for _, tag := range slices.Sorted(maps.Keys(texts)) {
		at, text := key+"."+tag, texts[tag]
		if !localeTag.MatchString(tag) {
			l.fail(at, "%q is no language: write it like en, de or pt-BR", tag)
		}
		if other := seen[strings.ToLower(tag)]; other != "" {
			l.fail(at, "%s is there already: remove one", other)
		}
		seen[strings.ToLower(tag)] = tag
		control := func(r rune) bool { return r != '\n' && unicode.IsControl(r) }
		if n := utf8.RuneCountInString(text); strings.TrimSpace(text) == "" || n > limit || strings.ContainsFunc(text, control) {
			l.fail(at, "must be plain text of 1 to %d characters", limit)
		}
	}
}
