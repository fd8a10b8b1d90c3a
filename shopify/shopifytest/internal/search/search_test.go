package search_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

type item struct {
	id     int64
	name   string
	tags   []string
	status string
	total  string
	at     string
	test   bool
}

func index() search.Index[item] {
	one := func(kind search.Kind, get func(item) any) search.Field[item] {
		return search.Field[item]{Kind: kind, Values: func(i item) []any { return []any{get(i)} }}
	}
	return search.Index[item]{
		Fields: map[string]search.Field[item]{
			"id":     one(search.ID, func(i item) any { return i.id }),
			"name":   one(search.Text, func(i item) any { return i.name }),
			"status": one(search.Keyword, func(i item) any { return i.status }),
			"total":  one(search.Number, func(i item) any { return decimal.RequireFromString(i.total) }),
			"test":   one(search.Bool, func(i item) any { return i.test }),
			"created_at": one(search.Time, func(i item) any {
				t, err := time.Parse(time.RFC3339, i.at)
				if err != nil {
					panic(err)
				}
				return t
			}),
			"tag": {Kind: search.Keyword, Values: func(i item) []any {
				var out []any
				for _, t := range i.tags {
					out = append(out, t)
				}
				return out
			}},
		},
		Words: func(i item) []string { return []string{i.name} },
	}
}

var items = []item{
	{1, "Linen Shirt", []string{"linen", "Summer Sale"}, "open", "59.00", "2026-03-01T12:00:00Z", false},
	{2, "Linen Napkin", []string{"linen", "table"}, "closed", "12.50", "2026-03-02T00:00:00Z", false},
	{3, "Wool Scarf", nil, "open", "45", "2026-04-10T08:30:00Z", true},
	{9007199254740993, "Candle, Cedar", []string{"home"}, "cancelled", "100.00", "2026-05-01T00:00:00Z", false},
}

func run(t *testing.T, query string) ([]int, []search.Warning) {
	t.Helper()
	match, warnings, _ := search.Compile(index(), query)
	found := []int{}
	for i, it := range items {
		if match(it) {
			found = append(found, i+1)
		}
	}
	return found, warnings
}

func TestCompile(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		want  []int
	}{
		"empty":                     {"", []int{1, 2, 3, 4}},
		"star":                      {"*", []int{1, 2, 3, 4}},
		"keyword":                   {"status:open", []int{1, 3}},
		"keyword ignores case":      {"status:OPEN", []int{1, 3}},
		"keyword list":              {"status:open,closed", []int{1, 2, 3}},
		"keyword is whole":          {"status:ope", []int{}},
		"keyword prefix":            {"status:c*", []int{2, 4}},
		"quoted tag":                {`tag:"summer sale"`, []int{1}},
		"single quotes":             {`tag:'summer sale'`, []int{1}},
		"has any":                   {"tag:*", []int{1, 2, 4}},
		"has none":                  {"-tag:*", []int{3}},
		"and by space":              {"tag:linen status:open", []int{1}},
		"and by word":               {"tag:linen AND status:open", []int{1}},
		"or":                        {"status:closed OR status:cancelled", []int{2, 4}},
		"and binds closer than or":  {"status:closed OR tag:linen status:open", []int{1, 2}},
		"parentheses":               {"(status:closed OR status:open) tag:linen", []int{1, 2}},
		"not":                       {"NOT status:open", []int{2, 4}},
		"minus":                     {"tag:linen -status:open", []int{2}},
		"not of a group":            {"-(status:open OR status:closed)", []int{4}},
		"number":                    {"total:45.00", []int{3}},
		"number range":              {"total:>12.5 total:<=59", []int{1, 3}},
		"id beyond 2^53":            {"id:9007199254740993", []int{4}},
		"id as GID":                 {"id:gid://shopify/Order/2", []int{2}},
		"id range":                  {"id:>2", []int{3, 4}},
		"time from":                 {"created_at:>=2026-03-02T00:00:00Z", []int{2, 3, 4}},
		"time quoted":               {"created_at:<'2026-03-02T00:00:00Z'", []int{1}},
		"time with offset":          {"created_at:>='2026-03-02T01:00:00+02:00' created_at:<2026-04-01", []int{2}},
		"date is midnight":          {"created_at:>2026-03-02", []int{3, 4}},
		"date is the whole day":     {"created_at:2026-03-01", []int{1}},
		"bool":                      {"test:true", []int{3}},
		"word":                      {"linen", []int{1, 2}},
		"words need all":            {"linen napkin", []int{2}},
		"words are whole":           {"line", []int{}},
		"word prefix":               {"lin*", []int{1, 2}},
		"phrase":                    {`"candle cedar"`, []int{4}},
		"text field":                {"name:scarf", []int{3}},
		"operators are capitals":    {"linen or shirt", []int{}},
		"escaped quote":             {`name:"lin\"en"`, []int{}},
		"dash inside a word":        {"napkin-linen OR scarf", []int{3}},
		"unknown field matches all": {"colour:red", []int{1, 2, 3, 4}},
		"unknown field and known":   {"colour:red status:open", []int{1, 3}},
		"bad value matches nothing": {"created_at:>=yesterday", []int{}},
		"stray parenthesis":         {"status:open ) tag:linen", []int{1}},
		"open parenthesis":          {"(status:open", []int{1, 3}},
		"not without a term":        {"status:open NOT", []int{1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			found, _ := run(t, c.query)
			assert.Equal(t, c.want, found, c.query)
		})
	}
}

func TestWarnings(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		want  []search.Warning
	}{
		"none":            {"status:open tag:linen OR total:>3", nil},
		"unknown field":   {"colour:red", []search.Warning{{Field: "colour", Message: "Invalid search field for this query.", Code: "invalid_field"}}},
		"bad time":        {"created_at:yesterday", []search.Warning{{Field: "created_at", Message: "Input `yesterday` is not an accepted value.", Code: "invalid_value"}}},
		"tiny number":     {"total:1e-99999999", []search.Warning{{Field: "total", Message: "Input `1e-99999999` is not an accepted value.", Code: "invalid_value"}}},
		"bad number":      {"total:1e99999999", []search.Warning{{Field: "total", Message: "Input `1e99999999` is not an accepted value.", Code: "invalid_value"}}},
		"bad parenthesis": {"a )", []search.Warning{{Message: "Unexpected closing parenthesis.", Code: "invalid_syntax"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, warnings := run(t, c.query)
			assert.Equal(t, c.want, warnings)
		})
	}
}

func TestParsed(t *testing.T) {
	_, _, parsed := search.Compile(index(), "status:open -(total:>=5 OR linen)")
	require.Equal(t, map[string]any{"and": []any{
		map[string]any{"field": "status", "match_all": "open"},
		map[string]any{"not": map[string]any{"or": []any{
			map[string]any{"field": "total", "range_gte": "5"},
			map[string]any{"field": "default", "match_all": "linen"},
		}}},
	}}, parsed)
}

func FuzzCompile(f *testing.F) {
	for _, q := range []string{"", "a:b", `tag:"x`, "((((", ")))", "NOT AND", "- -", ":::", "a:>=", "total:1e9999", "-(a OR -b) c", "NOT NOT AND OR", "\x80:'\\"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		match, _, _ := search.Compile(index(), q)
		for _, it := range items {
			match(it)
		}
	})
}
