package ai

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Scope says what a [Cap] is counted for. Scopes can be combined:
// PerShop|PerFeature counts for each feature of each shop.
type Scope uint8

// The scopes. The zero value counts all calls together.
const (
	PerShop Scope = 1 << iota
	PerStaff
	PerRole
	PerFeature
)

// A Period is the time after which a [Cap] begins anew.
type Period string

// The periods.
const (
	Daily   Period = "day"
	Monthly Period = "month"
	Forever Period = "forever"
)

// A Cap limits what calls cost.
type Cap struct {
	// Per is what the cap is counted for.
	Per Scope

	// Only restricts the cap to callers with the same values in all of its fields
	// that are not empty. The zero value is all callers.
	Only Caller

	// Period after which it begins anew. It must be given.
	Period Period

	// Location whose midnight begins a period. If nil, UTC.
	Location *time.Location

	// Limit of the amount in a period. It must be positive.
	Limit Cost
}

// BudgetOptions are the options of [NewBudget]. The zero value is the default.
type BudgetOptions struct {
	// MaxOutputTokens is set in requests that have none, since without a limit
	// there is no worst case to reserve. If zero, 4096.
	MaxOutputTokens int

	// MaxInputTokens is the context window of the models: no request can cost more
	// than that. It is needed for files and for images by URL, whose size in tokens
	// cannot be told. If zero, such requests are refused.
	MaxInputTokens int64

	// InputBound returns the most tokens that a request can be. If nil, see
	// [InputBound].
	InputBound func(*Request) (tokens int64, ok bool)

	// OnError is called when the ledger could not be brought up to date after a
	// call. Its reservation stays then. If nil, nothing is.
	OnError func(entry string, err error)
}

// A Budget keeps the cost of calls within caps: before each call it reserves what
// the call costs in the worst case, and refuses the call if a cap has not as much
// left; after it, it settles what the provider reports. So no number of calls at
// once can exceed a cap. It is safe for concurrent use.
//
// A call whose cost the provider does not tell (a stream that was left or cut, a
// time limit, a reply without usage) keeps its whole reservation: it may have cost
// so much. Such entries are in [Ledger.Open], for [Budget.Correct] when the
// provider's own records tell more. An error that the provider answers with
// costs nothing.
type Budget struct {
	ledger Ledger
	prices *Prices
	caps   []Cap
	opts   BudgetOptions

	mu    sync.Mutex
	known map[accountsKey][]Account // of recent callers; the slices never change
}

// accountsKey is a caller in a quarter of an hour: no day begins within one, in any
// time zone.
type accountsKey struct {
	caller  Caller
	quarter int64
}

const maxKnownAccounts = 1000

// NewBudget returns a budget of caps, of which there must be one at least. A
// model without a price in prices cannot be called. Nil options are the
// defaults.
func NewBudget(ledger Ledger, prices *Prices, caps []Cap, opts *BudgetOptions) (*Budget, error) {
	b := &Budget{ledger: ledger, prices: prices, caps: slices.Clone(caps)}
	if opts != nil {
		b.opts = *opts
	}
	b.opts.MaxOutputTokens = orDefault(b.opts.MaxOutputTokens, 4096)
	if b.opts.InputBound == nil {
		b.opts.InputBound = InputBound
	}
	if ledger == nil || prices == nil || len(caps) == 0 {
		return nil, errors.New("ai: a budget needs a ledger, prices and caps")
	}
	for i := range b.caps {
		c := &b.caps[i]
		if c.Location == nil {
			c.Location = time.UTC
		}
		if c.Limit <= 0 || !slices.Contains([]Period{Daily, Monthly, Forever}, c.Period) || c.Per > PerShop|PerStaff|PerRole|PerFeature {
			return nil, errors.New("ai: a cap needs a period and a positive limit")
		}
		for j := range i { // they would share their accounts
			if b.caps[j].account(b.caps[j].Only, time.Time{}).Name == c.account(c.Only, time.Time{}).Name {
				return nil, errors.New("ai: two caps for the same")
			}
		}
	}
	return b, nil
}

// Middleware puts the budget in front of one model. It belongs inside of [Retry]
// and [Fallback], so that every attempt is paid for, and inside of [Cache], so
// that what costs nothing is not.
func (b *Budget) Middleware(m Model) Model { return &budgeted{Model: m, budget: b} }

// Accounts returns the accounts on which a call counts, with the names that
// [Ledger.Balance] wants.
func (b *Budget) Accounts(c Caller, at time.Time) []Account {
	return slices.Clone(b.accounts(c, at))
}

// accounts returns a slice that must not be changed.
func (b *Budget) accounts(c Caller, at time.Time) []Account {
	key := accountsKey{c, at.Unix() / 900}
	b.mu.Lock()
	defer b.mu.Unlock()
	if accounts, ok := b.known[key]; ok {
		return accounts
	}
	accounts := make([]Account, 0, len(b.caps))
	for i := range b.caps {
		if cp := &b.caps[i]; cp.applies(c) {
			accounts = append(accounts, cp.account(c, at))
		}
	}
	if len(b.known) >= maxKnownAccounts || b.known == nil {
		b.known = map[accountsKey][]Account{}
	}
	b.known[key] = accounts
	return accounts
}

// Correct settles an open entry by usage that became known later, at the price
// that held when the call began.
func (b *Budget) Correct(ctx context.Context, e Entry, u Usage) error {
	amount, ok := b.prices.Cost(Info{Provider: e.Provider, Model: e.Model}, e.Time, u)
	if !ok {
		return &BudgetError{Detail: "no price for the model"}
	}
	return b.ledger.Settle(ctx, Settlement{ID: e.ID, Amount: amount, Exact: true, Usage: u, ResponseID: e.ResponseID})
}

func (c *Cap) applies(to Caller) bool {
	o := c.Only
	return (o.Shop == "" || o.Shop == to.Shop) && (o.Staff == "" || o.Staff == to.Staff) &&
		(o.Role == "" || o.Role == to.Role) && (o.Feature == "" || o.Feature == to.Feature)
}

func (c *Cap) account(to Caller, at time.Time) Account {
	at = at.In(c.Location)
	a := Account{Limit: c.Limit}
	layout := ""
	switch c.Period {
	case Daily:
		layout, a.Until = time.DateOnly, time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, c.Location)
	case Monthly:
		layout, a.Until = "2006-01", time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, c.Location)
	}
	var buf [128]byte
	name := append(buf[:0], string(c.Period)...)
	if layout != "" {
		name = append(name, ' ')
		name = at.AppendFormat(name, layout)
	}
	for _, field := range []struct {
		scope       Scope
		name, value string
		only        string
	}{
		{PerShop, " shop=", to.Shop, c.Only.Shop},
		{PerStaff, " staff=", to.Staff, c.Only.Staff},
		{PerRole, " role=", to.Role, c.Only.Role},
		{PerFeature, " feature=", to.Feature, c.Only.Feature},
	} {
		switch {
		case field.only != "":
			name = append(name, " only"...)
			fallthrough
		case c.Per&field.scope != 0:
			name = append(name, field.name...)
			name = append(name, strings.ReplaceAll(field.value, " ", "+")...)
		}
	}
	a.Name = string(name)
	return a
}

type budgeted struct {
	Model
	budget *Budget
}

// A booking is the entry of a call that is under way.
type booking struct {
	budget *Budget
	id     string
	price  tokenPrice
	amount Cost
}

// reserve opens an entry for the worst case. The request it returns has a limit
// of output tokens.
func (m *budgeted) reserve(ctx context.Context, req *Request) (*Request, booking, error) {
	b := m.budget
	if err := req.Validate(); err != nil {
		return nil, booking{}, err
	}
	now := time.Now()
	info := m.Info()
	price, ok := b.prices.at(info, now)
	if !ok {
		return nil, booking{}, &BudgetError{Detail: "no price for the model"}
	}
	input, bounded := b.opts.InputBound(req)
	switch limit := b.opts.MaxInputTokens; {
	case limit > 0 && (!bounded || input > limit):
		input = limit
	case !bounded:
		return nil, booking{}, &BudgetError{Detail: "the size of a file or an image by URL is unknown, and BudgetOptions.MaxInputTokens is not set"}
	}
	if req.MaxOutputTokens == 0 {
		limited := *req
		limited.MaxOutputTokens = b.opts.MaxOutputTokens
		req = &limited
	}
	caller, _ := CallerFrom(ctx)
	accounts := b.accounts(caller, now)
	if len(accounts) == 0 {
		return nil, booking{}, &BudgetError{Detail: "no cap applies to the caller"}
	}
	k := booking{budget: b, id: newID(), price: price, amount: price.worst(input, int64(req.MaxOutputTokens))}
	err := b.ledger.Reserve(ctx, Reservation{
		Entry: Entry{
			ID: k.id, Time: now, Caller: caller,
			Provider: info.Provider, Model: info.Model, Amount: k.amount,
		},
		Accounts: accounts,
	})
	return req, k, err
}

// context returns the context of the call, see [CallID].
func (k booking) context(ctx context.Context) context.Context {
	return &callContext{Context: ctx, id: k.id}
}

// settle closes the entry after a reply, or holds it if the usage is unknown.
func (k booking) settle(ctx context.Context, resp *Response) {
	s := Settlement{ID: k.id, Amount: k.amount, ResponseID: resp.ID}
	if !resp.Usage.Missing {
		s.Amount, s.Exact, s.Usage = k.price.cost(resp.Usage), true, resp.Usage
	}
	k.book(ctx, s)
}

// fail closes the entry after an error. Nil is a stream that was left.
func (k booking) fail(ctx context.Context, err error) {
	s := Settlement{ID: k.id, Amount: k.amount}
	if partial, ok := errors.AsType[*PartialError](err); ok && partial.Response != nil {
		s.ResponseID = partial.Response.ID
	} else if err != nil && free(err) {
		s.Amount, s.Exact = 0, true
	}
	k.book(ctx, s)
}

func (k booking) book(ctx context.Context, s Settlement) {
	// The call is over, and may be because ctx has ended: the books are kept all
	// the same.
	if _, memory := k.budget.ledger.(*MemoryLedger); !memory {
		ctx = context.WithoutCancel(ctx)
	}
	err := k.budget.ledger.Settle(ctx, s)
	if err != nil && k.budget.opts.OnError != nil {
		k.budget.opts.OnError(k.id, err)
	}
}

// free reports whether a call that failed with err costs nothing: the provider
// refused it before the model began.
func free(err error) bool {
	for _, class := range []error{
		ErrAuth, ErrPermission, ErrNotFound, ErrInvalidRequest, ErrUnsupportedSchema, ErrContextTooLong,
		ErrRateLimited, ErrQuota, ErrOverloaded, ErrBudget, ErrAccessDenied, ErrNotRedacted,
	} {
		if errors.Is(err, class) {
			return true
		}
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	// Behind a gateway's own error the model may have answered.
	gateway := e.Status == 408 || e.Status == 502 || e.Status == 504 || e.Status >= 520
	return e.Status >= 400 && !gateway
}

// Generate implements [Model].
func (m *budgeted) Generate(ctx context.Context, req *Request) (*Response, error) {
	req, booking, err := m.reserve(ctx, req)
	if err != nil {
		return nil, err
	}
	open := true
	defer func() {
		if open { // the model panicked
			booking.fail(ctx, nil)
		}
	}()
	resp, err := m.Model.Generate(booking.context(ctx), req)
	open = false
	if err != nil {
		booking.fail(ctx, err)
		return nil, err
	}
	booking.settle(ctx, resp)
	return resp, nil
}

// Stream implements [Model].
func (m *budgeted) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		req, booking, err := m.reserve(ctx, req)
		if err != nil {
			yield(nil, err)
			return
		}
		open := true
		defer func() {
			if open { // left, panicked, or ended without Done
				booking.fail(ctx, nil)
			}
		}()
		for ev, err := range m.Model.Stream(booking.context(ctx), req) {
			if err != nil && open {
				open = false
				booking.fail(ctx, err)
			}
			if done, ok := ev.(Done); ok && open {
				open = false
				booking.settle(ctx, done.Response)
			}
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// newID returns 128 random bits in hexadecimal.
func newID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	var text [32]byte
	hex.Encode(text[:], raw[:])
	return string(text[:])
}
