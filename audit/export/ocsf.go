package export

import (
	"cmp"
	"encoding/json"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/posai-go/posai/audit"
)

// The class of all events, API Activity of OCSF 1.2.0
// (https://schema.ocsf.io/1.2.0/classes/api_activity).
const (
	ocsfVersion    = "1.2.0"
	ocsfCategory   = 6
	ocsfClass      = 6003
	activityCreate = 1
	activityRead   = 2
	activityUpdate = 3
	activityDelete = 4
	activityOther  = 99
	severityInfo   = 1
	severityMedium = 3
	statusSuccess  = 1
	statusFailure  = 2
	userTypeUser   = 1
	userTypeSystem = 3
	userTypeOther  = 99
)

type ocsfEvent struct {
	ActivityID   int            `json:"activity_id"`
	ActivityName string         `json:"activity_name"`
	CategoryUID  int            `json:"category_uid"`
	CategoryName string         `json:"category_name"`
	ClassUID     int            `json:"class_uid"`
	ClassName    string         `json:"class_name"`
	TypeUID      int            `json:"type_uid"`
	SeverityID   int            `json:"severity_id"`
	StatusID     int            `json:"status_id"`
	StatusDetail string         `json:"status_detail,omitempty"`
	Time         int64          `json:"time"` // milliseconds of the Unix epoch
	Message      string         `json:"message"`
	Metadata     ocsfMetadata   `json:"metadata"`
	Cloud        ocsfCloud      `json:"cloud"`
	Actor        ocsfActor      `json:"actor"`
	API          ocsfAPI        `json:"api"`
	Source       ocsfEndpoint   `json:"src_endpoint"`
	Destination  *ocsfEndpoint  `json:"dst_endpoint,omitempty"`
	Resources    []ocsfResource `json:"resources,omitempty"`
	Unmapped     ocsfUnmapped   `json:"unmapped"`
}

type ocsfMetadata struct {
	Version        string      `json:"version"`
	Product        ocsfProduct `json:"product"`
	UID            string      `json:"uid"`
	Sequence       int64       `json:"sequence"`
	LogName        string      `json:"log_name,omitempty"`
	EventCode      string      `json:"event_code"`
	CorrelationUID string      `json:"correlation_uid,omitempty"`
	Profiles       []string    `json:"profiles"`
	OriginalTime   string      `json:"original_time"`
}

type ocsfProduct struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
}

type ocsfCloud struct {
	Provider string `json:"provider"`
}

type ocsfActor struct {
	User    ocsfUser `json:"user"`
	AppName string   `json:"app_name,omitempty"`
}

type ocsfUser struct {
	UID    string `json:"uid"`
	Type   string `json:"type"`
	TypeID int    `json:"type_id"`
}

type ocsfAPI struct {
	Operation string       `json:"operation"`
	Request   *ocsfRequest `json:"request,omitempty"`
}

type ocsfRequest struct {
	UID string `json:"uid"`
}

type ocsfEndpoint struct {
	UID      string `json:"uid,omitempty"`
	SvcName  string `json:"svc_name,omitempty"`
	Hostname string `json:"hostname,omitempty"`
}

type ocsfResource struct {
	UID  string `json:"uid"`
	Type string `json:"type"`
}

type ocsfUnmapped struct {
	Entry    json.RawMessage `json:"entry"`
	LeafHash string          `json:"leaf_hash"`
}

// OCSF writes each record as one line with an event of the class API Activity
// (6003) of the Open Cybersecurity Schema Framework 1.2.0
// (https://schema.ocsf.io/1.2.0/classes/api_activity). What the class has no
// attribute for, such as model and policy, is in the entry's canonical form,
// which is whole in "unmapped", with the leaf's hash. opts may be nil.
func OCSF(w io.Writer, records iter.Seq2[audit.Record, error], opts *Options) error {
	o := opts.orDefault()
	return lines(w, records, func(r audit.Record) (any, error) {
		entry, err := r.Entry.MarshalJSON()
		if err != nil {
			return nil, err
		}
		return ocsf(r, entry, o), nil
	})
}

func ocsf(r audit.Record, entry []byte, o Options) ocsfEvent {
	e := &r.Entry
	activity, name := ocsfActivity(e.Kind)
	out := ocsfEvent{
		ActivityID: activity, ActivityName: name,
		CategoryUID: ocsfCategory, CategoryName: "Application Activity", ClassUID: ocsfClass, ClassName: "API Activity",
		TypeUID: ocsfClass*100 + activity, SeverityID: severityInfo, StatusID: statusSuccess,
		Time: e.Time.UnixMilli(),
		Metadata: ocsfMetadata{
			Version: ocsfVersion, Product: ocsfProduct{Name: o.Product, VendorName: "posai"},
			UID: e.ID, Sequence: r.Index, LogName: o.Log, EventCode: string(e.Kind),
			CorrelationUID: e.Correlation, Profiles: []string{"cloud"}, OriginalTime: e.Time.UTC().Format(time.RFC3339Nano),
		},
		Cloud:  ocsfCloud{Provider: "Shopify"}, // which the class requires
		API:    ocsfAPI{Operation: cmp.Or(e.Action, string(e.Kind))},
		Source: ocsfEndpoint{UID: e.Location, SvcName: cmp.Or(e.Actor.Channel, o.Product)},
		// The first line of the text form: index, time, kind, actor, action.
		Message:  strings.TrimSpace(strings.SplitN(audit.Format(r), "\n", 2)[0]),
		Unmapped: ocsfUnmapped{Entry: entry, LeafHash: r.LeafHash.String()},
	}
	who := cmp.Or(e.Actor.ID, string(e.Actor.Type))
	switch e.Actor.Type {
	case audit.Human:
		out.Actor.User = ocsfUser{UID: who, Type: "User", TypeID: userTypeUser}
	case audit.System:
		out.Actor.User, out.Actor.AppName = ocsfUser{UID: who, Type: "System", TypeID: userTypeSystem}, who
	default:
		out.Actor.User, out.Actor.AppName = ocsfUser{UID: who, Type: string(e.Actor.Type), TypeID: userTypeOther}, who
	}
	if e.Kind == audit.KindFailed {
		out.SeverityID, out.StatusID = severityMedium, statusFailure
	}
	if f := e.Effect; f != nil {
		out.StatusDetail = f.Outcome
		if f.RequestID != "" {
			out.API.Request = &ocsfRequest{UID: f.RequestID}
		}
	}
	if e.Shop != "" {
		out.Destination = &ocsfEndpoint{Hostname: e.Shop}
	}
	for _, s := range e.Subjects {
		out.Resources = append(out.Resources, ocsfResource{UID: s.ID, Type: s.Type})
	}
	return out
}

// ocsfActivity says which of create, read, update and delete a kind is.
func ocsfActivity(kind audit.Kind) (id int, name string) {
	switch kind {
	case audit.KindProposed:
		return activityCreate, "Create"
	case audit.KindRead:
		return activityRead, "Read"
	case audit.KindEffect, audit.KindCompensated, audit.KindConfigured:
		return activityUpdate, "Update"
	case audit.KindErased:
		return activityDelete, "Delete"
	}
	return activityOther, string(kind)
}
