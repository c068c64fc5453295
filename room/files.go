package room

import "slices"

// A Reach says who may write, or send files, to whom. The zero value is nobody.
//
// In a therapy group a host gives worksheets out and participants hand work in; a private line between two participants is not the
// clinic's to open. So there is none: what a participant sends to other participants, the hosts get too.
type Reach string

// The closed list of reaches.
const (
	ReachNobody Reach = ""      // nobody sends
	ReachHosts  Reach = "hosts" // hosts to anybody, participants to hosts
	ReachAll    Reach = "all"   // participants also to others, as long as every host gets it too
)

// A ClinicPaper is what a page seals to the clinic alone.
type ClinicPaper string

// The closed list of papers for the clinic.
const (
	EmergencyCard ClinicPaper = "card"    // whom to call, what helps, what must not be done
	Journal       ClinicPaper = "journal" // what somebody writes for their therapists
)

// SendFile asks whether a file may be sent: to To, or as Clinic to the clinic alone. Package room/files keeps the file.
type SendFile struct {
	To     []ParticipantID
	Clinic ClinicPaper
}

// maxRecipients bounds those of one file: above the largest group, and each adds 1.7 kB to the sealed key.
const maxRecipients = 64

// Acts of files in the audit log. Each Detail holds the id of the file, which is random.
const (
	ActFileSent      = "file.sent"      // By the sender, complete, and to people
	ActFileReplaced  = "file.replaced"  // the id of the old one; file.sent has that of the new one
	ActFileWithdrawn = "file.withdrawn" // By the sender
	ActFileReleased  = "file.released"  // at its time, or by the end of the session
	ActFileDeleted   = "file.deleted"   // its time was over
	ActSealed        = "sealed.kept"    // to the clinic alone: card or journal, a slash, the id
	ActSealedExpired = "sealed.expired" // its retention class expired
)

func (SendFile) command() {}
func (SendFile) request() {}

// sendFile refuses what the policy does not allow. It changes nothing: an entry in the audit log follows once the file is complete.
func sendFile(s State, by ParticipantID, c SendFile) (Decision, *Error) {
	if c.Clinic != "" {
		return Decision{}, sealForClinic(s, by, c)
	}
	sender, err := authorize(s, by, actSendFile)
	switch {
	case err != nil:
		return Decision{}, err
	case len(c.To) == 0 || len(c.To) > maxRecipients:
		return Decision{}, refuse(BadRequest, "to: 1 to 64 participants")
	}
	for i, id := range c.To {
		p, err := findTarget(s, id, Admitted)
		switch {
		case err != nil:
			return Decision{}, err
		case id == by || slices.Contains(c.To[:i], id):
			return Decision{}, refuse(BadRequest, "to: each participant once, and not the sender")
		case !sender.Role.Hosts() && !p.Role.Hosts() && s.Policy.Files != ReachAll:
			return Decision{}, refuse(Forbidden, "participants send files to hosts")
		}
	}
	if !sender.Role.Hosts() && !reachesHosts(s, c.To) {
		return Decision{}, refuse(Forbidden, "to: what participants send to others, every host gets too")
	}
	return Decision{}, nil
}

// reachesHosts reports whether a list is of hosts alone, or names every host.
func reachesHosts(s State, to []ParticipantID) bool {
	leading := hosts(s)
	missing := slices.ContainsFunc(leading, func(id ParticipantID) bool { return !slices.Contains(to, id) })
	others := slices.ContainsFunc(to, func(id ParticipantID) bool { return !slices.Contains(leading, id) })
	return !others || !missing
}

func sealForClinic(s State, by ParticipantID, c SendFile) *Error {
	_, err := authorize(s, by, actWriteClinic)
	switch {
	case err != nil:
		return err
	case c.Clinic != EmergencyCard && c.Clinic != Journal:
		return refuse(BadRequest, "clinic: card or journal")
	case len(c.To) != 0:
		return refuse(BadRequest, "to: what is sealed to the clinic goes to nobody else")
	}
	return nil
}
