package room

import (
	"slices"
	"time"
)

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

// Groups is what the server keeps of the MLS groups of a session. The blobs are in memory only.
type Groups struct {
	Number   uint64  // of the newest entry of all groups; 0 before the first. It never decreases, over a restart either
	Reserved uint64  `json:",omitempty"` // numbers up to this one may have been sent before the next record: a crash continues after them
	List     []Group // that entries may follow: the main group and those of side rooms

	Log     []GroupEntry `json:"-"` // the newest, at most maxLogEntries and maxLogSize, with Number the last
	LogSize int          `json:"-"` // of all entries in Log, in bytes
}

// A Group is one MLS group of a session.
type Group struct {
	ID       GroupID
	Number   uint64   // of its newest entry
	SideRoom SideRoom // whose group it is; zero: the main group
}

// main returns the main group, the zero Group if there is none.
func (g Groups) main() Group { return g.ofSideRoom(SideRoom{}) }

// ofSideRoom returns the group of a side room, the zero Group if it has none.
func (g Groups) ofSideRoom(r SideRoom) Group {
	for _, one := range g.List {
		if one.SideRoom == r {
			return one
		}
	}
	return Group{}
}

func (g Groups) find(id GroupID) (Group, bool) {
	i := slices.IndexFunc(g.List, func(one Group) bool { return one.ID == id })
	if i < 0 {
		return Group{}, false
	}
	return g.List[i], true
}

// with returns the groups after an accepted entry. A create replaces the group in the same place.
func (g Groups) with(e GroupEntry, r SideRoom) Groups {
	g.Number = e.Number
	g.List = without(g.List, func(one Group) bool { return one.ID == e.Group || e.Kind == EntryCreate && one.SideRoom == r })
	g.List = append(g.List, Group{ID: e.Group, Number: e.Number, SideRoom: r})
	size := g.LogSize + e.size()
	first := 0
	for first < len(g.Log) && (size > maxLogSize || len(g.Log)-first >= maxLogEntries) {
		size -= g.Log[first].size()
		first++
	}
	g.Log, g.LogSize = append(slices.Clone(g.Log[first:]), e), size
	return g
}

// Pause returns a state to restore after an orderly stop, and whether it differs: no reserved number was sent, so none is left out.
func Pause(s State) (State, bool) {
	if s.Groups.Reserved <= s.Groups.Number {
		return s, false
	}
	s.Groups.Reserved = s.Groups.Number
	return s, true
}

// NextReserved reports whether a commit may have the next number without a record of its own.
func (g Groups) NextReserved() bool { return g.Number < g.Reserved }

// withoutSideRoom returns the groups after a side room closed.
func (g Groups) withoutSideRoom(r SideRoom) Groups {
	if g.ofSideRoom(r).ID != "" {
		g.List = without(g.List, func(one Group) bool { return one.SideRoom == r })
	}
	return g
}

// after returns the entries after a number, oldest first. ok is false if they are not all in the log.
func (g Groups) after(number uint64) (entries []GroupEntry, ok bool) {
	missing := g.Number - number
	if number > g.Number || missing > uint64(len(g.Log)) {
		return nil, false
	}
	return g.Log[len(g.Log)-int(missing):], true
}

// size is what an entry takes of memory, in bytes.
func (e GroupEntry) size() int {
	n := entryOverhead + len(e.Group) + len(e.Commit) + len(e.Welcome)
	for _, proof := range e.Proofs {
		n += len(proof)
	}
	for _, id := range e.To {
		n += len(id)
	}
	return n
}

// requireE2EE refuses what has no meaning in a session without end-to-end encryption.
func requireE2EE(s State) *Error {
	if s.Policy.E2EE != E2EERequired {
		return refuse(InvalidState, "this session is not encrypted end to end")
	}
	return nil
}

// checkE2EE refuses a client that cannot take part, and a token that promises another mode than the session has.
func checkE2EE(s State, claimed string, speaks bool) *Error {
	switch {
	case claimed != "" && claimed != s.Policy.E2EE.String():
		return refuse(PolicyMismatch, "the token names another mode of end-to-end encryption than the session has")
	case s.Policy.E2EE == E2EERequired && !speaks:
		return refuse(NeedsE2EE, "the session is encrypted end to end, and this client does not support it")
	}
	return nil
}

// setKeyPackage keeps the key package of a participant, who may still wait: a host has it before the admission then.
func setKeyPackage(s State, by ParticipantID, c SetKeyPackage) (Decision, *Error) {
	p, ok := s.seat(by)
	if !ok {
		return Decision{}, refuse(InvalidState, "this seat is over")
	}
	if err := requireE2EE(s); err != nil {
		return Decision{}, err
	}
	if c.KeyPackage.Sealed == "" || c.KeyPackage.TokenHash == "" {
		return Decision{}, refuse(BadRequest, "keyPackage, tokenHash: missing")
	}
	if p.KeyPackage == c.KeyPackage {
		return Decision{}, nil
	}
	return Decision{Events: []Event{KeyPackageSet{ID: p.ID, KeyPackage: c.KeyPackage}}}, nil
}

// createGroup makes the main group, or that of the actor's side room. Of two hosts who make the main group at the same time the first
// succeeds: the second did not name the group that it would replace.
func createGroup(s State, by ParticipantID, c CreateGroup) (Decision, *Error) {
	p, err := authorize(s, by, actMakeGroup)
	if err != nil {
		return Decision{}, err
	}
	if err := requireE2EE(s); err != nil {
		return Decision{}, err
	}
	aside, inSideRoom := s.sideRoomOf(p.ID)
	inSideRoom = inSideRoom && c.Replaces == ""
	_, exists := s.Groups.find(c.Group)
	switch {
	case c.Group == "":
		return Decision{}, refuse(BadRequest, "group: missing")
	case exists:
		return Decision{}, refuse(InvalidState, "this group exists")
	case !inSideRoom && c.Replaces != s.Groups.main().ID:
		return Decision{}, refuse(E2EEStale, "another group is the main group")
	}
	e := GroupEntry{Group: c.Group, Kind: EntryCreate, From: p.ID, Replaces: c.Replaces, SideRoom: inSideRoom}
	if !inSideRoom {
		aside = SideRoom{}
	}
	return acceptEntry(s, e, aside), nil
}

// commitGroup accepts the first commit that follows the group's newest entry. Only hosts add members.
func commitGroup(s State, by ParticipantID, c CommitGroup) (Decision, *Error) {
	p, group, err := groupOf(s, by, c.Group, c.After)
	if err != nil {
		return Decision{}, err
	}
	adds := c.Welcome != "" || len(c.To) > 0 || len(c.Proofs) > 0
	switch {
	case c.Commit == "":
		return Decision{}, refuse(BadRequest, "commit: missing")
	case adds && (c.Welcome == "" || len(c.To) == 0 || len(c.To) > maxAdded):
		return Decision{}, refuse(BadRequest, "welcome, to: both, and 1 to 32 ids")
	case len(c.Proofs) > 0 && len(c.Proofs) != len(c.To):
		return Decision{}, refuse(BadRequest, "proofs: one for each of to")
	case adds && !may(s, p, actMakeGroup):
		return Decision{}, refuse(Forbidden, "your role may not "+string(actMakeGroup))
	}
	for i, id := range c.To {
		if slices.Contains(c.To[:i], id) || id == by {
			return Decision{}, refuse(BadRequest, "to: each once, and nobody adds the own client")
		}
		if !mayShare(s, group, id) {
			return Decision{}, refuse(E2EEStale, "to: one of them is not there any more")
		}
	}
	e := GroupEntry{
		Group: c.Group, Previous: group.Number, Kind: EntryCommit, From: p.ID,
		Commit: c.Commit, Welcome: c.Welcome, To: c.To, Proofs: c.Proofs,
	}
	return acceptEntry(s, e, group.SideRoom), nil
}

// acceptEntry gives an entry the next number of the session and sends it to all admitted participants, to its sender too. A commit whose
// number is reserved need not wait for the disk; a create does, for its entry in the audit log.
func acceptEntry(s State, e GroupEntry, r SideRoom) Decision {
	e.Number = s.Groups.Number + 1
	advanced := GroupAdvanced{Entry: e, SideRoom: r}
	if e.Kind == EntryCreate || !s.Groups.NextReserved() {
		advanced.Reserved = e.Number + numberBlock - 1
	}
	d := Decision{Events: []Event{advanced}}
	for _, p := range s.Participants {
		if p.Access == Admitted {
			d.sendEntry(p.ID, e)
		}
	}
	return d
}

func (d *Decision) sendEntry(to ParticipantID, e GroupEntry) {
	d.emit(EntrySent{To: to, Entry: e})
	if slices.Contains(e.To, to) {
		d.emit(WelcomeSent{To: to, Entry: e})
	}
}

// sendToGroup relays an application message. It is sealed under the keys of one number, so it is refused once there is a newer one.
func sendToGroup(s State, by ParticipantID, c SendToGroup) (Decision, *Error) {
	p, group, err := groupOf(s, by, c.Group, c.After)
	if err != nil {
		return Decision{}, err
	}
	if c.Message == "" {
		return Decision{}, refuse(BadRequest, "blob: missing")
	}
	to := c.To
	if to == nil {
		for _, other := range s.Participants {
			if other.ID != p.ID && mayShare(s, group, other.ID) {
				to = append(to, other.ID)
			}
		}
	}
	var d Decision
	for i, id := range to {
		if !mayShare(s, group, id) || slices.Contains(to[:i], id) {
			return Decision{}, refuse(TargetNotFound, "to: not all of them are there")
		}
		d.emit(GroupMessageSent{To: id, From: p.ID, Group: group.ID, Number: group.Number, Message: c.Message})
	}
	return d, nil
}

// syncGroup sends entries again, as many as one connection may queue beside all else.
func syncGroup(s State, by ParticipantID, c SyncGroup) (Decision, *Error) {
	p, err := authorize(s, by, actUseGroup)
	if err != nil {
		return Decision{}, err
	}
	if err := requireE2EE(s); err != nil {
		return Decision{}, err
	}
	entries, ok := s.Groups.after(c.After)
	if !ok {
		return Decision{}, refuse(E2EEGone, "these entries are no longer kept")
	}
	d := Decision{Outcome: Outcome{Through: c.After}}
	size := 0
	for _, e := range entries {
		if size += e.size(); size > maxSyncSize && d.Outcome.Through > c.After {
			break
		}
		d.sendEntry(p.ID, e)
		d.Outcome.Through = e.Number
	}
	return d, nil
}

// releaseKeys passes keys of a participant's own streams to the recording, also before the answer, so that nothing that is recorded lacks
// its key. The key that opens them comes with the first ones; without it they open nothing.
func releaseKeys(s State, by ParticipantID, c ReleaseKeys) (Decision, *Error) {
	p, err := authorize(s, by, actConsent)
	if err != nil {
		return Decision{}, err
	}
	if err := requireE2EE(s); err != nil {
		return Decision{}, err
	}
	switch {
	case !slices.Contains(s.Asked, c.Scope):
		return Decision{}, refuse(InvalidState, "nobody asks for this")
	case len(c.Keys) == 0 || len(c.Keys) > maxReleasedKeys:
		return Decision{}, refuse(BadRequest, "keys: 1 to 16")
	case c.Number == 0 || c.Number > s.Groups.Number:
		return Decision{}, refuse(BadRequest, "number: none of this session")
	}
	d := Decision{Effects: []Effect{KeysReleased{Participant: p.ID, Person: p.Person, ReleaseKeys: c}}}
	if c.Sealed != "" {
		d.add(KeysReleaseBegan{ID: p.ID, Scope: c.Scope})
	}
	return d, nil
}

// withoutReleases returns the state in which no keys count that a person released for a scope: the next consent needs others.
func (s State) withoutReleases(person PersonID, scope Scope) State {
	for _, p := range s.Participants {
		if p.Person == person && len(p.Released) > 0 {
			s = s.withSeat(p.ID, func(p *Participant) { p.Released = without(p.Released, scope.is) })
		}
	}
	return s
}

// forgetReleases ends the releases of participants who have no media any more: the recorder forgets their keys.
func forgetReleases(_ time.Time, s State) Decision {
	var d Decision
	for _, p := range s.Participants {
		if len(p.Released) > 0 && !mayHaveMedia(s, p) {
			d.add(KeysReleaseEnded{ID: p.ID})
		}
	}
	return d
}

// groupOf returns the actor and the group that a request names, at the number that it names.
func groupOf(s State, by ParticipantID, id GroupID, after uint64) (Participant, Group, *Error) {
	p, err := authorize(s, by, actUseGroup)
	if err != nil {
		return Participant{}, Group{}, err
	}
	if err := requireE2EE(s); err != nil {
		return Participant{}, Group{}, err
	}
	group, ok := s.Groups.find(id)
	switch {
	case !ok:
		return Participant{}, Group{}, refuse(E2EEStale, "no such group any more")
	case !mayShare(s, group, by):
		return Participant{}, Group{}, refuse(Forbidden, "the group of a side room of others")
	case after != group.Number:
		return Participant{}, Group{}, refuse(E2EEStale, "the group is at another number")
	}
	return p, group, nil
}

// mayShare reports whether a participant may be a member of a group: whoever is admitted, and in that of a side room its two only.
func mayShare(s State, g Group, id ParticipantID) bool {
	p, ok := s.seat(id)
	return ok && p.Access == Admitted && (g.SideRoom == SideRoom{} || g.SideRoom.has(id))
}

// A GroupsView is what an admitted participant sees of the groups.
type GroupsView struct {
	Number         uint64
	Main, SideRoom GroupID // "" where there is none
}

// A KeyPackageView is the key package of another participant, for hosts.
type KeyPackageView struct {
	ID         ParticipantID
	KeyPackage KeyPackage
}

// groupsView returns what an admitted participant sees of the groups, nil in a session without end-to-end encryption.
func groupsView(s State, p Participant) *GroupsView {
	if s.Policy.E2EE != E2EERequired {
		return nil
	}
	v := &GroupsView{Number: s.Groups.Number, Main: s.Groups.main().ID}
	if r, ok := s.sideRoomOf(p.ID); ok {
		v.SideRoom = s.Groups.ofSideRoom(r).ID
	}
	return v
}

// keyPackages lists the key packages of all others, waiting and admitted.
func keyPackages(s State, viewer ParticipantID) (list []KeyPackageView) {
	for _, p := range s.Participants {
		if p.ID != viewer && p.KeyPackage != (KeyPackage{}) {
			list = append(list, KeyPackageView{p.ID, p.KeyPackage})
		}
	}
	return list
}
