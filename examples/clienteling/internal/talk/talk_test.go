package talk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/shopify"
)

var now = time.Date(2026, 11, 27, 15, 30, 0, 0, time.UTC)

func usd(amount string) shopify.Money {
	return shopify.Money{Amount: decimal.RequireFromString(amount), CurrencyCode: "USD"}
}

// maren is a customer with orders and the given notes.
func maren(notes ...book.Note) book.Entry {
	e := book.Entry{Notes: notes, Customer: book.Customer{
		ID: "gid://shopify/Customer/7001", FirstName: "Maren", LastName: "Holt", Email: "maren.holt@example.com", Phone: "+12075550147", City: "Portsmouth",
	}}
	for i := range 6 {
		e.Orders = append(e.Orders, book.Order{
			ID: shopify.NewGID("Order", int64(9000+i)), At: now.AddDate(0, 0, -20-25*i), Channel: book.Register, Location: "Market Square", Total: usd("1240.50"),
			Lines: []book.Line{{Title: "Field Coat", Category: "Outerwear", Vendor: "Northfell", Options: []book.Option{{Name: "Size", Value: "M"}}, Quantity: 1, Paid: usd("1240.50")}},
		})
	}
	return e
}

func promise(id, text string, due int) book.Note {
	return book.Note{ID: id, At: now.AddDate(0, 0, -9), By: "Ines", Kind: book.Promise, Text: text, Due: now.AddDate(0, 0, due)}
}

func input(e book.Entry) talk.Input {
	return talk.Input{
		Entry: e, Profile: profile.Of(e, nil, now), Allowed: true,
		Arrivals: []talk.Article{{Title: "Storm Parka", Category: "Outerwear", Sizes: []string{"S", "m"}, Since: now.AddDate(0, 0, -3)}},
		Caller:   ai.Caller{Shop: "alder-and-wren.myshopify.com", Staff: "staff:1", Role: "manager", Feature: "clienteling"},
	}
}

func texts(r talk.Result) []string {
	var out []string
	for _, p := range r.Points {
		out = append(out, p.Text)
	}
	return out
}

func Example() {
	entry := maren(promise("n1", "Call when the Chelsea boots are back.", -2))
	in := talk.Input{Entry: entry, Profile: profile.Of(entry, nil, now)}
	result := talk.New(nil, nil).Points(context.Background(), in)
	fmt.Println("by", result.By)
	for _, p := range result.Points {
		fmt.Printf("%s: %s\n", p.Kind, p.Text)
	}
	// Output:
	// by baseline
	// promise: A promise of 18 November is overdue since 25 November: see the note.
	// purchase: On 7 November they bought Field Coat at Market Square: ask how they like it.
	// preference: They mostly choose Outerwear by Northfell: start there.
}

func TestBaseline(t *testing.T) {
	occasion := book.Note{ID: "o", At: now.AddDate(0, -1, 0), Kind: book.Occasion, Text: "Anniversary", Due: now.AddDate(0, 0, 14)}
	service := book.Note{ID: "s", At: now.AddDate(0, -1, 0), Kind: book.Service, Text: "Sleeves"}
	on := func(n book.Note, change func(*book.Note)) book.Note {
		change(&n)
		return n
	}
	for name, c := range map[string]struct {
		change func(*talk.Input)
		notes  []book.Note
		want   string
		not    string
	}{
		"open promise":             {notes: []book.Note{promise("p", "x", 3)}, want: "A promise of 18 November is open, due on 30 November: see the note."},
		"promise without a day":    {notes: []book.Note{on(promise("p", "x", 3), func(n *book.Note) { n.Due = time.Time{} })}, want: "A promise of 18 November is open: see the note."},
		"kept promise":             {notes: []book.Note{promise("p", "x", 3), {ID: "q", At: now, Kind: book.Service, Text: "Done.", Settles: "p"}}, not: "promise"},
		"occasion":                 {notes: []book.Note{occasion}, want: "An occasion is noted for 11 December: see the note."},
		"occasion in three weeks":  {notes: []book.Note{on(occasion, func(n *book.Note) { n.Due = now.AddDate(0, 0, 21) })}, not: "occasion"},
		"occasion that is over":    {notes: []book.Note{on(occasion, func(n *book.Note) { n.Due = now.AddDate(0, 0, -1) })}, not: "occasion"},
		"service":                  {notes: []book.Note{service}, want: "There is a service note of 27 October: ask whether all is well."},
		"service long ago":         {notes: []book.Note{on(service, func(n *book.Note) { n.At = now.AddDate(-1, 0, 0) })}, not: "service note"},
		"arrival":                  {want: "New in Outerwear: Storm Parka, here in their size M."},
		"arrival in other sizes":   {change: func(in *talk.Input) { in.Arrivals[0].Sizes = []string{"XS"} }, not: "Storm Parka"},
		"arrival of last year":     {change: func(in *talk.Input) { in.Arrivals[0].Since = now.AddDate(-1, 0, 0) }, not: "Storm Parka"},
		"arrival they do not like": {change: func(in *talk.Input) { in.Arrivals[0].Category = "Shoes" }, not: "Storm Parka"},
		"last purchase":            {want: "On 7 November they bought Field Coat at Market Square: ask how they like it."},
		"a gift":                   {change: func(in *talk.Input) { in.Profile.Visits[0].Orders[0].Lines[0].Gift = true }, not: "ask how they like it"},
		"brought back":             {change: func(in *talk.Input) { in.Profile.Visits[0].Orders[0].Lines[0].Returned = 1 }, not: "ask how they like it"},
		"a sensitive purchase":     {change: func(in *talk.Input) { in.Profile.Visits[0].Orders[0].Lines[0].Title = "Pregnancy Pillow" }, not: "Pregnancy"},
		"loyal":                    {change: func(in *talk.Input) { in.Profile.RFM.Segment = profile.Champions }, want: "One of our most loyal customers: thank them for it."},
		"overdue":                  {change: func(in *talk.Input) { in.Profile = profile.Of(in.Entry, nil, now.AddDate(0, 0, 60)) }, want: "They usually come every 25 days and were last here 80 days ago: welcome them back."},
		"nobody knows":             {change: func(in *talk.Input) { *in = talk.Input{Profile: profile.Of(book.Entry{}, nil, now)} }, want: "Little is known of what they like yet: ask, and write it down."},
	} {
		in := input(maren(c.notes...))
		if c.change != nil {
			c.change(&in)
		}
		r := talk.Baseline(in)
		assert.Equal(t, "baseline", r.By, name)
		assert.False(t, r.AI, name)
		all := strings.Join(texts(r), "\n")
		if c.want != "" {
			assert.Contains(t, all, c.want, name)
		}
		if c.not != "" {
			assert.NotContains(t, all, c.not, name)
		}
		assert.LessOrEqual(t, len(r.Points), talk.MaxPoints, name)
		for _, p := range r.Points {
			assert.NotEmpty(t, p.Facts, name)
			assert.LessOrEqual(t, len(p.Text), 200, name)
		}
	}
}

func said(facts []string, say string) map[string]any {
	return map[string]any{"facts": facts, "say": say}
}

func reply(points ...map[string]any) aitest.Reply {
	if points == nil {
		points = []map[string]any{}
	}
	return aitest.JSON(map[string]any{"points": points})
}

func TestModelRanksAndWords(t *testing.T) {
	in := input(maren(promise("n1", "The Field Coat is at the tailor, sleeves shortened.", -2), promise("n2", "Keep a parka.", 5)))
	facts := talk.Facts(in)
	require.Equal(t, []talk.Kind{talk.Promise, talk.Promise, talk.Arrival, talk.Purchase, talk.Preference}, kinds(facts))
	model := aitest.NewModel(t, reply(
		said([]string{"f3"}, "Show them the new Storm Parka in size M."),
		said([]string{"f1"}, "The Field Coat with shortened sleeves from the tailor is overdue since 25 November."),
		said([]string{"f4", "f3"}, "Ask about the Field Coat they bought on 7 November, and show the Storm Parka."),
	))
	var asked []talk.Asked
	r := talk.New(model, &talk.Options{Record: func(_ context.Context, a talk.Asked) error {
		asked = append(asked, a)
		return nil
	}}).Points(t.Context(), in)
	assert.True(t, r.AI)
	assert.Equal(t, "aitest scripted", r.By)
	assert.Equal(t, []string{
		"A promise of 18 November is open, due on 2 December: see the note.", // the model left it out
		"The Field Coat with shortened sleeves from the tailor is overdue since 25 November.",
		"Show them the new Storm Parka in size M.",
		"Ask about the Field Coat they bought on 7 November, and show the Storm Parka.",
	}, texts(r))
	assert.Equal(t, []bool{false, true, true, true}, []bool{r.Points[0].AI, r.Points[1].AI, r.Points[2].AI, r.Points[3].AI})
	assert.Equal(t, "n1", r.Points[1].Note)
	require.Len(t, asked, 1)
	req := model.Requests()[0]
	assert.NotEmpty(t, asked[0].PromptDigest)
	assert.NotEmpty(t, asked[0].OutputDigest)
	assert.Equal(t, int64(10), asked[0].Usage.InputTokens)
	assert.Equal(t, 4, asked[0].Points)
	assert.Equal(t, "gid://shopify/Customer/7001", asked[0].Customer)
	assert.True(t, req.Tainted(), "notes are other people's text")
}

// A promise that a sentence names and does not speak of is not said by it.
func TestPromiseBesideTheMatter(t *testing.T) {
	in := input(maren(promise("n1", "x", -2)))
	for _, named := range [][]string{{"f3", "f1"}, {"f1", "f3"}} {
		r := talk.New(aitest.NewModel(t, reply(said(named, "Ask how they like the Field Coat."), said([]string{"f2"}, "Show them the Storm Parka."))), nil).Points(t.Context(), in)
		require.True(t, r.AI)
		assert.Equal(t, "A promise of 18 November is overdue since 25 November: see the note.", r.Points[0].Text, "%v", named)
		for _, p := range r.Points[1:] {
			assert.NotEqual(t, talk.Promise, p.Kind, "%v", named)
		}
	}
}

func kinds(facts []talk.Fact) []talk.Kind {
	var out []talk.Kind
	for _, f := range facts {
		out = append(out, f.Kind)
	}
	return out
}

// Nothing that says who the customer is reaches the model, nor what they paid.
func TestPromptIsPoor(t *testing.T) {
	model := aitest.NewModel(t, reply())
	in := input(maren(
		promise("n1", "Maren Holt wants the sleeves shorter", -2), promise("n2", "Her husband is ill, and the divorce", 2),
		book.Note{ID: "n3", At: now.AddDate(0, 0, -3), Kind: book.Service, By: "Ines", Text: "Mail maren.holt@example.com or +1 207 555 0147"},
		book.Note{ID: "n4", At: now.AddDate(0, 0, -3), Kind: book.Service, By: "Ines", Text: "Lives at Harbor Road in Portsmouth"},
		book.Note{ID: "n5", At: now.AddDate(0, 0, -3), Kind: book.Preference, By: "Ines", Text: "No wool"},
	))
	r := talk.New(model, nil).Points(t.Context(), in)
	assert.False(t, r.AI)
	assert.Equal(t, "the model said nothing that the facts hold", r.Why)
	req := model.Requests()[0]
	all := req.System + fmt.Sprint(req.Messages)
	assert.Contains(t, all, "wants the sleeves shorter")
	for _, bad := range []string{"Maren", "Holt", "example.com", "5550147", "555", "Portsmouth", "1240", "USD", "divorce", "husband", "ill,", "7001", "Ines"} {
		assert.NotContains(t, all, bad)
	}
}

// Who opted out, or may not be asked about, never reaches a model: it has no reply and
// would fail the test.
func TestNoModelIsAsked(t *testing.T) {
	for why, change := range map[string]func(*talk.Input, *talk.Options){
		"the customer opted out of data sharing": func(in *talk.Input, _ *talk.Options) { in.Entry.Customer.NoSharing = true },
		"your role does not allow it":            func(in *talk.Input, _ *talk.Options) { in.Allowed = false },
		"the customer gave no permission": func(_ *talk.Input, o *talk.Options) {
			o.Permit = func(c book.Customer) bool { return c.EmailConsent.Given() }
		},
	} {
		in, opts := input(maren()), &talk.Options{Record: func(context.Context, talk.Asked) error { return errors.New("never called") }}
		change(&in, opts)
		talker := talk.New(aitest.NewModel(t), opts)
		assert.False(t, talker.MayAsk(&in))
		r := talker.Points(t.Context(), in)
		assert.Equal(t, why, r.Why)
		assert.Equal(t, talk.Baseline(in).Points, r.Points)
		assert.Equal(t, "baseline", r.By)
	}
}

func TestBaselineStandsIn(t *testing.T) {
	in := input(maren(promise("n1", "x", -2)))
	good := reply(said([]string{"f1"}, "The promise is overdue since 25 November."))
	late := good
	late.Delay = time.Hour
	for why, r := range map[string]aitest.Reply{
		"the model was late":                         late,
		"the model could not be reached":             aitest.Error(&ai.Error{Class: ai.ErrOverloaded}),
		"the model's budget is spent":                aitest.Error(&ai.BudgetError{Account: "x"}),
		"the model refused":                          aitest.Refusal("no"),
		"the model's answer could not be used":       aitest.Truncated(`{"points":[`),
		"the model said nothing that the facts hold": reply(said([]string{"f1"}, "Everything is half price.")),
	} {
		var fallback string
		timeout := time.Minute
		if r.Delay > 0 {
			timeout = 20 * time.Millisecond
		}
		got := talk.New(aitest.NewModel(t, r), &talk.Options{Timeout: timeout, Record: func(_ context.Context, a talk.Asked) error {
			fallback = a.Fallback
			return nil
		}}).Points(t.Context(), in)
		assert.Equal(t, why, got.Why)
		assert.Equal(t, why, fallback, "it is on record")
		assert.False(t, got.AI)
		assert.Equal(t, "baseline", got.By)
		assert.Equal(t, talk.Baseline(in).Points, got.Points)
	}
	got := talk.New(aitest.NewModel(t, good), &talk.Options{Record: func(context.Context, talk.Asked) error { return errors.New("the log is away") }}).Points(t.Context(), in)
	assert.Equal(t, "the model's answer could not be recorded", got.Why)
	assert.False(t, got.AI, "what is not on record is not said")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	got = talk.New(aitest.NewModel(t, late), nil).Points(gone, in)
	assert.Equal(t, talk.Baseline(in).Points, got.Points)
}

// A real budget and a cache around the model: what is the same costs once, and what the
// budget does not allow is not asked.
func TestBudget(t *testing.T) {
	prices, err := ai.NewPrices("USD", []ai.Price{{Provider: "aitest", Model: "scripted", Input: decimal.NewFromInt(1), Output: decimal.NewFromInt(1)}})
	require.NoError(t, err)
	limit, err := ai.ParseCost("0.008") // more than one call may cost, less than two
	require.NoError(t, err)
	budget, err := ai.NewBudget(new(ai.MemoryLedger), prices, []ai.Cap{{Per: ai.PerStaff, Period: ai.Forever, Limit: limit}}, nil)
	require.NoError(t, err)
	costly := reply(said([]string{"f1"}, "The promise is overdue since 25 November."))
	costly.Usage = ai.Usage{InputTokens: 6000, OutputTokens: 500}
	model := aitest.NewModel(t, costly)
	talker := talk.New(ai.Wrap(model, ai.NewCache(nil).Middleware, budget.Middleware), nil)
	in := input(maren(promise("n1", "x", -2)))
	assert.True(t, talker.Points(t.Context(), in).AI)
	assert.True(t, talker.Points(t.Context(), in).AI, "from the cache")
	other := input(maren(promise("n1", "x", -3)))
	r := talker.Points(t.Context(), other)
	assert.Equal(t, "the model's budget is spent", r.Why)
	assert.Equal(t, "baseline", r.By)
	assert.Len(t, model.Requests(), 1)
}

// At most 64 calls at once: a page that is reloaded again and again does not pile up.
func TestCrowd(t *testing.T) {
	replies := make([]aitest.Reply, 64)
	for i := range replies {
		replies[i] = reply(said([]string{"f1"}, "The promise is overdue since 25 November."))
		replies[i].Delay = time.Hour
	}
	model := aitest.NewModel(t, replies...)
	ctx, cancel := context.WithCancel(t.Context())
	talker := talk.New(model, &talk.Options{Timeout: time.Hour})
	in := input(maren(promise("n1", "x", -2)))
	var crowd sync.WaitGroup
	for range 64 {
		crowd.Go(func() { talker.Points(ctx, in) })
	}
	require.Eventually(t, func() bool { return model.Remaining() == 0 }, 5*time.Minute, time.Millisecond)
	assert.Equal(t, "too many are asking at once", talker.Points(t.Context(), in).Why)
	cancel()
	crowd.Wait()
}

func TestSensitive(t *testing.T) {
	for _, text := range []string{
		"She is pregnant", "diabetes", "Her ILLNESS", "went to church", "Muslim", "gay", "divorced last year", "on welfare", "credit card debt", "votes Republican", "a disability", "in der Schwangerschaft", "ist krank",
		"Jude", "enceinte", "p\u200bregnant", "ｐｒｅｇｎａｎｔ", "PRÉGNANT", "salary", "hiv", "therapist", "kosher", "asylum", "police", "funeral", "wheelchair",
		"his bar mitzvah", "bar-mitzvah", "skin color", "Skin-Colour", "the skin colors", "a party member", "party-members", "was laid off", "laid-off",
	} {
		assert.True(t, talk.Sensitive(text), text)
	}
	for _, text := range []string{"Field Coat in navy", "The sleeves are at the tailor", "jewelry", "a pillow", "Market Square", "wool scarf", "illustrated book", "likes the parka", "Anniversary dinner", "polished brass", "embroidered", "cushion cover", "since 25 November", "thermal mug", "transparent vase", "dinner party", "skin, then color", "laid the coat off"} {
		assert.False(t, talk.Sensitive(text), text)
	}
}
