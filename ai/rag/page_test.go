package rag_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/rag"
)

func TestSections(t *testing.T) {
	page := rag.Page{ID: "policy:returns", Title: "Returns", URL: "/policies/returns", Language: "en", UpdatedAt: time.Unix(1, 0)}
	page.Body = `<p>We want you to be happy.</p><h2>Refunds</h2><p>Within 30&nbsp;days.</p><ul><li>Receipt</li><li>Tags on</li></ul>
		<h3>Damaged goods</h3><p>We pay the way back.<br>Always.</p><h2>Größen &amp; Umtausch</h2><p>Free.</p><h2>Refunds</h2><p>Twice.</p><h2>Empty</h2><style>p{}</style>`
	type section struct{ id, title, body string }
	var got []section
	for _, d := range rag.Sections(page) {
		require.NoError(t, d.Validate())
		assert.Equal(t, "policy:returns", d.Page)
		assert.Equal(t, rag.Policy, d.Kind)
		got = append(got, section{d.ID, d.Title, d.Body})
	}
	want := []section{
		{"policy:returns#", "Returns", "We want you to be happy."},
		{"policy:returns#refunds", "Returns: Refunds", "Within 30 days.\nReceipt\nTags on"},
		{"policy:returns#refunds/damaged-goods", "Returns: Refunds: Damaged goods", "We pay the way back.\nAlways."},
		{"policy:returns#grossen-umtausch", "Returns: Größen & Umtausch", "Free."},
		{"policy:returns#refunds-2", "Returns: Refunds", "Twice."},
	}
	assert.Equal(t, want, got)

	page.Body = "We want you to be happy.\n\n## Refunds\nWithin 30 days.\nReceipt\nTags on\n### Damaged goods\nWe pay the way back.\nAlways.\n#1 choice\n"
	plain := rag.Sections(page)
	require.Len(t, plain, 3)
	assert.Equal(t, want[1].id, plain[1].ID)
	assert.Equal(t, "We pay the way back.\nAlways.\n#1 choice", plain[2].Body)

	// What is added elsewhere changes no ID; a long section has parts.
	page.Body = "<h2>New</h2><p>" + strings.Repeat("A long sentence. ", 400) + "</p><h2>Refunds</h2><p>Within 30 days.</p>"
	long := rag.Sections(page)
	assert.Equal(t, "policy:returns#new", long[0].ID)
	assert.Equal(t, "policy:returns#new~2", long[1].ID)
	assert.Equal(t, want[1].id, long[len(long)-1].ID)
	total := 0
	for _, d := range long {
		total += strings.Count(d.Body, "sentence")
		assert.LessOrEqual(t, len(d.Body), 2000)
	}
	assert.Equal(t, 400, total)
	assert.Empty(t, rag.Sections(rag.Page{ID: "p"}))
}

func FuzzSections(f *testing.F) {
	f.Add("<h1>A</h1><p>b &amp; c</p><script><h2>x", "policy:x")
	f.Add("# a\n## b\ntext\n####### no", "p")
	f.Add("\xff\x00<h6><H1>", "p")
	f.Fuzz(func(t *testing.T, body, id string) {
		seen := map[string]bool{}
		for _, d := range rag.Sections(rag.Page{ID: id, Body: body}) {
			if seen[d.ID] {
				t.Fatalf("%q twice", d.ID)
			}
			seen[d.ID] = true
			if strings.TrimSpace(d.Body) == "" {
				t.Fatal("empty section")
			}
		}
		rag.Text(body)
	})
}
