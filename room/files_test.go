package room

import (
	"testing"

	"alcove/auth"
)

// group fills a room with two hosts, two participants and an observer, and one who waits.
func filesScript(t *testing.T, files Reach, clinic bool) *script {
	r := newScript(t)
	r.s.Policy.MaxParticipants, r.s.Policy.Files, r.s.Policy.ClinicPapers = 10, files, clinic
	for id, role := range map[string]auth.Role{"boss": auth.Host, "co": auth.Cohost, "ann": auth.Participant, "ben": auth.Participant, "watch": auth.Observer} {
		r.do(Join{Participant: ParticipantID(id), Grant: auth.Grant{Room: r.s.Name, Role: role, Person: "person " + id}})
	}
	r.do(as("boss", Admit{All: true}))
	r.do(Join{Participant: "knock", Grant: auth.Grant{Room: r.s.Name, Role: auth.Participant, Person: "person knock"}})
	return r
}

func TestWhoMaySendFilesToWhom(t *testing.T) {
	ids := func(all ...ParticipantID) []ParticipantID { return all }
	for _, c := range []struct {
		name  string
		reach Reach
		by    ParticipantID
		to    []ParticipantID
		want  Code
	}{
		{"a host to one", ReachHosts, "boss", ids("ann"), ""},
		{"a host to all", ReachHosts, "co", ids("boss", "ann", "ben", "watch"), ""},
		{"a participant to a host", ReachHosts, "ann", ids("boss"), ""},
		{"a participant to another", ReachHosts, "ann", ids("ben"), Forbidden},
		{"a participant to another and the hosts", ReachHosts, "ann", ids("ben", "boss", "co"), Forbidden},
		{"all: a participant to another alone", ReachAll, "ann", ids("ben"), Forbidden},
		{"all: without one of the hosts", ReachAll, "ann", ids("ben", "boss"), Forbidden},
		{"all: to another and every host", ReachAll, "ann", ids("ben", "boss", "co"), ""},
		{"all: to one host alone", ReachAll, "ann", ids("co"), ""},
		{"off: a host", ReachNobody, "boss", ids("ann"), Forbidden},
		{"an observer", ReachAll, "watch", ids("boss"), Forbidden},
		{"one who waits", ReachAll, "knock", ids("boss"), NotAdmitted},
		{"to one who waits", ReachAll, "boss", ids("knock"), TargetNotFound},
		{"to nobody", ReachAll, "boss", nil, BadRequest},
		{"to oneself", ReachAll, "boss", ids("boss"), BadRequest},
		{"to one twice", ReachAll, "boss", ids("ann", "ann"), BadRequest},
		{"to a stranger", ReachAll, "boss", ids("nobody"), TargetNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := filesScript(t, c.reach, false)
			if c.want != "" {
				r.refused(as(c.by, SendFile{To: c.to}), c.want)
				return
			}
			if d := r.do(as(c.by, SendFile{To: c.to})); d.Events != nil || d.Effects != nil {
				t.Errorf("asking alone changes something: %+v", d)
			}
		})
	}
}

func TestWhoMayWriteToTheClinic(t *testing.T) {
	r := filesScript(t, ReachNobody, true)
	for _, id := range []ParticipantID{"boss", "ann", "watch"} {
		r.do(as(id, SendFile{Clinic: Journal}))
		r.do(as(id, SendFile{Clinic: EmergencyCard}))
	}
	r.refused(as("knock", SendFile{Clinic: Journal}), NotAdmitted)
	r.refused(as("ann", SendFile{Clinic: "diary"}), BadRequest)
	r.refused(as("ann", SendFile{Clinic: Journal, To: []ParticipantID{"boss"}}), BadRequest)
	filesScript(t, ReachAll, false).refused(as("ann", SendFile{Clinic: Journal}), Forbidden)
}
