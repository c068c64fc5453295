package room

// An Effect is a notification to one participant that does not change the State.
type Effect interface {
	// Recipient is the participant to notify, "" if the effect is not for one.
	Recipient() ParticipantID
}

type (
	// Closing notifies To that the seat ended, before the connection closes.
	Closing struct {
		To      ParticipantID
		Access  Access // final
		Reason  string // a reason of access.changed
		Message string // written by a host, or ""
	}
	// AccessReason is the reason (admitted, sent_back) of a change of access that the next View shows.
	AccessReason struct {
		To      ParticipantID
		Reason  string
		Message string
	}
	// ScreenRequested notifies a host that Participant asks for permission to share a screen.
	ScreenRequested struct{ To, Participant ParticipantID }
	// UnmuteAsked asks To to unmute.
	UnmuteAsked struct {
		To     ParticipantID
		Source Source
	}
	// HelpRequested notifies a host that Participant asks for help.
	HelpRequested struct{ To, Participant ParticipantID }
	// HelpReplied carries a host's answer to the request for help of Participant.
	HelpReplied struct {
		To, Participant ParticipantID
		Text            string
	}
	// AgreementShown shows To the agreement again, in every locale.
	AgreementShown struct {
		To    ParticipantID
		Texts []Text
	}
	// Warning notifies To that the session ends in Minutes, rounded up.
	Warning struct {
		To      ParticipantID
		Minutes int
	}
	// RecorderFailed notifies To that the recording ended because of Fault. The session continues.
	RecorderFailed struct {
		To    ParticipantID
		Fault Fault
	}
	// QualityWarned notifies a host that a source of Participant exceeds its rate limit; the excess is dropped. Withheld: the source was
	// muted, and Participant is notified too. Taken: it was not the first time, so the permission was taken away.
	QualityWarned struct {
		To, Participant ParticipantID
		Source          Source
		Withheld, Taken bool
	}
	// MessageSent delivers a text between the waiting room and the hosts.
	MessageSent struct {
		To       ParticipantID
		FromHost bool
		Waiter   ParticipantID
		Text     string
	}
	// EntrySent carries an entry of a group to somebody admitted.
	EntrySent struct {
		To    ParticipantID
		Entry GroupEntry
	}
	// WelcomeSent carries the welcome in it to somebody whom it adds.
	WelcomeSent struct {
		To    ParticipantID
		Entry GroupEntry
	}
	// GroupMessageSent carries an application message.
	GroupMessageSent struct {
		To, From ParticipantID
		Group    GroupID
		Number   uint64
		Message  Sealed
	}
	// KeysReleased carries keys of Participant into the recording of Person.
	KeysReleased struct {
		Participant ParticipantID
		Person      PersonID
		ReleaseKeys
	}
)

func (e Closing) Recipient() ParticipantID          { return e.To }
func (e AccessReason) Recipient() ParticipantID     { return e.To }
func (e ScreenRequested) Recipient() ParticipantID  { return e.To }
func (e UnmuteAsked) Recipient() ParticipantID      { return e.To }
func (e HelpRequested) Recipient() ParticipantID    { return e.To }
func (e HelpReplied) Recipient() ParticipantID      { return e.To }
func (e AgreementShown) Recipient() ParticipantID   { return e.To }
func (e Warning) Recipient() ParticipantID          { return e.To }
func (e RecorderFailed) Recipient() ParticipantID   { return e.To }
func (e QualityWarned) Recipient() ParticipantID    { return e.To }
func (e MessageSent) Recipient() ParticipantID      { return e.To }
func (e WelcomeSent) Recipient() ParticipantID      { return e.To }
func (e EntrySent) Recipient() ParticipantID        { return e.To }
func (e GroupMessageSent) Recipient() ParticipantID { return e.To }

// Recipient is empty: the keys go to the recorder.
func (e KeysReleased) Recipient() ParticipantID { return "" }
