package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// Who is a record of the CRM already, a person says.
func TestWhoIsWho(t *testing.T) {
	for name, tt := range map[string]struct {
		choice   func(own string) map[string]string
		reject   bool
		contacts int // beside the org's own
		tied     bool
	}{
		"one of them":  {func(own string) map[string]string { return map[string]string{"choice": own} }, false, 5, true},
		"none of them": {func(string) map[string]string { return map[string]string{"choice": noneOfOur} }, false, 6, false},
		"leave out":    {func(string) map[string]string { return nil }, false, 5, false},
		"rejected":     {nil, true, 5, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := newSim(t)
			who := sim.Customers()[2]
			org := salesforcetest.New(t, nil)
			own := org.Add("Contact", map[string]any{"LastName": "Of old", "Email": strings.ToUpper(who.Email)})
			r := salesforceRig(t, sim, org)
			r.synced()
			req, err := r.question(t.Context())
			require.NoError(t, err)
			require.Equal(t, kindMatch, req.Kind)
			text, err := json.Marshal(req)
			require.NoError(t, err)
			assert.NotContains(t, string(text), "Of old", "whose record it is, the page says")
			status, page := r.sides(who.ID)
			require.Equal(t, http.StatusOK, status)
			assert.Contains(t, page, "Of old")
			assert.Contains(t, page, who.LastName)
			assert.Contains(t, page, "/approvals/requests/"+req.ID)
			assert.NotContains(t, strings.ToLower(page+string(text)), who.Email, "people are told apart without whole addresses")
			c, err := r.store.Counts(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, c.Questions)
			assert.Len(t, org.All("Contact"), 6, "everybody else is there")

			link, err := r.SignInLink(req.ID)
			require.NoError(t, err)
			if tt.reject {
				_, err = r.Queue.Decide(t.Context(), approval.Decision{RequestID: req.ID, Digest: req.Digest, Verdict: approval.Reject, By: demo.Manager, Reason: "no idea"})
				require.NoError(t, err)
				require.Eventually(t, func() bool {
					c, err := r.store.Counts(t.Context())
					return err == nil && c.LeftOut == 1
				}, long, 20*time.Millisecond)
			} else {
				b, err := demo.SignIn(t.Context(), link)
				require.NoError(t, err)
				require.NoError(t, b.ApproveWith(t.Context(), req.ID, tt.choice(own)))
				req, err = r.Queue.Wait(t.Context(), req.ID)
				require.NoError(t, err)
				require.Equal(t, approval.Executed, req.State, "%+v", req.Execution)
			}
			// A change of theirs asks nobody again.
			_, err = sim.RingUp(shopifytest.Sale{Customer: who.ID, Lines: []shopifytest.SaleLine{{SKU: sim.Products()[0].Variants[0].SKU}}})
			require.NoError(t, err)
			r.synced()
			contacts := org.All("Contact")
			assert.Len(t, contacts, tt.contacts+1)
			key := any(r.store.Key(numberOf(t, who.ID)))
			tied := slices.IndexFunc(contacts, func(c map[string]any) bool { return c["Posai_Key__c"] == key })
			assert.Equal(t, tt.tied, org.Record("Contact", own)["Posai_Key__c"] == key)
			assert.Equal(t, tt.tied || name == "none of them", tied >= 0)
			requests := 0
			for _, err := range r.Queue.List(t.Context(), approval.Filter{}) {
				require.NoError(t, err)
				requests++
			}
			assert.Equal(t, 1, requests)
		})
	}
}

// ofOld is a service whose CRM had a contact with a customer's address, its own, before.
func ofOld(t *testing.T) (r *rig, who shopifytest.Customer, own string) {
	t.Helper()
	sim := newSim(t)
	who = sim.Customers()[2]
	org := salesforcetest.New(t, nil)
	own = org.Add("Contact", map[string]any{"LastName": "Of old", "Email": who.Email})
	r = salesforceRig(t, sim, org)
	r.synced()
	return r, who, own
}

// choose answers a question as the manager does at the console, and waits for its end.
func (r *rig) choose(req *approval.Request, choice string) *approval.Request {
	r.t.Helper()
	link, err := r.SignInLink(req.ID)
	require.NoError(r.t, err)
	b, err := demo.SignIn(r.t.Context(), link)
	require.NoError(r.t, err)
	require.NoError(r.t, b.ApproveWith(r.t.Context(), req.ID, map[string]string{"choice": choice}))
	req, err = r.Queue.Wait(r.t.Context(), req.ID)
	require.NoError(r.t, err)
	return req
}

// sides is what a manager sees of both sides of a question about a customer.
func (r *rig) sides(customer string) (status int, page string) {
	r.t.Helper()
	resp, err := r.manager().Get(r.URL + "/matches/" + strconv.FormatInt(numberOf(r.t, customer), 10))
	require.NoError(r.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	require.NoError(r.t, resp.Body.Close())
	return resp.StatusCode, html.UnescapeString(string(body))
}

// An erasure leaves nothing of the customer in a question about them, whether it waits or
// was answered: not in the request, on the page or on the disk.
func TestErasedFromTheQuestion(t *testing.T) {
	for name, answered := range map[string]bool{"waiting": false, "answered": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, who, own := ofOld(t)
			req, err := r.question(t.Context())
			require.NoError(t, err)
			status, page := r.sides(who.ID)
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, page, "Of old")
			var looks int
			for rec, err := range r.Log.Trail(t.Context(), audit.Query{Kind: audit.KindRead, Action: "clienteling." + string(compared)}) {
				require.NoError(t, err)
				assert.Equal(t, demo.Manager.ID, rec.Entry.Actor.ID)
				looks++
			}
			assert.Equal(t, 1, looks, "who looked is on record")
			if answered {
				require.Equal(t, approval.Executed, r.choose(req, own).State)
				r.synced()
			}
			r.send("customers/redact", fmt.Sprintf(`{"shop_id":1,"shop_domain":%q,"customer":{"id":%d},"orders_to_redact":[]}`, r.cfg.Shop, numberOf(t, who.ID)))
			r.synced()
			status, page = r.sides(who.ID)
			assert.Equal(t, http.StatusNotFound, status)
			assert.NotContains(t, page, "Of old")
			for kept, err := range r.Queue.List(t.Context(), approval.Filter{}) {
				require.NoError(t, err)
				text, err := json.Marshal(kept)
				require.NoError(t, err)
				for _, personal := range []string{"Of old", who.FirstName + " " + who.LastName, who.Email, maskMail(who.Email)} {
					assert.NotContains(t, string(text), personal)
				}
			}
			require.NoError(t, r.end(t.Context()))
			require.NoError(t, filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
				require.NoError(t, err)
				if d.IsDir() {
					return nil
				}
				content, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.NotContains(t, string(content), "Of old", path)
				assert.NotContains(t, string(content), who.Email, path)
				return nil
			}))
		})
	}
}

// Who left the CRM and comes again is asked about again, whatever was said before.
func TestWhoIsWhoAgain(t *testing.T) {
	t.Parallel()
	r, who, own := ofOld(t)
	org := r.org
	answer := func(req *approval.Request, choice string) {
		req = r.choose(req, choice)
		require.Equal(t, approval.Executed, req.State, "%+v", req.Execution)
		r.synced()
	}
	first, err := r.question(t.Context())
	require.NoError(t, err)
	answer(first, noneOfOur)
	require.Len(t, org.All("Contact"), 7)
	_, err = admin.TagsAdd(t.Context(), r.client(), shopify.GID(who.ID), []string{"do-not-share"})
	require.NoError(t, err)
	r.synced()
	require.Len(t, org.All("Contact"), 6)
	_, err = admin.TagsRemove(t.Context(), r.client(), shopify.GID(who.ID), []string{"do-not-share"})
	require.NoError(t, err)
	r.synced()
	var second *approval.Request
	require.Eventually(t, func() bool {
		for req, err := range r.Queue.List(t.Context(), approval.Filter{}) {
			require.NoError(t, err)
			if req.ID != first.ID {
				second = req
			}
		}
		return second != nil
	}, long, 20*time.Millisecond)
	answer(second, own)
	assert.Equal(t, r.store.Key(numberOf(t, who.ID)), org.Record("Contact", own)["Posai_Key__c"])
	assert.Len(t, org.All("Contact"), 6)
}

// linking is a CRM that keeps who ties waiting, before it does or after.
type linking struct {
	crm.Sink
	after         bool
	entered, goOn chan struct{}
}

func (l *linking) Link(ctx context.Context, key, id string) error {
	if l.after {
		defer l.wait()
	} else {
		l.wait()
	}
	return l.Sink.Link(ctx, key, id)
}

func (l *linking) wait() {
	l.entered <- struct{}{}
	<-l.goOn
}

// Whoever goes while a record of the CRM is being tied to them is forgotten there, and so
// is who opts out.
func TestGoneWhileTied(t *testing.T) {
	for name, tt := range map[string]struct {
		happens func(r *rig, who *shopifytest.Customer)
		after   bool // the record is tied
		state   approval.State
	}{
		"erased": {happens: func(r *rig, who *shopifytest.Customer) {
			r.send("customers/redact", fmt.Sprintf(`{"shop_id":1,"shop_domain":%q,"customer":{"id":%d},"orders_to_redact":[]}`, r.cfg.Shop, numberOf(t, who.ID)))
		}, state: approval.Failed},
		"opted out": {happens: func(r *rig, who *shopifytest.Customer) {
			_, err := admin.TagsAdd(r.t.Context(), r.client(), shopify.GID(who.ID), []string{"do-not-share"})
			require.NoError(r.t, err)
		}, after: true, state: approval.Executed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := newSim(t)
			who := sim.Customers()[2]
			org := salesforcetest.New(t, nil)
			own := org.Add("Contact", map[string]any{"LastName": "Of old", "Email": who.Email})
			link := &linking{Sink: orgSink(t, org), after: tt.after, entered: make(chan struct{}), goOn: make(chan struct{})}
			r := newRig(t, sim, func(crm.Sink) crm.Sink { return link })
			r.synced()
			req, err := r.question(t.Context())
			require.NoError(t, err)
			signIn, err := r.SignInLink(req.ID)
			require.NoError(t, err)
			b, err := demo.SignIn(t.Context(), signIn)
			require.NoError(t, err)
			require.NoError(t, b.ApproveWith(t.Context(), req.ID, map[string]string{"choice": own}))
			<-link.entered
			tt.happens(r, &who)
			r.synced()
			close(link.goOn)
			req, err = r.Queue.Wait(t.Context(), req.ID)
			require.NoError(t, err)
			assert.Equal(t, tt.state, req.State, "%+v", req.Execution)
			r.synced()
			for _, c := range org.All("Contact") {
				assert.NotEqual(t, r.store.Key(numberOf(t, who.ID)), c["Posai_Key__c"])
			}
		})
	}
}

// A question about somebody who is gone has no effect.
func TestAQuestionAboutNobody(t *testing.T) {
	t.Parallel()
	r, who, own := ofOld(t)
	req, err := r.question(t.Context())
	require.NoError(t, err)
	r.send("customers/redact", fmt.Sprintf(`{"shop_id":1,"shop_domain":%q,"customer":{"id":%d},"orders_to_redact":[]}`, r.cfg.Shop, numberOf(t, who.ID)))
	r.synced()
	assert.Equal(t, approval.Failed, r.choose(req, own).State)
	assert.Empty(t, r.org.Record("Contact", own)["Posai_Key__c"], "the org's own contact stays as it was")
}
