package ai_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

var skuPattern = regexp.MustCompile(`\b[A-Z]{2,}-[0-9]+\b`)

func knownSKU(_ context.Context, id string) (bool, error) {
	if id == "DOWN-1" {
		return false, errors.New("catalog is down")
	}
	return id == "SCARF-1" || id == "HAT-2", nil
}

func ExampleGuard() {
	model := ai.Wrap(aitest.NewModel(nil, aitest.Text("Take CAPE-9!")),
		ai.Guard(
			ai.MaxLength(400),
			ai.Forbid("claims", "clinically proven", "best price"),
			ai.OnlyKnown("known SKUs", skuPattern, func(_ context.Context, sku string) (bool, error) {
				return sku == "SCARF-1", nil
			}),
		))
	_, err := model.Generate(context.Background(), &ai.Request{Messages: []ai.Message{ai.User("What fits?")}})
	if blocked, ok := errors.AsType[*ai.BlockedError](err); ok {
		fmt.Println(err)
		fmt.Println("found:", blocked.Match)
	} else {
		log.Fatal(err)
	}
	// Output:
	// ai: reply blocked by a guard: known SKUs
	// found: CAPE-9
}

func TestGuardChecks(t *testing.T) {
	cited := regexp.MustCompile(`\[([a-z]+)\]`)
	sources := func(_ context.Context, id string) (bool, error) { return id == "returns", nil }
	for _, tt := range []struct {
		name  string
		check ai.Check
		reply string
		match string // empty with blocked: nothing to quote
		ok    bool
	}{
		{"short enough", ai.MaxLength(5), "äöüßé", "", true},
		{"too long", ai.MaxLength(5), "äöüßé!", "", false},
		{"harmless", ai.Forbid("claims", "cures", "best price"), "It secures the best prices.", "", true},
		{"claim", ai.Forbid("claims", "cures", "best price"), "The Best  PRICE.", "best price", false},
		{"claim that hides", ai.Forbid("claims", "clinically proven"), "Clin\u200bically\u00a0**proven**", "clinically proven", false},
		{"claim after a word that holds it", ai.Forbid("claims", "cure"), "secure cure", "cure", false},
		{"known SKUs", ai.OnlyKnown("SKU", skuPattern, knownSKU), "SCARF-1 and HAT-2", "", true},
		{"invented SKU", ai.OnlyKnown("SKU", skuPattern, knownSKU), "SCARF-1 and CAPE-9", "CAPE-9", false},
		{"catalog is down", ai.OnlyKnown("SKU", skuPattern, knownSKU), "DOWN-1", "DOWN-1", false},
		{"citation", ai.MustCite(cited, sources), "Within 30 days [returns].", "", true},
		{"no citation", ai.MustCite(cited, sources), "Within 30 days.", "", false},
		{"invented citation", ai.MustCite(cited, sources), "Within [returns] 30 days [legal].", "legal", false},
	} {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, streamed %t", tt.name, streamed), func(t *testing.T) {
				reply := aitest.Reply{Chunks: strings.SplitAfter(tt.reply, "")}
				resp, err := ask(t.Context(), ai.Wrap(aitest.NewModel(t, reply), ai.Guard(tt.check)), question(), streamed)
				if tt.ok {
					require.NoError(t, err)
					assert.Equal(t, tt.reply, resp.Text())
					return
				}
				require.ErrorIs(t, err, ai.ErrBlocked)
				blocked, ok := errors.AsType[*ai.BlockedError](err)
				require.True(t, ok)
				assert.Equal(t, tt.check.Name, blocked.Check)
				assert.Equal(t, tt.match, blocked.Match)
				if tt.match != "" {
					assert.NotContains(t, err.Error(), tt.match)
				}
				assert.False(t, ai.Retryable(err))
			})
		}
	}
}

func TestGuardRefusalAndCalls(t *testing.T) {
	check := ai.Guard(ai.Forbid("claims", "best price"), ai.MustCite(skuPattern, knownSKU))
	_, err := ai.Wrap(aitest.NewModel(t, aitest.Refusal("We have the best price.")), check).Generate(t.Context(), question())
	require.ErrorIs(t, err, ai.ErrBlocked)
	_, err = ai.Wrap(aitest.NewModel(t, aitest.ToolCall("1", "t", nil)), check).Generate(t.Context(), question())
	require.NoError(t, err, "a tool call is not an answer yet")
}

// collect reads a stream and returns its text deltas.
func collect(ctx context.Context, m ai.Model) (deltas []string, err error) {
	for ev, failed := range m.Stream(ctx, question()) {
		if delta, ok := ev.(ai.TextDelta); ok {
			deltas = append(deltas, delta.Text)
		}
		err = failed
	}
	return deltas, err
}

func TestGuardStream(t *testing.T) {
	sku := ai.Guard(ai.OnlyKnown("SKU", skuPattern, knownSKU))
	letters := func(s string) aitest.Reply { return aitest.Reply{Chunks: strings.SplitAfter(s, "")} }
	t.Run("sentence by sentence", func(t *testing.T) {
		deltas, err := collect(t.Context(), ai.Wrap(aitest.NewModel(t, letters("Hi! Take SCARF-1.\nOr HAT-2? Yes")), sku))
		require.NoError(t, err)
		assert.Equal(t, []string{"Hi! ", "Take SCARF-1.\n", "Or HAT-2? ", "Yes"}, deltas)
	})
	t.Run("nothing invented is delivered", func(t *testing.T) {
		deltas, err := collect(t.Context(), ai.Wrap(aitest.NewModel(t, letters("Take SCARF-1. Or CAPE-9. Bye.")), sku))
		require.ErrorIs(t, err, ai.ErrBlocked)
		assert.Equal(t, []string{"Take SCARF-1. "}, deltas)
		partial, ok := errors.AsType[*ai.PartialError](err)
		require.True(t, ok)
		assert.Equal(t, "Take SCARF-1. ", partial.Response.Text())
	})
	t.Run("the first sentence", func(t *testing.T) {
		deltas, err := collect(t.Context(), ai.Wrap(aitest.NewModel(t, letters("CAPE-9. Bye.")), sku))
		require.ErrorIs(t, err, ai.ErrBlocked)
		assert.Empty(t, deltas)
		_, partial := errors.AsType[*ai.PartialError](err)
		assert.False(t, partial, "nothing was delivered")
	})
	t.Run("a phrase across a border", func(t *testing.T) {
		deltas, err := collect(t.Context(), ai.Wrap(aitest.NewModel(t, letters("It is clinically\nproven. Buy.")), ai.Guard(ai.Forbid("claims", "clinically proven"))))
		require.ErrorIs(t, err, ai.ErrBlocked)
		assert.Equal(t, []string{"It is clinically\n"}, deltas)
	})
	t.Run("length", func(t *testing.T) {
		deltas, err := collect(t.Context(), ai.Wrap(aitest.NewModel(t, letters("One. Two. Three. Four. ")), ai.Guard(ai.MaxLength(12))))
		require.ErrorIs(t, err, ai.ErrBlocked)
		assert.Equal(t, []string{"One. ", "Two. "}, deltas)
	})
	t.Run("as a whole", func(t *testing.T) {
		whole := ai.Guard(ai.MustCite(skuPattern, knownSKU))
		deltas, err := collect(t.Context(), ai.Wrap(aitest.NewModel(t, aitest.Text("One. SCARF-1")), whole))
		require.NoError(t, err)
		assert.Equal(t, []string{"One. ", "SCARF-1"}, deltas)
		deltas, err = collect(t.Context(), ai.Wrap(aitest.NewModel(t, aitest.Text("One. Two.")), whole))
		require.ErrorIs(t, err, ai.ErrBlocked)
		assert.Empty(t, deltas)
		_, err = collect(t.Context(), ai.Wrap(aitest.NewModel(t, aitest.Reply{Text: "One CAPE-9", CutAfter: 1}), whole))
		require.ErrorIs(t, err, ai.ErrTransport)
		_, partial := errors.AsType[*ai.PartialError](err)
		assert.False(t, partial, "what was not checked came out with the error")
	})
	t.Run("cut", func(t *testing.T) {
		deltas, err := collect(t.Context(), ai.Wrap(aitest.NewModel(t, aitest.Reply{Text: "Take SCARF-1 or more", CutAfter: 3}), sku))
		require.ErrorIs(t, err, ai.ErrTransport)
		assert.Equal(t, "Take SCARF-1 or ", strings.Join(deltas, ""))
		_, err = collect(t.Context(), ai.Wrap(aitest.NewModel(t, aitest.Reply{Text: "Take CAPE-9 or more", CutAfter: 3}), sku))
		require.ErrorIs(t, err, ai.ErrBlocked)
	})
	t.Run("long text without sentences", func(t *testing.T) {
		text := strings.Repeat("word ", 5000) + strings.Repeat("x", 20_000)
		deltas, err := collect(t.Context(), ai.Wrap(aitest.NewModel(t, aitest.Text(text)), sku))
		require.NoError(t, err)
		assert.Equal(t, text, strings.Join(deltas, ""))
		assert.Greater(t, len(deltas), 2)
	})
	t.Run("half a word before the border is none", func(t *testing.T) {
		text := strings.Repeat("SCARF-1 ", 40) + "and more. " + strings.Repeat("HAT-2 ", 50) + "too. SCARF-1."
		_, err := collect(t.Context(), ai.Wrap(aitest.NewModel(t, aitest.Text(text)), sku))
		require.NoError(t, err)
	})
	t.Run("left", func(t *testing.T) {
		for _, err := range ai.Wrap(aitest.NewModel(t, letters("One. Two.")), sku).Stream(t.Context(), question()) {
			require.NoError(t, err)
			break
		}
	})
}

func TestAccess(t *testing.T) {
	access := ai.Access(map[string][]string{"copilot": {"associate", "manager"}, "hours": {ai.AnyRole}})
	for _, tt := range []struct {
		caller *ai.Caller
		ok     bool
	}{
		{&ai.Caller{Role: "associate", Feature: "copilot"}, true},
		{&ai.Caller{Role: "manager", Feature: "copilot"}, true},
		{&ai.Caller{Role: "kiosk", Feature: "copilot"}, false},
		{&ai.Caller{Role: "kiosk", Feature: "hours"}, true},
		{&ai.Caller{Feature: "hours"}, false},
		{&ai.Caller{Role: "manager", Feature: "refunds"}, false},
		{&ai.Caller{Role: "manager"}, false},
		{&ai.Caller{Role: "*", Feature: "copilot"}, false},
		{nil, false},
	} {
		for _, streamed := range []bool{false, true} {
			ctx := t.Context()
			if tt.caller != nil {
				ctx = ai.WithCaller(ctx, *tt.caller)
			}
			script := aitest.NewModel(t, aitest.Text("x"))
			_, err := ask(ctx, ai.Wrap(script, access), question(), streamed)
			assert.Equal(t, tt.ok, err == nil, "%+v", tt.caller)
			if !tt.ok {
				require.ErrorIs(t, err, ai.ErrAccessDenied)
				assert.Empty(t, script.Requests())
			}
		}
	}
}

func ExampleOrBaseline() {
	model := aitest.NewModel(nil, aitest.Error(&ai.Error{Class: ai.ErrOverloaded}))
	outcome, err := ai.OrBaseline(context.Background(), 20*time.Second,
		func(ctx context.Context) (string, error) {
			note, _, err := ai.Extract[string](ctx, model, &ai.Request{Messages: []ai.Message{ai.User("Thank them.")}}, nil)
			return note, err
		},
		func(context.Context) (string, error) { return "Thank you for your visit!", nil })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outcome.Value, outcome.Baseline, outcome.Err)
	// Output: Thank you for your visit! true ai: provider overloaded
}

func TestOrBaseline(t *testing.T) {
	fast := func(context.Context) (string, error) { return "model", nil }
	hang := func(ctx context.Context) (string, error) { <-ctx.Done(); return "half", ctx.Err() }
	baseline := func(ctx context.Context) (string, error) { return "baseline", ctx.Err() }
	synctest.Test(t, func(t *testing.T) {
		got, err := ai.OrBaseline(t.Context(), time.Second, fast, baseline)
		require.NoError(t, err)
		assert.Equal(t, ai.Outcome[string]{Value: "model"}, got)

		began := time.Now()
		got, err = ai.OrBaseline(t.Context(), time.Second, hang, baseline)
		require.NoError(t, err)
		assert.Equal(t, ai.Outcome[string]{Value: "baseline", Baseline: true, Err: context.DeadlineExceeded}, got)
		assert.Equal(t, time.Second, time.Since(began))

		broken := errors.New("broken")
		got, err = ai.OrBaseline(t.Context(), time.Second, hang, func(context.Context) (string, error) { return "half", broken })
		require.ErrorIs(t, err, broken)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Empty(t, got.Value)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got, err = ai.OrBaseline(ctx, time.Second, hang, fast)
		require.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, got.Value)
	})
	assert.Panics(t, func() { _, _ = ai.OrBaseline(t.Context(), 0, fast, baseline) })
}
