package pgrag

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/posai-go/posai/ai/rag"
)

// Apply implements [rag.Index]. Its errors match [rag.ErrInvalid] or [rag.ErrFull], or are
// the database's.
func (x *Index) Apply(ctx context.Context, changes ...rag.Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := rag.Validate(changes); err != nil {
		return err
	}
	if len(changes) == 0 {
		return nil
	}
	return x.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		before, err := concerned(ctx, tx, changes)
		if err != nil {
			return err
		}
		after, err := rag.Merge(before, changes)
		if err != nil {
			return err
		}
		return x.store(ctx, tx, before, after)
	})
}

// concerned reads the rows that changes are about.
func concerned(ctx context.Context, tx pgx.Tx, changes []rag.Change) ([]rag.Row, error) {
	docs, err := documentRows(ctx, tx, rag.KeysOf(changes).Codes)
	if err != nil {
		return nil, err
	}
	full := make([]*rag.Document, len(docs))
	for i := range docs {
		full[i] = docs[i].Document
	}
	// What is known about the items of the documents that there are may change, too.
	keys := rag.KeysOf(changes, full...)
	if docs, err = documentRows(ctx, tx, keys.Codes); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT key, data FROM posai_rag_row WHERE key = ANY ($1)`, keys.Rows)
	if err != nil {
		return nil, err
	}
	others, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r rag.Row, err error) {
		var data string
		err = row.Scan(&r.Key, &data)
		r.Data = json.RawMessage(data)
		return r, err
	})
	return append(docs, others...), err
}

func documentRows(ctx context.Context, tx pgx.Tx, codes []string) ([]rag.Row, error) {
	rows, err := tx.Query(ctx, `SELECT id, data FROM posai_rag_document WHERE codes && $1 ORDER BY id`, codes)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (rag.Row, error) {
		var id, data string
		if err := row.Scan(&id, &data); err != nil {
			return rag.Row{}, err
		}
		r := rag.Row{Key: "d:" + id, Data: json.RawMessage(data)}
		d, err := rag.ReadRow(r)
		r.Document = &d
		return r, err
	})
}

// store writes what differs.
func (x *Index) store(ctx context.Context, tx pgx.Tx, before, after []rag.Row) error {
	c, err := readCounters(ctx, tx)
	if err != nil {
		return err
	}
	old := make(map[string]rag.Row, len(before))
	for _, r := range before {
		old[r.Key] = r
	}
	words := map[string]int{} // how many more documents have a term
	batch := &pgx.Batch{}
	for _, r := range after {
		was, exists := old[r.Key]
		delete(old, r.Key)
		switch {
		case r.Document == nil:
			if !exists || string(was.Data) != string(r.Data) {
				batch.Queue(`INSERT INTO posai_rag_row (key, data) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET data = excluded.data`, r.Key, string(r.Data))
			}
		case !exists || string(was.Data) != string(r.Data):
			if !exists {
				c.docs++
			}
			if c.docs > x.opts.MaxDocuments {
				return rag.ErrFull
			}
			x.put(batch, &c, was.Document, r, words)
		}
	}
	for key, was := range old {
		if was.Document == nil {
			batch.Queue(`DELETE FROM posai_rag_row WHERE key = $1`, key)
			continue
		}
		c.docs--
		x.count(&c, was.Document, -1, words)
		batch.Queue(`DELETE FROM posai_rag_document WHERE id = $1`, was.Document.ID)
	}
	x.vocabulary(batch, words)
	languages, err := json.Marshal(c.languages)
	if err != nil {
		return err
	}
	batch.Queue(`UPDATE posai_rag_index SET docs = $1, words = $2, languages = $3::text::jsonb`, c.docs, c.words, string(languages))
	return tx.SendBatch(ctx, batch).Close()
}

// count adds a document to the counters, or takes it out, and returns its terms.
func (x *Index) count(c *counters, d *rag.Document, by int, words map[string]int) rag.Terms {
	t := rag.Analyze(d, x.opts.Language)
	c.words += by * t.Length
	lang := rag.LanguageOf(d, x.opts.Language)
	if c.languages[lang] += by; c.languages[lang] == 0 {
		delete(c.languages, lang)
	}
	for term := range t.TF {
		words[term] += by
	}
	return t
}

// vocabulary brings the table of words up to date, in one order for everybody.
func (x *Index) vocabulary(batch *pgx.Batch, words map[string]int) {
	var terms []string
	var masks, docs []int64
	for term, n := range words {
		if n != 0 {
			terms = append(terms, term)
		}
	}
	slices.Sort(terms)
	for _, term := range terms {
		masks, docs = append(masks, int64(rag.LetterMask(term))), append(docs, int64(words[term]))
	}
	if len(terms) == 0 {
		return
	}
	batch.Queue(`INSERT INTO posai_rag_word AS w (term, mask, docs) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
		ON CONFLICT (term) DO UPDATE SET docs = w.docs + excluded.docs`, terms, masks, docs)
	batch.Queue(`DELETE FROM posai_rag_word WHERE term = ANY ($1) AND docs <= 0`, terms)
}

// put writes a document and all that is looked up of it.
func (x *Index) put(batch *pgx.Batch, c *counters, was *rag.Document, r rag.Row, words map[string]int) {
	d := r.Document
	if was != nil {
		x.count(c, was, -1, words)
	}
	t := x.count(c, d, 1, words)
	tags := []string{}
	for _, tag := range d.Tags {
		tags = append(tags, fold(tag))
	}
	var digest []byte
	if text := rag.EmbedText(d); text != "" {
		sum := sha256.Sum256([]byte(text))
		digest = sum[:]
	}
	collections := append([]string{}, d.Collections...)
	batch.Queue(`INSERT INTO posai_rag_document AS d (id, data, kind, codes, tags, collections, length, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET data = excluded.data, kind = excluded.kind, codes = excluded.codes, tags = excluded.tags, collections = excluded.collections,
			length = excluded.length, digest = excluded.digest, vector = CASE WHEN d.digest = excluded.digest THEN d.vector END`,
		d.ID, string(r.Data), string(d.Kind), codes(d), tags, collections, t.Length, digest)
	const num = `(SELECT num FROM posai_rag_document WHERE id = $1)`
	if was != nil {
		for _, table := range []string{"variant", "level"} {
			batch.Queue(`DELETE FROM posai_rag_`+table+` WHERE num = `+num, d.ID)
		}
	}
	var ns, levelNs []int32
	var prices, locations []string
	var available []int64
	var untracked []bool
	for i := range d.Variants {
		v := &d.Variants[i]
		ns, prices = append(ns, int32(i)), append(prices, v.Price.String()) //nolint:gosec // bounded by Validate
		for _, l := range v.Stock {
			levelNs, locations = append(levelNs, int32(i)), append(locations, l.Location) //nolint:gosec // as above
			available, untracked = append(available, l.Available), append(untracked, l.Untracked)
		}
	}
	batch.Queue(`INSERT INTO posai_rag_variant (num, n, price) SELECT `+num+`, n, price::numeric FROM unnest($2::int[], $3::text[]) AS v (n, price)`, d.ID, ns, prices)
	batch.Queue(`INSERT INTO posai_rag_level (num, n, location, available, untracked)
		SELECT `+num+`, n, location, available, untracked FROM unnest($2::int[], $3::text[], $4::bigint[], $5::bool[]) AS l (n, location, available, untracked)`,
		d.ID, levelNs, locations, available, untracked)
	if was != nil && same(rag.Analyze(was, x.opts.Language).TF, t.TF) {
		return // stock or prices alone
	}
	var terms []string
	var tfs []int32
	for term, tf := range t.TF {
		terms, tfs = append(terms, term), append(tfs, int32(tf)) //nolint:gosec // at most 63
	}
	if was != nil {
		batch.Queue(`DELETE FROM posai_rag_term WHERE num = `+num, d.ID)
	}
	batch.Queue(`INSERT INTO posai_rag_term (term, num, tf) SELECT term, `+num+`, tf FROM unnest($2::text[], $3::int[]) AS t (term, tf)`, d.ID, terms, tfs)
}

func same(a, b map[string]int) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// codes returns what a document is found by exactly.
func codes(d *rag.Document) []string {
	list := []string{rag.LooseCode(d.ID), rag.LooseCode(d.Page)}
	for i := range d.Variants {
		v := &d.Variants[i]
		for _, c := range []string{v.ID, v.SKU, v.Barcode, v.InventoryItem} {
			list = append(list, rag.LooseCode(c))
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// fold maps texts that [strings.EqualFold] takes for equal to one form.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}
