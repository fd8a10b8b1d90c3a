package ai

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrNoEntry is what a [Ledger] returns for an entry that it does not have or that
// is settled exactly already.
var ErrNoEntry = errors.New("ai: no open entry of that ID in the ledger")

// A Ledger keeps the books of a [Budget]. Each call of a model is an entry, which
// is open until its exact cost is known, and counts on one or more accounts:
//
//	reserved ──▶ exact        the provider reported the usage
//	reserved ──▶ held ──▶ exact    the provider did not; later corrected
//
// While an entry is open, its amount is held on its accounts; when it is settled
// exactly, it is spent. For every account, spent plus held never exceeds its limit
// through Reserve.
//
// An implementation must be safe for concurrent use, and each method must happen as
// a whole or not at all. The suite in package aitest checks these rules.
type Ledger interface {
	// Reserve opens an entry and holds its amount on all its accounts. If that
	// would exceed the limit of one of them, nothing is held and the error is a
	// [*BudgetError] that names the first such account.
	Reserve(ctx context.Context, r Reservation) error

	// Settle replaces the amount of an open entry. The error is [ErrNoEntry] if
	// there is none.
	Settle(ctx context.Context, s Settlement) error

	// Balance returns the sums of an account; zero for one without entries.
	Balance(ctx context.Context, account string) (Balance, error)

	// Open yields the open entries, oldest first: those of calls that are under
	// way, those that are held, and those that a crash left behind.
	Open(ctx context.Context) iter.Seq2[Entry, error]
}

// A Reservation opens an entry of a [Ledger].
type Reservation struct {
	Entry

	// Accounts on which the entry counts; at least one, each once.
	Accounts []Account
}

// An Account of a [Ledger].
type Account struct {
	// Name of the account, such as "shop=a.myshopify.com 2026-11".
	Name string

	// Limit of spent and held together.
	Limit Cost

	// Until is when no more calls will count on the account: a ledger may forget
	// it then. Zero is never.
	Until time.Time
}

// An Entry is one call in a [Ledger].
type Entry struct {
	// ID is unique.
	ID string

	// Time when the call began.
	Time time.Time

	// Caller, provider and model.
	Caller          Caller
	Provider, Model string

	// ResponseID is the provider's name for the reply, if it is known: by it, a held
	// entry can be found in the provider's own records.
	ResponseID string

	// Amount that is held, the worst case.
	Amount Cost

	// Held: the call has ended, but the provider did not say what it used.
	Held bool
}

// A Settlement says what an entry of a [Ledger] came to.
type Settlement struct {
	// ID of the entry.
	ID string

	// Amount that replaces that of the reservation.
	Amount Cost

	// Exact: the amount is that of Usage and no longer open.
	Exact bool

	// Usage that the provider reported; zero if it did not.
	Usage Usage

	// ResponseID is the provider's name for the reply, if known.
	ResponseID string
}

// A Balance is the state of an account.
type Balance struct {
	Spent Cost  // by entries settled exactly
	Held  Cost  // by open entries
	Usage Usage // of entries settled exactly
}

// A BudgetError is a call that a budget does not allow. It matches [ErrBudget].
type BudgetError struct {
	Account string // empty if the problem is not an account's limit
	Limit   Cost
	Left    Cost // of the limit
	Needed  Cost // in the worst case
	Detail  string
}

// Error names the account and the amounts.
func (e *BudgetError) Error() string {
	if e.Account == "" {
		return ErrBudget.Error() + ": " + e.Detail
	}
	return fmt.Sprintf("%s: %s: %s left of %s, %s needed in the worst case", ErrBudget, e.Account, e.Left, e.Limit, e.Needed)
}

// Is reports whether target is [ErrBudget].
func (e *BudgetError) Is(target error) bool { return target == ErrBudget }

// A MemoryLedger is a [Ledger] for one process that forgets everything when the
// process ends. Package sqlbudget has one that does not. The zero value is ready
// to use.
type MemoryLedger struct {
	mu       sync.Mutex
	accounts map[string]*memoryAccount
	open     map[string]*memoryEntry
	prune    int // forget old accounts when there are so many
}

type memoryAccount struct {
	Balance
	until time.Time
}

type memoryEntry struct {
	Entry
	accounts []*memoryAccount
	few      [3]*memoryAccount // what accounts is made of, usually
}

var _ Ledger = (*MemoryLedger)(nil)

// Reserve implements [Ledger].
func (l *MemoryLedger) Reserve(_ context.Context, r Reservation) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.accounts == nil {
		l.accounts, l.open = map[string]*memoryAccount{}, map[string]*memoryEntry{}
	}
	if _, exists := l.open[r.ID]; exists {
		return errors.New("ai: two entries of one ID in the ledger")
	}
	l.forget(r.Time)
	for _, a := range r.Accounts {
		var b Balance
		if have := l.accounts[a.Name]; have != nil {
			b = have.Balance
		}
		used := b.Spent.plus(b.Held)
		if used.plus(r.Amount) > a.Limit {
			return &BudgetError{Account: a.Name, Limit: a.Limit, Left: max(a.Limit-used, 0), Needed: r.Amount}
		}
	}
	entry := &memoryEntry{Entry: r.Entry}
	entry.accounts = entry.few[:0]
	for _, a := range r.Accounts {
		account := l.accounts[a.Name]
		if account == nil {
			account = &memoryAccount{until: a.Until}
			l.accounts[a.Name] = account
		}
		account.Held += r.Amount
		entry.accounts = append(entry.accounts, account)
	}
	l.open[r.ID] = entry
	return nil
}

// Settle implements [Ledger].
func (l *MemoryLedger) Settle(_ context.Context, s Settlement) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry, ok := l.open[s.ID]
	if !ok {
		return ErrNoEntry
	}
	for _, account := range entry.accounts {
		account.Held -= entry.Amount
		if s.Exact {
			account.Spent = account.Spent.plus(s.Amount)
			account.Usage = account.Usage.Add(s.Usage)
		} else {
			account.Held = account.Held.plus(s.Amount)
		}
	}
	if s.Exact {
		delete(l.open, s.ID)
		return nil
	}
	entry.Amount, entry.Held = s.Amount, true
	if s.ResponseID != "" {
		entry.ResponseID = s.ResponseID
	}
	return nil
}

// Balance implements [Ledger].
func (l *MemoryLedger) Balance(_ context.Context, account string) (Balance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if have := l.accounts[account]; have != nil {
		return have.Balance, nil
	}
	return Balance{}, nil
}

// Open implements [Ledger].
func (l *MemoryLedger) Open(context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		l.mu.Lock()
		entries := make([]Entry, 0, len(l.open))
		for _, e := range l.open {
			entries = append(entries, e.Entry)
		}
		l.mu.Unlock()
		slices.SortFunc(entries, func(a, b Entry) int {
			if c := a.Time.Compare(b.Time); c != 0 {
				return c
			}
			return strings.Compare(a.ID, b.ID)
		})
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// forget drops accounts on which nothing will count anymore, now and then.
func (l *MemoryLedger) forget(now time.Time) {
	if len(l.accounts) <= max(l.prune, 1024) {
		return
	}
	for name, a := range l.accounts {
		if a.Held == 0 && !a.until.IsZero() && a.until.Before(now) {
			delete(l.accounts, name)
		}
	}
	l.prune = 2 * len(l.accounts)
}
