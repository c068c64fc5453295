package room

import "alcove/auth"

// An action is a row of the role table.
type action string

// The closed list of actions of the admitted. What is not in the table is nobody's.
const (
	actPublishMicrophone action = "publish microphone"
	actPublishCamera     action = "publish camera"
	actPublishScreen     action = "publish screen"
	actAskScreen         action = "ask to share a screen"
	actOffer             action = "offer a connection"
	actSetMuted          action = "mute or unmute oneself"
	actHand              action = "raise a hand"
	actAdmit             action = "admit"
	actDeny              action = "deny"
	actSendBack          action = "send back"
	actAnswerWaiting     action = "write to one who waits"
	actMute              action = "mute"
	actAskUnmute         action = "ask to unmute"
	actRemove            action = "remove"
	actLift              action = "lift a bar"
	actGrant             action = "grant"
	actLock              action = "lock"
	actEnd               action = "end"
)

type roles map[auth.Role]bool

// The sets of the table.
var (
	everyone = roles{auth.Host: true, auth.Cohost: true, auth.Participant: true, auth.Observer: true}
	speaking = roles{auth.Host: true, auth.Cohost: true, auth.Participant: true}
	asking   = roles{auth.Participant: true}
	leading  = roles{auth.Host: true, auth.Cohost: true}
	hosting  = roles{auth.Host: true}
)

// table is the role × action matrix, deny by default. A participant gets "publish screen" by policy or grant, never by role.
var table = map[action]roles{
	actPublishMicrophone: speaking,
	actPublishCamera:     speaking,
	actPublishScreen:     leading,
	actAskScreen:         asking,
	actOffer:             everyone,
	actSetMuted:          speaking,
	actHand:              everyone,
	actAdmit:             leading,
	actDeny:              leading,
	actSendBack:          leading,
	actAnswerWaiting:     leading,
	actMute:              leading,
	actAskUnmute:         leading,
	actRemove:            leading,
	actLift:              leading,
	actGrant:             leading,
	actLock:              leading,
	actEnd:               hosting,
}

// named gives the permissions that the wire knows, in its order, and the action each stands for.
var named = []struct {
	permission Permission
	action     action
}{
	{PublishMicrophone, actPublishMicrophone},
	{PublishCamera, actPublishCamera},
	{PublishScreen, actPublishScreen},
	{HandRaise, actHand},
	{WaitingManage, actAdmit},
	{ParticipantMute, actMute},
	{ParticipantRemove, actRemove},
	{ParticipantGrant, actGrant},
	{RoomLock, actLock},
	{RoomEnd, actEnd},
}

func known(r auth.Role) bool { return everyone[r] }

// may reports whether an admitted participant may do something: by role, or by what policy and hosts gave.
func may(s State, p Participant, a action) bool {
	if p.Access != Admitted {
		return false
	}
	if a == actPublishScreen && p.Role == auth.Participant {
		return s.Policy.ScreenForAll || p.ScreenGrant
	}
	return table[a][p.Role]
}

// permissions lists what the wire tells a participant about the table. Who waits has none.
func permissions(s State, p Participant) []Permission {
	var list []Permission
	for _, n := range named {
		if may(s, p, n.action) {
			list = append(list, n.permission)
		}
	}
	return list
}

// actor finds who acts and checks that they may.
func actor(s State, by ParticipantID, a action) (Participant, *Error) {
	p, ok := s.seat(by)
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

// moderate is actor for acts upon somebody else.
func moderate(s State, by, target ParticipantID, a action) (Participant, *Error) {
	p, err := actor(s, by, a)
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

// target finds the participant acted upon, in the state that the act needs.
func target(s State, id ParticipantID, a Access) (Participant, *Error) {
	p, ok := s.seat(id)
	if !ok || p.Access != a {
		return Participant{}, refuse(TargetNotFound, "no such participant is "+string(a))
	}
	return p, nil
}

// grantScreen allows a participant to share a screen. Taking it back mutes the screen in the same breath.
func grantScreen(s State, c GrantScreen) (Decision, *Error) {
	if _, err := moderate(s, c.By, c.Target, actGrant); err != nil {
		return Decision{}, err
	}
	p, err := target(s, c.Target, Admitted)
	if err != nil {
		return Decision{}, err
	}
	if !asking[p.Role] {
		return Decision{}, refuse(InvalidState, "grants are for participants")
	}
	var d Decision
	if p.ScreenGrant == c.Granted {
		return d, nil
	}
	d.add(ScreenGrantSet{ID: p.ID, Granted: c.Granted})
	after, _ := ApplyAll(s, d.Events).seat(p.ID)
	if pub, ok := p.publication(Screen); ok && !pub.Muted && !may(s, after, actPublishScreen) {
		d.add(MutedSet{ID: p.ID, Source: Screen, Muted: true})
	}
	return d, nil
}

// askScreen passes the wish to share a screen to the hosts.
func askScreen(s State, c AskScreen) (Decision, *Error) {
	p, err := actor(s, c.By, actAskScreen)
	if err != nil {
		return Decision{}, err
	}
	if may(s, p, actPublishScreen) {
		return Decision{}, refuse(InvalidState, "you may already")
	}
	var d Decision
	for _, host := range hosts(s) {
		d.tell(Asked{To: host, Participant: p.ID})
	}
	return d, nil
}

// hosts lists those who lead the session.
func hosts(s State) []ParticipantID {
	var ids []ParticipantID
	for _, p := range s.Participants {
		if p.Access == Admitted && p.Role.Hosts() {
			ids = append(ids, p.ID)
		}
	}
	return ids
}
