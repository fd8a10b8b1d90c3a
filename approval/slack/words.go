package slack

import (
	"cmp"
	"errors"
	"strings"

	"github.com/posai-go/posai/approval"
)

func title(r *approval.Request) string { return cmp.Or(strings.TrimSpace(r.Preview.Title), r.Kind) }

// needText says who may decide a request.
func needText(r *approval.Request) string {
	if r.Need().IsZero() {
		return ""
	}
	return "Needed: " + r.Need().String()
}

// reasonOf returns what an error says to people.
func reasonOf(err error) string {
	if f, ok := errors.AsType[*approval.ForbiddenError](err); ok {
		return f.Reason
	}
	if i, ok := errors.AsType[*approval.InvalidError](err); ok {
		return i.Reason
	}
	return ""
}

// location is the place of a request in words, "" for the whole shop.
func (s *Slack) location(r *approval.Request) string {
	if r.Location == "" {
		return ""
	}
	if s.opts.LocationName != nil {
		if name := s.opts.LocationName(r.Location); name != "" {
			return name
		}
	}
	if id, ok := strings.CutPrefix(r.Location, "gid://shopify/Location/"); ok {
		return "Location " + id
	}
	return r.Location
}

func name(p approval.Principal) string { return cmp.Or(p.Name, p.ID) }

// settledWords says who has decided a request.
func settledWords(r *approval.Request) string {
	words := "This is not waiting any more: " + strings.ToLower(stateLabel(r.State)) + "."
	if n := len(r.Decisions); n > 0 {
		d := r.Decisions[n-1]
		words += " " + name(d.By) + " " + verdictName(d.Verdict) + " it in " + channelName(d.Channel) + ", at " + d.At.UTC().Format("15:04:05 MST on 2 January") + "."
	}
	return words + " Your click changed nothing."
}

func verdictName(v approval.Verdict) string {
	if v == approval.Reject {
		return "rejected"
	}
	return "approved"
}

func channelName(channel string) string {
	switch channel {
	case Channel:
		return "Slack"
	case "console":
		return "the console"
	}
	return cmp.Or(channel, "another channel")
}

func stateLabel(s approval.State) string {
	switch s {
	case approval.Pending:
		return "Waiting for approval"
	case approval.Approved:
		return "Approved"
	case approval.Rejected:
		return "Rejected"
	case approval.Denied:
		return "Denied by policy"
	case approval.Expired:
		return "Expired, nothing happens"
	case approval.Executing:
		return "Approved, being done"
	case approval.Executed:
		return "Approved and done"
	case approval.Uncertain:
		return "Approved, but it is not certain whether it happened: please check in the console"
	case approval.Failed:
		return "Approved, but it failed"
	}
	return string(s)
}

func stateIcon(s approval.State) string {
	switch s {
	case approval.Approved, approval.Executing, approval.Executed:
		return "✅"
	case approval.Rejected, approval.Denied, approval.Failed:
		return "❌"
	case approval.Uncertain:
		return "⚠️"
	}
	return "⌛"
}
