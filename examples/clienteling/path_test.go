package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/store"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/internal/testpg"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

func newSim(t *testing.T) *shopifytest.Shop {
	t.Helper()
	return shopifytest.NewShop(t, &shopifytest.Options{Data: fewPeople(t), Plan: shopifytest.Enterprise, RetrySchedule: demo.RetrySoon(), WebhookTimeout: time.Minute})
}

func (r *rig) state() *crmState {
	r.t.Helper()
	r.files()
	s, err := readState(r.crmDir())
	require.NoError(r.t, err)
	return s
}

func (r *rig) client() *shopify.Client { return r.shop.client }

// send delivers something as Shopify does.
func (r *rig) send(topic, body string) {
	r.t.Helper()
	sender := webhooktest.Sender{Secret: r.cfg.Secret, Schedule: demo.RetrySoon()}
	_, err := sender.Post(r.t.Context(), r.WebhookURL(), webhooktest.Fill(webhook.Delivery{Topic: topic, Shop: r.cfg.Shop, Body: []byte(body)}))
	require.NoError(r.t, err)
}

func (r *rig) get(path string) (int, string) {
	r.t.Helper()
	resp, err := http.Get(r.URL + path)
	require.NoError(r.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, string(body)
}

// health is what /healthz says once it says anything: it does not wait for a busy database.
func (r *rig) health() (body string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		var status int
		status, body = r.get("/healthz")
		return status == http.StatusOK
	}, long, 10*time.Millisecond)
	return body
}

// manager is a browser that is signed in at the console.
func (r *rig) manager() *http.Client {
	r.t.Helper()
	link, err := r.SignInLink("")
	require.NoError(r.t, err)
	jar, err := cookiejar.New(nil)
	require.NoError(r.t, err)
	c := &http.Client{Jar: jar, Timeout: long}
	u := strings.SplitN(link, "?token=", 2)
	for _, step := range []func() (*http.Response, error){
		func() (*http.Response, error) { return c.Get(link) },
		func() (*http.Response, error) { return c.PostForm(u[0], map[string][]string{"token": {u[1]}}) },
	} {
		resp, err := step()
		require.NoError(r.t, err)
		require.NoError(r.t, resp.Body.Close())
	}
	return c
}

// What the CRM refuses, people are told, and nothing is lost.
func TestTheCRMRefuses(t *testing.T) {
	t.Parallel()
	org := salesforcetest.New(t, nil)
	r := salesforceRig(t, newSim(t), org)
	r.synced()
	hidden := func(is bool) {
		org.Alter("Posai_Purchase__c", func(f salesforcetest.Field) salesforcetest.Field { f.Hidden = is; return f })
	}
	hidden(true) // as an administrator who takes a permission back
	_, err := r.sim.SetConsent(r.sim.Customers()[0].ID, shopifytest.Consent{Email: "UNSUBSCRIBED"})
	require.NoError(t, err)
	_, err = r.sim.RingUp(shopifytest.Sale{Customer: r.sim.Customers()[0].ID, Lines: []shopifytest.SaleLine{{SKU: r.sim.Products()[0].Variants[0].SKU}}})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.outbox.Status().Refused != "" }, long, 10*time.Millisecond)
	health := r.health()
	assert.Contains(t, health, "the CRM refuses")
	_, metrics := r.get("/metrics")
	assert.Contains(t, metrics, "clienteling_crm_refused 1\n")
	assert.Contains(t, metrics, "posai_inbox_deliveries")
	resp, err := r.manager().Get(r.URL + "/sync")
	require.NoError(t, err)
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Contains(t, string(page), "Somebody has to set this up")

	// Once it is set up, everything comes that was kept back: at the next start, or within
	// a few minutes without one.
	hidden(false)
	sink, address := r.sink, r.URL
	require.NoError(t, r.end(t.Context()))
	r.start(func(crm.Sink) crm.Sink { return sink })
	require.NoError(t, r.silenced(address))
	fresh := salesforceRig(t, r.sim, salesforcetest.New(t, nil))
	assert.Equal(t, fresh.files(), r.files())
}

// The pages are for people who are signed in, and each look is on record.
func TestDesk(t *testing.T) {
	t.Parallel()
	r := newRig(t, newSim(t), nil)
	who := r.sim.Customers()[0]
	id := numberOf(t, who.ID)
	for _, path := range []string{"/clients", fmt.Sprint("/clients/", id), "/sync"} {
		resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get(r.URL + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusSeeOther, resp.StatusCode, path)
	}
	m := r.manager()
	for path, want := range map[string]string{
		"/clients?q=" + strings.ToLower(who.LastName[:3]): who.LastName, fmt.Sprint("/clients/", id): who.LastName, "/sync": "On the way",
	} {
		resp, err := m.Get(r.URL + path)
		require.NoError(t, err)
		page, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusOK, resp.StatusCode, path)
		assert.Contains(t, string(page), want, path)
		assert.NotContains(t, string(page), who.Email, path)
	}
	looks := map[string]int{}
	for rec, err := range r.Log.Trail(t.Context(), audit.Query{Kind: audit.KindRead}) {
		require.NoError(t, err)
		looks[rec.Entry.Action]++
		text, err := rec.Entry.MarshalJSON()
		require.NoError(t, err)
		assert.NotContains(t, string(text), strconv.FormatInt(id, 10), "by pseudonym")
	}
	assert.Equal(t, map[string]int{"clienteling.search": 1, "clienteling.profile": 1}, looks)
	status, _ := r.get(fmt.Sprint("/pos/customers/", id))
	assert.Equal(t, http.StatusUnauthorized, status)
}

// A model words what the facts say, within its budget, and not about who opted out.
func TestTalkingPointsOfAModel(t *testing.T) {
	prices, err := ai.NewPrices("USD", []ai.Price{{Provider: "aitest", Model: "*", Input: decimal.NewFromInt(1), CacheRead: decimal.NewFromInt(1), CacheWrite: decimal.NewFromInt(1), Output: decimal.NewFromInt(2)}})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		say    string // "" is nonsense
		budget ai.Cost
		out    bool // of sharing
		ai     bool
		why    string
		asked  int // the model
		kept   int // entries of the log
	}{
		"what the facts say":     {"Mostly chooses Bath", ai.MaxCost / 2, false, true, "", 1, 1},
		"what they do not say":   {"They are ill, start with Bath", ai.MaxCost / 2, false, false, "the model said nothing that the facts hold", 1, 1},
		"nonsense":               {"", ai.MaxCost / 2, false, false, "the model's answer could not be used", 1, 1},
		"the budget is spent":    {"Mostly chooses Bath", 1, false, false, "the model's budget is spent", 0, 1},
		"the customer opted out": {"Mostly chooses Bath", ai.MaxCost / 2, true, false, "the customer opted out of data sharing", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := newSim(t)
			who := sim.Customers()[0]
			answer := aitest.Text("no JSON")
			if tt.say != "" {
				answer = aitest.JSON(map[string]any{"points": []any{map[string]any{"facts": []string{"f1"}, "say": tt.say}}})
			}
			model := aitest.NewModel(t, answer)
			r := newRig(t, sim, nil, func(c *config) {
				c.model, c.budget, c.ModelTimeout = model, demo.NewBudget(prices, tt.budget, tt.budget), time.Minute
			})
			if tt.out {
				_, err := admin.TagsAdd(t.Context(), r.client(), shopify.GID(who.ID), []string{"do-not-share"})
				require.NoError(t, err)
			}
			r.processed()
			resp, err := r.manager().Get(fmt.Sprint(r.URL, "/clients/", numberOf(t, who.ID), "/points"))
			require.NoError(t, err)
			var points desk.Points
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&points))
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusOK, resp.StatusCode)
			assert.Equal(t, tt.ai, points.AI, "%+v", points)
			assert.Equal(t, tt.why, points.Why)
			require.NotEmpty(t, points.Points, "the baseline, if nothing else")
			assert.Equal(t, tt.ai, points.Points[0].Text == tt.say)
			assert.Len(t, model.Requests(), tt.asked)
			kept := 0
			for rec, err := range r.Log.Trail(t.Context(), audit.Query{Action: "clienteling.model"}) {
				require.NoError(t, err)
				assert.Equal(t, !tt.ai, rec.Entry.Model.Baseline)
				kept++
			}
			assert.Equal(t, tt.kept, kept)
		})
	}
}

// What went back in the customer's currency is kept in the shop's, as the API says it.
func TestARefundInAnotherCurrency(t *testing.T) {
	t.Parallel()
	r := newRig(t, newSim(t), nil)
	who := r.sim.Customers()[0]
	o, err := r.sim.RingUp(shopifytest.Sale{Customer: who.ID, Lines: []shopifytest.SaleLine{{SKU: r.sim.Products()[0].Variants[0].SKU}}})
	require.NoError(t, err)
	r.sim.Advance(time.Minute)
	_, err = r.sim.TakeBack(shopifytest.TakeBack{Order: o.ID, Lines: []shopifytest.TakeBackLine{{Line: 0}}})
	require.NoError(t, err)
	r.processed()
	row := func() string {
		orders, err := r.store.Orders(t.Context(), numberOf(t, who.ID))
		require.NoError(t, err)
		text, err := json.Marshal(orders[slices.IndexFunc(orders, func(have store.Order) bool { return have.ID == o.LegacyID })])
		require.NoError(t, err)
		return string(text)
	}
	want := row()
	var told map[string]any
	for _, d := range r.sim.Deliveries() {
		var p map[string]any
		numbers := json.NewDecoder(bytes.NewReader(d.Body))
		numbers.UseNumber() // ids have more digits than a float64
		require.NoError(t, numbers.Decode(&p))
		if refunds, _ := p["refunds"].([]any); d.Topic == "orders/updated" && p["admin_graphql_api_id"] == o.ID && len(refunds) == 1 {
			told = p
		}
	}
	require.NotNil(t, told, "a delivery with the refund")
	for _, tr := range told["refunds"].([]any)[0].(map[string]any)["transactions"].([]any) {
		tr.(map[string]any)["amount"], tr.(map[string]any)["currency"] = "123456", "JPY"
	}
	told["updated_at"] = time.Now().Add(time.Hour).Format(time.RFC3339)
	body, err := json.Marshal(told)
	require.NoError(t, err)
	r.send("orders/updated", string(body))
	r.processed()
	assert.Equal(t, want, row())
}

// Two processes on one PostgreSQL: one of them is on the way to the CRM, and when it ends
// the other goes on.
func TestTwoProcessesOnPostgreSQL(t *testing.T) {
	t.Parallel()
	sim := newSim(t)
	org := salesforcetest.New(t, nil)
	url := testpg.URL(t)
	together := func(c *config) {
		c.Database, c.MasterKey = url, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{5}, audit.MasterKeySize))
	}
	first := salesforceRig(t, sim, org, together)
	second := salesforceRig(t, sim, org, together)
	first.synced()
	whose := numberOf(t, sim.Customers()[1].ID)
	at := &register{url: first.URL, sim: sim, clientID: first.cfg.clientID}
	require.NoError(t, at.note(t.Context(), whose, desk.NewNote{Key: "note-of-two", Kind: "service", Text: "Hem of the Wilhelmina coat taken up"}))
	assert.Contains(t, exported(t, second, whose), "Wilhelmina", "both write one log, with the same keys")
	require.Len(t, org.All("Contact"), 6)
	holds := func() (n int) {
		for _, r := range []*rig{first, second} {
			if r.outbox.Status().Holding {
				n++
			}
		}
		return n
	}
	require.Eventually(t, func() bool { return holds() == 1 }, long, 10*time.Millisecond)
	h := newHistory(t, sim, 23)
	for range 20 {
		h.step()
	}
	other := second
	if second.outbox.Status().Holding {
		first, other = second, first
	}
	require.NoError(t, first.end(t.Context()))
	require.NoError(t, second.silenced(first.URL))
	for range 10 {
		h.step()
	}
	if !slices.Contains(h.redacts, whose) {
		h.redacts = append(h.redacts, whose)
	}
	for _, id := range h.redacts {
		other.send("customers/redact", string(h.redaction(id)))
	}
	other.synced()
	assert.True(t, other.outbox.Status().Holding)
	require.Eventually(t, func() bool { return !strings.Contains(exported(t, other, whose), "Wilhelmina") }, long, 50*time.Millisecond,
		"what one process sealed is destroyed by the other")
	_, err := other.Log.Verify(t.Context())
	require.NoError(t, err)

	// As somebody who starts now and reads the shop as it is.
	fresh := salesforceRig(t, sim, salesforcetest.New(t, nil))
	for _, id := range h.redacts {
		fresh.send("customers/redact", string(h.redaction(id)))
	}
	assert.Equal(t, fresh.files(), other.files())
}

// exported is what the log of a service can say about a customer.
func exported(t *testing.T, r *rig, id int64) string {
	t.Helper()
	var out strings.Builder
	subject := audit.Subject{Type: "customer", ID: string(shopify.NewGID("Customer", id))}
	for rec, err := range r.Log.Export(t.Context(), subject, audit.DataRequest{}) {
		require.NoError(t, err)
		for _, part := range rec.Entry.Sealed {
			out.Write(part.Data)
		}
	}
	return out.String()
}

// A deletion, a sale and a new customer that were never delivered are found at the next
// start.
func TestWhatWasNeverDelivered(t *testing.T) {
	t.Parallel()
	sim := newSim(t)
	r := newRig(t, sim, nil)
	made, err := sim.AddCustomer(shopifytest.CustomerData{FirstName: "Ann", LastName: "Gone", Email: "gone@example.com"})
	require.NoError(t, err)
	require.Contains(t, r.state().contacts, r.store.Key(numberOf(t, made.ID)))
	require.NoError(t, r.silenced(r.URL))
	require.NoError(t, r.end(t.Context()))
	require.NoError(t, sim.DeleteCustomer(made.ID))
	who := sim.Customers()[0]
	_, err = sim.RingUp(shopifytest.Sale{Customer: who.ID, Lines: []shopifytest.SaleLine{{SKU: sim.Products()[0].Variants[0].SKU}}})
	require.NoError(t, err)
	came, err := sim.AddCustomer(shopifytest.CustomerData{FirstName: "Bea", LastName: "New", Email: "new@example.com"})
	require.NoError(t, err)
	r.start(nil)
	state := r.state()
	assert.NotContains(t, state.contacts, r.store.Key(numberOf(t, made.ID)))
	assert.Contains(t, state.contacts, r.store.Key(numberOf(t, came.ID)))
	assert.Equal(t, strconv.Itoa(who.Orders+1), state.contacts[r.store.Key(numberOf(t, who.ID))]["orders"])
}

func TestFlagsOfTheCRM(t *testing.T) {
	_, err := parseConfig([]string{"-serve", "-simulate", "-crm", "salesforce", "-salesforce-url", "https://a.my.salesforce.com"}, func(string) string { return "" }, io.Discard)
	require.ErrorContains(t, err, "-salesforce-client-id")
	key := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(key, []byte("not a key: s3cr3t"), 0o600))
	_, err = readKey(key)
	require.ErrorContains(t, err, "not a PEM file")
	assert.NotContains(t, err.Error(), "s3cr3t")
}
