package ai_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

func TestRetry(t *testing.T) {
	busy := &ai.Error{Class: ai.ErrOverloaded}
	limited := func(wait time.Duration) error { return &ai.Error{Class: ai.ErrRateLimited, RetryAfter: wait} }
	tests := []struct {
		name     string
		opts     *ai.RetryOptions
		deadline time.Duration // of the call; zero: none
		errs     []error
		want     error         // nil: success after errs
		calls    int           // to the model
		least    time.Duration // that the call takes
		most     time.Duration
	}{
		{"success at once", nil, 0, nil, nil, 1, 0, 0},
		{"success after two failures", nil, 0, []error{busy, busy}, nil, 3, 750 * time.Millisecond, 1500 * time.Millisecond},
		{"attempts used up", nil, 0, []error{busy, busy, busy}, ai.ErrOverloaded, 3, 750 * time.Millisecond, 1500 * time.Millisecond},
		{"one attempt", &ai.RetryOptions{Attempts: -1}, 0, []error{busy}, ai.ErrOverloaded, 1, 0, 0},
		{"provider's wait", nil, 0, []error{limited(7 * time.Second)}, nil, 2, 7 * time.Second, 7 * time.Second},
		{"provider's wait is too long", nil, 0, []error{limited(time.Hour)}, ai.ErrRateLimited, 1, 0, 0},
		{"deadline comes sooner", nil, 5 * time.Second, []error{limited(7 * time.Second)}, ai.ErrRateLimited, 1, 0, 0},
		{"not retryable", nil, 0, []error{&ai.Error{Class: ai.ErrQuota}}, ai.ErrQuota, 1, 0, 0},
		{"foreign error", nil, 0, []error{errors.New("other")}, nil, 1, 0, 0},
		{
			"waits are bounded", &ai.RetryOptions{Attempts: 40, MinWait: time.Second, MaxWait: 2 * time.Second}, 0,
			repeat(busy, 39), nil, 40, 38 * time.Second, 78 * time.Second,
		},
	}
	for _, tt := range tests {
		for _, streamed := range []bool{false, true} {
			name := tt.name
			if streamed {
				name += ", streamed"
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var replies []aitest.Reply
					for _, err := range tt.errs {
						replies = append(replies, aitest.Error(err))
					}
					script := aitest.NewModel(t, append(replies, aitest.Text("done"))...)
					model := ai.Wrap(script, ai.Retry(tt.opts))
					ctx := t.Context()
					if tt.deadline > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, tt.deadline)
						defer cancel()
					}
					began := time.Now()
					var resp *ai.Response
					var err error
					if streamed {
						resp, err = ai.Accumulate(model.Stream(ctx, question()))
					} else {
						resp, err = model.Generate(ctx, question())
					}
					took := time.Since(began)
					switch {
					case len(tt.errs) >= tt.calls: // the last error is the result
						require.ErrorIs(t, err, tt.errs[tt.calls-1])
						if tt.want != nil {
							require.ErrorIs(t, err, tt.want)
						}
					default:
						require.NoError(t, err)
						assert.Equal(t, "done", resp.Text())
					}
					assert.Len(t, script.Requests(), tt.calls)
					assert.GreaterOrEqual(t, took, tt.least)
					assert.LessOrEqual(t, took, tt.most)
				})
			})
		}
	}
}

func repeat(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func TestRetryNeverRepeatsWhatWasDelivered(t *testing.T) {
	script := aitest.NewModel(t, aitest.Reply{Text: "one two three", CutAfter: 2})
	var text strings.Builder
	var failed error
	for ev, err := range ai.Wrap(script, ai.Retry(nil)).Stream(t.Context(), question()) {
		if delta, ok := ev.(ai.TextDelta); ok {
			text.WriteString(delta.Text)
		}
		failed = err
	}
	assert.Equal(t, "one two ", text.String())
	require.ErrorIs(t, failed, ai.ErrTransport)
	var partial *ai.PartialError
	require.ErrorAs(t, failed, &partial)
	assert.Equal(t, text.String(), partial.Response.Text())
}

// careless is a model that breaks the contract: an error after an event is not a
// PartialError.
type careless struct{ ai.Model }

func (careless) Stream(context.Context, *ai.Request) iter.Seq2[ai.Event, error] {
	return func(yield func(ai.Event, error) bool) {
		if yield(ai.TextDelta{Text: "half"}, nil) {
			yield(nil, &ai.Error{Class: ai.ErrTransport})
		}
	}
}

func TestRetryDoesNotTrustTheModel(t *testing.T) {
	events := 0
	for ev, err := range ai.Wrap(careless{aitest.NewModel(t)}, ai.Retry(&ai.RetryOptions{MinWait: 1})).Stream(t.Context(), question()) {
		if err != nil {
			require.ErrorIs(t, err, ai.ErrTransport)
		}
		if ev != nil {
			events++
		}
	}
	assert.Equal(t, 1, events, "what was delivered came again")
}

func TestRetryStopsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		model := ai.Wrap(aitest.NewModel(t, aitest.Error(&ai.Error{Class: ai.ErrOverloaded})),
			ai.Retry(&ai.RetryOptions{MinWait: time.Minute, MaxWait: time.Minute}))
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err := model.Generate(ctx, question())
		require.ErrorIs(t, err, ai.ErrOverloaded)
		assert.Equal(t, time.Second, time.Since(began))
	})
}

func TestTimeout(t *testing.T) {
	slow := aitest.Reply{Chunks: []string{"one ", "two"}, Delay: 3 * time.Second, ChunkDelay: 4 * time.Second}
	tests := []struct {
		name  string
		limit time.Duration
		own   time.Duration // the caller's deadline; zero: none
		want  error
		retry bool
		text  string // in the PartialError of a stream
	}{
		{"in time", 10 * time.Second, 0, nil, false, ""},
		{"before the first event", 2 * time.Second, 0, ai.ErrTimeout, true, ""},
		{"in mid-stream", 5 * time.Second, 0, ai.ErrTimeout, false, "one "},
		{"the caller's own deadline", 10 * time.Second, 2 * time.Second, context.DeadlineExceeded, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.own > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.own)
					defer cancel()
				}
				model := ai.Wrap(aitest.NewModel(t, slow), ai.Timeout(tt.limit))
				_, err := ai.Accumulate(model.Stream(ctx, question()))
				if tt.want == nil {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, tt.want)
				require.ErrorIs(t, err, ai.ErrTimeout)
				assert.Equal(t, tt.retry, ai.Retryable(err))
				partial, ok := errors.AsType[*ai.PartialError](err)
				require.Equal(t, tt.text != "", ok)
				if ok {
					assert.Equal(t, tt.text, partial.Response.Text())
				}
			})
		})
	}
	t.Run("each attempt has its own", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			script := aitest.NewModel(t, aitest.Reply{Text: "late", Delay: time.Hour}, aitest.Text("in time"))
			resp, err := ai.Wrap(script, ai.Retry(nil), ai.Timeout(time.Second)).Generate(t.Context(), question())
			require.NoError(t, err)
			assert.Equal(t, "in time", resp.Text())
		})
	})
	t.Run("must be positive", func(t *testing.T) {
		assert.Panics(t, func() { ai.Timeout(0) })
	})
}

func TestWrapOrder(t *testing.T) {
	var order []string
	note := func(name string) ai.Middleware {
		return func(m ai.Model) ai.Model { return &noting{Model: m, note: func() { order = append(order, name) }} }
	}
	_, err := ai.Wrap(aitest.NewModel(t, aitest.Text("x")), note("outer"), note("inner")).Generate(t.Context(), question())
	require.NoError(t, err)
	assert.Equal(t, []string{"outer", "inner"}, order)
}

type noting struct {
	ai.Model
	note func()
}

func (n *noting) Generate(ctx context.Context, req *ai.Request) (*ai.Response, error) {
	n.note()
	return n.Model.Generate(ctx, req)
}

func TestAccumulate(t *testing.T) {
	endless := iter.Seq2[ai.Event, error](func(yield func(ai.Event, error) bool) {
		yield(ai.TextDelta{Text: "half"}, nil)
	})
	resp, err := ai.Accumulate(endless)
	require.ErrorIs(t, err, ai.ErrTransport)
	assert.Nil(t, resp)
}
