package room

import (
	"slices"
	"time"

	"alcove/auth"
)

// A Permission is an entry of the role table, as the wire names it.
type Permission string

// The closed list of permissions.
const (
	PublishMicrophone Permission = "publish.microphone"
	PublishCamera     Permission = "publish.camera"
	PublishScreen     Permission = "publish.screen"
	HandRaise         Permission = "hand.raise"
	WaitingManage     Permission = "waiting.manage"
	AgreementRemind   Permission = "agreement.remind"
	ParticipantMute   Permission = "participant.mute"
	ParticipantRemove Permission = "participant.remove"
	ParticipantGrant  Permission = "participant.grant"
	RoomLock          Permission = "room.lock"
	RoomEnd           Permission = "room.end"
	ParticipantRename Permission = "participant.rename"
	ParticipantRole   Permission = "participant.role"
	ParticipantVerify Permission = "participant.verify"
	SideRoomOpen      Permission = "sideroom.open"
	RoomExtend        Permission = "room.extend"
	RecordingManage   Permission = "recording.manage"
	HelpSignal        Permission = "help.signal"
	FileSend          Permission = "file.send"
	ClinicWrite       Permission = "clinic.write"
)

// A Self is the participant's own part of a View.
type Self struct {
	ID          ParticipantID
	Role        auth.Role
	Access      Access
	Permissions []Permission
	Generation  uint32
	DisplayName string // that the group sees
	// VerifiedName is the name of the token, which hosts see too; "" if it has none.
	VerifiedName string

	Needs      Needs         // requirements still to be met before admission
	Agreement  []Text        // texts still to be acknowledged, in every locale; one of each ID is enough
	Consents   []ConsentView // consents asked for, with the participant's answers
	SideRoom   ParticipantID // the other participant in the side room, "" in the group
	HelpRaised bool
}

// Needs lists the requirements that a participant has to meet before a host may admit them.
type Needs struct {
	Agreement    bool // acknowledge Self.Agreement
	Passcode     bool
	Verification bool // by a host
	MFA          bool // a stronger login, with a new token
}

// A ConsentView is one scope that consent is asked for, and the participant's answer to it. It never shows the answers of others.
type ConsentView struct {
	Scope   Scope
	Purpose string
	Texts   []Text // the text to be answered, in every locale
	Answer  Answer // "" if none was given to these texts

	Recipients []string // of ConsentForm
}

// A RoomView is the part of a View about the room, for admitted participants.
type RoomView struct {
	Name        string
	Locked      bool
	AbsenceLock bool // locked because the last host left
	HostAbsent  bool // no host is with the viewer
	Recording   RecordingState
	EndsAt      time.Time // the earliest known end; zero if none
	EndsFor     string    // reason for it: limit, absent, idle
}

// A PersonView is one row of the roster.
type PersonView struct {
	ID           ParticipantID
	DisplayName  string
	Role         auth.Role
	Connected    bool
	HandRaised   bool
	HandRaisedAt time.Time
	Verified     bool
	Overrides    Overrides
	Away         bool   // in a side room without the viewer; the reason is not shown
	AwayMessage  string // of a host who is away: what they wrote to the group
	Publications []Publication

	VerifiedName string     // for hosts only: the name of the token
	HelpRaised   bool       // for hosts only
	Media        MediaState // for hosts only
}

// A WaiterView is one row of the hosts' waiting list.
type WaiterView struct {
	ID           ParticipantID
	DisplayName  string
	VerifiedName string
	Since        time.Time
	Returning    bool
	Connected    bool
	Verified     bool
	HelpRaised   bool // had asked for help before being sent back
	Needs        Needs
}

// A BarView is one row of the hosts' list of barred people.
type BarView struct {
	ID          ParticipantID
	DisplayName string
}

// A View is everything that one participant may see. While they wait, all but Self is empty; Waiting and Barred are for hosts.
type View struct {
	Self        Self
	Room        *RoomView    // nil unless admitted
	Roster      []PersonView // nil unless admitted
	Waiting     []WaiterView // nil unless host or cohost
	Barred      []BarView
	Groups      *GroupsView      // nil unless admitted to a session that is encrypted end to end
	KeyPackages []KeyPackageView // nil unless host or cohost
	Slots       int              // pairs of slots that this participant needs; 0 unless admitted
}

// ViewOf computes what id may see; no other code decides that. Without a seat the View is empty; ByClinic sees what a host sees.
// Its slices are shared with the State and are read-only.
func ViewOf(s State, id ParticipantID) View {
	if id == ByClinic {
		return View{Room: roomView(s, ByClinic), Roster: roster(s, clinicActor()), Waiting: waiters(s), Barred: bars(s)}
	}
	p, ok := s.seat(id)
	if !ok {
		return View{}
	}
	v := View{Self: selfOf(s, p)}
	if p.Access != Admitted {
		return v
	}
	v.Room = roomView(s, id)
	v.Roster = roster(s, p)
	v.Groups = groupsView(s, p)
	v.Slots = slotsFor(s, id)
	if p.Role.Hosts() {
		v.Waiting, v.Barred = waiters(s), bars(s)
		v.KeyPackages = keyPackages(s, id)
	}
	return v
}

func selfOf(s State, p Participant) Self {
	self := Self{
		ID: p.ID, Role: p.Role, Access: p.Access, Permissions: permissions(s, p), Generation: p.Generation,
		DisplayName: p.DisplayName, VerifiedName: p.VerifiedName,
		Needs: needsOf(s, p), Agreement: unacknowledged(s, p), Consents: consentsOf(s, p), HelpRaised: p.HelpRaised,
	}
	if r, ok := s.sideRoomOf(p.ID); ok {
		self.SideRoom = r.other(p.ID)
	}
	return self
}

func roomView(s State, viewer ParticipantID) *RoomView {
	end := nextEnd(s)
	_, aside := s.sideRoomOf(viewer)
	return &RoomView{
		Name: auth.DisplayRoom(s.Name), Locked: s.Locked, AbsenceLock: s.AbsenceLock, HostAbsent: !s.AbsentSince.IsZero() && !aside,
		Recording: RecordingOf(s), EndsAt: end.at, EndsFor: end.reason,
	}
}

// roster lists the admitted participants in order of admission, as viewer sees them, and the recorder while it records.
func roster(s State, viewer Participant) []PersonView {
	var in []Participant
	for _, p := range s.Participants {
		if p.Access == Admitted {
			in = append(in, p)
		}
	}
	slices.SortStableFunc(in, func(a, b Participant) int { return a.Since.Compare(b.Since) })
	list := make([]PersonView, 0, len(in))
	for _, p := range in {
		list = append(list, personView(s, p, viewer))
	}
	if RecordingOf(s).Records() && viewer.ID != ByClinic { // the clinic reads Room.Recording instead
		list = append(list, PersonView{ID: RecorderID, Role: RecorderRole, Connected: true})
	}
	return list
}

// personView is the roster row of p. For p in another side room it reveals nothing of what happens there.
func personView(s State, p, viewer Participant) PersonView {
	v := PersonView{
		ID: p.ID, DisplayName: p.DisplayName, Role: p.Role, Connected: p.Connected, HandRaised: p.HandRaised, HandRaisedAt: p.HandRaisedAt,
		Verified: p.Verified, Overrides: p.Overrides, Publications: p.Publications,
	}
	if viewer.Role.Hosts() || viewer.ID == ByClinic {
		v.VerifiedName, v.HelpRaised, v.Media = p.VerifiedName, p.HelpRaised, p.Media
	}
	if r, away := s.sideRoomOf(p.ID); away && !r.has(viewer.ID) {
		v.Away, v.AwayMessage, v.HandRaised, v.HandRaisedAt, v.Publications = true, p.AwayMessage, false, time.Time{}, slices.Clone(p.Publications)
		for i := range v.Publications {
			v.Publications[i].Muted = true
		}
	}
	return v
}

func waiters(s State) []WaiterView {
	list := []WaiterView{}
	for _, p := range s.Participants {
		if p.Access == Waiting {
			list = append(list, WaiterView{
				ID: p.ID, DisplayName: p.DisplayName, VerifiedName: p.VerifiedName, Since: p.Since,
				Returning: p.Returning, Connected: p.Connected, Verified: p.Verified,
				HelpRaised: p.HelpRaised, Needs: needsOf(s, p),
			})
		}
	}
	return list
}

func bars(s State) []BarView {
	list := []BarView{}
	for _, b := range s.Barred {
		if b.Participant == "" {
			continue // never had a seat in this session
		}
		list = append(list, BarView{ID: b.Participant, DisplayName: b.DisplayName})
	}
	return list
}

// slotsFor counts the other participants who may publish, rounded up to a step so that new offers are rare.
func slotsFor(s State, id ParticipantID) int {
	n := 0
	for _, p := range s.Participants {
		if p.ID != id && (may(s, p, actPublishMicrophone) || may(s, p, actPublishCamera)) {
			n++
		}
	}
	for _, step := range slotSteps {
		if n <= step {
			return step
		}
	}
	return slotSteps[len(slotSteps)-1]
}
