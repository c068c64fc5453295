package live

import (
	"slices"

	"alcove/room"
)

// changeReasons holds the reasons for changes, which Views do not contain.
type changeReasons struct {
	left             map[room.ParticipantID]string            // reasons of participants who left the group
	moved            map[room.ParticipantID]room.AccessReason // reasons of participants whose access changed
	sideRoomsChanged bool                                     // a side room opened or closed
}

// reasonsOf extracts the reasons from a decision.
func reasonsOf(d room.Decision) changeReasons {
	why := changeReasons{left: map[room.ParticipantID]string{}, moved: map[room.ParticipantID]room.AccessReason{}}
	for _, e := range d.Events {
		switch e := e.(type) {
		case room.SeatEnded:
			why.left[e.ID] = e.Reason
		case room.SeatSentBack:
			why.left[e.ID] = "sent_back"
		case room.SideRoomOpened, room.SideRoomClosed:
			why.sideRoomsChanged = true
		}
	}
	for _, e := range d.Effects {
		if m, ok := e.(room.AccessReason); ok {
			why.moved[m.To] = m
		}
	}
	return why
}

// diff returns the notices for one participant when their view changes from old to new. Apart from effects, media events and the
// welcome, participants are notified of nothing else.
func diff(old, new room.View, why changeReasons) []Notice {
	var list []Notice
	if old.Self.Access != new.Self.Access {
		m := why.moved[new.Self.ID]
		list = append(list, AccessChanged{Self: new.Self, Reason: m.Reason, Message: m.Message})
	} else if !slices.Equal(old.Self.Permissions, new.Self.Permissions) || old.Self.Role != new.Self.Role {
		list = append(list, AccessChanged{Self: new.Self})
	}
	if !sameSelf(old.Self, new.Self) {
		list = append(list, SelfUpdated{Self: new.Self})
	}
	switch {
	case new.Room == nil:
		return list
	case old.Room == nil:
		return append(list, enteringGroup(new)...)
	}
	if *old.Room != *new.Room {
		list = append(list, RoomUpdated{Room: *new.Room})
	}
	list = append(list, diffRoster(old.Roster, new.Roster, why)...)
	if new.Waiting != nil {
		list = append(list, diffWaiting(old.Waiting, new.Waiting)...)
	}
	if !slices.Equal(old.Barred, new.Barred) {
		list = append(list, BarredList{Barred: new.Barred})
	}
	list = append(list, diffKeyPackages(old.KeyPackages, new.KeyPackages)...)
	if new.Slots > old.Slots {
		list = append(list, mediaReady(new))
	}
	return list
}

// enteringGroup returns the notices for a participant who was just admitted to the group.
func enteringGroup(v room.View) []Notice {
	list := []Notice{RoomUpdated{Room: *v.Room}}
	if g := v.Groups; g != nil {
		list = append(list, GroupState{Number: g.Number, Main: g.Main, SideRoom: g.SideRoom})
	}
	list = append(list, Roster{People: v.Roster})
	if v.Waiting != nil {
		list = append(list, WaitingList{Waiting: v.Waiting}, BarredList{Barred: v.Barred})
	}
	list = append(list, diffKeyPackages(nil, v.KeyPackages)...)
	return append(list, mediaReady(v))
}

// diffKeyPackages gives the key packages that are new. One that is gone went with its seat, which is notified by itself.
func diffKeyPackages(old, new []room.KeyPackageView) (list []Notice) {
	for _, k := range new {
		if !slices.Contains(old, k) {
			list = append(list, KeyPackageGiven{Participant: k.ID, KeyPackage: k.KeyPackage})
		}
	}
	return list
}

func mediaReady(v room.View) MediaReady {
	return MediaReady{Generation: v.Self.Generation, Pairs: v.Slots, Screens: screenSlots}
}

func diffRoster(old, new []room.PersonView, why changeReasons) []Notice {
	var list []Notice
	for _, p := range old {
		if _, ok := findByID(new, p.ID, personID); !ok {
			reason := why.left[p.ID]
			if reason == "" {
				reason = "left"
			}
			list = append(list, PersonLeft{ID: p.ID, Reason: reason})
		}
	}
	for _, p := range new {
		before, ok := findByID(old, p.ID, personID)
		switch {
		case !ok:
			list = append(list, PersonJoined{Person: p})
		case !samePerson(before, p):
			list = append(list, PersonUpdated{Person: p})
		}
	}
	return list
}

func diffWaiting(old, new []room.WaiterView) []Notice {
	var list []Notice
	for _, w := range old {
		if _, ok := findByID(new, w.ID, waiterID); !ok {
			list = append(list, WaiterRemoved{ID: w.ID})
		}
	}
	for _, w := range new {
		before, ok := findByID(old, w.ID, waiterID)
		switch {
		case !ok:
			list = append(list, WaiterAdded{Waiter: w})
		case before != w:
			list = append(list, WaiterUpdated{Waiter: w})
		}
	}
	return list
}

func personID(p room.PersonView) room.ParticipantID { return p.ID }
func waiterID(w room.WaiterView) room.ParticipantID { return w.ID }

func findByID[T any](list []T, id room.ParticipantID, key func(T) room.ParticipantID) (T, bool) {
	i := slices.IndexFunc(list, func(item T) bool { return key(item) == id })
	if i < 0 {
		var none T
		return none, false
	}
	return list[i], true
}

func samePerson(a, b room.PersonView) bool {
	return a.DisplayName == b.DisplayName && a.Role == b.Role && a.Connected == b.Connected &&
		a.HandRaised == b.HandRaised && a.HandRaisedAt.Equal(b.HandRaisedAt) && a.Verified == b.Verified && a.Overrides == b.Overrides && a.Away == b.Away && a.AwayMessage == b.AwayMessage &&
		a.VerifiedName == b.VerifiedName && a.HelpRaised == b.HelpRaised && a.Media == b.Media && slices.Equal(a.Publications, b.Publications)
}

// sameSelf reports whether a participant's names, requirements, consents and side room are equal.
func sameSelf(a, b room.Self) bool {
	return a.DisplayName == b.DisplayName && a.VerifiedName == b.VerifiedName && a.Needs == b.Needs && a.SideRoom == b.SideRoom && a.HelpRaised == b.HelpRaised &&
		slices.Equal(a.Agreement, b.Agreement) && slices.EqualFunc(a.Consents, b.Consents, sameConsent)
}

func sameConsent(a, b room.ConsentView) bool {
	return a.Scope == b.Scope && a.Purpose == b.Purpose && a.Answer == b.Answer && slices.Equal(a.Texts, b.Texts)
}
