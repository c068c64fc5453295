package state

import (
	"time"

	"alcove/sfu/record"
)

// A Receipt is an erasure of recordings that the audit log has to be told of.
type Receipt struct {
	ID, Person string
	At         time.Time
}

// Receipts hands out the receipts that wait, and forgets those that deliver took.
type Receipts func(deliver func(Receipt) error) error

// ReceiptOf converts a receipt of package record.
func ReceiptOf(r record.ErasureReceipt) Receipt { return Receipt{ID: r.ID, Person: r.Person, At: r.At} }

// ReceiptsOf hands out those of a keyring.
func ReceiptsOf(k *record.Keyring) Receipts {
	return func(deliver func(Receipt) error) error {
		return k.DeliverReceipts(func(r record.ErasureReceipt) error { return deliver(ReceiptOf(r)) })
	}
}
