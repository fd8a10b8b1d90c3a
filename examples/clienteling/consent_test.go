package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/admin"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook/inbox"
)

// Consent follows, whichever way it goes, and so does the wish not to be shared.
func TestConsentAndSharing(t *testing.T) {
	t.Parallel()
	r := newRig(t, newSim(t), nil)
	who := r.sim.Customers()[0]
	key := r.store.Key(numberOf(t, who.ID))
	for _, state := range []string{"SUBSCRIBED", "UNSUBSCRIBED", "SUBSCRIBED"} {
		_, err := r.sim.SetConsent(who.ID, shopifytest.Consent{Email: state, SMS: state})
		require.NoError(t, err)
		row := r.state().contacts[key]
		assert.Equal(t, strconv.FormatBool(state != "SUBSCRIBED"), row["no_email"])
		assert.Equal(t, strconv.FormatBool(state != "SUBSCRIBED"), row["no_sms"])
	}
	before := r.state()
	_, err := admin.TagsAdd(t.Context(), r.client(), shopify.GID(who.ID), []string{"Do-Not-Share"})
	require.NoError(t, err)
	require.NotContains(t, r.state().contacts, key)
	c, err := r.store.Counts(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, c.Withheld)
	_, err = admin.TagsRemove(t.Context(), r.client(), shopify.GID(who.ID), []string{"Do-Not-Share"})
	require.NoError(t, err)
	assert.Equal(t, before.digest, r.state().digest)
}

// A consent for an address that is theirs no more, told late, gives nothing for the one
// that they have.
func TestConsentForAnotherAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t, newSim(t), nil)
	who := r.sim.Customers()[0]
	_, err := r.sim.SetConsent(who.ID, shopifytest.Consent{Email: "UNSUBSCRIBED", SMS: "UNSUBSCRIBED"})
	require.NoError(t, err)
	r.synced()
	id, given := numberOf(t, who.ID), time.Now().Add(time.Minute).Format(time.RFC3339)
	r.send("customers_email_marketing_consent/update", fmt.Sprintf(`{"customer_id":%d,"email_address":"old@example.com","email_marketing_consent":{"state":"subscribed","consent_updated_at":%q}}`, id, given))
	r.send("customers_marketing_consent/update", fmt.Sprintf(`{"id":%d,"phone":"+12125550199","sms_marketing_consent":{"state":"subscribed","consent_updated_at":%q}}`, id, given))
	row := r.state().contacts[r.store.Key(id)]
	assert.Equal(t, "true", row["no_email"])
	assert.Equal(t, "true", row["no_sms"])
}

// A consent that is taken back while the customer is on the way to the CRM ends taken
// back.
func TestConsentInFlight(t *testing.T) {
	t.Parallel()
	hold := &holding{entered: make(chan struct{}, 1), goOn: make(chan struct{})}
	r := newRig(t, newSim(t), func(s crm.Sink) crm.Sink { hold.Sink = s; return hold })
	r.synced()
	who := r.sim.Customers()[0]
	_, err := r.sim.SetConsent(who.ID, shopifytest.Consent{Email: "SUBSCRIBED"})
	require.NoError(t, err)
	r.synced()
	hold.wait.Store(true)
	_, err = r.sim.RingUp(shopifytest.Sale{Customer: who.ID, Lines: []shopifytest.SaleLine{{SKU: r.sim.Products()[0].Variants[0].SKU}}})
	require.NoError(t, err)
	<-hold.entered
	_, err = r.sim.SetConsent(who.ID, shopifytest.Consent{Email: "UNSUBSCRIBED"})
	require.NoError(t, err)
	r.processed()
	hold.wait.Store(false)
	close(hold.goOn)
	assert.Equal(t, "true", r.state().contacts[r.store.Key(numberOf(t, who.ID))]["no_email"])
}

// An erasure is on record when the CRM has forgotten too, however long that takes, and
// over a restart.
func TestErasedWhenTheCRMHasForgotten(t *testing.T) {
	t.Parallel()
	sim := newSim(t)
	hold := &holding{}
	r := newRig(t, sim, func(s crm.Sink) crm.Sink { hold.Sink = s; return hold })
	who := sim.Customers()[1]
	id := numberOf(t, who.ID)
	require.Contains(t, r.state().contacts, r.store.Key(id))
	register := &register{url: r.URL, sim: sim, clientID: r.cfg.clientID}
	c, err := register.customer(t.Context(), id)
	require.NoError(t, err)
	require.NotEmpty(t, c.Name)
	require.NoError(t, register.note(t.Context(), id, desk.NewNote{Key: "note-of-path", Kind: "service", Text: "Hem of the Wilhelmina coat taken up"}))
	r.send("customers/data_request", fmt.Sprintf(`{"shop_id":1,"shop_domain":%q,"orders_requested":[],"customer":{"id":%d},"data_request":{"id":41}}`, r.cfg.Shop, id))
	r.processed()
	export, err := os.ReadFile(filepath.Join(r.dir, "exports", "data-request-41.jsonl"))
	require.NoError(t, err)
	for _, want := range []string{who.Email, `"Orders":[`, "Wilhelmina", who.ID} {
		assert.Contains(t, string(export), want)
	}

	erased := func(r *rig) (n int) {
		for _, err := range r.Log.Trail(t.Context(), audit.Query{Kind: audit.KindErased}) {
			require.NoError(t, err)
			n++
		}
		return n
	}
	hold.down.Store(true)
	r.send("customers/redact", fmt.Sprintf(`{"shop_id":1,"shop_domain":%q,"customer":{"id":%d,"email":%q},"orders_to_redact":[]}`, r.cfg.Shop, id, who.Email))
	r.processed()
	require.Eventually(t, func() bool { return r.outbox.Status().Failing != "" }, long, 5*time.Millisecond)
	_, err = register.customer(t.Context(), id)
	require.ErrorContains(t, err, "410")
	assert.Zero(t, erased(r), "nobody says that it is done")
	assert.Contains(t, r.health(), `"crm_forgetting":1`)
	address := r.URL
	require.NoError(t, r.end(t.Context()))

	r.start(func(crm.Sink) crm.Sink { return hold }) // still down: another start changes nothing
	require.NoError(t, r.silenced(address))
	assert.Zero(t, erased(r))
	hold.down.Store(false)
	require.Eventually(t, func() bool { return erased(r) == 1 }, long, 10*time.Millisecond)
	assert.NotContains(t, r.state().contacts, r.store.Key(id))
	_, err = r.Log.Verify(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.end(t.Context()))
	require.NoError(t, filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		if d.IsDir() || strings.Contains(path, "exports") {
			return nil
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotContains(t, string(content), "Wilhelmina", path)
		assert.NotContains(t, string(content), who.Email, "%s: a delivery, or the demand to erase", path)
		return nil
	}))
}

// Who was merged into the customer was the customer: their parts of the log go out with
// the answer to a request, and can be read by nobody after an erasure.
func TestErasedUnderAnEarlierNumber(t *testing.T) {
	t.Parallel()
	r := newRig(t, newSim(t), nil)
	other, kept := r.sim.Customers()[1], r.sim.Customers()[2]
	register := &register{url: r.URL, sim: r.sim, clientID: r.cfg.clientID}
	require.NoError(t, register.note(t.Context(), numberOf(t, other.ID), desk.NewNote{Key: "before-the-merge", Kind: "service", Text: "Hem of the Wilhelmina coat taken up"}))
	note := func() (words []string) {
		for rec, err := range r.Log.Trail(t.Context(), audit.Query{Action: "clienteling.note"}) {
			require.NoError(t, err)
			rec, err = r.Log.Unseal(t.Context(), rec)
			require.NoError(t, err)
			for _, part := range rec.Entry.Sealed {
				if len(part.Data) > 0 {
					words = append(words, string(part.Data))
				}
			}
		}
		return words
	}
	require.Equal(t, []string{"Hem of the Wilhelmina coat taken up"}, note())
	r.send("customers/merge", fmt.Sprintf(`{"admin_graphql_api_customer_kept_id":%q,"admin_graphql_api_customer_deleted_id":%q,"status":"completed"}`, kept.ID, other.ID))
	r.synced()
	id := numberOf(t, kept.ID)
	r.send("customers/data_request", fmt.Sprintf(`{"shop_id":1,"shop_domain":%q,"orders_requested":[],"customer":{"id":%d},"data_request":{"id":43}}`, r.cfg.Shop, id))
	r.processed()
	export, err := os.ReadFile(filepath.Join(r.dir, "exports", "data-request-43.jsonl"))
	require.NoError(t, err)
	assert.Contains(t, string(export), "clienteling.note")
	r.send("customers/redact", fmt.Sprintf(`{"shop_id":1,"shop_domain":%q,"customer":{"id":%d},"orders_to_redact":[]}`, r.cfg.Shop, id))
	r.synced()
	assert.Empty(t, note())
	_, err = r.Log.Verify(t.Context())
	require.NoError(t, err)
}

// The shop's erasure leaves nothing of anybody, deliveries included.
func TestTheShopErased(t *testing.T) {
	t.Parallel()
	r := newRig(t, newSim(t), nil)
	people := r.sim.Customers()
	for _, c := range people {
		_, err := r.sim.SetConsent(c.ID, shopifytest.Consent{Email: "UNSUBSCRIBED"})
		require.NoError(t, err)
	}
	r.synced()
	require.NoError(t, r.silenced(r.URL))
	r.send("shop/redact", fmt.Sprintf(`{"shop_id":1,"shop_domain":%q}`, r.cfg.Shop))
	r.synced()
	for rec, err := range r.Inbox.List(t.Context(), inbox.Query{WithoutBodies: true}) {
		require.NoError(t, err)
		assert.Empty(t, rec.Topic, "nothing that was delivered stays")
	}
	require.NoError(t, r.end(t.Context()))
	require.NoError(t, filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, c := range people {
			assert.NotContains(t, string(content), c.Email, path)
		}
		return nil
	}))
}
