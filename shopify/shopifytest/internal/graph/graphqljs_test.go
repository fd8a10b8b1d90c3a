package graph_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/posai-go/posai/shopify/schema"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// A judge is graphql-js, GraphQL's reference implementation, with one of Shopify's
// schemas: what gqlparser and this engine might misunderstand alike shows here. It
// wants Node and `make npm`.
type judge struct {
	in  *json.Encoder
	out *bufio.Scanner
}

func newJudge(t *testing.T, api *schema.Schema) *judge {
	t.Helper()
	missing := func(what string) {
		if os.Getenv("POSAI_NO_SKIP") == "1" {
			t.Fatalf("no %s on this machine, and POSAI_NO_SKIP=1", what)
		}
		t.Skipf("no %s on this machine", what)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("Node")
	}
	if _, err := os.Stat("testdata/graphqljs/node_modules/graphql/index.mjs"); err != nil {
		missing("graphql-js (make npm)")
	}
	sdl := filepath.Join(t.TempDir(), "schema.graphql")
	require.NoError(t, os.WriteFile(sdl, []byte(api.SDL()), 0o600))
	cmd := exec.Command(node, "testdata/graphqljs/judge.mjs", sdl)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, stdin.Close())
		assert.NoError(t, cmd.Wait())
	})
	out := bufio.NewScanner(stdout)
	out.Buffer(nil, 16<<20)
	return &judge{in: json.NewEncoder(stdin), out: out}
}

func (j *judge) ask(t *testing.T, question map[string]any) []string {
	t.Helper()
	require.NoError(t, j.in.Encode(question))
	require.True(t, j.out.Scan(), "graphql-js has ended: %v", j.out.Err())
	var answer struct{ Problems []string }
	require.NoError(t, json.Unmarshal(j.out.Bytes(), &answer))
	return answer.Problems
}

// problems returns why the schema does not allow the document.
func (j *judge) problems(t *testing.T, query string) []string {
	t.Helper()
	return j.ask(t, map[string]any{"query": query})
}

// A wire is a simulated shop, spoken to as any client does.
type wire struct {
	shop *shopifytest.Shop
	path string // of the API
}

type wireError struct {
	Message    string
	Locations  []struct{ Line, Column int }
	Path       []any
	Extensions map[string]any
}

func (e wireError) code() string { return fmt.Sprint(e.Extensions["code"]) }

type wireResponse struct {
	Data   json.RawMessage
	Errors []wireError
	body   string
}

func newWire(t *testing.T, path string) *wire {
	t.Helper()
	// The seeds of the operations are one part of what is asked; the shop, its random numbers and its time are the other.
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	return &wire{shopifytest.NewShop(t, &shopifytest.Options{
		Today: now, Now: func() time.Time { return now }, WebhookTransport: nowhere{}, Improvise: true, Plan: shopifytest.Plan{Maximum: 1e9, RestoreRate: 1e9},
	}), path}
}

// nowhere keeps the deliveries of subscriptions that an operation makes on this machine.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("nowhere") }

func (w *wire) ids() []string {
	var out []string
	for _, o := range w.shop.Orders()[:20] {
		out = append(out, o.ID)
	}
	for _, c := range w.shop.Customers()[:20] {
		out = append(out, c.ID)
	}
	for _, p := range w.shop.Products()[:20] {
		out = append(out, p.ID)
		for _, v := range p.Variants {
			out = append(out, v.ID)
		}
	}
	for _, l := range w.shop.Locations() {
		out = append(out, l.ID)
	}
	return out
}

func (w *wire) post(t *testing.T, query string, variables map[string]any) wireResponse {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		w.shop.URL()+w.path+schema.Admin().Version()+"/graphql.json", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", w.shop.Token())
	req.Header.Set("Shopify-Storefront-Private-Token", w.shop.StorefrontToken())
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(raw))
	out := wireResponse{body: string(raw)}
	require.NoError(t, json.Unmarshal(raw, &out), string(raw))
	return out
}

// runtimeCodes are those of errors that a document which is valid by the schema may
// still meet.
var runtimeCodes = []string{
	"RESOURCE_NOT_FOUND", "BAD_REQUEST", "INVALID_FIELD_ARGUMENTS", "MAX_COST_EXCEEDED",
	"NOT_SIMULATED", // a part of an input that the shop would have to write and does not
}

// unlike are refusals of documents that graphql-js leaves to the execution, with all
// that else is wrong with them.
var unlike = []string{"missingSubscriptionConfiguration"}

// scalarLiteral matches the refusal of a literal of a scalar whose form Shopify
// checks and graphql-js does not know.
var scalarLiteral = regexp.MustCompile(`has an invalid value .* Expected type '\[?(ID|URL|DateTime|Date|Decimal|Money|UnsignedInt64|BigInt|UtcOffset)!?\]?!?'`)

// TestGraphQLJSAgreesOnResponses executes random operations on every root field
// over HTTP: what graphql-js finds valid is executed, and graphql-js finds the
// response to be one that the schema allows.
func TestGraphQLJSAgreesOnResponses(t *testing.T) {
	t.Run("admin", func(t *testing.T) { testResponses(t, schema.Admin(), newWire(t, "/admin/api/"), 3) })
	t.Run("storefront", func(t *testing.T) { testResponses(t, schema.Storefront(), newWire(t, "/api/"), 20) })
}

func testResponses(t *testing.T, api *schema.Schema, shop *wire, rounds uint64) {
	t.Helper()
	j := newJudge(t, api)
	parsed, err := gqlparser.LoadSchema(&ast.Source{Input: api.SDL()})
	require.NoError(t, err)
	ids := shop.ids()
	fields, ran, whole := 0, 0, 0
	for _, root := range []struct {
		kind string
		def  *ast.Definition
	}{{"query", parsed.Query}, {"mutation", parsed.Mutation}} {
		for i, field := range root.def.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			fields++
			for round := range rounds {
				w := newWriter(parsed, uint64(i)*100+round)
				w.ids, w.idempotent = ids, api.IdempotentMutations()
				query := w.operation(root.kind, root.def, field)
				require.Empty(t, j.problems(t, query), query)
				resp := shop.post(t, query, w.values)
				if len(resp.Errors) == 1 && resp.Errors[0].code() == "MAX_COST_EXCEEDED" {
					continue
				}
				for _, e := range resp.Errors {
					require.Contains(t, runtimeCodes, e.code(), "%s\n%s\n%v", resp.body, query, w.values)
				}
				ran++
				if len(resp.Errors) > 0 {
					continue
				}
				whole++
				problems := j.ask(t, map[string]any{"query": query, "variables": w.values, "data": resp.Data})
				require.Empty(t, problems, "%s\n%s", query, resp.body)
			}
		}
	}
	t.Logf("%d operations ran, %d of them without errors", ran, whole)
	require.Greater(t, whole, fields*int(rounds)*3/4)
}

// TestGraphQLJSAgreesOnDocuments damages operations in every way that it can think
// of: what graphql-js refuses, the shop refuses in Shopify's shape, and nothing else.
func TestGraphQLJSAgreesOnDocuments(t *testing.T) {
	j, shop := newJudge(t, schema.Admin()), newWire(t, "/admin/api/")
	parsed, err := gqlparser.LoadSchema(&ast.Source{Input: schema.Admin().SDL()})
	require.NoError(t, err)
	fields := parsed.Query.Fields
	refused, allowed := 0, 0
	documents := 2000
	if os.Getenv("POSAI_FULL") == "1" {
		documents = 50_000
	}
	for i := range documents {
		w := newWriter(parsed, 1_000_000+uint64(i))
		field := fields[i%len(fields)]
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		query := damage(w.rnd, w.operation("query", parsed.Query, field))
		problems := j.problems(t, query)
		resp := shop.post(t, query, w.values)
		if len(problems) == 0 {
			allowed++
			if len(resp.Errors) > 0 && slices.Contains(unlike, resp.Errors[0].code()) {
				continue
			}
			for _, e := range resp.Errors {
				if e.Extensions["typeName"] == "CoercionError" || scalarLiteral.MatchString(e.Message) {
					continue
				}
				require.Contains(t, runtimeCodes, e.code(), "graphql-js allows it\n%s\n%v\n%s", query, w.values, resp.body)
			}
			continue
		}
		refused++
		require.NotEmpty(t, resp.Errors, "graphql-js says %q\n%s\n%v\n%s", problems, query, w.values, resp.body)
		require.Contains(t, []string{"", "null"}, string(resp.Data), query)
		for _, e := range resp.Errors {
			require.NotEmpty(t, e.Message, resp.body)
		}
	}
	t.Logf("%d refused, %d allowed by both", refused, allowed)
	require.Greater(t, refused, documents/2)
	require.Greater(t, allowed, documents/10)
}

var tokens = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|-?[0-9][0-9.]*|\.\.\.|[^\s]|\s+`)

// damage changes a document in one to three places.
func damage(rnd *rand.Rand, query string) string {
	for range 1 + rnd.IntN(2) {
		list := tokens.FindAllString(query, -1)
		at := rnd.IntN(len(list))
		for strings.TrimSpace(list[at]) == "" {
			at = rnd.IntN(len(list))
		}
		other := list[rnd.IntN(len(list))]
		insert := func(text string) { list[at] = list[at] + " " + text + " " }
		switch rnd.IntN(16) {
		case 0:
			list[at] = ""
		case 1:
			list[at] += " " + list[at]
		case 2:
			list[at] = other
		case 3:
			list[at] = []string{"null", "true", "1", "-2147483649", "1.5e3", `"x"`, `"""b"""`, "[]", "{}", "$v0", "ENUM", "[[1]]", "{k: 1}"}[rnd.IntN(13)]
		case 4:
			insert("@skip(if: true)")
		case 5:
			insert([]string{"@include", "@include(if: 1)", "@include(if: $v0)", "@nope", "@deprecated", "@idempotent(key: \"k\")", "@skip(if: false) @skip(if: true)"}[rnd.IntN(7)])
		case 6:
			insert("__typename")
		case 7:
			insert([]string{"{ id }", "id", "x: id", "name: id", "nope", "__schema { types { name } }", "{}"}[rnd.IntN(7)])
		case 8:
			insert([]string{"... { __typename }", "... on Node { id }", "... on Shop { id }", "... on Int { x }", "... on Nope { x }", "...F0", "...Nope", "...on"}[rnd.IntN(8)])
		case 9:
			query = strings.Join(list, "") + []string{
				" query Q { shop { id } }", " { shop { id } }", " fragment F0 on Shop { id }", " fragment Unused on Shop { id }",
				" fragment G on Shop { ...H } fragment H on Shop { ...G }", " mutation M { nope }", " subscription S { shop { id } }", " type T { a: Int }", " #", " query W($x: Int) { shop { id } }",
			}[rnd.IntN(10)]
			continue
		case 10:
			query = strings.Replace(query, "query Q(", []string{"query Q($v0: ID!, ", "query Q($z: Nope, ", "query Q($z: Order, ", "query Q($z: Int = \"x\", ", "query Q($z: Int! = 1, "}[rnd.IntN(5)], 1)
			continue
		case 11:
			query = strings.Replace(query, "$v0:", []string{"$v0: Int #", "$v0: [ID!]! #", "$v0: String #", "$other:"}[rnd.IntN(4)], 1)
			continue
		case 12:
			query = strings.Replace(query, "!", "", 1)
			continue
		case 13:
			list[at], list[rnd.IntN(len(list))] = other, list[at]
		case 14:
			query = strings.Replace(query, "first:", []string{"last:", "first: 1, first:", "nope:", "First:"}[rnd.IntN(4)], 1)
			continue
		case 15:
			query = strings.Replace(query, "query Q", []string{"", "query", "query Q @skip(if: true)", "mutation Q", "subscription Q", "fragment Q on QueryRoot"}[rnd.IntN(6)], 1)
			continue
		}
		query = strings.Join(list, "")
	}
	return query
}
