package eval_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/aitest"
	"github.com/posai-go/posai/ai/eval"
)

// A model against a keyword rule, on four notes.
func Example() {
	const notes = `{"id": "1", "input": "the seam came apart", "want": "defective"}
{"id": "2", "input": "Naht ist aufgegangen", "want": "defective", "tags": ["de"]}
{"id": "3", "input": "too tight in the shoulders", "want": "size"}
{"id": "4", "input": "zu eng", "want": "size", "tags": ["de"]}
`
	cases, err := eval.Read[string, string](strings.NewReader(notes), "notes.jsonl", nil)
	if err != nil {
		log.Fatal(err)
	}
	model := eval.Meter(aitest.NewModel(nil, aitest.Text("defective"), aitest.Text("defective"), aitest.Text("size"), aitest.Text("size")))
	suite := &eval.Suite[string, string, string]{
		Name:  "return reasons",
		Cases: cases,
		Contestants: []eval.Contestant[string, string]{
			{Name: "keywords", Ask: func(_ context.Context, note string) (string, error) {
				if strings.Contains(note, "seam") {
					return "defective", nil
				}
				return "size", nil
			}},
			{Name: "model", Version: "prompt 1", Ask: func(ctx context.Context, note string) (string, error) {
				resp, err := model.Generate(ctx, &ai.Request{System: "Say why it came back.", Messages: []ai.Message{ai.UntrustedUser(note)}})
				if err != nil {
					return "", err
				}
				return resp.Text(), nil
			}},
		},
		Graders: []eval.Grader[string, string, string]{eval.Exact[string]("reason", eval.Is[string], eval.Is[string])},
	}
	results, err := suite.Run(context.Background(), &eval.Options{Parallel: 1})
	if err != nil {
		log.Fatal(err)
	}
	report := results.Report()
	for _, c := range report.Contestants {
		fmt.Printf("%s: %.2f (%.2f to %.2f), %d tokens\n", c.Name, c.Figures[0].Score, c.Figures[0].Low, c.Figures[0].High, c.Spent.Usage.Total())
	}
	c, err := report.Compare("reason", "keywords", "model")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a regression:", c.Worse(0.02))
	fmt.Println("shown to be as good:", c.NonInferior(0.02) == nil)
	// Output:
	// keywords: 0.75 (0.30 to 0.95), 0 tokens
	// model: 1.00 (0.51 to 1.00), 60 tokens
	// a regression: <nil>
	// shown to be as good: true
}
