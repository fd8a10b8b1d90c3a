package eval_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/eval"
)

type question struct {
	Note   string          `json:"note"`
	Count  int             `json:"count,omitempty"`
	Price  decimal.Decimal `json:"price,omitzero"`
	Gift   bool            `json:"gift,omitempty"`
	Words  []string        `json:"words,omitempty"`
	Ranks  []int           `json:"ranks,omitempty"`
	Nested *struct {
		Code string `json:"code"`
	} `json:"nested,omitempty"`
}

// The same two cases in every format.
func TestFormatsAgree(t *testing.T) {
	files := map[string]string{
		"a.jsonl": `{"id":"1","tags":["de","short"],"input":{"note":"zu eng; sagt sie","count":2,"price":"19.90","gift":true,"words":["a","b"],"ranks":[1,2],"nested":{"code":"007"}},"want":"size"}

{"id":"2","input":{"note":"007"},"want":"other"}`,
		"a.json": "[\n" + `{"id":"1","tags":["de","short"],"input":{"note":"zu eng; sagt sie","count":2,"price":"19.90","gift":true,"words":["a","b"],"ranks":[1,2],"nested":{"code":"007"}},"want":"size"},` + "\n" +
			`{"id":"2","input":{"note":"007"},"want":"other"}` + "\n]\n",
		"a.csv": "\ufeffid,tags,input.note,input.count,input.price,input.gift,input.words,input.ranks,input.nested.code,want\r\n" +
			"1,de; short,zu eng; sagt sie,2,19.90,true,a;b,1;2,007,size\r\n2,,007,,,,,,,other\r\n",
	}
	var first []eval.Case[question, string]
	for _, name := range []string{"a.jsonl", "a.json", "a.csv"} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(files[name]), 0o600))
		cases, err := eval.ReadFile[question, string](path, nil)
		require.NoError(t, err, name)
		if first == nil {
			first = cases
			require.Len(t, cases, 2)
			assert.Equal(t, "007", cases[0].Input.Nested.Code)
			assert.Equal(t, []int{1, 2}, cases[0].Input.Ranks)
			assert.Equal(t, "19.9", cases[0].Input.Price.String())
		}
		assert.Equal(t, first, cases, name)
	}
	_, err := eval.ReadFile[question, string](filepath.Join(t.TempDir(), "none.jsonl"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestInvalidCases(t *testing.T) {
	const good = `{"id":"1","input":{"note":"x"},"want":"secret"}`
	small := &eval.ReadOptions{MaxBytes: 200, MaxLine: 80, MaxCases: 2}
	for name, tt := range map[string]struct {
		file, text string
		line       int
		detail     string
		opts       *eval.ReadOptions
	}{
		"empty":              {"c.jsonl", "\n\n", 0, "no cases", nil},
		"empty array":        {"c.json", "[]", 0, "no cases", nil},
		"no header":          {"c.csv", "", 0, "no cases", nil},
		"no format":          {"c.txt", good, 0, "unknown format", nil},
		"not JSON":           {"c.jsonl", good + "\n{secret}\n", 2, "not JSON", nil},
		"cut off":            {"c.jsonl", good + "\n" + `{"id":"2"`, 2, "cut off", nil},
		"two in a line":      {"c.jsonl", good + good, 1, "after the object", nil},
		"not an object":      {"c.jsonl", `"secret"`, 1, "not a JSON object", nil},
		"null":               {"c.jsonl", `null`, 1, "not a JSON object", nil},
		"unknown field":      {"c.jsonl", good + "\n" + `{"id":"2","secret":1}`, 2, "unknown field", nil},
		"type":               {"c.jsonl", `{"id":"1","input":{"note":7},"want":""}`, 1, "type than string in input.note", nil},
		"decimal":            {"c.jsonl", `{"id":"1","input":{"price":"secret"},"want":""}`, 1, "does not decode", nil},
		"no id":              {"c.jsonl", `{"input":{"note":"x"},"want":""}`, 1, "id is empty", nil},
		"control character":  {"c.jsonl", `{"id":"a\u0007","input":{"note":"x"},"want":""}`, 1, "control character", nil},
		"long id":            {"c.jsonl", `{"id":"` + strings.Repeat("i", 201) + `","want":""}`, 1, "longer than 200", nil},
		"tag twice":          {"c.jsonl", `{"id":"1","tags":["a","a"],"want":""}`, 1, "twice", nil},
		"id twice":           {"c.jsonl", good + "\n\n" + good, 3, "the id of line 1 again", nil},
		"not UTF-8":          {"c.jsonl", good + "\n\xff", 2, "not UTF-8", nil},
		"no array":           {"c.json", good, 1, "not a JSON array", nil},
		"array cut off":      {"c.json", "[\n" + good + ",\n" + `{"id":"2",`, 3, "cut off", nil},
		"array not closed":   {"c.json", "[" + good, 1, "", nil},
		"after the array":    {"c.json", "[" + good + "]\n[]", 2, "after the array", nil},
		"element":            {"c.json", "[\n\n" + good + ",\n\n7]", 5, "not a JSON object", nil},
		"too large":          {"c.jsonl", strings.Repeat(" ", 201), 0, "larger than 200", small},
		"long line":          {"c.jsonl", `{"id":"1","want":"` + strings.Repeat("x", 80) + `"}`, 1, "larger than 80", small},
		"too many":           {"c.jsonl", `{"id":"1"}` + "\n" + `{"id":"2"}` + "\n" + `{"id":"3"}`, 3, "more than 2", small},
		"CSV quotes":         {"c.csv", "id,want\n1,\"sec\"ret\"\n", 2, "not CSV", nil},
		"CSV fields":         {"c.csv", "id,want\n1,a\n2\n", 3, "another number of fields", nil},
		"CSV number":         {"c.csv", "id,input.count\n1,many\n", 2, "neither a number", nil},
		"CSV unknown":        {"c.csv", "id,secret\n1,x\n", 2, "unknown field", nil},
		"CSV column twice":   {"c.csv", "id,input.note,input\n1,x,y\n", 1, "two columns", nil},
		"CSV column inside":  {"c.csv", "id,want,want.x\n1,x,y\n", 1, "two columns", nil},
		"CSV without a name": {"c.csv", "id,,want\n1,x,y\n", 1, "proper name", nil},
		"CSV lines":          {"c.csv", "id,want\n1,\"a\nb\"\n1,c\n", 4, "the id of line 2 again", nil},
	} {
		t.Run(name, func(t *testing.T) {
			cases, err := eval.Read[question, string](strings.NewReader(tt.text), tt.file, tt.opts)
			require.ErrorIs(t, err, eval.ErrInvalidCase)
			assert.Nil(t, cases)
			e, ok := errors.AsType[*eval.CaseError](err)
			require.True(t, ok)
			assert.Equal(t, tt.file, e.File)
			assert.Equal(t, tt.line, e.Line)
			assert.Contains(t, e.Detail, tt.detail)
			assert.NotContains(t, err.Error(), "secret", "what the file says is not quoted")
		})
	}
}

func TestReadRows(t *testing.T) {
	type row struct{ Name, Text, Label string }
	wrong := errors.New("no label")
	toCase := func(r row) (eval.Case[string, string], error) {
		if r.Label == "" {
			return eval.Case[string, string]{}, wrong
		}
		return eval.Case[string, string]{ID: r.Name, Input: r.Text, Want: r.Label}, nil
	}
	cases, err := eval.ReadRows(strings.NewReader("name,text,label\nn1,hello,greeting\n"), "rows.csv", nil, toCase)
	require.NoError(t, err)
	assert.Equal(t, []eval.Case[string, string]{{ID: "n1", Input: "hello", Want: "greeting"}}, cases)
	_, err = eval.ReadRows(strings.NewReader(`{"name":"n1"}`), "rows.jsonl", nil, toCase)
	require.ErrorIs(t, err, wrong)
	require.ErrorIs(t, err, eval.ErrInvalidCase)
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1","tags":["a"],"input":{"note":"x","nested":{"code":"c"}},"want":"w"}`, "[{\"id\":\"1\"},\n{\"id\":\"2\"}]",
		"id,tags,input.note,input.ranks,want\n1,a;b,\"x\ny\",1;2,w\n", "\ufeff[]", "id\n1\n1\n", "{}\n{\"id\":\"\\u0000\"}",
	} {
		f.Add(seed)
	}
	opts := eval.ReadOptions{MaxBytes: 1 << 16, MaxLine: 1 << 12, MaxCases: 100}
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range []eval.Format{eval.JSONL, eval.JSON, eval.CSV} {
			o := opts
			o.Format = format
			cases, err := eval.Read[question, string](strings.NewReader(text), "f", &o)
			if err != nil {
				e, ok := errors.AsType[*eval.CaseError](err)
				if !ok || len(cases) != 0 {
					t.Fatalf("%s: not a CaseError, or cases beside it: %v", format, err)
				}
				if lines := strings.Count(text, "\n") + 1; e.Line < 0 || e.Line > lines {
					t.Fatalf("%s: line %d of %d", format, e.Line, lines)
				}
				continue
			}
			if len(cases) == 0 || len(cases) > o.MaxCases {
				t.Fatalf("%s: %d cases", format, len(cases))
			}
			ids := map[string]bool{}
			for _, c := range cases {
				if c.ID == "" || ids[c.ID] {
					t.Fatalf("%s: an id that is empty or there twice", format)
				}
				ids[c.ID] = true
			}
		}
	})
}
