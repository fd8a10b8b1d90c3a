package ai_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

func failing(class error) aitest.Reply {
	return aitest.Error(&ai.Error{Class: class, Provider: "aitest"})
}

func ExampleFallback() {
	first := aitest.NewModel(nil, aitest.Error(&ai.Error{Class: ai.ErrOverloaded}))
	second := aitest.NewModel(nil, aitest.Text("Hello!"))
	model := ai.Wrap(first, ai.Fallback(nil, second))
	resp, err := model.Generate(context.Background(), &ai.Request{Messages: []ai.Message{ai.User("Greet.")}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Text(), resp.Warnings[0].Detail)
	// Output: Hello! answered by aitest scripted, since those before it failed
}

// ask calls a model in one of the two ways.
func ask(ctx context.Context, m ai.Model, req *ai.Request, streamed bool) (*ai.Response, error) {
	if streamed {
		return ai.Accumulate(m.Stream(ctx, req))
	}
	return m.Generate(ctx, req)
}

func TestFallback(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second aitest.Reply
		want          error // nil: the second answers
	}{
		{"overloaded", failing(ai.ErrOverloaded), aitest.Text("two"), nil},
		{"no key", failing(ai.ErrAuth), aitest.Text("two"), nil},
		{"quota", failing(ai.ErrQuota), aitest.Text("two"), nil},
		{"foreign error", aitest.Error(errors.New("other")), aitest.Text("two"), nil},
		{"its own time limit", aitest.Error(&ai.Error{Class: ai.ErrTimeout}), aitest.Text("two"), nil},
		{"both fail", failing(ai.ErrQuota), failing(ai.ErrOverloaded), ai.ErrOverloaded},
		{"invalid request", failing(ai.ErrInvalidRequest), aitest.Reply{}, ai.ErrInvalidRequest},
		{"content filter", failing(ai.ErrContentFiltered), aitest.Reply{}, ai.ErrContentFiltered},
		{"budget", aitest.Error(&ai.BudgetError{}), aitest.Reply{}, ai.ErrBudget},
		{"blocked", aitest.Error(&ai.BlockedError{}), aitest.Reply{}, ai.ErrBlocked},
	} {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, streamed %t", tt.name, streamed), func(t *testing.T) {
				first, second := aitest.NewModel(t, tt.first), aitest.NewModel(t, tt.second)
				resp, err := ask(t.Context(), ai.Wrap(first, ai.Fallback(nil, second)), question(), streamed)
				if tt.want != nil {
					require.ErrorIs(t, err, tt.want)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, "two", resp.Text())
				assert.Equal(t, "Model", resp.Warnings[0].Setting)
			})
		}
	}
	t.Run("an answer of the first is as it was", func(t *testing.T) {
		resp, err := ai.Wrap(aitest.NewModel(t, aitest.Text("one")), ai.Fallback(nil, aitest.NewModel(t))).Generate(t.Context(), question())
		require.NoError(t, err)
		assert.Empty(t, resp.Warnings)
	})
	t.Run("never after something was delivered", func(t *testing.T) {
		model := ai.Wrap(aitest.NewModel(t, aitest.Reply{Text: "one two", CutAfter: 1}), ai.Fallback(nil, aitest.NewModel(t)))
		_, err := ask(t.Context(), model, question(), true)
		require.ErrorIs(t, err, ai.ErrTransport)
		_, partial := errors.AsType[*ai.PartialError](err)
		assert.True(t, partial)
	})
	t.Run("not when the caller has gone", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, streamed := range []bool{false, true} {
			_, err := ask(ctx, ai.Wrap(aitest.NewModel(t, aitest.Text("x")), ai.Fallback(nil, aitest.NewModel(t))), question(), streamed)
			require.ErrorIs(t, err, context.Canceled)
		}
	})
	t.Run("own rule", func(t *testing.T) {
		opts := &ai.FallbackOptions{When: func(err error) bool { return errors.Is(err, ai.ErrContentFiltered) }}
		resp, err := ai.Wrap(aitest.NewModel(t, failing(ai.ErrContentFiltered)), ai.Fallback(opts, aitest.NewModel(t, aitest.Text("two")))).Generate(t.Context(), question())
		require.NoError(t, err)
		assert.Equal(t, "two", resp.Text())
	})
	t.Run("capabilities that all have", func(t *testing.T) {
		plain := aitest.NewModel(t)
		plain.SetInfo(ai.Info{Provider: "plain", Capabilities: ai.Capabilities{Tools: true}})
		info := ai.Wrap(aitest.NewModel(t), ai.Fallback(nil, plain)).Info()
		assert.Equal(t, "aitest", info.Provider)
		assert.Equal(t, ai.Capabilities{Tools: true}, info.Capabilities)
	})
	t.Run("a model that says nothing", func(t *testing.T) {
		resp, err := ask(t.Context(), ai.Wrap(silent{aitest.NewModel(t)}, ai.Fallback(nil, aitest.NewModel(t, aitest.Text("two")))), question(), true)
		require.NoError(t, err)
		assert.Equal(t, "two", resp.Text())
	})
}

// silent breaks the contract: a stream with neither event nor error.
type silent struct{ ai.Model }

func (silent) Stream(context.Context, *ai.Request) iter.Seq2[ai.Event, error] {
	return func(func(ai.Event, error) bool) {}
}

func TestHedge(t *testing.T) {
	late := func(text string, delay time.Duration) aitest.Reply { return aitest.Reply{Text: text, Delay: delay} }
	lateError := func(delay time.Duration) aitest.Reply {
		r := failing(ai.ErrOverloaded)
		r.Delay = delay
		return r
	}
	for _, tt := range []struct {
		name          string
		first, second aitest.Reply
		want          string
		err           error
		took          time.Duration
		asked         int // of the second
	}{
		{"in time", late("one", time.Second), aitest.Reply{}, "one", nil, time.Second, 0},
		{"the second is first", late("one", time.Hour), late("two", time.Second), "two", nil, 3 * time.Second, 1},
		{"the first is first after all", late("one", 3*time.Second), late("two", time.Hour), "one", nil, 3 * time.Second, 1},
		{"an error in time", lateError(time.Second), aitest.Reply{}, "", ai.ErrOverloaded, time.Second, 0},
		{"an error that is late", lateError(3 * time.Second), late("two", 2*time.Second), "two", nil, 4 * time.Second, 1},
		{"an error of the second", late("one", 5*time.Second), lateError(time.Second), "one", nil, 5 * time.Second, 1},
		{"errors of both", lateError(4 * time.Second), lateError(time.Second), "", ai.ErrOverloaded, 4 * time.Second, 1},
	} {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, streamed %t", tt.name, streamed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
					first, second := aitest.NewModel(t, tt.first), aitest.NewModel(t, tt.second)
					began := time.Now()
					resp, err := ask(t.Context(), ai.Wrap(first, ai.Hedge(2*time.Second, second)), question(), streamed)
					assert.Equal(t, tt.took, time.Since(began))
					assert.Len(t, second.Requests(), tt.asked)
					if tt.err != nil {
						require.ErrorIs(t, err, tt.err)
						return
					}
					require.NoError(t, err)
					assert.Equal(t, tt.want, resp.Text())
				})
			})
		}
	}
	t.Run("a stream that has begun may take its time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			slow := aitest.Reply{Chunks: []string{"a", "b", "c"}, ChunkDelay: time.Minute}
			second := aitest.NewModel(t)
			resp, err := ask(t.Context(), ai.Wrap(aitest.NewModel(t, slow), ai.Hedge(2*time.Second, second)), question(), true)
			require.NoError(t, err)
			assert.Equal(t, "abc", resp.Text())
		})
	})
	t.Run("left early", func(t *testing.T) {
		for _, replies := range [][2]aitest.Reply{
			{{Text: "a b c"}, {}},
			{late("x", time.Hour), {Chunks: []string{"a", "b"}, ChunkDelay: time.Hour}},
		} {
			synctest.Test(t, func(t *testing.T) {
				model := ai.Wrap(aitest.NewModel(t, replies[0]), ai.Hedge(2*time.Second, aitest.NewModel(t, replies[1])))
				for _, err := range model.Stream(t.Context(), question()) {
					require.NoError(t, err)
					break
				}
				// A bubble with a goroutine that waits for an hour would not end here at once.
				began := time.Now()
				synctest.Wait()
				assert.Zero(t, time.Since(began))
			})
		}
	})
	t.Run("the same model", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			script := aitest.NewModel(t, late("one", time.Hour), aitest.Text("two"))
			resp, err := ai.Wrap(script, ai.Hedge(time.Second, nil)).Generate(t.Context(), question())
			require.NoError(t, err)
			assert.Equal(t, "two", resp.Text())
		})
	})
	t.Run("a panic reaches the caller", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			model := ai.Wrap(aitest.NewModel(t, late("one", time.Minute), late("one", time.Minute)), ai.Hedge(time.Second, panicking{aitest.NewModel(t)}))
			assert.PanicsWithValue(t, "bug", func() { _, _ = ask(t.Context(), model, question(), false) })
			assert.PanicsWithValue(t, "bug", func() { _, _ = ask(t.Context(), model, question(), true) })
		})
	})
	assert.Panics(t, func() { ai.Hedge(0, nil) })
}
