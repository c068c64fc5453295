package store

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"alcove/room"
)

// consentChange keeps one answer of one person. Its name is a hash of all of it: written twice it is still one.
func (s *Store) consentChange(c room.ConsentRecord) (Change, error) {
	value, err := json.Marshal(c)
	if err != nil {
		return Change{}, err
	}
	return s.put(Consents, hashed(string(c.Person))+"."+hashed(string(value)), value)
}

// Consents gives all answers of a person in the order of time: what they agreed to, consented to, refused and withdrew.
func (s *Store) Consents(ctx context.Context, person room.PersonID) ([]room.ConsentRecord, error) {
	var all []room.ConsentRecord
	err := s.each(ctx, Consents, hashed(string(person))+".", func(value []byte) error {
		var c room.ConsentRecord
		if err := json.Unmarshal(value, &c); err != nil {
			return err
		}
		if len(all) >= maxExport {
			return errors.New("more answers than are read at once")
		}
		all = append(all, c)
		return nil
	})
	slices.SortStableFunc(all, func(a, b room.ConsentRecord) int { return a.At.Compare(b.At) })
	return all, err
}

// Words of room.ConsentRecord that Acknowledged looks for.
const (
	kindAgreement        = "agreement"
	decisionAcknowledged = "acknowledged"
)

// Acknowledged gives the hashes of the texts that a person acknowledged, in whatever session. It is asked at every join.
func (s *Store) Acknowledged(ctx context.Context, person string) ([]string, error) {
	all, err := s.Consents(ctx, room.PersonID(person))
	var hashes []string
	for _, c := range all {
		if c.Kind == kindAgreement && c.Decision == decisionAcknowledged && !slices.Contains(hashes, c.TextHash) {
			hashes = append(hashes, c.TextHash)
		}
	}
	return hashes, err
}
