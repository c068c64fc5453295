package live

import (
	"slices"

	"alcove/room"
)

// withoutNewRecordings removes recordings from a plan that have not started: all participants are notified before they do.
func (r *roomActor) withoutNewRecordings(plan room.Plan) room.Plan {
	return filterRecordings(plan, func(rec room.RecordedPublication) bool { return slices.Contains(r.plan.Record, rec) })
}

// notifiedOnly removes recordings of participants who were not notified because they are disconnected; their resume notifies them.
func (r *roomActor) notifiedOnly(plan room.Plan) room.Plan {
	return filterRecordings(plan, func(rec room.RecordedPublication) bool {
		c := r.connections[rec.Participant]
		return c != nil && c.notifiedOfRecording
	})
}

func filterRecordings(plan room.Plan, keep func(room.RecordedPublication) bool) room.Plan {
	var list []room.RecordedPublication
	for _, rec := range plan.Record {
		if keep(rec) {
			list = append(list, rec)
		}
	}
	plan.Record = list
	return plan
}

// noteRecording notes whether a connection was notified of the recording. Once notified, it remains so until the recording ends.
func (c *connection) noteRecording(v room.View) {
	on := v.Room != nil && v.Room.Recording.Records()
	c.notifiedOfRecording = on && (c.notifiedOfRecording || c.connected)
}
