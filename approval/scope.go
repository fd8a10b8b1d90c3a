package approval

import "strings"

// Scope says which requests a switch, a fuse or a standing rule is about: those
// for which every field that is set holds. The zero Scope is about all.
type Scope struct {
	Shop     string `json:"shop,omitzero"`     // shop domain
	Location string `json:"location,omitzero"` // GID of the location
	Kind     string `json:"kind,omitzero"`     // of the action
	Model    string `json:"model,omitzero"`    // name of the model, as in [audit.Model]
	Actor    string `json:"actor,omitzero"`    // ID of the proposer
}

// Covers reports whether r is in the scope.
func (s Scope) Covers(r *Request) bool {
	model := ""
	if r.Model != nil {
		model = r.Model.Name
	}
	for _, f := range [...]struct{ want, is string }{
		{s.Shop, r.Shop}, {s.Location, r.Location}, {s.Kind, r.Kind}, {s.Model, model}, {s.Actor, r.Proposer.ID},
	} {
		if f.want != "" && f.want != f.is {
			return false
		}
	}
	return true
}

// String returns the scope in words, such as "kind shop.discount, location …".
func (s Scope) String() string {
	var parts []string
	for _, f := range [...]struct{ name, value string }{
		{"shop", s.Shop}, {"location", s.Location}, {"kind", s.Kind}, {"model", s.Model}, {"actor", s.Actor},
	} {
		if f.value != "" {
			parts = append(parts, f.name+" "+f.value)
		}
	}
	if parts == nil {
		return "everything"
	}
	return strings.Join(parts, ", ")
}

func (c *checker) scope(s Scope) {
	c.id("scope.shop", s.Shop, maxID)
	c.id("scope.location", s.Location, maxID)
	c.id("scope.kind", s.Kind, maxID)
	c.id("scope.model", s.Model, maxID)
	c.id("scope.actor", s.Actor, maxID)
}
