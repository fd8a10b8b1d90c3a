package shopify_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/posai-go/posai/shopify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRecovers sends the failures that a client must get over.
func TestRecovers(t *testing.T) {
	tests := []struct {
		name     string
		document string
		replies  []reply
	}{
		{"read after a lost answer", readShop, []reply{{cut: true}, {body: okShop}}},
		{"read after half an answer", readShop, []reply{{half: true, body: okShop}, {body: okShop}}},
		{"read after 503", readShop, []reply{{status: 503, header: map[string]string{"Retry-After": "0.005"}}, {body: okShop}}},
		{"idempotent write after a lost answer", addTags, []reply{{cut: true}, {status: 500}, {body: okTags}}},
		{"keyed write after a lost answer", refund, []reply{{cut: true}, {body: okRefund}}},
		{"keyed write whose key is busy", refund, []reply{{body: `{"data":{"refundCreate":{"userErrors":[{"field":null,"message":"busy","code":"IDEMPOTENCY_CONCURRENT_REQUEST"}]}}}`}, {body: okRefund}}},
		{"unsafe write after 429", createDraft, []reply{{status: 429, header: map[string]string{"Retry-After": "0.01"}}, {body: okDraft}}},
		{"unsafe write after THROTTLED without a cost", createDraft, []reply{{body: `{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}]}`}, {body: okDraft}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, tt.replies...)
			var info shopify.Info
			data, _, err := do(t.Context(), s.client(t, shopify.Options{}).With(shopify.CallOptions{Info: &info}), tt.document, map[string]any{"key": "k-1"})
			require.NoError(t, err)
			assert.NotEmpty(t, data)
			assert.Equal(t, len(tt.replies), info.Attempts)
			seen := s.seen()
			require.Len(t, seen, len(tt.replies))
			assert.Equal(t, seen[0].raw, seen[len(seen)-1].raw, "the same request, with the same key")
		})
	}
}

func TestBusyKeyThatStaysBusy(t *testing.T) {
	s := newServer(t, reply{body: `{"data":{"refundCreate":{"userErrors":[{"field":null,"message":"busy","code":"IDEMPOTENCY_CONCURRENT_REQUEST"}]}}}`})
	_, _, err := do(t.Context(), s.client(t, shopify.Options{MaxRetries: 1}), refund, map[string]any{"key": "k-1"})
	ue, ok := errors.AsType[*shopify.UserErrors](err)
	require.True(t, ok, "%v", err)
	assert.True(t, ue.Has("IDEMPOTENCY_CONCURRENT_REQUEST"))
	assert.Len(t, s.seen(), 2)
}

func TestOutcomeUnknownSticks(t *testing.T) {
	// The first attempt may have taken effect; that the second is refused does
	// not tell.
	s := newServer(t, reply{cut: true}, reply{status: 401, body: `{"errors":"no"}`})
	_, _, err := do(t.Context(), s.client(t, shopify.Options{}), addTags, nil)
	ou, ok := errors.AsType[*shopify.OutcomeUnknownError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "AddTags", ou.Operation)
	assert.Equal(t, shopify.SafetyIdempotent, ou.Safety)
	assert.Equal(t, 2, ou.Attempts)
	assert.ErrorIs(t, err, shopify.ErrUnauthorized)
}

// TestWhatReadingBackNeeds loses the answers to mutations.
func TestWhatReadingBackNeeds(t *testing.T) {
	before := time.Now()
	s := newServer(t, reply{status: 502})
	variables := map[string]any{"key": "k-1", "input": map[string]any{"orderId": "gid://shopify/Order/1", "note": "for jo@example.com", "lines": []any{
		map[string]any{"id": "gid://shopify/LineItem/2"}, map[string]any{"id": "gid://shopify/LineItem/2", "q": 1},
	}}}
	_, _, err := do(t.Context(), s.client(t, shopify.Options{MaxRetries: 1}), refund, variables)
	ou, ok := errors.AsType[*shopify.OutcomeUnknownError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, []string{"refundCreate"}, ou.Mutations)
	assert.Equal(t, shopify.SafetyKeyed, ou.Safety)
	assert.Equal(t, "k-1", ou.Key)
	assert.ElementsMatch(t, []shopify.GID{"gid://shopify/Order/1", "gid://shopify/LineItem/2"}, ou.IDs)
	assert.JSONEq(t, string(s.seen()[0].body.Variables), string(ou.Variables))
	assert.Equal(t, 2, ou.Attempts)
	assert.Equal(t, "req-2", ou.RequestID)
	assert.False(t, ou.FirstSent.Before(before))
	assert.True(t, ou.LastSent.After(ou.FirstSent))
	assert.NotContains(t, err.Error(), "jo@example.com")

	_, _, err = do(t.Context(), newServer(t, reply{cut: true}).client(t, shopify.Options{}), createDraft, nil)
	ou, ok = errors.AsType[*shopify.OutcomeUnknownError](err)
	require.True(t, ok, "%v", err)
	assert.Empty(t, ou.Key)
	assert.Empty(t, ou.IDs)
	assert.Equal(t, ou.FirstSent, ou.LastSent)
}

// TestConditionalMetafieldIsNotRepeated: the second time the condition does not
// hold, because of the first.
func TestConditionalMetafieldIsNotRepeated(t *testing.T) {
	const set = `mutation Set($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) { userErrors { field message code } } }`
	for digest, sent := range map[string]int{`"compareDigest":"abc",`: 1, `"compareDigest":null,`: 2, ``: 2} {
		s := newServer(t, reply{cut: true}, reply{body: `{"data":{"metafieldsSet":{"userErrors":[]}}}`})
		_, _, err := do(t.Context(), s.client(t, shopify.Options{}), set, json.RawMessage(`{"m":[{`+digest+`"key":"k"}]}`))
		assert.Equal(t, sent == 1, errors.Is(err, shopify.ErrOutcomeUnknown), digest)
		assert.Len(t, s.seen(), sent)
	}
}

// TestDigestInTheDocument: the same where the document holds the digest.
func TestDigestInTheDocument(t *testing.T) {
	for m, sent := range map[string]int{
		`compareDigest: "abc", key: "k"`: 1, `compareDigest: $d`: 1, `compareDigest: """abc"""`: 1,
		`compareDigest: null, key: "k"`: 2, `compareDigest: $none`: 2, `key: "compareDigest: 1"`: 2,
	} {
		document := `mutation Set($d: String, $none: String) { metafieldsSet(metafields: [{ownerId: "gid://shopify/Order/1", ` + m + `}]) { metafields { compareDigest } userErrors { field message code } } }`
		s := newServer(t, reply{cut: true}, reply{body: `{"data":{"metafieldsSet":{"userErrors":[]}}}`})
		_, _, err := do(t.Context(), s.client(t, shopify.Options{}), document, map[string]any{"d": "abc", "none": nil})
		assert.Equal(t, sent == 1, errors.Is(err, shopify.ErrOutcomeUnknown), m)
		assert.Len(t, s.seen(), sent, m)
	}
	op, err := shopify.ParseOperation(`mutation { metafieldsSet(metafields: [{compareDigest: "abc"}]) { userErrors { message } } }`, "")
	require.NoError(t, err)
	assert.Equal(t, shopify.SafetyUnsafe, op.Safety)
	op, err = shopify.ParseOperation(`{ metafield(compareDigest: "abc") { id } }`, "")
	require.NoError(t, err)
	assert.Equal(t, shopify.SafetyRead, op.Safety)
}

// TestWhatIsKnownOfTheAttemptThatLeft: a repetition that never left says nothing.
func TestWhatIsKnownOfTheAttemptThatLeft(t *testing.T) {
	low := `"extensions":{"cost":{"requestedQueryCost":100,"actualQueryCost":100,"throttleStatus":{"maximumAvailable":250,"currentlyAvailable":150,"restoreRate":1}}}`
	lost := reply{status: 503, header: map[string]string{"X-Request-Id": "req-lost"}}
	for name, replies := range map[string][]reply{
		"in the queue for points": {{body: `{"data":{"tagsAdd":{"userErrors":[]}},` + low + `}`}, lost},
		"without a connection":    {{body: okTags}, lost, {dial: true}},
		"cut":                     {{body: okTags}, lost, {cut: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, shopify.Options{MaxWait: time.Second, MaxRetries: 1}, replies...)
				_, _, err := do(t.Context(), c, addTags, nil)
				require.NoError(t, err)
				_, _, err = do(t.Context(), c, addTags, nil)
				ou, ok := errors.AsType[*shopify.OutcomeUnknownError](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, s.at[1], ou.FirstSent)
				assert.Equal(t, s.at[len(s.at)-1], ou.LastSent)
				assert.Equal(t, len(s.at)-1, ou.Attempts)
				assert.Equal(t, "req-lost", ou.RequestID)
			})
		})
	}
}

// nobody listens there: unlike a port that was free a moment ago, this one is
// given to no other process that asks for any.
const nobody = "127.0.0.1:1"

func TestNoConnectionIsNoUnknownOutcome(t *testing.T) {
	c, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &shopify.Options{
		BaseURL: "http://" + nobody, MaxRetries: 2, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
	})
	require.NoError(t, err)
	var info shopify.Info
	_, _, err = do(t.Context(), c.With(shopify.CallOptions{Info: &info}), createDraft, nil)
	require.Error(t, err)
	assert.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
	assert.Equal(t, 3, info.Attempts, "even an unsafe mutation may be sent again: it never left")
}

func TestContextEndsInFlight(t *testing.T) {
	for name, document := range map[string]string{"read": readShop, "unsafe": createDraft} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, reply{hold: true})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() {
				_, _, err := do(ctx, s.client(t, shopify.Options{}), document, nil)
				done <- err
			}()
			require.Eventually(t, func() bool { return len(s.seen()) == 1 }, time.Minute, time.Millisecond)
			cancel()
			err := <-done
			assert.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, document == createDraft, errors.Is(err, shopify.ErrOutcomeUnknown))
			assert.Len(t, s.seen(), 1)
		})
	}
}

// TestContextThatHasEnded: a call whose context has ended does not leave, takes no
// points and says so.
func TestContextThatHasEnded(t *testing.T) {
	const low = `"extensions":{"cost":{"requestedQueryCost":10,"actualQueryCost":10,"throttleStatus":{"maximumAvailable":1000,"currentlyAvailable":50,"restoreRate":0.001}}}`
	s := newServer(t, reply{body: `{"data":{"draftOrderCreate":{"draftOrder":{"id":"gid://shopify/DraftOrder/1"},"userErrors":[]}},` + low + `}`})
	attempts := 0
	c := s.client(t, shopify.Options{MaxWait: -1, Hooks: []shopify.Hooks{{Attempt: func(context.Context, shopify.Attempt) { attempts++ }}}})
	_, _, err := do(t.Context(), c, createDraft, nil)
	require.NoError(t, err)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // of which five would be all the points
		var info shopify.Info
		_, _, err = do(ended, c.With(shopify.CallOptions{Info: &info}), createDraft, nil)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, shopify.ErrOutcomeUnknown)
		require.Zero(t, info.Attempts)
	}
	for range 3 {
		_, _, err = do(t.Context(), c, createDraft, nil)
		require.NoError(t, err)
	}
	assert.Equal(t, 4, attempts)
	assert.Len(t, s.seen(), 4)
}

// script is a transport without sockets, for tests that control time.
type script struct {
	replies []reply
	at      []time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	n := len(s.at)
	s.at = append(s.at, time.Now())
	return socketless(r, s.replies[min(n, len(s.replies)-1)])
}

func scripted(t *testing.T, opts shopify.Options, replies ...reply) (*shopify.Client, *script) {
	t.Helper()
	s := &script{replies: replies}
	opts.HTTPClient = &http.Client{Transport: s}
	c, err := shopify.NewClient(testShop, shopify.StaticToken(testToken), &opts)
	require.NoError(t, err)
	return c, s
}

func TestPauses(t *testing.T) {
	tests := []struct {
		name     string
		header   string
		min, max time.Duration
	}{
		{"fractional seconds", "1.5", 1500 * time.Millisecond, 1800 * time.Millisecond},
		{"whole seconds", "2", 2 * time.Second, 2400 * time.Millisecond},
		{"a date", "Sat, 01 Jan 2000 00:00:07 GMT", 7 * time.Second, 8400 * time.Millisecond}, // synctest starts at 2000-01-01
		{"long", "25", 25 * time.Second, 27 * time.Second},
		{"nonsense", "soon", 125 * time.Millisecond, 250 * time.Millisecond},
		{"negative", "-3", 125 * time.Millisecond, 250 * time.Millisecond},
		{"none", "", 125 * time.Millisecond, 250 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, shopify.Options{}, reply{status: 503, header: map[string]string{"Retry-After": tt.header}}, reply{body: okShop})
				var info shopify.Info
				_, _, err := do(t.Context(), c.With(shopify.CallOptions{Info: &info}), readShop, nil)
				require.NoError(t, err)
				pause := s.at[1].Sub(s.at[0])
				assert.GreaterOrEqual(t, pause, tt.min)
				assert.LessOrEqual(t, pause, tt.max)
				assert.Equal(t, pause, info.Waited)
			})
		})
	}
}

// TestPauseIsThatOfTheAnswer: an answer that breaks off, or is none, does not inherit
// the pause of the one before.
func TestPauseIsThatOfTheAnswer(t *testing.T) {
	const least, most = 250 * time.Millisecond, 500 * time.Millisecond // of the second pause
	tests := []struct {
		name     string
		second   reply
		min, max time.Duration
	}{
		{"not JSON", reply{body: "<html>"}, least, most},
		{"breaks off", reply{half: true, body: okShop}, least, most},
		{"none", reply{cut: true}, least, most},
		{"breaks off and asks for a pause", reply{status: 503, half: true, body: okShop, header: map[string]string{"Retry-After": "3"}}, 3 * time.Second, 3600 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, shopify.Options{}, reply{status: 503, header: map[string]string{"Retry-After": "20"}}, tt.second, reply{body: okShop})
				_, _, err := do(t.Context(), c, readShop, nil)
				require.NoError(t, err)
				require.Len(t, s.at, 3)
				pause := s.at[2].Sub(s.at[1])
				assert.GreaterOrEqual(t, pause, tt.min)
				assert.LessOrEqual(t, pause, tt.max)
			})
		})
	}
}

// TestRetryAfterSpreads: those that were told the same do not come back in one
// moment, none too early, and none after the time that it has.
func TestRetryAfterSpreads(t *testing.T) {
	for name, status := range map[string]int{"failed": 503, "throttled": 429} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen := map[time.Duration]bool{}
				var last time.Duration
				for range 50 {
					c, s := scripted(t, shopify.Options{}, reply{status: status, header: map[string]string{"Retry-After": "5"}}, reply{body: okShop})
					ctx, cancel := context.WithTimeout(t.Context(), 5500*time.Millisecond)
					_, _, err := do(ctx, c, readShop, nil)
					cancel()
					require.NoError(t, err)
					pause := s.at[1].Sub(s.at[0])
					require.GreaterOrEqual(t, pause, 5*time.Second)
					require.Less(t, pause, 5500*time.Millisecond)
					seen[pause], last = true, max(last, pause)
				}
				assert.Greater(t, len(seen), 40)
				assert.Greater(t, last, 5250*time.Millisecond)
			})
		})
	}
}

func TestBackoffGrowsToItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, shopify.Options{MaxRetries: 20, MinBackoff: time.Second, MaxBackoff: 8 * time.Second}, reply{status: 500})
		_, _, err := do(t.Context(), c, readShop, nil)
		require.ErrorIs(t, err, shopify.ErrServer)
		require.Len(t, s.at, 21)
		for i := 1; i < len(s.at); i++ {
			full := min(8*time.Second, time.Second<<(i-1))
			pause := s.at[i].Sub(s.at[i-1])
			assert.GreaterOrEqual(t, pause, full/2)
			assert.LessOrEqual(t, pause, full)
		}
	})
}

func TestWaitThatCannotEndInTimeFailsAtOnce(t *testing.T) {
	tests := []struct {
		name     string
		document string
		reply    reply
		is       error
	}{
		{"Retry-After of 503", readShop, reply{status: 503, header: map[string]string{"Retry-After": "10"}}, shopify.ErrServer},
		{"Retry-After of 429", createDraft, reply{status: 429, header: map[string]string{"Retry-After": "10"}}, shopify.ErrThrottled},
		{"cost", createDraft, reply{body: `{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],"extensions":{"cost":{"requestedQueryCost":900,"actualQueryCost":null,"throttleStatus":{"maximumAvailable":1000,"currentlyAvailable":0,"restoreRate":50}}}}`}, shopify.ErrThrottled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, shopify.Options{}, tt.reply)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				start := time.Now()
				_, _, err := do(ctx, c, tt.document, nil)
				assert.ErrorIs(t, err, tt.is)
				assert.Zero(t, time.Since(start), "it did not wait")
				assert.Len(t, s.at, 1)
				if errors.Is(tt.is, shopify.ErrThrottled) {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					te, ok := errors.AsType[*shopify.ThrottledError](err)
					require.True(t, ok)
					assert.GreaterOrEqual(t, te.Wait, 10*time.Second)
				}
			})
		})
	}
}

func TestCancelDuringPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, shopify.Options{}, reply{status: 503, header: map[string]string{"Retry-After": "20"}})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		start := time.Now()
		_, _, err := do(ctx, c, readShop, nil)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.Len(t, s.at, 1)
	})
}
