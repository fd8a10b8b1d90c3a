package main

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
	"github.com/posai-go/posai/examples/internal/demo"
	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// TestAnyOrderEndsInTheSameState makes random things happen in a shop. One service gets
// what Shopify delivers in order. Another gets the same deliveries, each of them up to
// three times, some as a delivery of its own, in random order and four at a time, and has
// a CRM that fails at random, half done or with a lost answer: files in even histories, a
// simulated Salesforce in odd ones. Both CRMs end with the same contents, which are what
// the shop itself says.
func TestAnyOrderEndsInTheSameState(t *testing.T) {
	t.Parallel()
	histories, steps := 4, 30
	if os.Getenv("POSAI_FULL") == "1" {
		histories, steps = 200, 40
	}
	did, deliveries, faults := map[string]int{}, 0, 0
	for seed := range uint64(histories) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			carrier := &held{}
			sim := shopifytest.NewShop(t, &shopifytest.Options{Data: fewPeople(t), Plan: shopifytest.Enterprise, WebhookTransport: carrier, RetrySchedule: demo.RetrySoon()})
			var straight, twisted *rig
			sink := &faulty{random: rand.New(rand.NewPCG(seed, 5))}
			if seed%2 == 0 {
				straight = newRig(t, sim, nil)
				twisted = newRig(t, sim, func(s crm.Sink) crm.Sink {
					sink.Sink = s
					return sink
				})
			} else {
				straight = salesforceRig(t, sim, salesforcetest.New(t, nil))
				twisted = salesforceRig(t, sim, salesforcetest.New(t, nil))
			}
			straight.synced()
			twisted.synced()
			if twisted.org != nil {
				twisted.org.Chaos(seed, 0.15)
			}
			carrier.hold(twisted.URL)

			h := newHistory(t, sim, seed)
			for range steps {
				before := len(h.redacts)
				notes := len(h.notes)
				h.step()
				straight.processed()
				for _, n := range h.notes[notes:] {
					require.True(t, addNote(t.Context(), t, straight.service, n))
				}
				for _, id := range h.redacts[before:] {
					sender := webhooktest.Sender{Secret: sim.Secret(), Schedule: demo.RetrySoon()}
					_, err := sender.Post(t.Context(), straight.WebhookURL(), webhooktest.Fill(webhook.Delivery{Topic: "customers/redact", Shop: sim.Domain(), Body: h.redaction(id)}))
					require.NoError(t, err)
					straight.processed()
				}
			}
			want := straight.files()
			if straight.org == nil {
				state, err := readState(straight.crmDir())
				require.NoError(t, err)
				h.check(state, straight.store.Key)
			}

			deliveries += twisted.replay(h, carrier, rand.New(rand.NewPCG(seed, 7)))
			assert.Equal(t, want, twisted.files())
			faults += sink.count
			for what, n := range h.did {
				did[what] += n
			}
			_, err := twisted.Log.Verify(t.Context())
			require.NoError(t, err)
		})
	}
	t.Logf("%d histories, %d deliveries, %d faults of the CRM: %v", histories, deliveries, faults, did)
	assert.GreaterOrEqual(t, faults, histories/2, "one at least in each history with files")
	for _, what := range []string{"sale", "refund", "consent", "share", "merge", "note", "erase"} {
		assert.Positive(t, did[what], what)
	}
}

// replay sends what was held back: often, in any order, some of it as deliveries of their
// own.
func (r *rig) replay(h *history, carrier *held, random *rand.Rand) int {
	r.t.Helper()
	carrier.hold("")
	var posts []func(context.Context) error
	for _, req := range carrier.kept {
		for range 1 + random.IntN(3) {
			again := req.Clone(context.Background())
			if random.IntN(3) == 0 {
				again.Header.Set("X-Shopify-Webhook-Id", fmt.Sprint("again-", random.Uint64()))
			}
			posts = append(posts, func(ctx context.Context) error { return resend(ctx, again) })
		}
	}
	for _, id := range h.redacts {
		sender := webhooktest.Sender{Secret: r.sim.Secret()}
		for range 2 {
			posts = append(posts, func(ctx context.Context) error {
				_, err := sender.Post(ctx, r.WebhookURL(), webhooktest.Fill(webhook.Delivery{Topic: "customers/redact", Shop: r.sim.Domain(), Body: h.redaction(id)}))
				return err
			})
		}
	}
	random.Shuffle(len(posts), func(i, j int) { posts[i], posts[j] = posts[j], posts[i] })
	next := make(chan func(context.Context) error)
	var posting sync.WaitGroup
	for range 4 {
		posting.Go(func() {
			for post := range next {
				err := post(r.t.Context())
				for range 100 { // what a busy service could not keep is sent again, as Shopify does
					if err == nil || r.t.Context().Err() != nil {
						break
					}
					pause(r.t.Context(), 100*time.Millisecond)
					err = post(r.t.Context())
				}
				assert.NoError(r.t, err)
			}
		})
	}
	for i, post := range posts {
		next <- post
		if i%10 == 0 { // whoever is not there yet is tried again
			h.notes = slices.DeleteFunc(h.notes, func(n book.Note) bool { return addNote(r.t.Context(), r.t, r.service, n) })
		}
	}
	close(next)
	posting.Wait()
	r.processed()
	for _, n := range h.notes {
		addNote(r.t.Context(), r.t, r.service, n)
	}
	return len(posts)
}

func resend(ctx context.Context, kept *http.Request) error {
	body, err := kept.GetBody()
	if err != nil {
		return err
	}
	r := kept.Clone(ctx)
	r.Body = body
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("a delivery was answered with %s", resp.Status)
	}
	return nil
}

// faulty is a CRM that fails.
type faulty struct {
	crm.Sink
	mu     sync.Mutex
	random *rand.Rand
	calls  int
	count  int
}

func (f *faulty) Unwrap() crm.Sink { return f.Sink }

// fault is what happens: not done, half done, done without an answer, or well.
func (f *faulty) fault(n int) (do int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do = n
	what := f.random.IntN(8)
	if f.calls++; f.calls == 2 { // however few there are, one fails
		what = 0
	}
	switch what {
	case 0:
		do, err = 0, crm.ErrUnavailable
	case 1:
		err = fmt.Errorf("lost: %w", crm.ErrUnavailable)
	case 2:
		do, err = f.random.IntN(n+1), &crm.LimitError{RetryAfter: 2 * time.Millisecond, Limit: "REQUEST_LIMIT_EXCEEDED"}
	case 3:
		do = f.random.IntN(n + 1) // some wait for a lock
	}
	if err != nil || do < n {
		f.count++
	}
	return do, err
}

func (f *faulty) Save(ctx context.Context, records []crm.Record) ([]crm.Outcome, error) {
	do, failed := f.fault(len(records))
	outcomes, err := f.Sink.Save(ctx, records[:do])
	if err != nil {
		return outcomes, err
	}
	return f.answer(outcomes, len(records), failed, func(i int) string { return records[i].Key })
}

func (f *faulty) Forget(ctx context.Context, keys []string) ([]crm.Outcome, error) {
	do, failed := f.fault(len(keys))
	outcomes, err := f.Sink.Forget(ctx, keys[:do])
	if err != nil {
		return outcomes, err
	}
	return f.answer(outcomes, len(keys), failed, func(i int) string { return keys[i] })
}

func (f *faulty) answer(outcomes []crm.Outcome, n int, failed error, key func(int) string) ([]crm.Outcome, error) {
	for i := len(outcomes); i < n; i++ {
		outcomes = append(outcomes, crm.Outcome{Key: key(i), State: crm.Retry})
	}
	if failed != nil {
		for i := range outcomes {
			outcomes[i].State = crm.Retry
		}
	}
	return outcomes, failed
}

func (f *faulty) Load(ctx context.Context, records iter.Seq2[crm.Record, error]) iter.Seq2[crm.Outcome, error] {
	return f.Sink.Load(ctx, records)
}
