package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/toolgate"
	"github.com/posai-go/posai/examples/internal/demo"
)

// kindHelp is the stable name of the action that calls a person.
const kindHelp = "copilot.help"

// Help calls a person to where somebody asked. Who approves it comes; if nobody does
// in time, it expires, and who asked is told.
type Help struct {
	Reason   reason `json:"reason"`
	Mode     mode   `json:"mode"`
	Store    string `json:"store"`
	Question string `json:"question"` // without personal data
}

type reason string

const (
	reasonAsked   reason = "asked"   // somebody asked for a person
	reasonNothing reason = "nothing" // nothing was found that answers
)

// Kind returns the stable name of the action.
func (Help) Kind() string { return kindHelp }

// Validate checks the action by itself.
func (h Help) Validate() error {
	if h.Reason != reasonAsked && h.Reason != reasonNothing || h.Store == "" || len(h.Question) > 4*maxQuestion {
		return errors.New("not a call for help")
	}
	return nil
}

// Preview is what the person who is called sees.
func (h Help) Preview() approval.Preview {
	who, why := "A customer at the kiosk", "asks for a person"
	if h.Mode == associate {
		who = "An associate"
	}
	if h.Reason == reasonNothing {
		why = "asked what the shop's data does not answer"
	}
	return approval.Preview{
		Title: fmt.Sprintf("%s in %s %s", who, h.Store, why), Summary: "Approve if you go there.",
		Fields: []approval.PreviewField{{Label: "Question", Value: plain(h.Question)}},
	}
}

// roleOwner is who is asked as well when no manager comes.
const roleOwner = "owner"

// policyOf always asks a person. The timer is the expiry: after half of it, the owner
// is asked too.
func policyOf(answerIn, expiry time.Duration) approval.Policy {
	manager := approval.Role(demo.RoleManager)
	return approval.Rules("copilot-1",
		approval.Rule{Name: "help", When: approval.KindIs(kindHelp), Then: approval.Ask(manager, answerIn, "Somebody waits for a person.").
			WithEscalation(approval.Escalation{After: answerIn / 2, Need: approval.Role(roleOwner)})},
		approval.Rule{Name: "tools", When: approval.AllOf(approval.KindIs(toolgate.Kind), toolgate.EffectAtLeast(ai.EffectWrite)), Then: approval.Ask(manager, expiry, "A model asks for it, and it has read texts of others.")},
	)
}

// task is a request as who asked is told of it.
type task struct {
	ID    string    `json:"id"` // of the request
	What  string    `json:"what"`
	State string    `json:"state"` // waiting, coming, nobody
	Until time.Time `json:"until"`
}

// call calls a person, once for a conversation as long as nobody came.
func (t *turn) call(ctx context.Context, why reason) error {
	if t.session.task != "" {
		r, err := t.queue.Get(ctx, t.session.task)
		if err == nil && taskOf(r).State == "waiting" {
			t.send("person", block{Kind: "person", By: "search", Task: taskOf(r)})
			return nil
		}
	}
	help := Help{Reason: why, Mode: t.mode, Store: t.here.Name, Question: t.session.vault.Redact(t.question)}
	r, err := t.queue.Propose(ctx, help, approval.Proposal{
		Key: t.id, Shop: string(t.shop.client.Shop()), Location: t.here.ID, Correlation: t.session.id, Proposer: self,
	})
	if err != nil {
		return fmt.Errorf("nobody could be called: %w", err)
	}
	t.session.task = r.ID
	t.send("person", block{Kind: "person", By: "search", Task: taskOf(r)})
	return nil
}

func taskOf(r *approval.Request) *task {
	out := &task{ID: r.ID, What: r.Preview.Title, State: "waiting", Until: r.ExpiresAt}
	switch r.State {
	case approval.Approved, approval.Executing, approval.Executed:
		out.State = "coming"
	case approval.Rejected, approval.Expired, approval.Denied, approval.Failed, approval.Uncertain:
		out.State = "nobody"
	}
	return out
}

// helped is the effect of a call for help: the person who approved it is on the way,
// and the log says so. There is nothing else to do.
func helped(context.Context, approval.Execution, Help) (struct{}, error) { return struct{}{}, nil }

func helpedAlready(context.Context, approval.Execution, Help) (struct{}, bool, error) {
	return struct{}{}, true, nil
}
