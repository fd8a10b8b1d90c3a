package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/inbox"
)

// patience is how long a run waits for a step that takes no person.
const patience = 2 * time.Minute

// Narrator tells what happens in a run without -serve. It is for one goroutine;
// Observe alone may be called by others.
type Narrator struct {
	out    io.Writer
	person bool // somebody sits at the terminal
	events chan inbox.Event
}

// NewNarrator returns a narrator that prints to out. Where in is a terminal,
// decisions are left to who sits there.
func NewNarrator(in, out *os.File) *Narrator {
	return &Narrator{out: out, person: term.IsTerminal(int(in.Fd())), events: make(chan inbox.Event, 256)}
}

// Logger returns a logger that writes warnings between the steps.
func (n *Narrator) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(n.out, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Observe keeps what the inbox says, for a reader that may be busy.
func (n *Narrator) Observe(e inbox.Event) {
	select {
	case n.events <- e:
	default:
	}
}

// Drain forgets what the inbox said and nobody asked about.
func (n *Narrator) Drain() {
	for {
		select {
		case <-n.events:
		default:
			return
		}
	}
}

// Writer is where the steps are printed.
func (n *Narrator) Writer() io.Writer { return n.out }

// Printf prints text as it is.
func (n *Narrator) Printf(format string, args ...any) { fmt.Fprintf(n.out, format, args...) }

// Line prints one step; texts from outside cannot move the cursor.
func (n *Narrator) Line(label, format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...))
	fmt.Fprintf(n.out, "  %-9s %s\n", label, text)
}

// Received waits for the next delivery of the given kind and tells of it.
func (n *Narrator) Received(ctx context.Context, kind inbox.EventKind) error {
	timeout := time.After(patience)
	for {
		select {
		case e := <-n.events:
			if e.Kind == inbox.Died {
				return fmt.Errorf("a delivery of %s could not be processed: %w", e.Delivery.Topic, e.Err)
			}
			if e.Kind != kind {
				continue
			}
			what := "kept, answered 200"
			if kind == inbox.Duplicate {
				what = "known, answered 200, nothing to do"
			}
			n.Line("delivery", "%s, %d bytes, signature good, %s", e.Delivery.Topic, len(e.Delivery.Body), what)
			return nil
		case <-timeout:
			return errors.New("no delivery arrived in time")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Proposed waits until find returns a request, or the given time beyond what a
// step takes without a model has passed. It asks again after each change.
func (n *Narrator) Proposed(ctx context.Context, extra time.Duration, changes <-chan approval.Change, find func() (*approval.Request, error)) (*approval.Request, error) {
	timeout := time.After(extra + patience)
	for {
		r, err := find()
		if r != nil || err != nil {
			return r, err
		}
		select {
		case <-changes:
		case e := <-n.events:
			if e.Kind == inbox.Died {
				return nil, fmt.Errorf("the delivery could not be processed: %w", e.Err)
			}
		case <-timeout:
			return nil, errors.New("no proposal was made in time")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Decide says where a manager decides, and plays one if nobody sits at the
// terminal. It does not wait for a person.
func (n *Narrator) Decide(ctx context.Context, s *Service, r *approval.Request) error {
	return n.DecideWith(ctx, s, r, nil)
}

// DecideWith is Decide of a manager who changes fields of the request's form.
func (n *Narrator) DecideWith(ctx context.Context, s *Service, r *approval.Request, changes map[string]string) error {
	link, err := s.SignInLink(r.ID)
	if err != nil {
		return err
	}
	n.Line("waiting", "for %s: open %s", r.Ruling.Need, link)
	if n.person {
		n.Line("", "(decide there; Ctrl-C ends)")
		return nil
	}
	n.Line("", "nobody sits at this terminal: a scripted manager signs in there and approves")
	return approveWith(ctx, link, r.ID, changes)
}

// TellOutcome says who decided and what came of it; written describes the
// effect of an executed request.
func (n *Narrator) TellOutcome(r *approval.Request, written string) {
	for _, dec := range r.Decisions {
		n.Line("decision", "%s by %s through the %s", dec.Verdict, dec.By.Name, dec.Channel)
	}
	switch r.State {
	case approval.Executed:
		n.Line("written", "%s", written)
	case approval.Rejected, approval.Expired, approval.Denied:
		n.Line("nothing", "is written: the request is %s", r.State)
	default:
		n.Line("state", "%s", r.State)
	}
}

// DeliverAgain sends a delivery of the topic whose body contains part a second
// time, as Shopify may, and tells that it changed nothing.
func (n *Narrator) DeliverAgain(ctx context.Context, sim *shopifytest.Shop, topic, part string) error {
	// It may have been processed before the shop has read that it was acknowledged.
	idle, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := sim.WaitIdle(idle); err != nil {
		return err
	}
	for _, del := range sim.Deliveries() {
		if del.Topic != topic || del.State != shopifytest.DeliveryDelivered || !strings.Contains(string(del.Body), part) {
			continue
		}
		if err := sim.Redeliver(del.WebhookID); err != nil {
			return err
		}
		return n.Received(ctx, inbox.Duplicate)
	}
	return errors.New("the delivery is not in the simulated shop's log")
}

// Prove stops the queue, prints the trail of each order and verifies the log.
func (n *Narrator) Prove(ctx context.Context, s *Service, orders []string) error {
	if err := s.Queue.Stop(ctx); err != nil { // the last entries are on record then
		return err
	}
	for _, order := range orders {
		n.Printf("\nTrail of %s\n", order)
		if err := audit.WriteText(n.out, s.Log.Trail(ctx, audit.Query{Subject: audit.Subject{Type: "order", ID: order}})); err != nil {
			return err
		}
	}
	report, err := s.Log.Verify(ctx)
	if err != nil {
		return fmt.Errorf("the audit log does not verify: %w", err)
	}
	n.Printf("\nAudit log: %d entries, every leaf and the signed checkpoint verified, root %v\n", report.Entries, report.Root)
	if s.cfg.Data != "" && !s.cfg.shared() {
		n.Printf("Verify it yourself: go run ./audit/cmd/posaudit verify %s\n", filepath.Join(s.Dir, auditDir))
		receipts, _ := filepath.Glob(filepath.Join(s.Dir, receiptsDir, "*.tlog-proof")) // the pattern is well formed
		if len(receipts) > 0 {
			n.Printf("Each order points to the receipt of its decision, which needs no log: go run ./audit/cmd/posaudit prove-verify -key \"$(cat %s)\" %s\n",
				filepath.Join(s.Dir, auditDir, "key.pub"), receipts[0])
		}
	}
	return nil
}

// TempDir returns the folder of a run without -serve, and a function that
// removes it if it is a temporary one.
func (c *Config) TempDir() (dir string, remove func() error, err error) {
	if c.Data != "" {
		return c.Data, func() error { return nil }, nil
	}
	dir, err = os.MkdirTemp("", c.Name+"-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}
