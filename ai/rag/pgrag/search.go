package pgrag

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/posai-go/posai/ai/rag"
)

// maxOwners is how many documents may have a code: what more have is a filler.
const maxOwners = 256

// A weighted is a term that is searched for.
type weighted struct {
	word     string
	term     string
	distance int
	docs     int
	weight   float64
}

// A ranked is a document with a score.
type ranked struct {
	id    string
	score float64
}

// Search implements [rag.Index]. Its errors match [rag.ErrInvalid], or are those of the
// context or of the database.
func (x *Index) Search(ctx context.Context, q rag.Query) (*rag.Results, error) {
	q, err := q.Normalize()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	res := &rag.Results{}
	var c counters
	if err := x.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		c, err = readCounters(ctx, tx)
		return err
	}); err != nil {
		return nil, err
	}
	var vector []float32
	if q.Mode != rag.Lexical {
		// The model is asked before a connection is taken.
		if vector, res.Degraded, err = x.vector(ctx, &c, &q); err != nil {
			return nil, err
		}
	}
	err = x.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		s := search{Index: x, tx: tx, q: &q, vector: vector, res: res}
		return s.run(ctx)
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// A search is one search on one state of the database.
type search struct {
	*Index
	tx     pgx.Tx
	q      *rag.Query
	c      counters
	vector []float32
	res    *rag.Results

	terms []weighted
	words []ranked
	near  []ranked
}

func (s *search) run(ctx context.Context) (err error) {
	if s.c, err = readCounters(ctx, s.tx); err != nil {
		return err
	}
	if s.vector != nil && s.c.dims != len(s.vector) { // changed in between
		s.vector, s.res.Degraded = nil, rag.ErrNoVectors
	}
	if s.vector != nil {
		var missing int
		if err := s.tx.QueryRow(ctx, `SELECT count(*) FROM posai_rag_document WHERE vector IS NULL`).Scan(&missing); err != nil {
			return err
		}
		switch {
		case missing == s.c.docs:
			s.vector, s.res.Degraded = nil, rag.ErrNoVectors
		case missing > 0:
			s.res.Degraded = fmt.Errorf("%w: %d of %d", rag.ErrMissingVectors, missing, s.c.docs)
		}
	}
	first, err := s.byCode(ctx)
	if err != nil {
		return err
	}
	depth := rag.FusionDepth(s.q.K)
	var lists [][]string
	if s.q.Mode != rag.Semantic || s.vector == nil {
		if err := s.lexical(ctx, depth); err != nil {
			return err
		}
		lists = append(lists, ids(s.words))
	}
	if s.vector != nil {
		if err := s.semantic(ctx, depth); err != nil {
			return err
		}
		if s.q.MinCosine != 0 {
			s.near = slices.DeleteFunc(s.near, func(r ranked) bool { return r.score < s.q.MinCosine })
		}
		lists = append(lists, ids(s.near))
	}
	return s.output(ctx, first, rag.Fuse(lists...))
}

func ids(list []ranked) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.id
	}
	return out
}

// A statement is SQL with its arguments.
type statement struct {
	args []any
}

// arg adds an argument and returns its placeholder.
func (s *statement) arg(v any) string {
	s.args = append(s.args, v)
	return "$" + strconv.Itoa(len(s.args))
}

// where returns the filter as a condition on d.
func (s *statement) where(f *rag.Filter) string {
	cond := []string{"true"}
	if len(f.Kinds) > 0 {
		kinds := []string{}
		for _, k := range f.Kinds {
			kinds = append(kinds, string(k))
		}
		cond = append(cond, "d.kind = ANY ("+s.arg(kinds)+")")
	}
	if len(f.Tags) > 0 {
		tags := []string{}
		for _, t := range f.Tags {
			tags = append(tags, fold(strings.ToValidUTF8(t, "")))
		}
		cond = append(cond, "d.tags @> "+s.arg(tags))
	}
	if len(f.Collections) > 0 {
		cond = append(cond, "d.collections && "+s.arg(f.Collections))
	}
	if f.OnVariants() {
		variant := []string{"v.num = d.num"}
		if f.MinPrice.Valid {
			variant = append(variant, "v.price >= "+s.arg(f.MinPrice.Decimal.String())+"::text::numeric")
		}
		if f.MaxPrice.Valid {
			variant = append(variant, "v.price <= "+s.arg(f.MaxPrice.Decimal.String())+"::text::numeric")
		}
		if f.InStock != nil {
			level := "l.num = v.num AND l.n = v.n AND (l.untracked OR l.available >= " + s.arg(cmp.Or(f.InStock.AtLeast, 1)) + ")"
			if len(f.InStock.Locations) > 0 {
				level += " AND l.location = ANY (" + s.arg(f.InStock.Locations) + ")"
			}
			variant = append(variant, "EXISTS (SELECT 1 FROM posai_rag_level l WHERE "+level+")")
		}
		cond = append(cond, "EXISTS (SELECT 1 FROM posai_rag_variant v WHERE "+strings.Join(variant, " AND ")+")")
	}
	return strings.Join(cond, " AND ")
}

// coded is a document that has a code of the query.
type coded struct {
	doc   rag.Document
	match rag.CodeMatch
	order int
}

func (s *search) byCode(ctx context.Context) ([]coded, error) {
	var found []coded
	for order, code := range rag.QueryCodes(s.q.Text) {
		var st statement
		loose := st.arg([]string{rag.LooseCode(code)})
		var owners int
		if err := s.tx.QueryRow(ctx, `SELECT count(*) FROM posai_rag_document d WHERE d.codes && $1`, st.args...).Scan(&owners); err != nil {
			return nil, err
		}
		if owners > maxOwners {
			continue
		}
		docs, err := documents(ctx, s.tx, `id IN (SELECT d.id FROM posai_rag_document d WHERE d.codes && `+loose+` AND `+st.where(&s.q.Filter)+`)`, st.args...)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if slices.ContainsFunc(found, func(c coded) bool { return c.doc.ID == d.ID }) {
				continue
			}
			match := d.MatchCode(code)
			if match == nil || match.Variant != "" && s.q.Filter.OnVariants() && !slices.Contains(s.q.Filter.VariantsOf(&d), match.Variant) {
				continue
			}
			found = append(found, coded{doc: d, match: *match, order: order})
		}
	}
	slices.SortFunc(found, func(a, b coded) int {
		if a.match.Loose != b.match.Loose {
			if a.match.Loose {
				return 1
			}
			return -1
		}
		return cmp.Or(a.order-b.order, strings.Compare(a.doc.ID, b.doc.ID))
	})
	return found, nil
}

// resolve finds the terms of the query in the vocabulary.
func (s *search) resolve(ctx context.Context) error {
	list := rag.Understand(s.q, s.c.languages)
	var all []string
	for _, w := range list {
		all = append(all, w.Terms...)
	}
	rows, err := s.tx.Query(ctx, `SELECT term, docs FROM posai_rag_word WHERE term = ANY ($1)`, all)
	if err != nil {
		return err
	}
	docs := map[string]int{}
	var term string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&term, &n}, func() error {
		docs[term] = n
		return nil
	}); err != nil {
		return err
	}
	misspelled := 0
	for _, w := range list {
		found := false
		for _, t := range w.Terms {
			if docs[t] > 0 {
				s.terms = append(s.terms, weighted{word: w.Text, term: t, docs: docs[t]})
				found = true
			}
		}
		if found || w.Edits == 0 || misspelled == rag.MaxMisspelled {
			continue
		}
		misspelled++
		similar, err := s.similar(ctx, &w)
		if err != nil {
			return err
		}
		s.terms = append(s.terms, similar...)
	}
	for i := range s.terms {
		t := &s.terms[i]
		t.weight = rag.TermWeight(t.distance, s.c.docs, t.docs)
	}
	return nil
}

// similar returns the terms nearest to a misspelled word. The database compares masks
// of letters; what is left is compared here.
func (s *search) similar(ctx context.Context, w *rag.Word) ([]weighted, error) {
	var masks []int64
	for _, m := range w.LetterMasks() {
		masks = append(masks, int64(m))
	}
	rows, err := s.tx.Query(ctx, `SELECT term, docs FROM posai_rag_word
		WHERE EXISTS (SELECT 1 FROM unnest($1::bigint[]) AS m WHERE bit_count((mask # m)::bit(64)) <= $2)`, masks, 2*w.Edits)
	if err != nil {
		return nil, err
	}
	var list []weighted
	var term string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&term, &n}, func() error {
		if d := w.Distance(term); d <= w.Edits {
			list = append(list, weighted{word: w.Text, term: term, distance: d, docs: n})
		}
		return nil
	}); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b weighted) int {
		return cmp.Or(a.distance-b.distance, b.docs-a.docs, strings.Compare(a.term, b.term))
	})
	return list[:min(len(list), rag.MaxSimilar)], nil
}

func (s *search) average() float64 {
	return max(float64(s.c.words)/float64(max(s.c.docs, 1)), 1)
}

// lexical finds the documents of the highest BM25 scores.
func (s *search) lexical(ctx context.Context, depth int) error {
	if err := s.resolve(ctx); err != nil {
		return err
	}
	var names []string
	var weights []float64
	for _, t := range s.terms {
		names, weights = append(names, t.term), append(weights, t.weight)
	}
	var st statement
	const k1, b = rag.BM25K1, rag.BM25B
	// The order in which the server adds is not fixed, so the last bits are not either:
	// rounded, equal scores are equal.
	query := `WITH q AS (SELECT * FROM unnest(` + st.arg(names) + `::text[], ` + st.arg(weights) + `::float8[]) AS q (term, weight))
		SELECT d.id, round(sum(q.weight * t.tf * ` + st.arg(k1+1) + `::float8 / (t.tf + ` + st.arg(k1*(1-b)) + `::float8 + ` + st.arg(k1*b/s.average()) + `::float8 * d.length))::numeric, 10)::float8 AS score
		FROM q JOIN posai_rag_term t ON t.term = q.term JOIN posai_rag_document d ON d.num = t.num
		WHERE ` + st.where(&s.q.Filter) + ` GROUP BY d.id ORDER BY score DESC, d.id LIMIT ` + st.arg(depth)
	rows, err := s.tx.Query(ctx, query, st.args...)
	if err != nil {
		return err
	}
	s.words, err = collect(rows)
	return err
}

func collect(rows pgx.Rows) ([]ranked, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r ranked, err error) {
		err = row.Scan(&r.id, &r.score)
		return r, err
	})
}

// semantic finds the nearest vectors.
func (s *search) semantic(ctx context.Context, depth int) error {
	var st statement
	if s.extension {
		query := `SELECT d.id, 1 - (d.vector::vector <=> ` + st.arg(s.vector) + `::real[]::vector) AS score FROM posai_rag_document d
			WHERE d.vector IS NOT NULL AND ` + st.where(&s.q.Filter) + ` ORDER BY score DESC, d.id LIMIT ` + st.arg(depth)
		rows, err := s.tx.Query(ctx, query, st.args...)
		if err != nil {
			return err
		}
		s.near, err = collect(rows)
		return err
	}
	rows, err := s.tx.Query(ctx, `SELECT d.id, d.vector FROM posai_rag_document d WHERE d.vector IS NOT NULL AND `+st.where(&s.q.Filter), st.args...)
	if err != nil {
		return err
	}
	var id string
	var v []float32
	better := func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.id, b.id))
	}
	_, err = pgx.ForEachRow(rows, []any{&id, &v}, func() error {
		s.near = append(s.near, ranked{id, cosine(s.vector, v)})
		if len(s.near) >= 4*depth+1000 {
			slices.SortFunc(s.near, better)
			s.near = s.near[:depth]
		}
		return nil
	})
	slices.SortFunc(s.near, better)
	s.near = s.near[:min(len(s.near), depth)]
	return err
}

func cosine(a, b []float32) float64 {
	var dot, x, y float64
	for i := range min(len(a), len(b)) {
		p, q := float64(a[i]), float64(b[i])
		dot += p * q
		x += p * p
		y += q * q
	}
	return dot / math.Sqrt(x*y)
}

// output makes hits of what has a code and of the fused lists.
func (s *search) output(ctx context.Context, first []coded, fused []rag.Fused) error {
	k := s.q.K
	for _, c := range first[:min(len(first), k)] {
		h := rag.Hit{Document: c.doc, Score: 1, Code: &c.match}
		if c.match.Variant != "" {
			h.Variants = []string{c.match.Variant}
		} else {
			h.Variants = s.q.Filter.VariantsOf(&c.doc)
		}
		s.res.Hits = append(s.res.Hits, h)
	}
	var want []string
	scores := map[string]float64{}
	for _, f := range fused {
		if f.Score < s.q.MinScore || len(s.res.Hits)+len(want) == k {
			break
		}
		if !slices.ContainsFunc(first, func(c coded) bool { return c.doc.ID == f.ID }) {
			want = append(want, f.ID)
			scores[f.ID] = f.Score
		}
	}
	docs, err := documents(ctx, s.tx, `id = ANY ($1)`, want)
	if err != nil {
		return err
	}
	for _, id := range want {
		i, ok := slices.BinarySearchFunc(docs, id, func(d rag.Document, id string) int { return strings.Compare(d.ID, id) })
		if ok {
			s.res.Hits = append(s.res.Hits, rag.Hit{Document: docs[i], Score: scores[id], Variants: s.q.Filter.VariantsOf(&docs[i])})
		}
	}
	if s.q.Explain {
		for i := range s.res.Hits {
			s.res.Hits[i].Why = s.explain(&s.res.Hits[i].Document)
		}
	}
	return nil
}

// explain says why a document is a hit.
func (s *search) explain(d *rag.Document) *rag.Explanation {
	why := &rag.Explanation{}
	same := func(r ranked) bool { return r.id == d.ID }
	if i := slices.IndexFunc(s.words, same); i >= 0 {
		why.LexicalRank, why.LexicalScore = i+1, s.words[i].score
	}
	if i := slices.IndexFunc(s.near, same); i >= 0 {
		why.SemanticRank, why.Cosine = i+1, s.near[i].score
	}
	terms := rag.Analyze(d, s.opts.Language)
	for _, t := range s.terms {
		if tf := terms.TF[t.term]; tf > 0 {
			why.Terms = append(why.Terms, rag.TermMatch{
				Word: t.word, Term: t.term, Distance: t.distance, Score: rag.TermScore(t.weight, tf, terms.Length, s.average()),
			})
		}
	}
	return why
}
