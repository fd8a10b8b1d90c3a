package approval

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Need says whose approval a request takes. It is built by [Role], [Person],
// [Quorum], [All] and [Any]. The zero Need is met by nobody.
//
// A person fills one place at most: All(Role("peer"), Role("manager")) takes
// two people, even where one has both roles.
type Need struct {
	// Exactly one of these is set.
	Role   string     `json:"role,omitzero"`
	Person string     `json:"person,omitzero"`
	Quorum *NeedCount `json:"quorum,omitempty"`
	All    []Need     `json:"all,omitempty"`
	Any    []Need     `json:"any,omitempty"`
}

// NeedCount is several different people who each meet Of.
type NeedCount struct {
	N  int  `json:"n"`
	Of Need `json:"of"`
}

// Role is met by one person with the role.
func Role(role string) Need { return Need{Role: role} }

// Person is met by the person with the ID.
func Person(id string) Need { return Need{Person: id} }

// Quorum is met by n different people who each meet who.
func Quorum(n int, who Need) Need { return Need{Quorum: &NeedCount{N: n, Of: who}} }

// All is met when all needs are, by different people.
func All(needs ...Need) Need { return Need{All: needs} }

// Any is met when one of the needs is.
func Any(needs ...Need) Need { return Need{Any: needs} }

// IsZero reports whether n is the zero Need.
func (n Need) IsZero() bool {
	return n.Role == "" && n.Person == "" && n.Quorum == nil && n.All == nil && n.Any == nil
}

// String returns n in words, such as "2 of role manager".
func (n Need) String() string {
	join := func(list []Need, word string) string {
		parts := make([]string, len(list))
		for i, m := range list {
			parts[i] = m.String()
			if m.All != nil || m.Any != nil {
				parts[i] = "(" + parts[i] + ")"
			}
		}
		return strings.Join(parts, word)
	}
	switch {
	case n.Role != "":
		return "1 of role " + n.Role
	case n.Person != "":
		return "person " + n.Person
	case n.Quorum != nil && n.Quorum.Of.Role != "":
		return fmt.Sprintf("%d of role %s", n.Quorum.N, n.Quorum.Of.Role)
	case n.Quorum != nil:
		return fmt.Sprintf("%d of (%s)", n.Quorum.N, n.Quorum.Of)
	case n.All != nil:
		return join(n.All, " and ")
	case n.Any != nil:
		return join(n.Any, " or ")
	}
	return "nobody"
}

// Roles returns the roles that n names, sorted.
func (n Need) Roles() []string { return n.names(func(m Need) string { return m.Role }) }

// Persons returns the IDs of the people that n names, sorted.
func (n Need) Persons() []string { return n.names(func(m Need) string { return m.Person }) }

func (n Need) names(name func(Need) string) []string {
	var list []string
	n.walk(0, func(m Need, _ int) {
		if s := name(m); s != "" {
			list = append(list, s)
		}
	})
	slices.Sort(list)
	return slices.Compact(list)
}

func (n Need) walk(depth int, visit func(Need, int)) {
	visit(n, depth)
	if depth > maxNeedDepth {
		return
	}
	if n.Quorum != nil {
		n.Quorum.Of.walk(depth+1, visit)
	}
	for _, m := range n.All {
		m.walk(depth+1, visit)
	}
	for _, m := range n.Any {
		m.walk(depth+1, visit)
	}
}

// What a need may be at most, so that it can be evaluated at once.
const (
	maxNeedDepth    = 8
	maxNeedNodes    = 64
	maxPlaces       = 16 // people in one way to meet the need
	maxAlternatives = 64 // ways to meet the need
)

// Validate reports why n makes no sense, or is too large: more than 64 nodes, 8
// levels, 16 people, or 64 different ways to meet it.
func (n Need) Validate() error {
	nodes := 0
	var err error
	n.walk(0, func(m Need, depth int) {
		nodes++
		if e := m.validateNode(); err == nil {
			err = e
		}
		if err == nil && depth > maxNeedDepth {
			err = errors.New("approval: need: too deep")
		}
	})
	switch {
	case err != nil:
		return err
	case nodes > maxNeedNodes:
		return errors.New("approval: need: too large")
	case n.ways() == nil:
		return errors.New("approval: need: too many people or ways")
	}
	return nil
}

func (n Need) validateNode() error {
	set := 0
	for _, is := range []bool{n.Role != "", n.Person != "", n.Quorum != nil, n.All != nil, n.Any != nil} {
		if is {
			set++
		}
	}
	switch {
	case set == 0, n.All != nil && len(n.All) == 0, n.Any != nil && len(n.Any) == 0:
		return errors.New("approval: need: empty")
	case set > 1:
		return errors.New("approval: need: more than one of role, person, quorum, all, any")
	case n.Quorum != nil && n.Quorum.N < 1:
		return errors.New("approval: need: a quorum of less than one")
	case len(n.Role) > maxID || len(n.Person) > maxID:
		return errors.New("approval: need: a name is too long")
	}
	return nil
}
