// Package testqueue is a queue to test channels with: the real one, over
// SQLite, with one kind of action.
package testqueue

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
)

// People of the tests. Harbor is restricted to another location.
var (
	Assistant = approval.Principal{ID: "assistant", Name: "Follow-up assistant", Type: approval.AI}
	Maria     = approval.Principal{ID: "staff-1", Name: "Maria Lopez", Type: approval.Human, Roles: []string{"manager"}}
	Boris     = approval.Principal{ID: "staff-2", Name: "Boris Klein", Type: approval.Human, Roles: []string{"manager"}}
	Carla     = approval.Principal{ID: "staff-3", Name: "Carla Weiss", Type: approval.Human, Roles: []string{"cashier"}}
	Nobody    = approval.Principal{ID: "staff-4", Name: "Noor Haddad", Type: approval.Human}
	Harbor    = approval.Principal{ID: "staff-5", Name: "Hana Ito", Type: approval.Human, Roles: []string{"manager"}, Locations: []string{"gid://shopify/Location/2"}}
)

// LostAnswer is the text of a message whose first execution has its effect but
// loses the answer, so that the request becomes uncertain.
const LostAnswer = "The answer gets lost."

// Refused is the text of a message whose execution fails for good.
const Refused = "The customer has gone."

// Endless is the text of a message whose preview is as long as a preview may
// be.
const Endless = "Endless."

// MainStreet is where the tests' sales are made.
const MainStreet = "gid://shopify/Location/1"

// Message is the action: a message to a customer.
type Message struct {
	Text  string `json:"text"`
	Gift  bool   `json:"gift"`
	Tone  string `json:"tone"`
	Order string `json:"order"`
}

// Kind implements [approval.Action].
func (Message) Kind() string { return "test.message" }

// Validate implements [approval.Action].
func (m Message) Validate() error {
	if strings.Contains(m.Text, "discount") {
		return errors.New("the message must not promise a discount")
	}
	if utf8.RuneCountInString(m.Text) > 50_000 {
		return errors.New("the message is too long")
	}
	return nil
}

// Preview implements [approval.Previewer].
func (m Message) Preview() approval.Preview {
	gift := "no"
	if m.Gift {
		gift = "yes"
	}
	if m.Text == Endless {
		fields := make([]approval.PreviewField, 64)
		for i := range fields {
			fields[i] = approval.PreviewField{Label: strconv.Itoa(i), Value: strings.Repeat("long ", 800)}
		}
		return approval.Preview{Title: "Endless", Fields: fields}
	}
	return approval.Preview{
		Title:   "Thank the customer of order " + m.Order,
		Summary: "A thank-you message is written to the order.",
		Fields: []approval.PreviewField{
			{Label: "Message", Value: m.Text}, {Label: "Gift", Value: gift}, {Label: "Tone", Value: m.Tone},
		},
	}
}

// EditForm implements [approval.Editor].
func (m Message) EditForm() []approval.FormField {
	gift := ""
	if m.Gift {
		gift = "true"
	}
	return []approval.FormField{
		{Name: "text", Label: "Message", Type: approval.FieldTextArea, Value: m.Text, MaxLength: 2000, Required: true},
		{Name: "gift", Label: "It is a gift", Type: approval.FieldCheckbox, Value: gift},
		{Name: "tone", Label: "Tone", Type: approval.FieldSelect, Value: m.Tone, Options: []approval.Option{{Value: "warm"}, {Value: "brief", Label: "Short and brief"}}},
	}
}

// ApplyEdit implements [approval.Editor].
func (m Message) ApplyEdit(values map[string]string) (approval.Action, error) {
	for name, v := range values {
		switch name {
		case "text":
			m.Text = v
		case "gift":
			m.Gift = v == "true"
		case "tone":
			m.Tone = v
		}
	}
	return m, nil
}

// Queue is a running queue and what it did.
type Queue struct {
	*approval.Queue
	Effects atomic.Int64            // executions
	Last    atomic.Pointer[Message] // of the last execution
	Undone  atomic.Int64            // executions taken back
	Store   approval.Store

	proposed atomic.Int64
}

// New returns a running queue that ends with the test. Above 500.00 EUR a
// manager decides, above 5,000.00 EUR two, and the rest is allowed.
func New(t testing.TB, log *audit.Log) *Queue {
	t.Helper()
	return NewWith(t, log, nil)
}

// NewWith is [New] with a policy of the caller's, if that is not nil.
func NewWith(t testing.TB, log *audit.Log, policy approval.Policy) *Queue {
	t.Helper()
	if policy == nil {
		policy = byAmount()
	}
	store, err := sqlstore.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "approval.db"), nil)
	require.NoError(t, err)
	queue, err := approval.NewQueue(store, log, policy, nil)
	require.NoError(t, err)
	q := &Queue{Queue: queue, Store: store}
	require.NoError(t, approval.Register(queue, approval.Executor[Message, string]{
		Execute: func(_ context.Context, _ approval.Execution, m Message) (string, error) {
			q.Last.Store(&m)
			if m.Text == Refused {
				return "", approval.Permanent(errors.New("the customer has gone"))
			}
			q.Effects.Add(1)
			if m.Text == LostAnswer && q.Effects.Load() == 1 {
				return "", approval.Unknown(errors.New("the connection broke"))
			}
			return "written", nil
		},
		Undo: func(context.Context, approval.Execution, Message, string) error {
			q.Undone.Add(1)
			return nil
		},
	}))
	require.NoError(t, queue.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(queue.Stop(ctx), store.Close()); err != nil {
			t.Errorf("stop the queue: %v", err)
		}
	})
	return q
}

func byAmount() approval.Policy {
	return approval.Rules("test-1",
		approval.Rule{
			When: approval.AmountAbove("5000.00", "EUR"),
			Then: approval.Ask(approval.Quorum(2, approval.Role("manager")), time.Hour, "The sale is above 5,000.00 EUR"),
		},
		approval.Rule{
			When: approval.AmountAbove("500.00", "EUR"),
			Then: approval.Ask(approval.Role("manager"), time.Hour, "The sale is above 500.00 EUR"),
		},
		approval.Rule{Then: approval.Allow("The sale is small")},
	)
}

// Propose proposes a message about a sale of amount EUR at [MainStreet].
func (q *Queue) Propose(t testing.TB, amount string, m Message) *approval.Request {
	t.Helper()
	key := strconv.FormatInt(q.proposed.Add(1), 10)
	confidence := 0.82
	r, err := q.Queue.Propose(t.Context(), m, approval.Proposal{
		Key: key, Shop: "example.myshopify.com", Location: MainStreet, Proposer: Assistant,
		Amount:     approval.Money{Amount: amount, Currency: "EUR"},
		Subjects:   []audit.Subject{{Type: "order", ID: "gid://shopify/Order/1043"}},
		Model:      &audit.Model{Provider: "openai", Name: "sample-model"},
		Confidence: &confidence,
		Evidence: []approval.Evidence{
			{Label: "Order", Text: "#" + m.Order + ", 3 items\n1 × Linen set, oat\n2 × Cushion, moss"},
			{Label: "Customer", Text: "Ana, 7 orders in two years, accepts marketing"},
		},
	})
	require.NoError(t, err)
	return r
}

// Thanks is a message as the tests propose it.
func Thanks(order string) Message {
	return Message{Text: "Dear Ana, thank you for your visit.\nYour team", Tone: "warm", Order: order}
}
