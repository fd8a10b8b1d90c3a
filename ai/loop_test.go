package ai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
)

func ExampleLoop() {
	stock, err := ai.NewTool("stock", "How many pieces of a product are in stock.", ai.EffectRead,
		func(_ context.Context, in struct {
			SKU string `json:"sku"`
		},
		) (int, error) {
			return 3, nil
		}, nil)
	if err != nil {
		log.Fatal(err)
	}
	// A program uses a model of package openai; this one plays a script.
	model := aitest.NewModel(nil,
		aitest.ToolCall("1", "stock", map[string]string{"sku": "SCARF-1"}),
		aitest.Text("We have three of them."),
	)
	loop, err := ai.NewLoop(model, []*ai.BoundTool{stock}, &ai.LoopOptions{MaxSteps: 4})
	if err != nil {
		log.Fatal(err)
	}
	result, err := loop.Run(context.Background(), &ai.Request{Messages: []ai.Message{ai.User("Is SCARF-1 in stock?")}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Response.Text(), result.Steps, "steps")
	// Output: We have three of them. 2 steps
}

// A bench of tools that note in which order they ran.
type bench struct {
	mu  sync.Mutex
	log []string
}

func (b *bench) note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, text)
}

type noteInput struct {
	Text string `json:"text,omitempty"`
}

func (b *bench) tool(t *testing.T, name string, effect ai.Effect, opts *ai.ToolOptions) *ai.BoundTool {
	t.Helper()
	tool, err := ai.NewTool(name, "", effect, func(_ context.Context, in noteInput) (string, error) {
		b.note(name + " " + in.Text)
		return name + " done", nil
	}, opts)
	require.NoError(t, err)
	return tool
}

func (b *bench) tools(t *testing.T) []*ai.BoundTool {
	return []*ai.BoundTool{
		b.tool(t, "read", ai.EffectRead, nil),
		b.tool(t, "customer_note", ai.EffectRead, &ai.ToolOptions{Untrusted: true}),
		b.tool(t, "write", ai.EffectWrite, nil),
		b.tool(t, "refund", ai.EffectMoney, nil),
		b.tool(t, "erase", ai.EffectIrreversible, nil),
	}
}

func calls(names ...string) aitest.Reply {
	var r aitest.Reply
	for i, name := range names {
		name, text, _ := strings.Cut(name, " ")
		arguments, _ := json.Marshal(noteInput{Text: text})
		r.ToolCalls = append(r.ToolCalls, ai.ToolCall{ID: fmt.Sprint("c", i), Name: name, Arguments: arguments})
	}
	return r
}

func newLoop(t *testing.T, m ai.Model, tools []*ai.BoundTool, opts *ai.LoopOptions) *ai.Loop {
	t.Helper()
	loop, err := ai.NewLoop(m, tools, opts)
	require.NoError(t, err)
	return loop
}

func lastResults(req *ai.Request) (texts []string) {
	for _, p := range req.Messages[len(req.Messages)-1].Parts {
		texts = append(texts, p.(ai.ToolResult).Content[0].(ai.Text).Text)
	}
	return texts
}

func TestLoopOrder(t *testing.T) {
	var b bench
	script := aitest.NewModel(t, calls("read 1", "write 2", "write 3", "nothing 4", "read 5"), aitest.Text("done"))
	req := question()
	req.ToolChoice = ai.ToolChoice{Mode: ai.ToolRequired}
	result, err := newLoop(t, script, b.tools(t), nil).Run(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, []string{"read 1", "write 2", "write 3", "read 5"}, b.log)
	requests := script.Requests()
	assert.Equal(t, ai.ToolRequired, requests[0].ToolChoice.Mode)
	assert.Equal(t, ai.ToolAuto, requests[1].ToolChoice.Mode, "or the model could never answer")
	assert.Equal(t, []string{"read done", "write done", "write done", "There is no tool of that name.", "read done"}, lastResults(requests[1]))
	assert.Equal(t, "done", result.Response.Text())
	assert.Equal(t, 2, result.Steps)
	assert.Equal(t, int64(30), result.Usage.Total())
	assert.Len(t, result.Calls, 5)
	assert.Len(t, result.Messages, 3)
	assert.Empty(t, req.Tools, "the request was changed")
	assert.Len(t, req.Messages, 1, "the request was changed")
}

func TestLoopReadsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		enter := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			running += by
			most = max(most, running)
		}
		slow, err := ai.NewTool("slow", "", ai.EffectRead, func(ctx context.Context, in noteInput) (string, error) {
			enter(1)
			defer enter(-1)
			time.Sleep(time.Second)
			return in.Text, nil
		}, nil)
		require.NoError(t, err)
		script := aitest.NewModel(t, calls("slow 1", "slow 2", "slow 3", "slow 4", "slow 5", "slow 6"), aitest.Text("done"))
		began := time.Now()
		_, err = newLoop(t, script, []*ai.BoundTool{slow}, &ai.LoopOptions{Parallel: 3}).Run(t.Context(), question())
		require.NoError(t, err)
		assert.Equal(t, 2*time.Second, time.Since(began))
		assert.Equal(t, 3, most)
		assert.Equal(t, []string{"1", "2", "3", "4", "5", "6"}, lastResults(script.Requests()[1]), "results in the order of the calls")
	})
}

func TestLoopLimits(t *testing.T) {
	prices, err := ai.ReadPrices(strings.NewReader(testPrices))
	require.NoError(t, err)
	endless := func(n int) []aitest.Reply {
		replies := make([]aitest.Reply, n)
		for i := range replies {
			replies[i] = calls("read")
		}
		return replies
	}
	truncated := calls("write")
	truncated.StopReason = ai.StopLength
	for _, tt := range []struct {
		name    string
		replies []aitest.Reply
		opts    ai.LoopOptions
		want    error
		detail  string
		ran     int
	}{
		{"steps", endless(3), ai.LoopOptions{MaxSteps: 3}, ai.ErrLimit, "3 steps", 3},
		{"steps by default", endless(10), ai.LoopOptions{}, ai.ErrLimit, "10 steps", 10},
		{"tokens", endless(3), ai.LoopOptions{MaxTokens: 45}, ai.ErrLimit, "45 tokens", 2},
		{"cost", endless(2), ai.LoopOptions{Prices: prices, MaxCost: cost(t, "0.00003")}, ai.ErrLimit, "cost of 0.00003", 1}, // 0.00002 each
		{"truncated arguments never run", []aitest.Reply{truncated}, ai.LoopOptions{}, ai.ErrTruncated, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bench
			result, err := newLoop(t, aitest.NewModel(t, tt.replies...), b.tools(t), &tt.opts).Run(t.Context(), question())
			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, tt.detail)
			assert.Equal(t, len(tt.replies), result.Steps)
			assert.Len(t, b.log, tt.ran)
		})
	}
	t.Run("time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			late := aitest.Text("late")
			late.Delay = time.Hour
			began := time.Now()
			result, err := newLoop(t, aitest.NewModel(t, late), nil, &ai.LoopOptions{MaxTime: time.Minute}).Run(t.Context(), question())
			require.ErrorIs(t, err, ai.ErrLimit)
			assert.Nil(t, result)
			assert.Equal(t, time.Minute, time.Since(began))
		})
	})
	t.Run("calls in one reply", func(t *testing.T) {
		var b bench
		many := make([]string, 500)
		for i := range many {
			many[i] = "write"
		}
		script := aitest.NewModel(t, calls(many...), aitest.Text("done"))
		_, err := newLoop(t, script, b.tools(t), nil).Run(t.Context(), question())
		require.NoError(t, err)
		assert.Len(t, b.log, 16)
		assert.Equal(t, "This call did not run: at most 16 calls at once.", lastResults(script.Requests()[1])[16])
	})
	t.Run("no price", func(t *testing.T) {
		script := aitest.NewModel(t)
		script.SetInfo(ai.Info{Provider: "aitest", Model: "unpriced"})
		_, err := newLoop(t, script, nil, &ai.LoopOptions{Prices: prices, MaxCost: 1}).Run(t.Context(), question())
		require.ErrorIs(t, err, ai.ErrBudget)
	})
}

func TestLoopEndsWithoutRunningTools(t *testing.T) {
	for _, stop := range []ai.StopReason{ai.StopRefusal, ai.StopContentFilter} {
		var b bench
		reply := calls("write")
		reply.StopReason = stop
		result, err := newLoop(t, aitest.NewModel(t, reply), b.tools(t), nil).Run(t.Context(), question())
		require.NoError(t, err)
		assert.Equal(t, stop, result.Response.StopReason)
		assert.Empty(t, b.log)
	}
}

func TestLoopDefaultGate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		replies []aitest.Reply
		tainted bool
		ran     []string
	}{
		{"untainted", []aitest.Reply{calls("write a", "refund b", "erase c")}, false, []string{"write a"}},
		{"tainted from the start", []aitest.Reply{calls("write a", "read b")}, true, []string{"read b"}},
		{"tainted by a result", []aitest.Reply{calls("write a"), calls("customer_note b"), calls("write c"), calls("read d")}, false, []string{"write a", "customer_note b", "read d"}},
		{"not yet read when the call was made", []aitest.Reply{calls("customer_note a", "write b")}, false, []string{"customer_note a", "write b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bench
			script := aitest.NewModel(t, append(tt.replies, aitest.Text("done"))...)
			_, err := newLoop(t, script, b.tools(t), &ai.LoopOptions{Tainted: tt.tainted}).Run(t.Context(), question())
			require.NoError(t, err)
			assert.Equal(t, tt.ran, b.log)
		})
	}
}

func TestLoopGate(t *testing.T) {
	type runner = func(context.Context) (ai.ToolResult, error)
	elsewhere := ai.ToolResult{CallID: "forged", Content: []ai.Part{ai.Text{Text: "refunded elsewhere"}}}
	for _, tt := range []struct {
		name string
		gate ai.Gate
		ran  []string
		told string
		err  string
	}{
		{"allows", func(ctx context.Context, _ ai.GatedCall, run runner) (ai.ToolResult, error) { return run(ctx) }, []string{"refund 5"}, "refund done", ""},
		{"runs it elsewhere", func(context.Context, ai.GatedCall, runner) (ai.ToolResult, error) { return elsewhere, nil }, nil, "refunded elsewhere", ""},
		{"fails", func(context.Context, ai.GatedCall, runner) (ai.ToolResult, error) {
			return ai.ToolResult{}, errors.New("database: " + secret)
		}, nil, "This action was not allowed.", secret},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bench
			var asked []ai.GatedCall
			script := aitest.NewModel(t, calls("read", "refund 5"), aitest.Text("done"))
			result, err := newLoop(t, script, b.tools(t), &ai.LoopOptions{
				Gate: func(ctx context.Context, c ai.GatedCall, run runner) (ai.ToolResult, error) {
					asked = append(asked, c)
					return tt.gate(ctx, c, run)
				},
			}).Run(t.Context(), question())
			require.NoError(t, err)
			require.Len(t, asked, 1, "reads need no gate")
			assert.Equal(t, ai.EffectMoney, asked[0].Effect)
			assert.Equal(t, 1, asked[0].Step)
			assert.Equal(t, append([]string{"read "}, tt.ran...), b.log)
			last := script.Requests()[1].Messages[2].Parts[1].(ai.ToolResult)
			assert.Equal(t, "c1", last.CallID)
			assert.Equal(t, tt.told, last.Content[0].(ai.Text).Text)
			if tt.err != "" {
				require.ErrorContains(t, result.Calls[1].Err, tt.err)
			}
		})
	}
}

func TestLoopPending(t *testing.T) {
	var b bench
	script := aitest.NewModel(t, calls("read 1", "refund 2", "write 3", "read 4"), aitest.Text("done"))
	loop := newLoop(t, script, b.tools(t), &ai.LoopOptions{
		Gate: func(_ context.Context, c ai.GatedCall, _ func(context.Context) (ai.ToolResult, error)) (ai.ToolResult, error) {
			return ai.ToolResult{}, fmt.Errorf("request 17: %w", ai.ErrToolPending)
		},
	})
	result, err := loop.Run(t.Context(), question())
	require.ErrorIs(t, err, ai.ErrToolPending)
	require.Len(t, result.Pending, 1)
	assert.Equal(t, "c1", result.Pending[0].Call.ID)
	assert.Equal(t, []string{"read 1", "read 4"}, b.log, "nothing is changed while an earlier change waits")

	_, err = result.Resume()
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
	_, err = result.Resume(ai.ToolResult{CallID: "c2", Content: []ai.Part{ai.Text{Text: "x"}}})
	require.ErrorIs(t, err, ai.ErrInvalidRequest)

	next, err := result.Resume(ai.ToolResult{CallID: "c1", Content: []ai.Part{ai.Text{Text: "Dana approved it: refunded."}}})
	require.NoError(t, err)
	result, err = loop.Run(t.Context(), next)
	require.NoError(t, err)
	assert.Equal(t, "done", result.Response.Text())
	assert.Equal(t, []string{
		"read done", "Dana approved it: refunded.",
		"This call did not run, because an earlier one waits for a decision.", "read done",
	}, lastResults(script.Requests()[1]))
	_, err = result.Resume()
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
}

func TestLoopStream(t *testing.T) {
	var b bench
	script := aitest.NewModel(t, calls("read 1", "read 2", "write 3"), aitest.Text("all done"))
	loop := newLoop(t, script, b.tools(t), nil)
	var seen []string
	var result *ai.LoopResult
	for ev, err := range loop.Stream(t.Context(), question()) {
		require.NoError(t, err)
		switch ev := ev.(type) {
		case ai.TextDelta:
			seen = append(seen, ev.Text)
		case ai.ToolStarted:
			seen = append(seen, "start "+ev.Call.Call.ID)
		case ai.ToolEnded:
			seen = append(seen, "end "+ev.Record.Call.ID)
		case ai.LoopDone:
			result = ev.Result
		}
	}
	require.NotNil(t, result)
	assert.Equal(t, "all done", result.Response.Text())
	assert.ElementsMatch(t, []string{"start c0", "start c1", "end c0", "end c1", "start c2", "end c2", "all ", "done"}, seen)
	assert.Equal(t, []string{"start c2", "end c2", "all ", "done"}, seen[4:])

	t.Run("error", func(t *testing.T) {
		script := aitest.NewModel(t, calls("read 1"), aitest.Error(&ai.Error{Class: ai.ErrQuota}))
		var failed error
		for _, err := range newLoop(t, script, b.tools(t), nil).Stream(t.Context(), question()) {
			failed = err
		}
		require.ErrorIs(t, failed, ai.ErrQuota)
		var partial *ai.LoopError
		require.ErrorAs(t, failed, &partial)
		assert.Equal(t, 1, partial.Result.Steps)
	})
}

func TestLoopStreamLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		hang, err := ai.NewTool("hang", "", ai.EffectRead, func(ctx context.Context, in noteInput) (string, error) {
			if in.Text == "no" {
				return "", nil
			}
			<-ctx.Done()
			return "", ctx.Err()
		}, nil)
		require.NoError(t, err)
		script := aitest.NewModel(t, calls("hang a", "hang no", "hang b", "hang c", "hang d", "hang e"))
		began := time.Now()
		for ev, err := range newLoop(t, script, []*ai.BoundTool{hang}, &ai.LoopOptions{Parallel: 6}).Stream(t.Context(), question()) {
			require.NoError(t, err)
			if _, ok := ev.(ai.ToolEnded); ok {
				break
			}
		}
		assert.Zero(t, time.Since(began), "tools were waited for, not canceled")
	})
}

func TestLoopPanicReachesTheCaller(t *testing.T) {
	bad, err := ai.NewTool("bad", "", ai.EffectRead, func(context.Context, noteInput) (string, error) { panic("bug") }, nil)
	require.NoError(t, err)
	for _, reply := range []aitest.Reply{calls("bad"), calls("bad", "bad")} {
		loop := newLoop(t, aitest.NewModel(t, reply), []*ai.BoundTool{bad}, nil)
		assert.PanicsWithValue(t, "bug", func() { _, _ = loop.Run(t.Context(), question()) })
	}
}

func TestLoopAround(t *testing.T) {
	var b bench
	script := aitest.NewModel(t, calls("read 1", "write 2"), aitest.Text("done"))
	_, err := newLoop(t, script, b.tools(t), &ai.LoopOptions{
		Around: func(ctx context.Context, c ai.GatedCall, run func(context.Context) (ai.ToolResult, error)) (ai.ToolResult, error) {
			b.note("before " + c.Call.Name)
			defer b.note("after " + c.Call.Name)
			return run(ctx)
		},
	}).Run(t.Context(), question())
	require.NoError(t, err)
	assert.Equal(t, []string{"before read", "read 1", "after read", "before write", "write 2", "after write"}, b.log)
}

func TestLoopCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stop, err := ai.NewTool("stop", "", ai.EffectWrite, func(context.Context, noteInput) (string, error) { cancel(); return "", nil }, nil)
	require.NoError(t, err)
	result, err := newLoop(t, aitest.NewModel(t, calls("stop", "stop")), []*ai.BoundTool{stop}, nil).Run(ctx, question())
	require.ErrorIs(t, err, context.Canceled)
	assert.Len(t, result.Calls, 1)
}

func TestNewLoopRefuses(t *testing.T) {
	var b bench
	script := aitest.NewModel(t)
	tool := b.tool(t, "read", ai.EffectRead, nil)
	_, err := ai.NewLoop(script, []*ai.BoundTool{tool, tool}, nil)
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
	_, err = ai.NewLoop(script, nil, &ai.LoopOptions{MaxCost: 1})
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
	_, err = ai.NewLoop(script, nil, &ai.LoopOptions{MaxCost: -1})
	require.ErrorIs(t, err, ai.ErrInvalidRequest)
	loop := newLoop(t, script, nil, nil)
	for _, req := range []*ai.Request{nil, {}, {Messages: []ai.Message{ai.User("x")}, Tools: []ai.Tool{{Name: "x"}}}} {
		_, err := loop.Run(t.Context(), req)
		require.ErrorIs(t, err, ai.ErrInvalidRequest)
	}
}
