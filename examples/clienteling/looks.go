package main

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/examples/internal/demo"
)

// seen records who looked at whom, before anything is shown. The customer stands in the
// log by a pseudonym.
func (s *service) seen(ctx context.Context, l desk.Look) error {
	e := audit.Entry{
		Kind: audit.KindRead, Shop: s.shop.domain, Actor: actorOf(l.Who), Action: "clienteling." + string(l.What),
	}
	if l.Customer != "" {
		e.Subjects = []audit.Subject{{Type: "customer", ID: string(l.Customer)}}
	} else {
		e.Attributes = map[string]string{"found": strconv.Itoa(l.Found)}
	}
	_, err := s.Log.Append(ctx, e)
	return err
}

func actorOf(w desk.Who) audit.Actor {
	return audit.Actor{Type: audit.Human, ID: w.ID, Role: w.Role, Channel: w.Channel}
}

// asked records that a model was told of a customer.
func (s *service) asked(ctx context.Context, a talk.Asked) error {
	_, err := s.Log.Append(ctx, audit.Entry{
		Kind: audit.KindRead, Shop: s.shop.domain, Actor: audit.Actor{Type: audit.AI, ID: a.Info.Provider + " " + a.Info.Model}, Action: "clienteling.model",
		Subjects: []audit.Subject{{Type: "customer", ID: a.Customer}},
		Model: &audit.Model{
			Provider: a.Info.Provider, Name: a.Info.Model, InputDigest: a.PromptDigest, OutputDigest: a.OutputDigest, Baseline: a.Fallback != "",
			InputTokens: a.Usage.InputTokens, OutputTokens: a.Usage.OutputTokens,
		},
		Note:       a.Fallback,
		Attributes: map[string]string{"facts": strconv.Itoa(a.PromptedFacts), "points": strconv.Itoa(a.Points), "rejected": strconv.Itoa(a.Rejected), "staff": a.Caller.Staff},
	})
	return err
}

// who is signed in at the console. A manager may see what customers are worth.
func (s *service) who(r *http.Request) (desk.Who, error) {
	if s.Links == nil {
		return desk.Who{}, desk.ErrSignedOut
	}
	p, err := s.Links.Authenticate(r)
	if err != nil {
		return desk.Who{}, desk.ErrSignedOut
	}
	w := desk.Who{ID: p.ID, Name: p.Name, Clienteling: slices.Contains(p.Roles, demo.RoleManager)}
	if len(p.Roles) > 0 {
		w.Role = p.Roles[0]
	}
	return w, nil
}
