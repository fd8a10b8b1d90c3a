package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/examples/internal/demo/demotest"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// path is the whole program for a simulated shop, as its users meet it.
type path struct {
	*service
	t    *testing.T
	sim  *shopifytest.Shop
	cfg  *config
	seen demotest.Counter
}

type pathOptions struct {
	data   *shopifytest.Data
	model  ai.Model
	config func(*config)
}

func newPath(t *testing.T, o pathOptions) *path {
	t.Helper()
	if o.data == nil {
		o.data = demotest.SmallShop()
	}
	p := &path{t: t, sim: shopifytest.NewShop(t, &shopifytest.Options{
		Data: o.data, Plan: shopifytest.Plus,
		RetrySchedule: demo.RetrySoon(), // what a busy machine acknowledges too late
	})}
	var err error
	p.cfg, err = parseConfig(nil, func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	p.cfg.use(p.sim)
	p.cfg.lookUp, p.cfg.ModelTimeout = time.Minute, 2*time.Minute // the machine may be busy
	prices, err := ai.NewPrices("USD", []ai.Price{{Provider: "aitest", Model: "*", Input: decimal.NewFromInt(1), CacheRead: decimal.NewFromInt(1), CacheWrite: decimal.NewFromInt(1), Output: decimal.NewFromInt(2)}})
	require.NoError(t, err)
	p.cfg.budget = demo.NewBudget(prices, ai.MaxCost/2, ai.MaxCost/2)
	if o.config != nil {
		o.config(p.cfg)
	}
	logger := slog.New(slog.DiscardHandler)
	sh, err := openShop(t.Context(), p.cfg, logger)
	require.NoError(t, err)
	p.service, err = startService(t.Context(), p.cfg, sh, o.model, t.TempDir(), "127.0.0.1:0", logger, p.seen.Observe)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.stopWithin(context.Background(), 2*time.Minute)) })
	return p
}

// visitor is a browser without scripts.
type visitor struct {
	p      *path
	client *http.Client
	mode   mode
}

func (p *path) visitor(m mode) *visitor {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(p.t, err)
	v := &visitor{p, &http.Client{Jar: jar, Timeout: 5 * time.Minute}, m}
	if m == associate {
		p.signIn(v.client)
	}
	resp, body := v.do(http.MethodGet, "", nil, "")
	require.Equal(p.t, http.StatusOK, resp.StatusCode, "%s", body)
	return v
}

func (p *path) signIn(client *http.Client) {
	link, err := p.SignInLink("")
	require.NoError(p.t, err)
	u, err := url.Parse(link)
	require.NoError(p.t, err)
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.URL+"/approvals/sign-in", strings.NewReader(url.Values{"token": u.Query()["token"]}.Encode()))
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.URL)
	resp, err := client.Do(r)
	require.NoError(p.t, err)
	require.NoError(p.t, resp.Body.Close())
	require.Equal(p.t, http.StatusOK, resp.StatusCode)
}

func (v *visitor) do(method, path string, body any, accept string) (*http.Response, []byte) {
	v.p.t.Helper()
	data, err := json.Marshal(body)
	require.NoError(v.p.t, err)
	r, err := http.NewRequestWithContext(v.p.t.Context(), method, v.p.URL+"/"+string(v.mode)+path, bytes.NewReader(data))
	require.NoError(v.p.t, err)
	r.Header.Set("Content-Type", "application/json")
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	resp, err := v.client.Do(r)
	require.NoError(v.p.t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(v.p.t, err)
	require.NoError(v.p.t, resp.Body.Close())
	return resp, text
}

// ask asks, streamed or not, and returns the answer and the bytes that it came in.
func (v *visitor) ask(q question, streamed bool) (answered, []byte) {
	v.p.t.Helper()
	accept := "application/json"
	if streamed {
		accept = "application/x-ndjson"
	}
	resp, body := v.do(http.MethodPost, "/ask", q, accept)
	require.Equal(v.p.t, http.StatusOK, resp.StatusCode, "%s", body)
	return readAnswer(v.p.t, body, streamed), body
}

func readAnswer(t *testing.T, body []byte, streamed bool) answered {
	t.Helper()
	var a answered
	if !streamed {
		require.NoError(t, json.Unmarshal(body, &a))
		return a
	}
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<20)
	done := 0
	for lines.Scan() {
		var e event
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		require.Empty(t, e.Error)
		if e.Block != nil {
			a.Blocks = append(a.Blocks, *e.Block)
		}
		if e.Done != nil {
			a.outcome = *e.Done
			done++
		}
	}
	require.NoError(t, lines.Err())
	require.Equal(t, 1, done, "an answer ends once")
	return a
}

func kinds(a answered) (out []string) {
	for _, b := range a.Blocks {
		out = append(out, b.Kind)
	}
	return out
}

// scripted is a model whose replies depend on the question: a function from the
// question and the number of the reply to it.
type scripted struct {
	reply func(question string, step int, req *ai.Request) aitest.Reply
	mu    sync.Mutex
	asked []*ai.Request
}

func (s *scripted) Info() ai.Info {
	return ai.Info{Provider: "aitest", Model: "scripted", Capabilities: ai.Capabilities{Tools: true, StructuredOutput: true}}
}

func (s *scripted) model(req *ai.Request) ai.Model {
	s.mu.Lock()
	s.asked = append(s.asked, req)
	s.mu.Unlock()
	question, step := "", 0
	for _, m := range req.Messages {
		switch m.Role {
		case ai.RoleUser:
			question, step = m.Text(), 0
		case ai.RoleTool:
			step++
		}
	}
	return aitest.NewModel(nil, s.reply(question, step, req))
}

func (s *scripted) Generate(ctx context.Context, req *ai.Request) (*ai.Response, error) {
	return s.model(req).Generate(ctx, req)
}

func (s *scripted) Stream(ctx context.Context, req *ai.Request) iter.Seq2[ai.Event, error] {
	return s.model(req).Stream(ctx, req)
}

func (s *scripted) requests() []*ai.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*ai.Request(nil), s.asked...)
}

func (p *path) product(title string) shopifytest.Product {
	p.t.Helper()
	for _, product := range p.sim.Products() {
		if product.Title == title {
			return product
		}
	}
	require.Fail(p.t, "no such product", title)
	return shopifytest.Product{}
}

func search(q string) aitest.Reply {
	return aitest.ToolCall("c1", "search_products", searchInput{Query: q})
}

func TestModelChoosesAndTheShopTells(t *testing.T) {
	model := &scripted{reply: func(_ string, step int, _ *ai.Request) aitest.Reply {
		if step == 0 {
			return search("cashmere scarf")
		}
		return aitest.Text("{\"product\":\"p1\",\"why\":\"Soft and warm for winter.\"}\n{\"product\":\"p2\",\"instead_of\":\"p1\"}")
	}}
	p := newPath(t, pathOptions{model: model})
	for _, streamed := range []bool{true, false} {
		a, _ := p.visitor(kiosk).ask(question{Question: "Something warm for my aunt?"}, streamed)
		require.Equal(t, []string{"card", "card"}, kinds(a))
		assert.True(t, a.AI)
		assert.Equal(t, "aitest scripted", a.By)
		scarf := p.product("Cashmere Scarf")
		c := a.Blocks[0].Card
		assert.Equal(t, scarf.ID, c.ID)
		assert.Equal(t, "Soft and warm for winter.", c.Why)
		assert.True(t, c.Live)
		assert.Equal(t, "Woven two-ply cashmere, fringed.", c.About)
		assert.Equal(t, scarf.Variants[0].SKU, c.Variants[0].SKU)
		assert.Equal(t, scarf.Variants[0].Price.StringFixed(2)+" USD", c.Variants[0].Price)
		assert.EqualValues(t, scarf.Variants[0].Available[p.shop.locations[0].ID], c.Variants[0].Here.Available)
		assert.Equal(t, "Cashmere Scarf", a.Blocks[1].Card.InsteadOf)
	}
	log := demotest.OpenAudit(t, p.Dir)
	require.NotNil(t, log)
}

func TestPersonIsCalled(t *testing.T) {
	p := newPath(t, pathOptions{})
	v := p.visitor(kiosk)
	a, _ := v.ask(question{Question: "Can I speak to a manager, please? I am anna@example.com"}, true)
	require.Equal(t, []string{"person"}, kinds(a))
	id := a.Blocks[0].Task.ID
	r, err := p.Queue.Get(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, approval.Pending, r.State)
	assert.NotContains(t, string(r.Args), "anna@example.com", "the task has no personal data")
	assert.WithinDuration(t, time.Now().Add(10*time.Minute), r.ExpiresAt, time.Minute)
	assert.Len(t, r.Ruling.Escalation, 1)

	again, _ := v.ask(question{Question: "glorfindel xyzzy"}, false)
	require.Equal(t, []string{"person"}, kinds(again), "what is not found is for a person")
	assert.Equal(t, id, again.Blocks[0].Task.ID, "who was called already")

	// It is nobody else's.
	resp, _ := p.visitor(kiosk).do(http.MethodGet, "/tasks/"+id, nil, "")
	assert.Equal(t, http.StatusNotFound, resp.StatusCode)
	state := func() string {
		_, body := v.do(http.MethodGet, "/tasks/"+id, nil, "")
		var got task
		require.NoError(t, json.Unmarshal(body, &got))
		return got.State
	}
	assert.Equal(t, "waiting", state())
	link, err := p.SignInLink("")
	require.NoError(t, err)
	require.NoError(t, demo.ApproveOverHTTP(t.Context(), link, id))
	require.Eventually(t, func() bool { return state() == "coming" }, 2*time.Minute, 20*time.Millisecond)

	other, _ := v.ask(question{Question: "glorfindel xyzzy"}, false)
	assert.NotEqual(t, id, other.Blocks[0].Task.ID, "that one has come; the next question is another")
}

func TestNobodyComes(t *testing.T) {
	p := newPath(t, pathOptions{config: func(c *config) { c.answerIn = 2 * time.Second }})
	v := p.visitor(kiosk)
	a, _ := v.ask(question{Question: "manager"}, true)
	require.Eventually(t, func() bool {
		_, body := v.do(http.MethodGet, "/tasks/"+a.Blocks[0].Task.ID, nil, "")
		return strings.Contains(string(body), `"nobody"`)
	}, 2*time.Minute, 50*time.Millisecond)
}

func TestSearchAnswersWithoutAModel(t *testing.T) {
	p := newPath(t, pathOptions{})
	v := p.visitor(kiosk)
	shirt := p.product("Oxford Dress Shirt")
	for name, tt := range map[string]struct {
		ask   string
		check func(answered)
	}{
		"SKU": {strings.ToLower(shirt.Variants[3].SKU), func(a answered) {
			require.Equal(t, []string{"card"}, kinds(a))
			assert.Equal(t, shirt.Variants[3].SKU, a.Blocks[0].Card.Variants[0].SKU, "the one that was asked for comes first")
		}},
		"words": {"Do you have boot socks?", func(a answered) {
			assert.Equal(t, "Boot Socks", a.Blocks[0].Card.Title)
		}},
		"policy": {"How do I return something without a receipt?", func(a answered) {
			require.Equal(t, "policy", a.Blocks[0].Kind)
			found := false
			for _, b := range a.Blocks {
				if strings.HasSuffix(b.Policy.Title, "Without a receipt") {
					found = true
					assert.Contains(t, samplePolicies, b.Policy.Text, "word for word")
				}
			}
			assert.True(t, found)
		}},
		"nothing": {"qwertzuiop", func(a answered) { assert.Equal(t, []string{"person"}, kinds(a)) }},
	} {
		a, _ := v.ask(question{Question: tt.ask}, true)
		require.NotEmpty(t, a.Blocks, name)
		assert.False(t, a.AI, name)
		for _, b := range a.Blocks {
			assert.Equal(t, "search", b.By, "%s: marked as what it is", name)
		}
		tt.check(a)
	}
}

// What was sold out a moment ago is not offered, and something like it is.
func TestIndexFollowsTheShop(t *testing.T) {
	p := newPath(t, pathOptions{})
	v := p.visitor(kiosk)
	beanie := p.product("Cashmere Beanie")
	here := p.shop.locations[0]
	for _, variant := range beanie.Variants {
		_, err := p.sim.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: variant.SKU, Quantity: variant.Available[here.ID]}}})
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		docs, err := p.shop.index.Documents(t.Context(), beanie.ID)
		require.NoError(t, err)
		for _, variant := range docs[0].Variants {
			if l, ok := variant.At(here.ID); !ok || l.Available != 0 {
				return false
			}
		}
		return true
	}, 2*time.Minute, 20*time.Millisecond, "by inventory_levels/update")
	a, _ := v.ask(question{Question: beanie.Variants[0].SKU}, true)
	require.Greater(t, len(a.Blocks), 1)
	assert.Zero(t, a.Blocks[0].Card.Variants[0].Here.Available)
	for _, b := range a.Blocks[1:] {
		assert.Equal(t, "Cashmere Beanie", b.Card.InsteadOf)
		assert.True(t, b.Card.inStock(nil), "an alternative can be had here")
		assert.Equal(t, beanie.Type, b.Card.Type)
	}
	// The other store, and the first one again.
	there := p.shop.locations[1]
	a, _ = v.ask(question{Question: beanie.Variants[1].SKU, Location: strings.TrimPrefix(there.ID, "gid://shopify/Location/")}, false)
	assert.Equal(t, there.Name, a.Blocks[0].Card.Variants[0].Here.Location)
	assert.EqualValues(t, beanie.Variants[1].Available[there.ID], a.Blocks[0].Card.Variants[0].Here.Available)
	resp, _ := v.do(http.MethodPost, "/ask", question{Question: "x", Location: "77"}, "")
	assert.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
}

// When the shop does not answer, the index does, and says of when it is.
func TestShopThatDoesNotAnswer(t *testing.T) {
	p := newPath(t, pathOptions{config: func(c *config) { c.lookUp = 200 * time.Millisecond }})
	remove := p.sim.Inject(shopifytest.Fault{Operation: "GetFigures", Status: 503, Times: 1000})
	defer remove()
	a, _ := p.visitor(kiosk).ask(question{Question: "Cashmere Scarf"}, true)
	require.NotEmpty(t, a.Blocks)
	assert.False(t, a.Blocks[0].Card.Live)
	assert.False(t, a.Blocks[0].Card.AsOf.IsZero())
	assert.Equal(t, p.product("Cashmere Scarf").Variants[0].SKU, a.Blocks[0].Card.Variants[0].SKU)
}

// A customer's history is for associates alone.
func TestHistory(t *testing.T) {
	bought, customer := "", ""
	data := demotest.SmallShop()
	model := &scripted{reply: func(q string, step int, req *ai.Request) aitest.Reply {
		for _, tool := range req.Tools {
			if tool.Name == "customer_history" && step == 0 {
				return aitest.ToolCall("c1", "customer_history", struct{}{})
			}
		}
		if step == 0 {
			return search("cashmere scarf")
		}
		return aitest.Text(`{"product":"p1"}`)
	}}
	p := newPath(t, pathOptions{data: data, model: model})
	for _, o := range p.sim.Orders() {
		if o.CustomerID != "" && len(o.Lines) > 0 {
			customer, bought = o.CustomerID, o.Lines[0].ProductID
		}
	}
	var name string
	for _, c := range p.sim.Customers() {
		if c.ID == customer {
			name = c.FirstName
		}
	}
	number := strings.TrimPrefix(customer, "gid://shopify/Customer/")
	a, _ := p.visitor(associate).ask(question{Question: name + " wants what she had last time", Customer: number}, true)
	require.Equal(t, []string{"card"}, kinds(a))
	assert.True(t, a.Blocks[0].Card.Bought)
	assert.Equal(t, bought, a.Blocks[0].Card.ID, "the latest first")
	for _, req := range model.requests() {
		assert.NotContains(t, req.Messages[len(req.Messages)-1].Text(), name, "the model reads no name")
	}
	before := len(model.requests())
	a, _ = p.visitor(kiosk).ask(question{Question: "what I had last time", Customer: number}, true)
	for _, b := range a.Blocks {
		assert.False(t, b.Card != nil && b.Card.Bought)
	}
	for _, req := range model.requests()[before:] {
		for _, tool := range req.Tools {
			assert.NotContains(t, []string{"customer_history", holdTool}, tool.Name, "a kiosk has tools that read products and policies")
		}
	}
}

// A model's wish to put something aside is a manager's decision, and has one effect.
func TestSetAside(t *testing.T) {
	sku := ""
	model := &scripted{reply: func(_ string, step int, _ *ai.Request) aitest.Reply {
		switch step {
		case 0:
			return search("cashmere scarf")
		case 1:
			return aitest.ToolCall("c2", holdTool, holdInput{SKU: "AW-INVENTED", Quantity: 1})
		}
		return aitest.ToolCall("c3", holdTool, holdInput{SKU: sku, Quantity: 2})
	}}
	p := newPath(t, pathOptions{model: model})
	sku = p.product("Cashmere Scarf").Variants[1].SKU
	v := p.visitor(associate)
	a, _ := v.ask(question{Question: "Put a scarf aside"}, true)
	require.Equal(t, []string{"waiting"}, kinds(a), "the invented one came before nobody")
	assert.Contains(t, a.Blocks[0].Task.What, "Put aside 2 × Cashmere Scarf")
	assert.Contains(t, a.Blocks[0].Task.What, sku)
	assert.Empty(t, p.sim.DraftOrders())
	link, err := p.SignInLink("")
	require.NoError(t, err)
	require.NoError(t, demo.ApproveOverHTTP(t.Context(), link, a.Blocks[0].Task.ID))
	r, err := p.Queue.Wait(t.Context(), a.Blocks[0].Task.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Executed, r.State, "%+v", r.Execution)
	drafts := p.sim.DraftOrders()
	require.Len(t, drafts, 1)
	assert.Equal(t, sku, drafts[0].Lines[0].SKU)
	assert.Contains(t, drafts[0].Tags, tagHold)
}

// An answer that gets lost on its way is read back, not made again.
func TestSetAsideOnceWhenTheAnswerIsLost(t *testing.T) {
	sku := ""
	model := &scripted{reply: func(_ string, step int, _ *ai.Request) aitest.Reply {
		if step == 0 {
			return search("cashmere scarf")
		}
		return aitest.ToolCall("c3", holdTool, holdInput{SKU: sku, Quantity: 1})
	}}
	p := newPath(t, pathOptions{model: model})
	sku = p.product("Cashmere Scarf").Variants[0].SKU
	a, _ := p.visitor(associate).ask(question{Question: "Put a scarf aside"}, false)
	require.Equal(t, []string{"waiting"}, kinds(a))
	defer p.sim.Inject(shopifytest.Fault{Operation: "DraftOrderCreate", LoseResponse: true, Times: 1})()
	link, err := p.SignInLink("")
	require.NoError(t, err)
	require.NoError(t, demo.ApproveOverHTTP(t.Context(), link, a.Blocks[0].Task.ID))
	r, err := p.Queue.Wait(t.Context(), a.Blocks[0].Task.ID)
	require.NoError(t, err)
	assert.Equal(t, approval.Executed, r.State)
	assert.Len(t, p.sim.DraftOrders(), 1)
}

func TestBaselineStandsIn(t *testing.T) {
	for name, tt := range map[string]struct {
		reply  func(step int) aitest.Reply
		config func(*config)
		why    string
	}{
		"late":       {reply: func(int) aitest.Reply { return aitest.Reply{Text: "{}", Delay: time.Hour} }, config: func(c *config) { c.ModelTimeout = 100 * time.Millisecond }, why: "late"},
		"refused":    {reply: func(int) aitest.Reply { return aitest.Refusal("no") }, why: "nothing that could be shown"},
		"overloaded": {reply: func(int) aitest.Reply { return aitest.Error(&ai.Error{Class: ai.ErrQuota}) }, why: "no capacity"},
		"nonsense":   {reply: func(int) aitest.Reply { return aitest.Text("The Moon Lamp costs $9.99.") }, why: "nothing that could be shown"},
		"budget":     {reply: func(int) aitest.Reply { return aitest.Text("{}") }, config: func(c *config) { c.budget.PerStaff(1) }, why: "budget"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPath(t, pathOptions{model: &scripted{reply: func(_ string, step int, _ *ai.Request) aitest.Reply { return tt.reply(step) }}, config: tt.config})
			a, _ := p.visitor(kiosk).ask(question{Question: "cashmere scarf"}, true)
			require.NotEmpty(t, a.Blocks)
			assert.Equal(t, "Cashmere Scarf", a.Blocks[0].Card.Title)
			assert.Equal(t, "search", a.By)
			assert.False(t, a.AI)
			assert.Contains(t, a.Why, tt.why)
		})
	}
}

func TestRegisterAsks(t *testing.T) {
	p := newPath(t, pathOptions{})
	ask := func(token string, body string) (*http.Response, []byte) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/pos/ask", strings.NewReader(body))
		require.NoError(t, err)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		r.Header.Set("Origin", "https://cdn.shopify.com")
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp, text
	}
	sign := func(secret, shop string) string {
		return shopifytest.SignSessionToken(secret, shopifytest.SessionClaims{Shop: shop, ClientID: p.cfg.clientID, Account: "1", Issued: time.Now()})
	}
	token := func() string { return sign(p.cfg.Secret, p.cfg.Shop) } // it is good for a minute
	resp, body := ask(token(), `{"conversation":"register-1","question":"cashmere scarf"}`)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", body)
	assert.Equal(t, "*", resp.Header.Get("Access-Control-Allow-Origin"))
	a := readAnswer(t, body, false)
	assert.Equal(t, "Cashmere Scarf", a.Blocks[0].Card.Title)

	none := func() string { return "" }
	stranger := func() string { return sign("another secret", p.cfg.Shop) }
	other := func() string { return sign(p.cfg.Secret, "other.myshopify.com") }
	for name, tt := range map[string]struct {
		token  func() string
		body   string
		status int
	}{
		"no token":        {none, `{}`, 401},
		"wrong secret":    {stranger, `{}`, 401},
		"another shop":    {other, `{}`, 401},
		"no conversation": {token, `{"question":"x"}`, 422},
		"no question":     {token, `{"conversation":"register-1"}`, 422},
		"no JSON":         {token, `x`, 422},
		"two":             {token, `{"question":"x"}{}`, 422},
		"long":            {token, `{"question":"` + strings.Repeat("x", 501) + `"}`, 422},
		"customer":        {token, `{"conversation":"register-1","question":"x","customer":"1' OR 1"}`, 422},
		"large":           {token, `{"question":"` + strings.Repeat("x", 20<<10) + `"}`, 413},
	} {
		resp, body := ask(tt.token(), tt.body)
		assert.Equal(t, tt.status, resp.StatusCode, "%s: %s", name, body)
	}
}

func TestWhoMayAsk(t *testing.T) {
	p := newPath(t, pathOptions{})
	stranger := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := stranger.Get(p.URL + "/associate")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusSeeOther, resp.StatusCode, "the associate's page is for people who are signed in")
	resp, err = stranger.Post(p.URL+"/associate/ask", "application/json", strings.NewReader(`{"question":"x"}`))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	resp, err = stranger.Post(p.URL+"/kiosk/ask", "application/json", strings.NewReader(`{"question":"x"}`))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusForbidden, resp.StatusCode, "without the page's cookie")

	v := p.visitor(kiosk)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/kiosk/ask", strings.NewReader(`{"question":"x"}`))
	require.NoError(t, err)
	r.Header.Set("Origin", "https://evil.example.com")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err = v.client.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusForbidden, resp.StatusCode, "not from another site")

	now := time.Now()
	p.copilot.sessions.mu.Lock()
	p.copilot.sessions.now = func() time.Time { return now } // a minute that does not end
	p.copilot.sessions.mu.Unlock()
	refused := 0
	for range perMinute + 2 {
		if resp, _ := v.do(http.MethodPost, "/ask", question{Question: "manager"}, ""); resp.StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	assert.Equal(t, 2, refused, "one conversation asks %d times in a minute", perMinute)
}

// With an embedder, what is meant is found where the words differ.
func TestVectorsBesideWords(t *testing.T) {
	products := len(smallData().Products)
	// A provider's own API over HTTP: whatever is about feet points one way, the rest
	// another.
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Input []string }
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		var data []map[string]any
		for i, text := range body.Input {
			vector := []float32{0.1, 1}
			if lower := strings.ToLower(text); strings.Contains(lower, "sock") || strings.Contains(lower, "footwear") {
				vector = []float32{1, 0.1}
			} else if strings.Contains(lower, "xyzzy") {
				vector = []float32{-1, -1}
			}
			data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": vector})
		}
		w.Header().Set("Content-Type", "application/json")
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"object": "list", "model": "sample", "data": data, "usage": map[string]int{"prompt_tokens": 1, "total_tokens": 1}}))
	}))
	defer provider.Close()
	p := newPath(t, pathOptions{config: func(c *config) { c.embedder, c.ModelKey, c.ModelURL = "openai:sample", "k", provider.URL }})
	require.Eventually(t, func() bool {
		stats, err := p.shop.index.Stats(t.Context())
		require.NoError(t, err)
		return stats.Vectors >= products
	}, 5*time.Minute, 20*time.Millisecond, "vectors of all products")
	a, _ := p.visitor(kiosk).ask(question{Question: "footwear"}, true)
	require.NotEmpty(t, a.Blocks)
	require.NotNil(t, a.Blocks[0].Card, "no product says that word")
	assert.Contains(t, a.Blocks[0].Card.Title, "Sock")
	a, _ = p.visitor(kiosk).ask(question{Question: "xyzzy"}, true)
	assert.Equal(t, []string{"person"}, kinds(a), "what is like nothing is not found")
}
