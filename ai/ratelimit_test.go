package ai_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

func texts(n int) []aitest.Reply {
	replies := make([]aitest.Reply, n)
	for i := range replies {
		replies[i] = aitest.Text("x")
	}
	return replies
}

func limiter(t *testing.T, opts ai.RateLimitOptions) *ai.RateLimiter {
	t.Helper()
	l, err := ai.NewRateLimiter(opts)
	require.NoError(t, err)
	return l
}

func TestRateLimitRequests(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := limiter(t, ai.RateLimitOptions{RequestsPerMinute: 30})
			model := ai.Wrap(aitest.NewModel(t, texts(35)...), l.Middleware)
			began := time.Now()
			for range 35 {
				_, err := ask(t.Context(), model, question(), streamed)
				require.NoError(t, err)
			}
			assert.InDelta(t, 10*time.Second, time.Since(began), float64(time.Millisecond), "thirty at once, then one every two seconds")
		})
	}
}

func TestRateLimitTokens(t *testing.T) {
	thousand := func(*ai.Request) int64 { return 1000 }
	used := func(n int64) aitest.Reply { return aitest.Reply{Text: "x", Usage: ai.NewUsage(n-1, 0, 0, 1, 0)} }
	for _, tt := range []struct {
		name string
		used int64
		took time.Duration
	}{
		{"as estimated", 1000, 10 * time.Second}, // 6000 a minute: the seventh waits for 1000 tokens
		{"less", 500, 0},
		{"more", 1500, 40 * time.Second},
		{"unknown", -1, 10 * time.Second},
	} {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, streamed %t", tt.name, streamed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					reply := used(tt.used)
					if tt.used < 0 {
						reply.Usage = ai.Usage{Missing: true}
					}
					replies := []aitest.Reply{reply, reply, reply, reply, reply, reply, reply}
					l := limiter(t, ai.RateLimitOptions{TokensPerMinute: 6000, Estimate: thousand, MaxWait: time.Hour})
					model := ai.Wrap(aitest.NewModel(t, replies...), l.Middleware)
					began := time.Now()
					for range replies {
						_, err := ask(t.Context(), model, question(), streamed)
						require.NoError(t, err)
					}
					assert.InDelta(t, tt.took, time.Since(began), float64(time.Millisecond))
				})
			})
		}
	}
	t.Run("larger than a minute's", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := limiter(t, ai.RateLimitOptions{TokensPerMinute: 100, MaxWait: time.Hour})
			model := ai.Wrap(aitest.NewModel(t, texts(2)...), l.Middleware)
			for range 2 {
				_, err := model.Generate(t.Context(), question()) // estimated at more than 1,000
				require.NoError(t, err)
			}
		})
	})
}

func TestRateLimitDoesNotWaitInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			maxWait, deadline time.Duration
		}{{-1, 0}, {time.Second, 0}, {time.Hour, time.Second}} {
			l := limiter(t, ai.RateLimitOptions{RequestsPerMinute: 1, MaxWait: tt.maxWait})
			model := ai.Wrap(aitest.NewModel(t, texts(2)...), l.Middleware)
			_, err := model.Generate(t.Context(), question())
			require.NoError(t, err)
			ctx := t.Context()
			if tt.deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, tt.deadline)
				defer cancel()
			}
			began := time.Now()
			for range 5 { // and what was refused takes nobody's place
				_, err = model.Generate(ctx, question())
				require.ErrorIs(t, err, ai.ErrRateLimited)
				e, ok := errors.AsType[*ai.Error](err)
				require.True(t, ok)
				assert.InDelta(t, time.Minute, e.RetryAfter, float64(time.Millisecond))
			}
			assert.Zero(t, time.Since(began))
			time.Sleep(time.Minute)
			_, err = model.Generate(t.Context(), question())
			require.NoError(t, err)
		}
	})
}

func TestRateLimitCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, ai.RateLimitOptions{RequestsPerMinute: 1, MaxWait: time.Hour})
		model := ai.Wrap(aitest.NewModel(t, texts(1)...), l.Middleware)
		_, err := model.Generate(t.Context(), question())
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, err = model.Generate(ctx, question())
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, time.Second, time.Since(began))
	})
}

func TestRateLimitHeedsTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, ai.RateLimitOptions{RequestsPerMinute: 1000})
		busy := aitest.NewModel(t, aitest.Error(&ai.Error{Class: ai.ErrRateLimited, RetryAfter: 20 * time.Second}))
		_, err := ai.Wrap(busy, l.Middleware).Generate(t.Context(), question())
		require.ErrorIs(t, err, ai.ErrRateLimited)
		began := time.Now()
		_, err = ai.Wrap(aitest.NewModel(t, texts(1)...), l.Middleware).Generate(t.Context(), question())
		require.NoError(t, err)
		assert.Equal(t, 20*time.Second, time.Since(began))
	})
}

func TestNewRateLimiterRefuses(t *testing.T) {
	for _, opts := range []ai.RateLimitOptions{{}, {RequestsPerMinute: -1}, {RequestsPerMinute: 5, TokensPerMinute: -1}} {
		_, err := ai.NewRateLimiter(opts)
		require.Error(t, err)
	}
}
