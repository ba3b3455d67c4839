package outbox

import (
	"encoding/json"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// contentType is that of a CloudEvent in structured mode.
const contentType = "application/cloudevents+json"

// cloudEvent is an event as consumers get it: docs/events.md is the contract.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            eventData `json:"data"`
}

type eventData struct {
	EventID string    `json:"event_id"`
	Realm   string    `json:"realm"`
	Seq     int64     `json:"seq"`
	Type    string    `json:"type"`
	Phase   string    `json:"phase,omitempty"`
	Old     string    `json:"old"`
	New     string    `json:"new,omitempty"`
	Via     string    `json:"via,omitempty"`
	Cause   string    `json:"cause,omitempty"`
	Subject string    `json:"subject,omitempty"`
	AppID   string    `json:"appid,omitempty"`
	At      time.Time `json:"at"`
	Trace   string    `json:"trace,omitempty"`
}

// encode gives the bytes that are sent, and signed.
func encode(issuer string, e identity.Event) ([]byte, error) {
	at := e.At.UTC()
	return json.Marshal(cloudEvent{
		SpecVersion: "1.0", ID: e.ID, Source: issuer + "/realms/" + e.Realm, Type: string(e.Type), Subject: e.Old, Time: at,
		DataContentType: "application/json",
		Data: eventData{
			EventID: e.ID, Realm: e.Realm, Seq: e.Seq, Type: string(e.Type), Phase: string(e.Phase), Old: e.Old, New: e.New,
			Via: e.Via, Cause: e.Cause, Subject: e.Subject, AppID: e.AppID, At: at, Trace: e.Trace,
		},
	})
}
