package approval_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

// Discount is an action: a discount for one customer.
type Discount struct {
	Customer string `json:"customer"` // GID
	Percent  int    `json:"percent"`
	Worth    string `json:"worth"` // decimal, in pounds
}

func (Discount) Kind() string { return "example.discount" }

func (d Discount) Validate() error {
	if d.Percent < 1 || d.Percent > 50 {
		return errors.New("a discount is from 1 to 50 percent")
	}
	return nil
}

func (d Discount) Preview() approval.Preview {
	return approval.Preview{
		Title:   fmt.Sprintf("%d %% discount", d.Percent),
		Summary: "A code for one customer, worth " + d.Worth + " pounds.",
	}
}

// AmountAtStake is what policies compare.
func (d Discount) AmountAtStake() approval.Money {
	return approval.Money{Amount: d.Worth, Currency: "GBP"}
}

// openQueue opens a queue in dir that asks a manager above 20 pounds.
func openQueue(ctx context.Context, dir string) (*approval.Queue, func(), error) {
	logStore, err := filestore.Open(filepath.Join(dir, "audit"), nil)
	if err != nil {
		return nil, nil, err
	}
	trail, err := audit.Open(ctx, logStore, nil)
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlstore.Open(ctx, "sqlite://"+filepath.ToSlash(filepath.Join(dir, "approval.db")), nil)
	if err != nil {
		return nil, nil, err
	}
	policy := approval.Rules("2026-05-01",
		approval.Rule{
			When: approval.AmountAbove("20.00", "GBP"),
			Then: approval.Ask(approval.Role("manager"), 8*time.Hour, "worth more than 20.00"),
		},
		approval.Rule{Then: approval.Allow("worth at most 20.00")},
	)
	q, err := approval.NewQueue(store, trail, policy, nil)
	closeAll := func() {
		if err := errors.Join(q.Stop(context.Background()), store.Close(), trail.Close(), logStore.Close()); err != nil {
			log.Print(err)
		}
	}
	return q, closeAll, err
}

func Example() {
	dir, err := os.MkdirTemp("", "approval")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	q, closeAll, err := openQueue(ctx, dir)
	if err != nil {
		log.Fatal(err)
	}
	defer closeAll()

	// What it means to do it. The map stands for the shop.
	codes := map[string]string{}
	err = approval.Register(q, approval.Executor[Discount, string]{
		Execute: func(_ context.Context, e approval.Execution, d Discount) (string, error) {
			codes[e.IdempotencyKey] = fmt.Sprintf("THANKS%d", d.Percent)
			return codes[e.IdempotencyKey], nil
		},
		Find: func(_ context.Context, e approval.Execution, _ Discount) (string, bool, error) {
			code, found := codes[e.IdempotencyKey]
			return code, found, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := q.Start(ctx); err != nil {
		log.Fatal(err)
	}

	// A model proposes, and the policy asks a person.
	r, err := q.Propose(ctx, Discount{Customer: "gid://shopify/Customer/1", Percent: 20, Worth: "36.00"}, approval.Proposal{
		Key:      "discount-for-order-1001",
		Proposer: approval.Principal{ID: "upsell-model", Type: approval.AI},
		Subjects: []audit.Subject{{Type: "customer", ID: "gid://shopify/Customer/1"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s, needs %s: %s\n", r.Preview.Title, r.State, r.Ruling.Need, r.Ruling.Reason)

	// A person who saw this revision decides; the digest says so.
	manager := approval.Principal{ID: "staff-7", Name: "Maria", Type: approval.Human, Roles: []string{"manager"}}
	_, err = q.Decide(ctx, approval.Decision{
		RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: manager, Channel: "console",
	})
	if err != nil {
		log.Fatal(err)
	}
	if r, err = q.Wait(ctx, r.ID); err != nil {
		log.Fatal(err)
	}
	code, err := approval.ResultOf[string](r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.State, code)

	// Output:
	// 20 % discount: pending, needs 1 of role manager: worth more than 20.00
	// executed THANKS20
}

func ExampleQueue_Propose() {
	dir, err := os.MkdirTemp("", "approval")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	q, closeAll, err := openQueue(ctx, dir)
	if err != nil {
		log.Fatal(err)
	}
	defer closeAll()
	err = approval.Register(q, approval.Executor[Discount, string]{
		Execute: func(context.Context, approval.Execution, Discount) (string, error) { return "CODE", nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	proposer := approval.Principal{ID: "upsell-model", Type: approval.AI}
	for _, d := range []Discount{{Percent: 10, Worth: "20.00"}, {Percent: 10, Worth: "20.01"}, {Percent: 90, Worth: "5.00"}} {
		r, err := q.Propose(ctx, d, approval.Proposal{Key: d.Worth, Proposer: proposer})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%s: %s, %s\n", d.Worth, r.State, r.Ruling.Reason)
	}

	// Output:
	// 20.00: approved, worth at most 20.00
	// 20.01: pending, worth more than 20.00
	// approval: invalid action: a discount is from 1 to 50 percent
}

func ExampleQueue_Decide() {
	dir, err := os.MkdirTemp("", "approval")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	q, closeAll, err := openQueue(ctx, dir)
	if err != nil {
		log.Fatal(err)
	}
	defer closeAll()
	err = approval.Register(q, approval.Executor[Discount, string]{
		Execute: func(context.Context, approval.Execution, Discount) (string, error) { return "CODE", nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	r, err := q.Propose(ctx, Discount{Percent: 20, Worth: "36.00"}, approval.Proposal{
		Key: "discount-1", Proposer: approval.Principal{ID: "upsell-model", Type: approval.AI},
	})
	if err != nil {
		log.Fatal(err)
	}
	maria := approval.Principal{ID: "staff-7", Name: "Maria", Type: approval.Human, Roles: []string{"manager"}}
	tom := approval.Principal{ID: "staff-8", Name: "Tom", Type: approval.Human, Roles: []string{"cashier"}}

	for _, d := range []approval.Decision{
		{Verdict: approval.Approve, By: tom, Digest: r.Digest},
		{Verdict: approval.Approve, By: maria, Digest: "of something else"},
		{Verdict: approval.Reject, By: maria, Digest: r.Digest, Reason: "too much"},
		{Verdict: approval.Approve, By: tom, Digest: r.Digest},
	} {
		d.RequestID = r.ID
		_, err := q.Decide(ctx, d)
		late, isLate := errors.AsType[*approval.DecidedError](err)
		forbidden, isForbidden := errors.AsType[*approval.ForbiddenError](err)
		switch {
		case err == nil:
			fmt.Println(d.By.Name, "decided:", d.Verdict)
		case isLate:
			fmt.Printf("%s came late: %s said %s, %q\n", d.By.Name, late.Decision.By.Name, late.Decision.Verdict, late.Decision.Reason)
		case isForbidden:
			fmt.Printf("%s may not: %s\n", d.By.Name, forbidden.Reason)
		case errors.Is(err, approval.ErrStale):
			fmt.Println(d.By.Name, "saw something else")
		default:
			log.Fatal(err)
		}
	}

	// Output:
	// Tom may not: This needs 1 of role manager.
	// Maria saw something else
	// Maria decided: reject
	// Tom came late: Maria said reject, "too much"
}
