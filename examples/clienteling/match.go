package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/examples/internal/demo"
)

// kindMatch is the stable name of the question which record of the CRM a customer is.
const kindMatch = "clienteling.match"

// What a person may choose beside one of the candidates, by its id in the CRM.
const (
	leaveOut  = "leave out"
	noneOfOur = "new"
)

// Match ties a customer to a record that the CRM has already, says that they are none of
// those, or leaves them out: what is proposed, until a person knows better.
type Match struct {
	Customer   int64       `json:"customer"`
	CRM        string      `json:"crm"`
	Page       string      `json:"page"` // where people see both sides
	Candidates []Candidate `json:"candidates"`
	Choice     string      `json:"choice"` // "leave out", "new", or the ID of a candidate
}

// Candidate names a record of the CRM. Whose it is, the page says: a request is kept
// longer than it is asked, and stays as it is when the customer is erased.
type Candidate struct {
	ID   string `json:"id"`
	Tied bool   `json:"tied,omitzero"` // to another customer
}

// maxCandidates bounds what people are asked to choose from.
const maxCandidates = 20

// Kind returns the stable name of the action.
func (Match) Kind() string { return kindMatch }

// Validate checks the action by itself.
func (m Match) Validate() error {
	if m.Customer <= 0 || len(m.Candidates) == 0 || len(m.Candidates) > maxCandidates {
		return errors.New("not a question about a customer")
	}
	if m.Choice == leaveOut || m.Choice == noneOfOur {
		return nil
	}
	i := slices.IndexFunc(m.Candidates, func(c Candidate) bool { return c.ID == m.Choice })
	switch {
	case i < 0:
		return errors.New("the choice is none of the candidates")
	case m.Candidates[i].Tied:
		return errors.New("that record is another customer's already")
	}
	return nil
}

// Preview is what people see.
func (m Match) Preview() approval.Preview {
	p := approval.Preview{
		Title:   fmt.Sprintf("Which record in %s is customer %d?", m.CRM, m.Customer),
		Summary: fmt.Sprintf("%s has %d that may be this customer. Look at both sides at %s, choose below, and approve. Left as it is, the customer stays out of %s.", m.CRM, len(m.Candidates), m.Page, m.CRM),
		Fields:  []approval.PreviewField{{Label: "Choice", Value: m.label(m.Choice)}, {Label: "Both sides", Value: m.Page}},
	}
	for _, c := range m.Candidates {
		state := "free"
		if c.Tied {
			state = "another customer's already"
		}
		p.Fields = append(p.Fields, approval.PreviewField{Label: c.ID, Value: state})
	}
	return p
}

func (m Match) label(choice string) string {
	switch choice {
	case leaveOut:
		return "leave out of " + m.CRM
	case noneOfOur:
		return "none of them: a new record"
	}
	return choice
}

// EditForm lets people choose.
func (m Match) EditForm() []approval.FormField {
	f := approval.FormField{Name: "choice", Label: "The customer is", Type: approval.FieldSelect, Value: m.Choice, Required: true}
	for _, choice := range []string{leaveOut, noneOfOur} {
		f.Options = append(f.Options, approval.Option{Value: choice, Label: m.label(choice)})
	}
	for _, c := range m.Candidates {
		if !c.Tied {
			f.Options = append(f.Options, approval.Option{Value: c.ID, Label: m.label(c.ID)})
		}
	}
	return []approval.FormField{f}
}

// ApplyEdit returns the action with another choice.
func (m Match) ApplyEdit(values map[string]string) (approval.Action, error) {
	if choice, ok := values["choice"]; ok {
		m.Choice = choice
	}
	return m, nil
}

// policy always asks a manager.
func policy(cfg *config) approval.Policy {
	return approval.Rules("clienteling-1",
		approval.Rule{Name: "match", When: approval.KindIs(kindMatch), Then: approval.Ask(approval.Role(demo.RoleManager), cfg.Expiry, "Two people may share an address.")},
	)
}

// self is who proposes.
var self = approval.Principal{ID: "clienteling", Name: "Clienteling", Type: approval.System}

// matcher asks, and carries out what was said.
type matcher struct {
	shop  string
	page  func(customer int64) string // URL
	queue *approval.Queue
	store *store.Store
	sink  crm.Sink
	wake  func()
}

func (m *matcher) register() error {
	return approval.Register(m.queue, approval.Executor[Match, string]{Execute: m.execute, Find: m.find})
}

// ask asks a person which of the candidates a customer is.
func (m *matcher) ask(ctx context.Context, customer int64, key string, candidates []crm.Candidate) (string, error) {
	a := Match{Customer: customer, CRM: m.sink.Name(), Page: m.page(customer), Choice: leaveOut}
	for _, c := range candidates[:min(len(candidates), maxCandidates)] {
		a.Candidates = append(a.Candidates, Candidate{ID: c.ID, Tied: c.Key != "" && c.Key != m.store.Key(customer)})
	}
	r, err := approval.KeepFirst(m.queue.Propose(ctx, a, approval.Proposal{
		Key: "match/" + key, Shop: m.shop, Proposer: self, Reason: "They have an e-mail address or a phone number in common.",
		Subjects: []audit.Subject{{Type: "customer", ID: string(store.GID(customer))}},
	}))
	if err != nil {
		return "", err
	}
	return r.ID, nil
}

// answered tells what became of a question.
func (m *matcher) answered(ctx context.Context, request string) (waiting, refused bool, err error) {
	r, err := m.queue.Get(ctx, request)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return false, false, nil
	case err != nil:
		return false, false, err
	}
	switch r.State {
	case approval.Rejected, approval.Denied:
		return false, true, nil
	case approval.Expired, approval.Failed, approval.Executed:
		// One that is carried out already was about an earlier time that the CRM did not
		// have them: attempts, and with them the keys of questions, begin anew after it.
		return false, false, nil
	}
	return true, false, nil
}

// execute carries a choice out. Tying a record that is tied already changes nothing, so
// it may be done again.
func (m *matcher) execute(ctx context.Context, e approval.Execution, a Match) (string, error) {
	entry, err := m.store.Entry(ctx, a.Customer)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", m.gone(ctx, a.Customer, "the customer is gone")
	case err != nil:
		return "", err
	case entry.Customer.ID != store.GID(a.Customer):
		return "", m.gone(ctx, a.Customer, "the customer was merged into another")
	}
	choice := store.ChoiceLinked
	switch a.Choice {
	case leaveOut:
		choice = store.ChoiceLeave
	case noneOfOur:
		choice = store.ChoiceNew
	default:
		if entry.Customer.NoSharing {
			return "", approval.Permanent(errors.New("the customer opted out of sharing"))
		}
		switch known, err := m.store.Linking(ctx, a.Customer); {
		case err != nil:
			return "", err
		case !known:
			return "", m.gone(ctx, a.Customer, "the customer is gone")
		}
		err := m.sink.Link(ctx, m.store.Key(a.Customer), a.Choice)
		if errors.Is(err, crm.ErrLinked) || errors.Is(err, crm.ErrNoRecord) {
			return "", approval.Permanent(err)
		}
		if err != nil {
			return "", err // it may be done again, whatever became of it
		}
	}
	known, err := m.store.Choose(ctx, a.Customer, choice, e.RequestID)
	if err != nil {
		return "", err
	}
	if !known {
		return "", m.gone(ctx, a.Customer, "the customer is gone")
	}
	m.wake()
	return string(choice), nil
}

// gone is for a customer who went: the CRM may have forgotten them before this attempt, or
// an earlier one that ended in the middle, tied a record of it to them.
func (m *matcher) gone(ctx context.Context, customer int64, why string) error {
	if err := m.store.ForgetAgain(ctx, customer); err != nil {
		return err
	}
	m.wake()
	return approval.Permanent(errors.New(why))
}

// find reads back whether a choice was carried out.
func (m *matcher) find(ctx context.Context, e approval.Execution, a Match) (string, bool, error) {
	choice, found, err := m.store.Chosen(ctx, a.Customer, e.RequestID)
	return string(choice), found, err
}
