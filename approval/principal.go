package approval

import (
	"slices"

	"github.com/posai-go/posai/audit"
)

// PrincipalType says what kind of being a [Principal] is.
type PrincipalType string

// The types of principals. Only a Human decides.
const (
	Human  PrincipalType = "human"
	AI     PrincipalType = "ai"
	System PrincipalType = "system"
)

// Principal is who proposes or decides. Channels get it from the caller's
// authenticator; the queue believes what it is told.
type Principal struct {
	// ID names the principal for good, the same in every channel, in at most
	// 256 bytes. It goes into the audit log, so it should be a staff number
	// or a GID rather than a name or an e-mail address.
	ID string `json:"id"`

	Name string        `json:"name,omitzero"` // what people call it
	Type PrincipalType `json:"type"`

	// Roles are what the principal may act as.
	Roles []string `json:"roles,omitempty"`

	// Locations restricts a principal to requests of these locations (GIDs).
	// If empty, it may act for all. A principal with locations cannot decide a
	// request that has none, since that concerns the whole shop.
	Locations []string `json:"locations,omitempty"`

	// ActsFor holds the ID of somebody absent whose roles were used, in a
	// decision that a [Delegation] made possible. The queue sets it; what a
	// channel says there is ignored.
	ActsFor []string `json:"acts_for,omitempty"`
}

// HasRole reports whether role is one of p's.
func (p Principal) HasRole(role string) bool { return slices.Contains(p.Roles, role) }

// At reports whether p may act for the location, which may be empty for the
// whole shop.
func (p Principal) At(location string) bool {
	return len(p.Locations) == 0 || slices.Contains(p.Locations, location)
}

// clone returns a copy that shares nothing with p.
func (p Principal) clone() Principal {
	p.Roles, p.Locations, p.ActsFor = slices.Clone(p.Roles), slices.Clone(p.Locations), slices.Clone(p.ActsFor)
	return p
}

func (p Principal) actor(role, channel string) audit.Actor {
	return audit.Actor{Type: audit.ActorType(p.Type), ID: p.ID, Role: role, Channel: channel}
}
