package room

// An Event is one thing that became true. Apply knows no rules: whatever Decide says is so.
type Event interface{ event() }
