package wire

import (
	"encoding/base64"
	"time"

	"alcove/room"
)

// Requests about files. Their content travels over HTTP (PROTOCOL.md, section 6d).
type (
	// A FileAccess asks for the credential of the HTTP server.
	FileAccess struct{}
	// A FileCreate announces a file.
	FileCreate struct {
		Size     int64
		To       []room.ParticipantID
		Clinic   room.ClinicPaper
		Sealed   []byte
		AtEnd    bool
		At       time.Time
		Replaces string
	}
	// A FileWithdraw deletes an own file.
	FileWithdraw struct{ ID string }
)

func decodeFileCreate(c Reader) any {
	f := FileCreate{Size: int64(c.integer("size", maxFileSize))}
	if c.has("clinic") {
		f.Clinic = room.ClinicPaper(c.OneOf("clinic", string(room.EmergencyCard), string(room.Journal)))
	}
	if c.has("to") || f.Clinic == "" {
		f.To = c.recipients(maxFileRecipients)
	}
	if c.has("sealed") {
		f.Sealed, _ = base64.StdEncoding.DecodeString(string(c.sealed("sealed", maxFileSealed)))
	}
	if c.has("afterSession") {
		f.AtEnd = c.boolean("afterSession")
	}
	if c.has("releaseAt") {
		f.At = time.UnixMilli(int64(c.number("releaseAt", 1)))
	}
	if c.has("replaces") {
		f.Replaces = c.id("replaces")
	}
	return f
}

// FileAccessData returns the data of the answer to file.access. clinic lists the public keys of the clinic.
func FileAccessData(credential string, clinic []string) Object {
	return Object{"credential": credential, "clinic": List(clinic, identity)}
}

// FileCreatedData returns the data of the answer to file.create.
func FileCreatedData(id string) Object { return Object{"fileId": id} }

// reachName is a reach as the protocol and the configuration name it.
func reachName(r room.Reach) string {
	if r == room.ReachNobody {
		return "off"
	}
	return string(r)
}
