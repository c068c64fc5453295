package room

// An Effect is what the actor does beside the events: words to one participant that leave no trace in the State.
type Effect interface{ effect() }

type (
	// Closing tells To that the seat is over, before the connection closes.
	Closing struct {
		To      ParticipantID
		Access  Access // final
		Reason  string // as access.changed names it
		Message string // a host's own words
	}
	// AccessReason gives the reason for a change of access that the next View shows (admitted, sent_back).
	AccessReason struct {
		To      ParticipantID
		Reason  string
		Message string
	}
	// ScreenRequested tells a host that Participant asks for a permission.
	ScreenRequested struct{ To, Participant ParticipantID }
	// UnmuteAsked asks To to unmute.
	UnmuteAsked struct {
		To     ParticipantID
		Source Source
	}
	// HelpRequested tells a host that Participant needs help.
	HelpRequested struct{ To, Participant ParticipantID }
	// AgreementShown shows To the agreement again, in every locale.
	AgreementShown struct {
		To    ParticipantID
		Texts []Text
	}
	// Warning tells To that the session ends in so many minutes, rounded up.
	Warning struct {
		To      ParticipantID
		Minutes int
	}
	// RecorderFailed tells To that nothing is recorded any more, and why. The session goes on.
	RecorderFailed struct {
		To    ParticipantID
		Fault Fault
	}
	// QualityWarned tells a host that a source of Participant sends more than it may: what is above is dropped. Withheld: it is
	// muted for it, and Participant is told too. Taken: it was not the first time, and the permission is gone.
	QualityWarned struct {
		To, Participant ParticipantID
		Source          Source
		Withheld, Taken bool
	}
	// MessageSent carries words between the waiting room and the hosts.
	MessageSent struct {
		To       ParticipantID
		FromHost bool
		Waiter   ParticipantID
		Text     string
	}
)

func (Closing) effect()         {}
func (AccessReason) effect()    {}
func (ScreenRequested) effect() {}
func (UnmuteAsked) effect()     {}
func (HelpRequested) effect()   {}
func (AgreementShown) effect()  {}
func (Warning) effect()         {}
func (RecorderFailed) effect()  {}
func (QualityWarned) effect()   {}
func (MessageSent) effect()     {}
