package room

// Sealed is base64 of what only members of an MLS group read (RFC 9420), or of a public part of it. The server orders and relays it, and
// neither reads, stores nor logs it: what prints it prints its absence.
type Sealed string

const hiddenSealed = "[sealed]"

func (Sealed) String() string               { return hiddenSealed }
func (Sealed) GoString() string             { return hiddenSealed }
func (Sealed) MarshalText() ([]byte, error) { return []byte(hiddenSealed), nil }

// A GroupID is base64 of the id of an MLS group: random, and no secret.
type GroupID string

// An E2EEMode says whether the media of a session is encrypted end to end.
type E2EEMode string

// The closed list of modes. There is none in between: a mode that the server may talk down promises nothing.
const (
	E2EEOff      E2EEMode = ""
	E2EERequired E2EEMode = "required"
)

// String is the mode as the protocol, the configuration and the audit log name it.
func (m E2EEMode) String() string {
	if m == E2EERequired {
		return string(m)
	}
	return "off"
}

// Kinds of GroupEntry.
const (
	EntryCreate = "create"
	EntryCommit = "commit"
)

type (
	// A KeyPackage adds its owner to a group (RFC 9420, section 10). TokenHash and Proof tell hosts whose it is.
	KeyPackage struct{ Sealed, TokenHash, Proof Sealed }

	// A GroupEntry is one accepted create or commit. Its Number is the next one of the session.
	GroupEntry struct {
		Group            GroupID
		Number, Previous uint64 // Previous is the number of the group before; 0 of a create
		Kind             string // EntryCreate or EntryCommit
		From             ParticipantID
		Replaces         GroupID // of a create: the main group until now; "" if there was none
		SideRoom         bool    // of a create: the group is that of a side room
		Commit           Sealed
		Welcome          Sealed          // of a commit that adds
		To               []ParticipantID // who is added
		Proofs           []Sealed        // for each of To, or none
	}

	// A ReleasedKey is the key of one stream, sealed to the clinic.
	ReleasedKey struct {
		KID uint32 // the SFrame key id (RFC 9605)
		Key Sealed
	}
)
