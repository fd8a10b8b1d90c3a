package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/webhook"
)

// follower turns goods that came back into a proposal. Everything it does can be
// done again: a delivery is processed at least once.
type follower struct {
	shop    *shop
	queue   *approval.Queue
	log     *audit.Log
	model   ai.Model // nil: the baseline judges
	timeout time.Duration
	turns   turns
}

// self is this program where it acts on its own: it reads, and without a model
// it proposes too. What a model judged is proposed by an AI.
var self = approval.Principal{ID: "posai.returnreasons", Name: "Return reasons assistant", Type: approval.System}

func proposer(m audit.Model) approval.Principal {
	by := self
	if !m.Baseline {
		by.Type = approval.AI
	}
	return by
}

// register says what is done with deliveries. Requests that are declined or
// canceled change no reason; the summary leaves their goods out.
func (f *follower) register(mux *webhook.Mux) {
	for _, topic := range []webhook.Topic[webhook.Return]{
		webhook.ReturnsRequest, webhook.ReturnsApprove, webhook.ReturnsProcess, webhook.ReturnsClose, webhook.ReturnsReopen,
		webhook.ReturnsDecline, webhook.ReturnsCancel,
	} {
		webhook.On(mux, topic, func(ctx context.Context, ev webhook.Event[webhook.Return]) error {
			return f.handle(ctx, fmt.Sprintf("gid://shopify/Return/%d", ev.Payload.ID), ev.Payload.ID > 0, ev.Delivery)
		})
	}
	webhook.On(mux, webhook.ReturnsUpdate, func(ctx context.Context, ev webhook.Event[webhook.ReturnUpdate]) error {
		id := ev.Payload.AdminGraphqlAPIID
		return f.handle(ctx, id, strings.HasPrefix(id, "gid://shopify/Return/") && metafieldKey(id) != "", ev.Delivery)
	})
	webhook.On(mux, webhook.RefundsCreate, func(ctx context.Context, ev webhook.Event[webhook.Refund]) error {
		id := fmt.Sprintf("gid://shopify/Refund/%d", ev.Payload.ID)
		if r := ev.Payload.Return; r != nil && r.ID > 0 {
			id = fmt.Sprintf("gid://shopify/Return/%d", r.ID)
		}
		return f.handle(ctx, id, ev.Payload.ID > 0, ev.Delivery)
	})
}

func (f *follower) handle(ctx context.Context, id string, ok bool, d webhook.Delivery) error {
	if !ok {
		return webhook.GiveUp(errors.New("the delivery names neither a return nor a refund"))
	}
	err := f.follow(ctx, id, d)
	if errors.Is(err, errNoGoods) || errors.Is(err, approval.ErrInvalid) {
		return webhook.GiveUp(err)
	}
	return err
}

// follow makes one proposal for what a return says, however often it is called
// and through however many topics it comes.
func (f *follower) follow(ctx context.Context, id string, d webhook.Delivery) error {
	entry := audit.Entry{
		Correlation: id,
		Shop:        d.Shop,
		Actor:       audit.Actor{Type: audit.System, ID: self.ID, Channel: "webhook"},
		Action:      kindRecord,
		Subjects:    []audit.Subject{{Type: subjectType(id), ID: id}},
	}
	received := entry
	received.ID, received.Kind = "received/"+d.Shop+"/"+d.WebhookID, audit.KindReceived
	received.Attributes = map[string]string{"topic": d.Topic, "webhook_id": d.WebhookID, "event_id": d.EventID}
	if _, err := f.log.Append(ctx, received); err != nil {
		return err
	}
	// A return at a register comes as three deliveries at once: the first asks
	// the model, the others find its request.
	done, err := f.turns.take(ctx, id)
	if err != nil {
		return err
	}
	defer done()
	return f.consider(ctx, id, entry)
}

// consider reads goods and proposes what to record of them, if there is anything.
func (f *follower) consider(ctx context.Context, id string, entry audit.Entry) error {
	g, err := f.shop.goods(ctx, id)
	if err != nil || len(g.Items) == 0 || g.Status == "DECLINED" || g.Status == "CANCELED" {
		return err
	}
	// A model may judge differently the second time: what was proposed for the
	// same words stays.
	key := g.ID + ":" + g.digest()
	if r, err := f.requestOf(ctx, entry.Shop, key); r != nil || err != nil {
		return err
	}
	read := entry
	read.ID, read.Kind, read.Correlation, read.Location = "read/"+entry.Shop+"/"+key, audit.KindRead, g.ID, g.Location
	read.Subjects = subjects(g)
	read.Attributes = map[string]string{"data": "items, reasons and notes of the return, without personal data"}
	if _, err := f.log.Append(ctx, read); err != nil && !errors.Is(err, audit.ErrConflict) {
		return err
	}
	known, err := f.shop.offered(ctx)
	if err != nil {
		return err
	}
	v, err := judge(ctx, f.model, f.timeout, g, known)
	if err != nil {
		return err
	}
	confidence := v.confidence()
	_, err = approval.KeepFirst(f.queue.Propose(ctx, newRecord(g, v), approval.Proposal{
		Key:         key,
		Shop:        entry.Shop,
		Location:    g.Location,
		Correlation: g.ID,
		Proposer:    proposer(v.Model),
		Reason:      v.why(),
		Subjects:    subjects(g),
		Model:       &v.Model,
		Evidence:    evidence(g),
		Confidence:  &confidence,
	}))
	return err
}

// requestOf returns the request with this key, or nil.
func (f *follower) requestOf(ctx context.Context, shop, key string) (*approval.Request, error) {
	for r, err := range f.queue.List(ctx, approval.Filter{Shop: shop, Kind: kindRecord, Key: key, Limit: 1}) {
		return r, err
	}
	return nil, nil
}

// request returns the request for the goods as they are now, or nil.
func (f *follower) request(ctx context.Context, id string) (*approval.Request, error) {
	g, err := f.shop.goods(ctx, id)
	if err != nil {
		return nil, err
	}
	return f.requestOf(ctx, string(f.shop.client.Shop()), g.ID+":"+g.digest())
}

func subjects(g *Goods) []audit.Subject {
	return []audit.Subject{{Type: "order", ID: g.OrderID}, {Type: subjectType(g.ID), ID: g.ID}}
}

func subjectType(id string) string {
	if strings.HasPrefix(id, "gid://shopify/Refund/") {
		return "refund"
	}
	return "return"
}

// why explains the proposal to people.
func (v verdict) why() string {
	switch {
	case v.Fallback != "":
		return "Judged without AI, because " + v.Fallback + ": by the reason that was picked and by keywords."
	case v.Model.Baseline:
		return "Judged without AI: by the reason that was picked and by keywords."
	}
	return "Judged by " + v.Model.Name + " and checked against the notes and the shop's list of reasons."
}

// evidence is what the judgment was made from, for the manager.
func evidence(g *Goods) []approval.Evidence {
	var out []approval.Evidence
	for _, i := range g.Items[:min(len(g.Items), 30)] {
		picked := i.Native.Name
		if picked == "" {
			picked = "none"
		}
		text := "Reason picked in Shopify: " + picked
		if note := i.text(); note != "" {
			text += "\nNote: " + clip(note, 1500)
		} else {
			text += "\nNobody wrote a note."
		}
		out = append(out, approval.Evidence{Label: i.ProductTitle, Text: text})
	}
	return out
}

// turns lets one caller at a time work on a key. The zero value is ready.
type turns struct {
	mu     sync.Mutex
	queues map[string]chan struct{}
	users  map[string]int
}

// take waits for the turn of a key and returns the function that ends it.
func (t *turns) take(ctx context.Context, key string) (done func(), err error) {
	t.mu.Lock()
	if t.queues == nil {
		t.queues, t.users = map[string]chan struct{}{}, map[string]int{}
	}
	turn := t.queues[key]
	if turn == nil {
		turn = make(chan struct{}, 1)
		t.queues[key] = turn
	}
	t.users[key]++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.users[key]--; t.users[key] == 0 {
			delete(t.users, key)
			delete(t.queues, key)
		}
	}
	select {
	case turn <- struct{}{}:
		return func() { <-turn; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
