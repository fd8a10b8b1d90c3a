package introspect

import (
	"regexp"
	"strings"
)

// Access is what Shopify's prose says about who may use a type or a field.
type Access struct {
	// AllOf are the access scopes that were understood: of each list, one
	// scope is needed. It is empty when none was.
	AllOf [][]string
	// Also is what the prose asks for besides access scopes.
	Also string
	// Parsed says that the part before Also was understood as a whole.
	Parsed bool
}

var (
	scopeName = "`[a-z][a-z0-9_]*`"
	scopeRE   = regexp.MustCompile(scopeName)

	// oneOf matches "`a` access scope, `b` access scope or `c` access scope".
	oneScope = scopeName + `(?: access)?(?: scopes?)?`
	oneOf    = oneScope + `(?:(?:, | or (?:the )?)` + oneScope + `)*`

	// The whole sentence: words that lead in, one list or two joined by "and",
	// words that lead out.
	sentenceRE = regexp.MustCompile(`^(?:[Tt]he |Apps must have (?:the )?|Requires (?:the )?|Access allowed for apps with (?:the )?|Any of )?` +
		`(` + oneOf + `)` +
		`(?: (?:as well as|and) (?:any of )?\(?(` + oneOf + `)\)?)?` +
		`(?: is required)?$`)

	// requirementRE matches sentences after "Also:" that only name scopes.
	requirementRE = regexp.MustCompile(`^Requires (?:the )?(` + oneOf + `)$`)
)

// ParseAccess reads the prose of "requiredAccess":
//
//	`write_orders` access scope, `x` access scope or `y` access scope. Also: The user must …
//
// What it does not understand is left to the caller, who has the prose.
func ParseAccess(prose string) Access {
	prose = strings.TrimSpace(prose)
	head, also, _ := strings.Cut(prose, " Also: ")
	also = strings.TrimSpace(also)
	// Sentences after the first, without "Also:", are conditions too.
	if first, rest, more := strings.Cut(head, ". "); more {
		head, also = first, strings.TrimSpace(rest+" "+also)
	}
	m := sentenceRE.FindStringSubmatch(strings.TrimSuffix(head, "."))
	// A sentence that names other things than scopes ("user permission") or
	// no scope at all ("the `x` access") is not understood.
	if m == nil || !strings.Contains(m[0], "scope") {
		return Access{}
	}
	a := Access{Parsed: true, Also: also}
	for _, list := range m[1:] {
		if list != "" {
			a.AllOf = append(a.AllOf, scopes(list))
		}
	}
	if m := requirementRE.FindStringSubmatch(strings.TrimSuffix(also, ".")); m != nil && strings.Contains(m[0], "scope") {
		a.AllOf = append(a.AllOf, scopes(m[1]))
		a.Also = ""
	}
	return a
}

func scopes(list string) []string {
	var out []string
	for _, s := range scopeRE.FindAllString(list, -1) {
		out = append(out, strings.Trim(s, "`"))
	}
	return out
}
