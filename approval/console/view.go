package console

import (
	"cmp"
	"strings"

	"github.com/posai-go/posai/approval"
)

// visible is the default of [Options].Visible, for those who cannot decide:
// somebody with a role sees what concerns their locations.
func visible(p approval.Principal, r *approval.Request) bool {
	if len(p.Roles) == 0 {
		return false
	}
	return p.At(r.Location)
}

// card is a request in a list and at the top of its own page.
type card struct {
	ID, Href       string
	Title, Summary string
	Location       string
	By             by
	Amount         *amount
	State          state
	Waiting        bool
	Mine           bool
	Pick           bool   // can be ticked, to be decided with others
	Outcome        string // "Maria approved it", for decided ones
	Created        *moment
	Changed        *moment
	Expires        *moment
}

// by is who proposed.
type by struct {
	Name    string
	AI      bool
	Without bool // an AI's baseline: a fixed rule that must not pass for AI
}

func proposedBy(r *approval.Request) by {
	baseline := r.Model != nil && r.Model.Baseline
	return by{Name: name(r.Proposer), AI: r.Proposer.Type == approval.AI && !baseline, Without: baseline}
}

// state is a state as people read it.
type state struct{ Label, Tone string }

func stateOf(s approval.State) state {
	switch s {
	case approval.Pending:
		return state{"waiting", "wait"}
	case approval.Approved:
		return state{"approved", "good"}
	case approval.Rejected:
		return state{"rejected", "bad"}
	case approval.Denied:
		return state{"denied by policy", "bad"}
	case approval.Expired:
		return state{"expired", ""}
	case approval.Executing:
		return state{"approved, being done", "good"}
	case approval.Executed:
		return state{"approved and done", "good"}
	case approval.Uncertain:
		return state{"please check", "wait"}
	case approval.Failed:
		return state{"approved, but failed", "bad"}
	}
	return state{string(s), ""}
}

func (c *Console) card(r *approval.Request, root string, mine bool, clock clock) card {
	v := card{
		ID: r.ID, Href: root + "requests/" + r.ID,
		Title: title(r), Summary: r.Preview.Summary, Location: c.location(r),
		By:     proposedBy(r),
		Amount: newAmount(r.Amount.Amount, r.Amount.Currency),
		State:  stateOf(r.State), Waiting: r.State == approval.Pending, Mine: mine,
		Created: clock.moment(r.CreatedAt), Changed: clock.moment(r.ChangedAt),
	}
	if v.Waiting {
		v.Expires = clock.moment(r.ExpiresAt)
	}
	if n := len(r.Decisions); n > 0 && !v.Waiting {
		last := r.Decisions[n-1]
		v.Outcome = name(last.By) + " " + verdictName(last.Verdict) + " it"
		v.Changed = clock.moment(last.At)
	}
	return v
}

// location is the place of a request in words, "" for the whole shop.
func (c *Console) location(r *approval.Request) string { return c.locationName(r.Location) }

func (c *Console) locationName(gid string) string {
	if gid == "" {
		return ""
	}
	if c.opts.LocationName != nil {
		if name := c.opts.LocationName(gid); name != "" {
			return name
		}
	}
	if id, ok := strings.CutPrefix(gid, "gid://shopify/Location/"); ok {
		return "Location " + id
	}
	return gid
}

func title(r *approval.Request) string { return cmp.Or(strings.TrimSpace(r.Preview.Title), r.Kind) }

func name(p approval.Principal) string { return cmp.Or(p.Name, p.ID) }

func verdictName(v approval.Verdict) string {
	if v == approval.Reject {
		return "rejected"
	}
	return "approved"
}

func channelName(channel string) string {
	switch channel {
	case Channel:
		return "the console"
	case "slack":
		return "Slack"
	}
	return channel
}
