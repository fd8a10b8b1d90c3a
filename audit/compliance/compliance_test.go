package compliance_test

import (
	"context"
	"errors"
	"iter"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/audit/compliance"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

const (
	shop  = "example.myshopify.com"
	alice = "gid://shopify/Customer/115310627314723954" // of the samples
	bob   = "gid://shopify/Customer/2"
)

// delivery is a delivery of the topic's sample.
func delivery(topic string) webhook.Delivery {
	body, _ := webhooktest.Sample(topic)
	return webhooktest.Fill(webhook.Delivery{Topic: topic, Body: body, Attempt: 1})
}

// filled returns a log with a sealed reason for each of two customers.
func filled(t *testing.T) (*audit.Log, note.Verifiers) {
	t.Helper()
	log, known, err := openLog()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	for _, who := range []string{alice, bob} {
		_, err := log.Append(t.Context(), audit.Entry{
			ID: "about " + who, Kind: audit.KindDecided, Actor: audit.Actor{Type: audit.System}, Shop: shop,
			Subjects: []audit.Subject{{Type: "customer", ID: who}},
			Sealed:   []audit.Part{{Name: "reason", Data: []byte("because of " + who)}},
		})
		require.NoError(t, err)
	}
	return log, known
}

// reason is what can still be read of the entry about a customer.
func reason(t *testing.T, log *audit.Log, who string) string {
	t.Helper()
	r, err := log.Get(t.Context(), "about "+who)
	require.NoError(t, err)
	r, err = log.Unseal(t.Context(), r)
	require.NoError(t, err)
	return string(r.Entry.Sealed[0].Data)
}

func keep(into *[]audit.Record) compliance.Deliver {
	return func(_ context.Context, _ webhook.Event[webhook.DataRequest], records iter.Seq2[audit.Record, error]) error {
		*into = nil
		for r, err := range records {
			if err != nil {
				return err
			}
			*into = append(*into, r)
		}
		return nil
	}
}

// From the signed request over HTTP to the keys.
func TestOverHTTP(t *testing.T) {
	log, known := filled(t)
	var exported []audit.Record
	var reports []*audit.ErasureReport
	c, err := compliance.New(log, keep(&exported), &compliance.Options{
		Erased: func(_ context.Context, r *audit.ErasureReport) { reports = append(reports, r) },
	})
	require.NoError(t, err)
	mux := new(webhook.Mux)
	require.NoError(t, webhook.OnCompliance(mux, c.Webhooks()))
	receipt, err := log.Receipt(t.Context(), 0)
	require.NoError(t, err)

	accepted := make(inbox, 100)
	handler, err := webhook.NewHandler(accepted, webhook.Secrets{Current: "hush"}, nil)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	sender := &webhooktest.Sender{Secret: "hush", Schedule: slices.Repeat([]time.Duration{100 * time.Millisecond}, 50)}
	send := func(topic string) {
		t.Helper()
		_, err := sender.Post(t.Context(), server.URL, delivery(topic))
		require.NoError(t, err)
		for d := range accepted { // one of another topic came twice, its acknowledgment too late
			if d.Topic == topic {
				require.NoError(t, mux.Process(t.Context(), d))
				return
			}
		}
	}

	send("customers/data_request")
	require.Len(t, exported, 2, "what is about her, and that it was read")
	assert.Equal(t, "because of "+alice, string(exported[0].Entry.Sealed[0].Data))
	assert.Equal(t, audit.KindRead, exported[1].Entry.Kind)

	send("customers/redact")
	require.Len(t, reports, 1)
	assert.Equal(t, 1, reports[0].Keys)
	assert.Empty(t, reason(t, log, alice))
	assert.Equal(t, "because of "+bob, reason(t, log, bob))

	send("shop/redact")
	require.Len(t, reports, 2)
	assert.Empty(t, reason(t, log, bob), "he was first seen in that shop")

	_, err = log.Verify(t.Context())
	require.NoError(t, err)
	_, _, err = receipt.Verify(known)
	require.NoError(t, err, "old receipts stay valid")
}

// inbox keeps what is accepted until the test processes it.
type inbox chan webhook.Delivery

func (i inbox) Accept(_ context.Context, d webhook.Delivery) (duplicate bool, err error) {
	i <- d
	return false, nil
}

// A delivery that comes again, as it may after a crash, is recorded once.
func TestAgain(t *testing.T) {
	log, _ := filled(t)
	var exported []audit.Record
	c, err := compliance.New(log, keep(&exported), &compliance.Options{Orders: true})
	require.NoError(t, err)
	mux := new(webhook.Mux)
	require.NoError(t, webhook.OnCompliance(mux, c.Webhooks()))
	for _, topic := range []string{"customers/data_request", "customers/redact", "shop/redact"} {
		d := delivery(topic)
		require.NoError(t, mux.Process(t.Context(), d))
		size := log.Size()
		require.NoError(t, mux.Process(t.Context(), d))
		assert.Equal(t, size, log.Size(), topic)
	}
	erased := 0
	for r, err := range log.Trail(t.Context(), audit.Query{Kind: audit.KindErased}) {
		require.NoError(t, err)
		assert.Equal(t, shop, r.Entry.Shop)
		assert.NotContains(t, r.Entry.Note, "alice")
		erased++
	}
	assert.Equal(t, 3, erased, "a customer, one order, a shop")
}

// What cannot be delivered or recorded is tried again.
func TestFails(t *testing.T) {
	away := errors.New("the mail server is away")
	log, _ := filled(t)
	c, err := compliance.New(log, func(context.Context, webhook.Event[webhook.DataRequest], iter.Seq2[audit.Record, error]) error {
		return away
	}, nil)
	require.NoError(t, err)
	mux := new(webhook.Mux)
	require.NoError(t, webhook.OnCompliance(mux, c.Webhooks()))
	require.ErrorIs(t, mux.Process(t.Context(), delivery("customers/data_request")), away)
	require.NoError(t, log.Close())
	err = mux.Process(t.Context(), delivery("customers/redact"))
	require.ErrorIs(t, err, audit.ErrClosed)
	_, gaveUp := errors.AsType[*webhook.GiveUpError](err)
	assert.False(t, gaveUp)
	assert.Equal(t, "because of "+alice, reason(t, log, alice), "nothing is destroyed that is not on record")
}

func TestNew(t *testing.T) {
	deliver := keep(new([]audit.Record))
	sealing, _ := filled(t)
	plain, err := audit.Open(t.Context(), audittest.NewMemory(t), nil)
	require.NoError(t, err)
	defer plain.Close()
	_, err = compliance.New(plain, deliver, nil)
	require.ErrorContains(t, err, "no vault")
	_, err = compliance.New(sealing, nil, nil)
	require.Error(t, err)
	_, err = compliance.New(nil, deliver, nil)
	require.Error(t, err)
}
