package console

import (
	"errors"
	"fmt"
	"strings"

	"github.com/posai-go/posai/approval"
)

// need says in words whose approval a request takes, and who has given theirs.
func need(q *approval.Request) string {
	words := "Needs " + needed(q)
	var given []string
	for _, d := range q.Decisions {
		if d.Verdict == approval.Approve && q.State == approval.Pending {
			given = append(given, name(d.By))
		}
	}
	if given != nil {
		words += "; approved so far by " + strings.Join(given, ", ")
	}
	return words
}

// needed says whose approval a request takes.
func needed(q *approval.Request) string {
	if q.Need().IsZero() {
		return "nobody's approval"
	}
	return needWords(q.Need())
}

func needWords(n approval.Need) string {
	join := func(list []approval.Need, word string) string {
		parts := make([]string, len(list))
		for i, m := range list {
			parts[i] = needWords(m)
		}
		return strings.Join(parts, word)
	}
	switch {
	case n.Role != "":
		return "somebody with the role " + n.Role
	case n.Person != "":
		return n.Person
	case n.Quorum != nil && n.Quorum.N == 1:
		return needWords(n.Quorum.Of)
	case n.Quorum != nil && n.Quorum.Of.Role != "":
		return fmt.Sprintf("%d people with the role %s", n.Quorum.N, n.Quorum.Of.Role)
	case n.Quorum != nil:
		return fmt.Sprintf("%d people, each %s", n.Quorum.N, needWords(n.Quorum.Of))
	case n.All != nil:
		return join(n.All, " and ")
	case n.Any != nil:
		return join(n.Any, " or ")
	}
	return "a decision"
}

// reasonOf returns what an error of the queue says to people.
func reasonOf(err error) string {
	if f, ok := errors.AsType[*approval.ForbiddenError](err); ok {
		return f.Reason
	}
	if i, ok := errors.AsType[*approval.InvalidError](err); ok {
		return i.Reason
	}
	return ""
}
