package room

import "alcove/auth"

// An action is a row of the role table.
type action string

// The closed list of actions of admitted participants. An action without a row is allowed to nobody.
const (
	actPublishMicrophone action = "publish microphone"
	actPublishCamera     action = "publish camera"
	actPublishScreen     action = "publish screen"
	actRequestScreen     action = "ask to share a screen"
	actOffer             action = "offer a connection"
	actSetMuted          action = "mute or unmute oneself"
	actHand              action = "raise a hand"
	actLowerHands        action = "lower the hands of others"
	actAdmit             action = "admit"
	actDeny              action = "deny"
	actSendBack          action = "send back"
	actAnswerWaiting     action = "write to one who waits"
	actMute              action = "mute"
	actAskUnmute         action = "ask to unmute"
	actRemove            action = "remove"
	actUnbar             action = "lift a bar"
	actGrant             action = "give or take a permission"
	actHelp              action = "ask the hosts for help"
	actConsent           action = "consent, refuse, withdraw"
	actVerify            action = "verify who somebody is"
	actShowAgreement     action = "show the agreement again"
	actRename            action = "change the name that the group sees"
	actRole              action = "change a role"
	actSideRoom          action = "open a side room"
	actSendFile          action = "send a file"
	actWriteClinic       action = "seal a card or a journal to the clinic"
	actAnswerHelp        action = "answer a call for help"
	actRecord            action = "record"
	actStopRecord        action = "stop recording"
	actExtend            action = "extend the session"
	actUseGroup          action = "send to the group"
	actMakeGroup         action = "make a group and add to it"
	actLock              action = "lock"
	actEnd               action = "end"
)

type roleSet map[auth.Role]bool

// clinicRole is the column of ByClinic: no token gives it.
const clinicRole auth.Role = "clinic"

// The sets of roles in the table.
var (
	everyRole        = roleSet{auth.Host: true, auth.Cohost: true, auth.Participant: true, auth.Observer: true}
	publishers       = roleSet{auth.Host: true, auth.Cohost: true, auth.Participant: true}
	participants     = roleSet{auth.Participant: true}
	guests           = roleSet{auth.Participant: true, auth.Observer: true}
	leaders          = roleSet{auth.Host: true, auth.Cohost: true}
	leadersAndClinic = roleSet{auth.Host: true, auth.Cohost: true, clinicRole: true}
	hostsOnly        = roleSet{auth.Host: true}
	hostsAndClinic   = roleSet{auth.Host: true, clinicRole: true}
)

// A roleRow is one action and the roles that it is allowed to.
type roleRow struct {
	action action
	roles  roleSet
	note   string // conditions beside the role
}

// roleTable is the role × action matrix, deny by default.
var roleTable = []roleRow{
	{actPublishMicrophone, publishers, "a host may take it from a participant"},
	{actPublishCamera, publishers, "a host may take it from a participant"},
	{actPublishScreen, leaders, "a participant by the policy or when a host gives it"},
	{actRequestScreen, participants, ""},
	{actOffer, everyRole, ""},
	{actSetMuted, publishers, ""},
	{actHand, everyRole, ""},
	{actHelp, guests, "only the hosts see it"},
	{actConsent, everyRole, "for oneself, when asked"},
	{actSendFile, publishers, "where the policy allows it; a participant to hosts, or to others and every host"},
	{actWriteClinic, everyRole, "where the policy allows it; nobody in the room can open it"},
	{actUseGroup, everyRole, "where media is encrypted end to end"},
	{actMakeGroup, leaders, "where media is encrypted end to end"},
	{actAdmit, leadersAndClinic, ""},
	{actDeny, leadersAndClinic, ""},
	{actSendBack, leaders, ""},
	{actAnswerWaiting, leaders, ""},
	{actVerify, leaders, ""},
	{actShowAgreement, leaders, "where there is one"},
	{actMute, leaders, ""},
	{actLowerHands, leaders, ""},
	{actAskUnmute, leaders, ""},
	{actRemove, leadersAndClinic, "nobody removes a host, and only a host or the clinic a cohost"},
	{actUnbar, leadersAndClinic, "not what the clinic revoked"},
	{actGrant, leaders, "to participants"},
	{actRename, leaders, "of participants and observers; everyone changes their own, while waiting too"},
	{actRole, hostsOnly, "not of a host"},
	{actSideRoom, leaders, "with a participant or an observer"},
	{actAnswerHelp, leaders, ""},
	{actRecord, leaders, "where the policy records, and with the login it wants"},
	{actStopRecord, leaders, ""},
	{actExtend, leadersAndClinic, "not beyond the schedule"},
	{actLock, leadersAndClinic, ""},
	{actEnd, hostsAndClinic, ""},
}

// allowed is roleTable indexed by action.
var allowed = func() map[action]roleSet {
	m := map[action]roleSet{}
	for _, r := range roleTable {
		m[r.action] = r.roles
	}
	return m
}()

// A RoleRow is one row of the role table, for documentation.
type RoleRow struct {
	Action string
	Roles  []auth.Role // in the order host, cohost, participant, observer, clinic (the admin API)
	Note   string
}

// RoleTable returns the role × action matrix. Actions that it does not list are allowed to nobody.
func RoleTable() []RoleRow {
	var rows []RoleRow
	for _, r := range roleTable {
		line := RoleRow{Action: string(r.action), Note: r.note}
		for _, role := range []auth.Role{auth.Host, auth.Cohost, auth.Participant, auth.Observer, clinicRole} {
			if r.roles[role] {
				line.Roles = append(line.Roles, role)
			}
		}
		rows = append(rows, line)
	}
	return rows
}

// wirePermissions lists the permissions that the wire names, in its order, with their actions.
var wirePermissions = []struct {
	permission Permission
	action     action
}{
	{PublishMicrophone, actPublishMicrophone},
	{PublishCamera, actPublishCamera},
	{PublishScreen, actPublishScreen},
	{HandRaise, actHand},
	{HelpSignal, actHelp},
	{FileSend, actSendFile},
	{ClinicWrite, actWriteClinic},
	{WaitingManage, actAdmit},
	{ParticipantVerify, actVerify},
	{AgreementRemind, actShowAgreement},
	{ParticipantMute, actMute},
	{ParticipantRemove, actRemove},
	{ParticipantGrant, actGrant},
	{ParticipantRename, actRename},
	{ParticipantRole, actRole},
	{SideRoomOpen, actSideRoom},
	{RecordingManage, actRecord},
	{RoomExtend, actExtend},
	{RoomLock, actLock},
	{RoomEnd, actEnd},
}

func isRole(r auth.Role) bool { return everyRole[r] }

// may reports whether an action is allowed to a participant, by role, policy and overrides.
func may(s State, p Participant, a action) bool {
	if p.Access != Admitted {
		return false
	}
	if p.Role == auth.Participant {
		switch p.Overrides.of(a) {
		case Taken:
			return false
		case Given:
			return true
		}
		if a == actPublishScreen {
			return s.Policy.ScreenForAll
		}
	}
	if a == actRecord && s.Policy.Recording == NoRecording || a == actShowAgreement && len(s.Policy.Agreement) == 0 {
		return false
	}
	if a == actSendFile && s.Policy.Files == ReachNobody || a == actWriteClinic && !s.Policy.ClinicPapers {
		return false
	}
	return allowed[a][p.Role]
}

// permissions lists the permissions of a participant that the wire names; none while they wait.
func permissions(s State, p Participant) []Permission {
	var list []Permission
	for _, n := range wirePermissions {
		if may(s, p, n.action) {
			list = append(list, n.permission)
		}
	}
	return list
}

// authorize returns the acting participant if the action is allowed to them.
func authorize(s State, by ParticipantID, a action) (Participant, *Error) {
	p, ok := s.seat(by)
	if by == ByClinic {
		p, ok = clinicActor(), true
	}
	switch {
	case !ok:
		return Participant{}, refuse(InvalidState, "this seat is over")
	case p.Access != Admitted:
		return Participant{}, refuse(NotAdmitted, "only the admitted may "+string(a))
	case !may(s, p, a):
		return Participant{}, refuse(Forbidden, "your role may not "+string(a))
	}
	return p, nil
}

// clinicActor is the participant that acts for ByClinic: admitted, with a role of its own.
func clinicActor() Participant { return Participant{ID: ByClinic, Role: clinicRole, Access: Admitted} }

// authorizeOn is authorize for actions on another participant.
func authorizeOn(s State, by, target ParticipantID, a action) (Participant, *Error) {
	p, err := authorize(s, by, a)
	switch {
	case err != nil:
		return Participant{}, err
	case target == "":
		return Participant{}, refuse(BadRequest, "participantId: missing")
	case target == by:
		return Participant{}, refuse(InvalidState, "that is you")
	}
	return p, nil
}

// findTarget returns the participant acted upon, if they have the given access.
func findTarget(s State, id ParticipantID, a Access) (Participant, *Error) {
	p, ok := s.seat(id)
	if !ok || p.Access != a {
		return Participant{}, refuse(TargetNotFound, "no such participant is "+string(a))
	}
	return p, nil
}

// authorizeSource returns the admitted participant whose source by may act upon.
func authorizeSource(s State, by, target ParticipantID, source Source, a action) (Participant, *Error) {
	if _, err := authorizeOn(s, by, target, a); err != nil {
		return Participant{}, err
	}
	p, err := findTarget(s, target, Admitted)
	if err == nil && source.act() == "" {
		err = refuse(BadRequest, "source: microphone, camera or screen")
	}
	return p, err
}

// askScreen asks the hosts for permission to share a screen.
func askScreen(s State, by ParticipantID) (Decision, *Error) {
	p, err := authorize(s, by, actRequestScreen)
	if err != nil {
		return Decision{}, err
	}
	if may(s, p, actPublishScreen) {
		return Decision{}, refuse(InvalidState, "you may already")
	}
	var d Decision
	for _, host := range hosts(s) {
		d.emit(ScreenRequested{To: host, Participant: p.ID})
	}
	return d, nil
}

// hosts lists the admitted hosts and cohosts.
func hosts(s State) []ParticipantID {
	var ids []ParticipantID
	for _, p := range s.Participants {
		if p.Access == Admitted && p.Role.Hosts() {
			ids = append(ids, p.ID)
		}
	}
	return ids
}
