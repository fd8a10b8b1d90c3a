package bulk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/bulk"
)

type product struct {
	ID       shopify.GID
	Title    string
	Variants []variant `bulk:"ProductVariant"`
	Images   []image   `bulk:"MediaImage|Video"`
}

type variant struct {
	ID         shopify.GID
	SKU        string
	Metafields []metafield `bulk:"Metafield"`
}

type metafield struct {
	ID    shopify.GID
	Key   string
	Value string
}

type image struct {
	ID  shopify.GID
	Alt string
}

// catalog makes products and the lines that Shopify would write for them, in
// order.
func catalog(products int) (want []product, lines []string) {
	next := 1_000_000
	id := func(typ string) shopify.GID { next++; return shopify.NewGID(typ, int64(next)) }
	add := func(parent shopify.GID, members string) {
		if parent != "" {
			members += fmt.Sprintf(`,"__parentId":%q`, parent)
		}
		lines = append(lines, "{"+members+"}")
	}
	for i := range products {
		p := product{ID: id("Product"), Title: fmt.Sprintf("No. %d with \"quotes\" and a \\", i)}
		add("", fmt.Sprintf(`"id":%q,"title":%q`, p.ID, p.Title))
		for v := range i % 5 {
			x := variant{ID: id("ProductVariant"), SKU: fmt.Sprintf("%d-%d", i, v)}
			add(p.ID, fmt.Sprintf(`"id":%q,"sku":%q`, x.ID, x.SKU))
			for m := range (i + v) % 3 {
				f := metafield{ID: id("Metafield"), Key: fmt.Sprint("k", m), Value: strings.Repeat("}{\\\"", m)}
				value, _ := json.Marshal(f.Value)
				add(x.ID, fmt.Sprintf(`"id":%q,"key":%q,"value":%s`, f.ID, f.Key, value))
				x.Metafields = append(x.Metafields, f)
			}
			p.Variants = append(p.Variants, x)
		}
		if i%4 == 0 {
			m := image{ID: id([]string{"MediaImage", "Video"}[i/4%2]), Alt: "x"}
			add(p.ID, fmt.Sprintf(`"id":%q,"alt":"x"`, m.ID))
			p.Images = append(p.Images, m)
		}
		want = append(want, p)
	}
	return want, lines
}

func collect[T any](t *testing.T, lines []string, opts *bulk.DecodeOptions) ([]T, error) {
	t.Helper()
	var out []T
	for v, err := range bulk.Decode[T](t.Context(), strings.NewReader(strings.Join(lines, "\n")), opts) {
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

// sorted puts products and their children into the order of their ids.
func sorted(list []product) []product {
	slices.SortFunc(list, func(a, b product) int { return strings.Compare(string(a.ID), string(b.ID)) })
	for _, p := range list {
		slices.SortFunc(p.Variants, func(a, b variant) int { return strings.Compare(string(a.ID), string(b.ID)) })
		for _, v := range p.Variants {
			slices.SortFunc(v.Metafields, func(a, b metafield) int { return strings.Compare(string(a.ID), string(b.ID)) })
		}
	}
	return list
}

func shuffled(lines []string, seed uint64) []string {
	lines = slices.Clone(lines)
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}

func TestDecodeJoinsWhateverTheOrder(t *testing.T) {
	want, lines := catalog(3000)
	t.Run("in order, in memory", func(t *testing.T) {
		got, err := collect[product](t, lines, nil)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
	t.Run("in order, grouped", func(t *testing.T) {
		got, err := collect[product](t, lines, &bulk.DecodeOptions{Grouped: true, Limits: bulk.Limits{Dir: "/nonexistent"}})
		require.NoError(t, err, "nothing goes to disk")
		assert.Equal(t, want, got)
	})
	slices.Reverse(lines)
	for name, order := range map[string][]string{"backwards": lines, "shuffled": shuffled(lines, 7)} {
		for _, memory := range []int{0, 64 << 10, 200 << 10} {
			t.Run(fmt.Sprintf("%s, memory %d", name, memory), func(t *testing.T) {
				dir := t.TempDir()
				for i, size := range []int64{0, 1, 1 << 34, 0, 1, 1 << 34} { // the hint may be wrong
					got, err := collect[product](t, order, &bulk.DecodeOptions{Size: size, Limits: bulk.Limits{Memory: memory, Dir: dir, Serial: i >= 3}})
					require.NoError(t, err)
					require.Equal(t, len(want), len(got))
					assert.Equal(t, sorted(want), sorted(got))
				}
				left, err := os.ReadDir(dir)
				require.NoError(t, err)
				assert.Empty(t, left)
			})
		}
	}
}

func TestDecodeObjectLargerThanMemory(t *testing.T) {
	var want product
	want.ID = "gid://shopify/Product/1"
	lines := []string{}
	for i := range 4000 {
		v := variant{ID: shopify.NewGID("ProductVariant", int64(i)), SKU: strings.Repeat("x", 30)}
		lines = append(lines, fmt.Sprintf(`{"id":%q,"sku":%q,"__parentId":%q}`, v.ID, v.SKU, want.ID))
		m := metafield{ID: shopify.NewGID("Metafield", int64(i)), Key: "k"}
		lines = append(lines, fmt.Sprintf(`{"id":%q,"key":"k","__parentId":%q}`, m.ID, v.ID))
		v.Metafields = []metafield{m}
		want.Variants = append(want.Variants, v)
	}
	lines = append(lines, `{"id":"gid://shopify/Product/1"}`, `{"id":"gid://shopify/Product/2"}`)
	lines = shuffled(lines, 3)
	got, err := collect[product](t, lines, &bulk.DecodeOptions{Limits: bulk.Limits{Memory: 1, Dir: t.TempDir()}})
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, sorted([]product{want, {ID: "gid://shopify/Product/2"}}), sorted(got))

	_, err = collect[product](t, lines, &bulk.DecodeOptions{Limits: bulk.Limits{Memory: 1, MaxObject: 100 << 10, Dir: t.TempDir()}})
	require.ErrorIs(t, err, bulk.ErrTooLarge)
}

// A collection is a child of several products, and its metafields of all of
// them: Shopify writes them once per occurrence, and nothing says which.
func TestDecodeChildOfSeveralParents(t *testing.T) {
	type collection struct {
		ID         shopify.GID
		Metafields []metafield `bulk:"Metafield"`
	}
	type product struct {
		ID          shopify.GID
		Collections []collection `bulk:"Collection"`
	}
	var lines []string
	for i := range 500 {
		lines = append(lines, fmt.Sprintf(`{"id":"gid://shopify/Product/%d"}`, i))
		for c := range 2 {
			lines = append(lines, fmt.Sprintf(`{"id":"gid://shopify/Collection/%d","__parentId":"gid://shopify/Product/%d"}`, c, i),
				fmt.Sprintf(`{"id":"gid://shopify/Metafield/%d","key":"k","__parentId":"gid://shopify/Collection/%d"}`, c, c))
		}
	}
	for _, memory := range []int{0, 1} {
		got, err := collect[product](t, shuffled(lines, 5), &bulk.DecodeOptions{Limits: bulk.Limits{Memory: memory, Dir: t.TempDir()}})
		require.NoError(t, err)
		require.Len(t, got, 500)
		for _, p := range got {
			require.Len(t, p.Collections, 2)
			for _, c := range p.Collections {
				require.Equal(t, 1, len(c.Metafields))
				require.Equal(t, c.ID.ID(), c.Metafields[0].ID.ID())
			}
		}
	}
}

// Metafields of products and of variants look alike.
func TestDecodeSameTypeAtBothLevels(t *testing.T) {
	type variant struct {
		ID         shopify.GID
		Metafields []metafield `bulk:"Metafield"`
	}
	type product struct {
		ID         shopify.GID
		Metafields []metafield `bulk:"Metafield"`
		Variants   []variant   `bulk:"ProductVariant"`
	}
	var lines []string
	for i := range 2000 {
		lines = append(lines, fmt.Sprintf(`{"id":"gid://shopify/Product/%d"}`, i),
			fmt.Sprintf(`{"id":"gid://shopify/ProductVariant/%d","__parentId":"gid://shopify/Product/%d"}`, i, i),
			fmt.Sprintf(`{"id":"gid://shopify/Metafield/%d","key":"p","__parentId":"gid://shopify/Product/%d"}`, i, i),
			fmt.Sprintf(`{"id":"gid://shopify/Metafield/%d","key":"v","__parentId":"gid://shopify/ProductVariant/%d"}`, 1_000_000+i, i))
	}
	for _, memory := range []int{0, 1} {
		got, err := collect[product](t, shuffled(lines, 5), &bulk.DecodeOptions{Limits: bulk.Limits{Memory: memory, Dir: t.TempDir()}})
		require.NoError(t, err)
		require.Len(t, got, 2000)
		for _, p := range got {
			require.Len(t, p.Metafields, 1)
			require.Equal(t, "p", p.Metafields[0].Key)
			require.Len(t, p.Variants, 1)
			require.Len(t, p.Variants[0].Metafields, 1)
			require.Equal(t, "v", p.Variants[0].Metafields[0].Key)
		}
	}
}

func TestDecodeReportsOrphans(t *testing.T) {
	lines := []string{
		`{"id":"gid://shopify/ProductVariant/7","__parentId":"gid://shopify/Product/404"}`,
		`{"id":"gid://shopify/Product/1","title":"t"}`,
		`{"id":"gid://shopify/Metafield/8","__parentId":"gid://shopify/ProductVariant/405"}`,
		`{"id":"gid://shopify/ProductVariant/9","__parentId":"gid://shopify/ProductVariant/9"}`,
	}
	for i := range 2000 { // enough to go to disk
		lines = append(lines, fmt.Sprintf(`{"id":"gid://shopify/Product/%d","title":"t"}`, i+1000))
	}
	for _, memory := range []int{0, 1} {
		got, err := collect[product](t, lines, &bulk.DecodeOptions{Limits: bulk.Limits{Memory: memory, Dir: t.TempDir()}})
		assert.Len(t, got, 2001, "all others are given out")
		require.ErrorIs(t, err, bulk.ErrOrphan)
		var orphans *bulk.OrphanError
		require.ErrorAs(t, err, &orphans)
		assert.EqualValues(t, 3, orphans.Count)
		slices.SortFunc(orphans.First, func(a, b bulk.Orphan) int { return int(a.Line - b.Line) })
		assert.Equal(t, bulk.Orphan{Line: 1, ID: "gid://shopify/ProductVariant/7", ParentID: "gid://shopify/Product/404"}, orphans.First[0])
	}
	_, err := collect[product](t, []string{lines[1], `{"id":"gid://shopify/Product/2"}`, `{"id":"gid://shopify/ProductVariant/7","__parentId":"gid://shopify/Product/1"}`}, &bulk.DecodeOptions{Grouped: true})
	require.ErrorIs(t, err, bulk.ErrOrphan, "the file is not grouped")
}

func TestDecodeForms(t *testing.T) {
	bom := "\xef\xbb\xbf"
	for name, lines := range map[string][]string{
		"CR LF and empty lines": {"{\"id\":\"gid://shopify/Product/1\"}\r", "\r", "", "{\"id\":\"gid://shopify/ProductVariant/2\",\"__parentId\":\"gid://shopify/Product/1\"}\r", ""},
		"byte order mark":       {bom + `{"id":"gid://shopify/Product/1"}`, `{"id":"gid://shopify/ProductVariant/2","__parentId":"gid://shopify/Product/1"}`},
		"escapes":               {`{"id":"gid:\/\/shopify\/Product\/1"}`, `{"\u0069d":"gid:\/\/shopify\/ProductVariant\/2","__parentId":"gid://shopify/\u0050roduct/1"}`},
		"spaces":                {` { "id" : "gid://shopify/Product/1" , "title" : null } `, "{\t\"id\":\"gid://shopify/ProductVariant/2\",\"x\":[{\"id\":\"no\"}],\"__parentId\" :\"gid://shopify/Product/1\"}"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := collect[product](t, lines, nil)
			require.NoError(t, err)
			assert.Equal(t, []product{{ID: "gid://shopify/Product/1", Variants: []variant{{ID: "gid://shopify/ProductVariant/2"}}}}, got)
			// The same on disk: enough lines behind it.
			for i := range 1000 {
				lines = append(lines, fmt.Sprintf(`{"id":"gid://shopify/Product/%d"}`, 100+i))
			}
			got, err = collect[product](t, lines, &bulk.DecodeOptions{Limits: bulk.Limits{Memory: 1, Dir: t.TempDir()}})
			require.NoError(t, err)
			require.Len(t, got, 1001)
			assert.Equal(t, []variant{{ID: "gid://shopify/ProductVariant/2"}}, sorted(got)[0].Variants)
		})
	}
}

func TestDecodeRefusesWrongLines(t *testing.T) {
	good := `{"id":"gid://shopify/Product/1"}`
	for name, tt := range map[string]struct {
		line string
		opts bulk.DecodeOptions
		is   error
	}{
		"no object":          {line: `[1]`, is: bulk.ErrMalformed},
		"cut":                {line: `{"id":"gid://sho`, is: bulk.ErrMalformed},
		"rubbish behind":     {line: good + "x", is: bulk.ErrMalformed},
		"rubbish inside":     {line: `{"id":"gid://shopify/Product/1","x":nope}`, is: bulk.ErrMalformed},
		"another type":       {line: `{"id":"gid://shopify/Product/1","title":{"a":1}}`, is: bulk.ErrMalformed},
		"depth":              {line: `{"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, is: bulk.ErrMalformed},
		"no place":           {line: `{"id":"gid://shopify/Order/5","__parentId":"gid://shopify/Product/1"}`, is: bulk.ErrNoPlace},
		"long line":          {line: `{"title":"` + strings.Repeat("x", 1000) + `"}`, opts: bulk.DecodeOptions{Limits: bulk.Limits{MaxLine: 500}}, is: bulk.ErrTooLarge},
		"longer than buffer": {line: `{"title":"` + strings.Repeat("x", 300_000) + `"}`, opts: bulk.DecodeOptions{Limits: bulk.Limits{MaxLine: 200_000}}, is: bulk.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := collect[product](t, []string{good, tt.line}, &tt.opts)
			require.ErrorIs(t, err, tt.is)
			var line *bulk.LineError
			require.ErrorAs(t, err, &line)
			assert.EqualValues(t, 2, line.Line)
			assert.NotContains(t, err.Error(), "xxxx")
		})
	}
	_, err := collect[product](t, []string{good, good}, &bulk.DecodeOptions{Limits: bulk.Limits{MaxSize: 40}})
	require.ErrorIs(t, err, bulk.ErrTooLarge)
}

func TestDecodeLeavesNothingBehind(t *testing.T) {
	_, lines := catalog(2000)
	file := strings.Join(shuffled(lines, 2), "\n")
	dir := t.TempDir()
	opts := &bulk.DecodeOptions{Limits: bulk.Limits{Memory: 1, Dir: dir}}
	for _, err := range bulk.Decode[product](t.Context(), strings.NewReader(file), opts) {
		require.NoError(t, err)
		if runtime.GOOS != "windows" {
			during, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, during, "the file has no name: a process that is killed leaves none")
		}
		break
	}
	func() {
		defer func() { assert.Equal(t, "stop", recover()) }()
		for _, err := range bulk.Decode[product](t.Context(), strings.NewReader(file), opts) {
			require.NoError(t, err)
			panic("stop")
		}
	}()
	ctx, cancel := contextWithCancel(t)
	n := 0
	for _, err := range bulk.Decode[product](ctx, strings.NewReader(file), opts) {
		if n++; err != nil {
			require.ErrorIs(t, err, contextCanceled)
			break
		}
		cancel()
	}
	assert.Less(t, n, 2000)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.Empty(t, openFiles(t, dir), "no descriptor is left")
}

// openFiles lists this process's open files below dir, where the system tells.
func openFiles(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Log("not checked: the system does not tell open files")
	}
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(target, dir) {
			out = append(out, target)
		}
	}
	return out
}

// Structs as genqlient writes them need no tags.
func TestDecodeConnections(t *testing.T) {
	type node struct{ ID, Sku string }
	type ProductVariant node
	type edge struct{ Node *ProductVariant }
	type MediaImage struct{ ID string }
	type product struct {
		ID       string
		Variants struct{ Edges []edge }
		Media    *struct{ Nodes []*MediaImage }
	}
	got, err := collect[product](t, []string{
		`{"id":"gid://shopify/MediaImage/3","__parentId":"gid://shopify/Product/1"}`,
		`{"id":"gid://shopify/Product/1"}`,
		`{"id":"gid://shopify/ProductVariant/2","sku":"a","__parentId":"gid://shopify/Product/1"}`,
		`{"id":"gid://shopify/ProductVariant/4","sku":"b","__parentId":"gid://shopify/Product/1"}`,
	}, nil)
	require.NoError(t, err)
	require.Len(t, got, 1)
	b, err := json.Marshal(got[0])
	require.NoError(t, err)
	assert.JSONEq(t, `{"ID":"gid://shopify/Product/1","Media":{"Nodes":[{"ID":"gid://shopify/MediaImage/3"}]},
		"Variants":{"Edges":[{"Node":{"ID":"gid://shopify/ProductVariant/2","Sku":"a"}},{"Node":{"ID":"gid://shopify/ProductVariant/4","Sku":"b"}}]}}`, string(b))
}

// Two connections of one type are told apart by a member that only one selects.
func TestDecodeByKey(t *testing.T) {
	type product struct {
		ID   string
		Care []metafield `bulk:"Metafield,key=careKey"`
		Size []metafield `bulk:"Metafield"`
		Item struct {
			ID     string
			Levels []struct{ ID string } `bulk:"*"`
		} `json:"inventoryItem"`
	}
	got, err := collect[product](t, []string{
		`{"id":"gid://shopify/Product/1","inventoryItem":{"id":"gid://shopify/InventoryItem/5"}}`,
		`{"id":"gid://shopify/Metafield/2","careKey":"a","__parentId":"gid://shopify/Product/1"}`,
		`{"id":"gid://shopify/Metafield/3","key":"b","__parentId":"gid://shopify/Product/1"}`,
		`{"id":"gid://shopify/InventoryLevel/4?inventory_item_id=5","__parentId":"gid://shopify/Product/1"}`,
	}, nil)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, []metafield{{ID: "gid://shopify/Metafield/2"}}, got[0].Care)
	assert.Equal(t, []metafield{{ID: "gid://shopify/Metafield/3", Key: "b"}}, got[0].Size)
	assert.Len(t, got[0].Item.Levels, 1)
	assert.Equal(t, "gid://shopify/InventoryItem/5", got[0].Item.ID)
}

func TestDecodeRefusesStructs(t *testing.T) {
	_, err := collect[int](t, nil, nil)
	require.ErrorIs(t, err, shopify.ErrInvalid)
	_, err = collect[struct {
		A []int `bulk:"X"`
	}](t, nil, nil)
	require.ErrorIs(t, err, shopify.ErrInvalid)
	_, err = collect[struct {
		A []variant `bulk:"X,nonsense"`
	}](t, nil, nil)
	require.ErrorIs(t, err, shopify.ErrInvalid)
}

// TestDecodeIsJSON: what is decoded is what encoding/json makes of each line.
func TestDecodeIsJSON(t *testing.T) {
	_, lines := catalog(200)
	type any1 struct {
		ID       string
		Title    string
		Children []struct{ ID, SKU, Key, Value, Alt string } `bulk:"*"`
	}
	byID := map[string]string{}
	for _, l := range lines {
		var x struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(l), &x))
		byID[x.ID] = l
	}
	flat := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.Contains(l, "Metafield") })
	got, err := collect[any1](t, flat, nil)
	require.NoError(t, err)
	for _, p := range got {
		for _, c := range p.Children {
			var want struct{ ID, SKU, Key, Value, Alt string }
			require.NoError(t, json.NewDecoder(bytes.NewReader([]byte(byID[c.ID]))).Decode(&want))
			assert.Equal(t, want, c)
		}
	}
}
