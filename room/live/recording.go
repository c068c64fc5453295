package live

import (
	"slices"

	"alcove/room"
)

// unbegun leaves out of a plan what is not recorded yet: everybody is told before.
func (r *roomActor) withoutNewRecordings(plan room.Plan) room.Plan {
	return filterRecordings(plan, func(rec room.RecordedPublication) bool { return slices.Contains(r.plan.Record, rec) })
}

// informed leaves out those who were not told: their connection dropped before, and they hear it on resume.
func (r *roomActor) toldOnly(plan room.Plan) room.Plan {
	return filterRecordings(plan, func(rec room.RecordedPublication) bool {
		c := r.connections[rec.Participant]
		return c != nil && c.toldRecording
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

// hear notes what a connection was just told of the recording. What was told holds while the recording goes on.
func (c *connection) noteRecording(v room.View) {
	on := v.Room != nil && v.Room.Recording.Records()
	c.toldRecording = on && (c.toldRecording || c.connected)
}
