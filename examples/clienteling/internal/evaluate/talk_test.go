package evaluate_test

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/eval"
	"github.com/posai-go/posai/examples/clienteling/internal/evaluate"
)

// reader is a model that answers by what it is told: by one function of the facts.
type reader struct {
	t   *testing.T
	say func(fact, note string) string
}

func (r reader) Info() ai.Info { return ai.Info{Provider: "test", Model: "reader"} }

func (r reader) Generate(ctx context.Context, req *ai.Request) (*ai.Response, error) {
	return r.answer(req).Generate(ctx, req)
}

func (r reader) Stream(ctx context.Context, req *ai.Request) iter.Seq2[ai.Event, error] {
	return r.answer(req).Stream(ctx, req)
}

func (r reader) answer(req *ai.Request) ai.Model {
	var told struct {
		Facts []struct{ ID, Fact, Note string }
	}
	for _, m := range req.Messages {
		for _, p := range m.Parts {
			if text, ok := p.(ai.Text); ok {
				_ = json.Unmarshal([]byte(text.Text), &told) // the data is one of them
			}
		}
	}
	require.NotEmpty(r.t, told.Facts)
	type point struct {
		Facts []string `json:"facts"`
		Say   string   `json:"say"`
	}
	var points []point
	for _, f := range told.Facts[:min(len(told.Facts), 8)] {
		points = append(points, point{[]string{f.ID}, r.say(f.Fact, f.Note)})
	}
	return aitest.NewModel(nil, aitest.JSON(map[string]any{"points": points}))
}

func TestTalk(t *testing.T) {
	for name, c := range map[string]struct {
		model     ai.Model
		want, not string
	}{
		"none":    {nil, "talking-points-1", "test reader"},
		"careful": {reader{t, func(fact, _ string) string { return "Ask about " + strings.ReplaceAll(fact, ":", ",") }}, "test reader       let through         0.99", "the program's baseline stood in"},
		"parrot":  {reader{t, func(_, note string) string { return "They " + note }}, "the program's baseline stood in", "test reader       let through         1.000"},
	} {
		var out strings.Builder
		require.NoError(t, evaluate.Talk(t.Context(), c.model, "manager", time.Minute, &eval.Options{Parallel: 2}, &out), name)
		assert.Contains(t, out.String(), c.want, name)
		assert.NotContains(t, out.String(), c.not, name)
		for _, always := range []string{"open promises said  1.000", "rests on facts      1.000"} {
			assert.Contains(t, out.String(), always, name)
			assert.NotContains(t, out.String(), always[:len(always)-5]+"0.", "%s: whatever the model says", name)
		}
	}
}
