package aitest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai"
)

// A Suite is the conformance suite of [ai.Model]. An adapter's test gives it a
// way to make models whose provider is scripted:
//
//	aitest.TestModel(t, aitest.Suite{
//		Wire: true,
//		New: func(t *testing.T, replies ...aitest.Reply) ai.Model {
//			server := aitest.NewOpenAIServer(t, replies...)
//			…
//		},
//	})
type Suite struct {
	// New returns a model whose provider gives the replies in order, or as many of
	// them as it is asked for. Every check calls it, some of them more than once.
	New func(t *testing.T, replies ...Reply) ai.Model

	// Wire says that the model talks to its provider over a connection, so that
	// the faults in [Reply.Wire] can be tested.
	Wire bool

	// NoCacheWrites says that the provider does not tell how many tokens it has
	// written into its cache.
	NoCacheWrites bool

	// Skip maps the names of checks that do not apply to the reason why. They are
	// left out and logged. A name that no check has fails the test.
	Skip map[string]string
}

// A check is one rule of the contract. The rule is printed when it is broken.
type check struct {
	name string
	rule string
	wire bool // needs a connection
	run  func(t *testing.T, s Suite)
}

// TestModel runs every check of the suite that applies as a subtest.
func TestModel(t *testing.T, s Suite) {
	t.Helper()
	var checks []check
	checks = append(checks, requestChecks...)
	checks = append(checks, replyChecks...)
	checks = append(checks, streamChecks...)
	checks = append(checks, faultChecks...)
	checks = append(checks, outputChecks...)
	checks = append(checks, telemetryChecks...)
	for name := range s.Skip {
		if !slices.ContainsFunc(checks, func(c check) bool { return c.name == name }) {
			t.Errorf("aitest: Suite.Skip names %q, which is no check", name)
		}
	}
	for _, c := range checks {
		if reason := s.Skip[c.name]; reason != "" {
			t.Logf("%s does not apply: %s", c.name, reason)
			continue
		}
		if c.wire && !s.Wire {
			t.Logf("%s does not apply: there is no connection", c.name)
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the rule: %s", c.rule)
				}
			})
			c.run(t, s)
		})
	}
}

// ask is the request of most checks.
func ask() *ai.Request {
	return &ai.Request{
		System:   "You write for a shop.",
		Messages: []ai.Message{ai.User("Which scarf goes with the green coat?")},
	}
}

// hangs is how long a check may take that does not hang, on the slowest machine.
const hangs = 2 * time.Minute

// limit ends a check that hangs.
func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	t.Cleanup(cancel)
	return ctx
}

// both returns the reply once generated and once streamed. They must be the same.
func both(t *testing.T, s Suite, r Reply) *ai.Response {
	t.Helper()
	r.ID = "reply-id"
	m := s.New(t, r, r)
	generated, err := m.Generate(limit(t), ask())
	require.NoError(t, err)
	streamed, err := ai.Accumulate(m.Stream(limit(t), ask()))
	require.NoError(t, err)
	assert.Equal(t, withoutRaw(generated), withoutRaw(streamed), "the streamed reply differs from the generated one")
	return generated
}

func withoutRaw(r *ai.Response) ai.Response {
	out := *r
	out.Raw = nil
	return out
}

// drain reads a stream to its end and returns the joined text of its deltas.
func drain(t *testing.T, m ai.Model) (text string, resp *ai.Response, err error) {
	t.Helper()
	events := 0
	for ev, streamErr := range m.Stream(limit(t), ask()) {
		require.NoError(t, err, "a value after the error")
		require.Nil(t, resp, "a value after Done")
		if streamErr != nil {
			require.Nil(t, ev, "an event together with an error")
			err = streamErr
			continue
		}
		events++
		switch ev := ev.(type) {
		case ai.TextDelta:
			require.NotEmpty(t, ev.Text, "an empty TextDelta")
			text += ev.Text
		case ai.Done:
			require.NotNil(t, ev.Response)
			resp = ev.Response
		}
	}
	if err != nil && events > 0 {
		var partial *ai.PartialError
		require.ErrorAs(t, err, &partial, "an error after the first event")
		require.NotNil(t, partial.Response)
	}
	return text, resp, err
}
