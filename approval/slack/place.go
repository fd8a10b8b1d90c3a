package slack

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"

	"github.com/posai-go/posai/approval"
)

// Place is a channel of a workspace.
type Place struct {
	TeamID  string // T…; if empty, the workspace of the [Credentials]
	Channel string // C… or G…
}

// Workspace is a workspace in which the app is installed.
type Workspace struct {
	TeamID   string // T…
	BotToken string // xoxb-…, as in [Credentials]
}

// Format prints the team ID: the struct holds a token.
func (w Workspace) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(w.TeamID)) }

// LogValue returns the team ID.
func (w Workspace) LogValue() slog.Value { return slog.StringValue(w.TeamID) }

// Route says where requests of a scope are asked.
type Route struct {
	Scope approval.Scope // shop, location, kind, model, actor; zero: all
	To    []Place
}

// Routes returns an [Options].Places: a request is asked in the places of the
// first route whose scope covers it, and nowhere if none does.
func Routes(routes ...Route) func(*approval.Request) []Place {
	routes = slices.Clone(routes)
	return func(r *approval.Request) []Place {
		for i := range routes {
			if routes[i].Scope.Covers(r) {
				return routes[i].To
			}
		}
		return nil
	}
}

// MentionRoles returns an [Options].Mentions that mentions, for a need, the
// Slack users and user groups of the roles and persons that it names. Both maps
// hold Slack IDs, such as "U024BE7LH" or "S0604QSJC", by role and by the ID of
// the principal; either may be nil.
func MentionRoles(roles map[string][]string, persons map[string]string) func(context.Context, *approval.Request, approval.Need) []string {
	return func(_ context.Context, _ *approval.Request, need approval.Need) []string {
		var ids []string
		for _, role := range need.Roles() {
			ids = append(ids, roles[role]...)
		}
		for _, person := range need.Persons() {
			if id := persons[person]; id != "" {
				ids = append(ids, id)
			}
		}
		return ids
	}
}

var mentionPattern = regexp.MustCompile(`^[UWS][A-Z0-9]{2,30}$`)

// maxMentions bounds how many are mentioned in one message.
const maxMentions = 20

// mentions returns the markup that mentions those who are asked.
func (s *Slack) mentions(ctx context.Context, r *approval.Request, need approval.Need) []string {
	if s.opts.Mentions == nil {
		return nil
	}
	var list []string
	for _, id := range s.opts.Mentions(ctx, r, need) {
		if !mentionPattern.MatchString(id) || len(list) == maxMentions {
			continue
		}
		mark := "<@" + id + ">"
		if id[0] == 'S' {
			mark = "<!subteam^" + id + ">"
		}
		if !slices.Contains(list, mark) {
			list = append(list, mark)
		}
	}
	return list
}
