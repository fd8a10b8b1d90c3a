package rag

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/posai-go/posai/ai/rag/internal/text"
)

// What is in this file is for implementations of [Index] that keep documents elsewhere,
// such as package pgrag: the same words, the same scores and the same decisions about
// versions as in [Memory].

// Terms are the words of a document as they are looked up.
type Terms struct {
	// TF is how often each term occurs, weighted by field; from 1 to 63.
	TF map[string]int

	// Length of the document in the same measure, at most 65,535.
	Length int
}

// Analyze returns the terms of a document, whose language is the given one if it does
// not say.
func Analyze(d *Document, language string) Terms {
	var a text.Analyzer
	t := analyze(&a, d, text.Base(language))
	for term, tf := range t.tf {
		t.tf[term] = min(tf, maxTF)
	}
	return Terms{TF: t.tf, Length: t.length}
}

// LanguageOf returns the base language of a document, or that of language if it does
// not say.
func LanguageOf(d *Document, language string) string {
	if base := text.Base(d.Language); base != "" {
		return base
	}
	return text.Base(language)
}

// A Word is a word of a query.
type Word struct {
	Text  string
	Terms []string // that it stands for, one for each language

	// Edits is how many typing errors it may have if no document has any of its terms.
	Edits int
}

// Understand returns the words of a query. Languages are those of the documents with
// their numbers; the query's own takes their place.
func Understand(q *Query, languages map[string]int) []Word {
	v := &view{}
	for lang, n := range languages {
		v.languages = append(v.languages, langCount{lang, n})
	}
	var a text.Analyzer
	var list []Word
	for _, w := range v.understand(&a, q) {
		word := Word{Text: w.word, Terms: w.terms}
		if !w.fixed {
			word.Edits = edits(utf8.RuneCountInString(w.word))
		}
		list = append(list, word)
	}
	return list
}

// MaxSimilar is how many terms one misspelled word may stand for, and MaxMisspelled how
// many such words of a query are looked for.
const (
	MaxSimilar    = maxVariation
	MaxMisspelled = maxFuzzy
)

// Distance returns how many edits a term of the vocabulary is from a word, by the
// nearest of its terms of the same language, or Edits+1 if it is further.
func (w *Word) Distance(term string) int {
	best := w.Edits + 1
	lang, word, _ := strings.Cut(term, ":")
	if strings.ContainsAny(word, "0123456789") {
		return best
	}
	var d distance
	for _, t := range w.Terms {
		if own, stem, _ := strings.Cut(t, ":"); own == lang {
			best = min(best, d.between([]rune(stem), word, w.Edits), d.between([]rune(w.Text), word, w.Edits))
		}
	}
	return best
}

// LetterMasks returns the masks of a word's forms. A term whose [LetterMask] differs
// from all of them in more than twice Edits bits is not similar.
func (w *Word) LetterMasks() []uint32 {
	masks := []uint32{letterMask(w.Text)}
	for _, t := range w.Terms {
		_, stem, _ := strings.Cut(t, ":")
		masks = append(masks, letterMask(stem))
	}
	slices.Sort(masks)
	return slices.Compact(masks)
}

// LetterMask returns a bit for each letter of a term.
func LetterMask(term string) uint32 {
	_, word, _ := strings.Cut(term, ":")
	return letterMask(word)
}

// The constants of BM25.
const (
	BM25K1 = bm25K1
	BM25B  = bm25B
)

// TermWeight returns the weight of a term at a distance from the query's word: its inverse
// document frequency in an index of n documents of which df have it.
func TermWeight(distance, n, df int) float64 {
	return typo[distance] * math.Log(1+(float64(n)-float64(df)+0.5)/(float64(df)+0.5))
}

// TermScore returns what a term adds to a document's score.
func TermScore(weight float64, tf, length int, average float64) float64 {
	w := weighted{weight: weight}
	return w.score(tf, bm25K1*(1-bm25B+bm25B*float64(length)/max(average, 1)))
}

// VariantsOf returns the IDs of the document's variants that a filter lets through.
func (f *Filter) VariantsOf(d *Document) []string {
	p := f.compile(nil)
	var ids []string
	for i := range d.Variants {
		v := &d.Variants[i]
		m, err := micros(v.Price)
		if err != nil || m < p.minPrice || m > p.maxPrice {
			continue
		}
		if f.InStock != nil && !slices.ContainsFunc(v.Stock, func(l Level) bool {
			return (l.Untracked || l.Available >= p.atLeast) && (len(f.InStock.Locations) == 0 || slices.Contains(f.InStock.Locations, l.Location))
		}) {
			continue
		}
		ids = append(ids, v.ID)
	}
	return ids
}

// OnVariants reports whether a filter says something about variants.
func (f *Filter) OnVariants() bool {
	return f.MinPrice.Valid || f.MaxPrice.Valid || f.InStock != nil
}

// A Row is what is kept about one document, or about what has no document (yet).
type Row struct {
	// Key is the document's ID behind "d:"; or "x:" and the ID of one that was deleted,
	// "i:" and an inventory item, "c:" and a product, of which something is known.
	Key string

	// Document is set for "d:" alone.
	Document *Document

	// Data is all that is known, as JSON.
	Data json.RawMessage
}

// rowData is the form of Row.Data.
type rowData struct {
	Document  *Document    `json:"document,omitempty"` // without stock
	Triggered int64        `json:"triggered,omitempty"`
	Grouped   int64        `json:"grouped,omitempty"`
	Levels    [][]rowLevel `json:"levels,omitempty"`
	Groups    []string     `json:"groups,omitempty"`
	At        int64        `json:"at,omitempty"`
}

type rowLevel struct {
	Location  string `json:"location"`
	Available int64  `json:"available"`
	Unknown   bool   `json:"unknown,omitempty"`
	Untracked bool   `json:"untracked,omitempty"`
	Updated   int64  `json:"updated"`
	Triggered int64  `json:"triggered"`
}

// Keys are what changes are about: rows of these must be given to [Merge].
type Keys struct {
	// Codes are the [LooseCode] of all codes. Documents with one of them are meant.
	Codes []string

	// Rows are keys of other rows.
	Rows []string
}

// KeysOf returns the keys of changes, and of documents that they are about. The latter
// have to be read first.
func KeysOf(changes []Change, docs ...*Document) Keys {
	var k Keys
	doc := func(id string) {
		k.Codes = append(k.Codes, LooseCode(id))
		k.Rows = append(k.Rows, "x:"+id, "c:"+id)
	}
	stock := func(item string) {
		k.Codes = append(k.Codes, LooseCode(item))
		k.Rows = append(k.Rows, "i:"+item)
	}
	full := func(d *Document) {
		doc(d.ID)
		for i := range d.Variants {
			stock(stockKey(&d.Variants[i]))
		}
	}
	for _, c := range changes {
		switch c := c.(type) {
		case Put:
			full(&c.Document)
		case PutPage:
			doc(c.Page)
			k.Rows = append(k.Rows, "x:"+pageGrave(c.Page))
			for i := range c.Sections {
				full(&c.Sections[i])
			}
		case Delete:
			doc(c.ID)
		case SetCollections:
			doc(c.ID)
		case SetStock:
			stock(c.InventoryItem)
		}
	}
	for _, d := range docs {
		full(d)
	}
	slices.Sort(k.Codes)
	slices.Sort(k.Rows)
	k.Codes, k.Rows = slices.Compact(k.Codes), slices.Compact(k.Rows)
	return k
}

// Validate reports what an index cannot accept.
func Validate(changes []Change) error {
	for _, c := range changes {
		if c == nil {
			return invalid("nil change")
		}
		if err := c.validate(); err != nil {
			return err
		}
	}
	return nil
}

// Merge makes valid changes to the rows that they are about, and returns all rows that
// there are then, in the order of their keys. What is missing there is gone.
func Merge(rows []Row, changes []Change) ([]Row, error) {
	m, err := NewMemory(&MemoryOptions{MaxDocuments: maxOrd})
	if err != nil {
		return nil, err
	}
	m.gen++
	t := &tx{m: m, gen: m.gen}
	for _, r := range rows {
		if err := t.readRow(r); err != nil {
			return nil, err
		}
	}
	for _, c := range changes {
		if err := t.apply(c); err != nil {
			return nil, err
		}
	}
	return t.rows()
}

// readRow takes in a row.
func (t *tx) readRow(r Row) error {
	var data rowData
	if err := json.Unmarshal(r.Data, &data); err != nil {
		return broken("row")
	}
	kind, id, _ := strings.Cut(r.Key, ":")
	switch kind {
	case "d":
		if data.Document == nil {
			return broken("row")
		}
		s := state{doc: *data.Document, triggered: data.Triggered, grouped: data.Grouped, levels: make([][]level, len(data.Document.Variants))}
		for i := range min(len(s.levels), len(data.Levels)) {
			s.levels[i] = t.readLevels(data.Levels[i])
		}
		t.insert(&s)
	case "x":
		t.bury(id, data.At)
	case "i":
		if len(data.Levels) != 1 {
			return broken("row")
		}
		t.orphan(id, t.readLevels(data.Levels[0]))
	case "c":
		t.looseGroup(id, data.Groups, data.Grouped)
	default:
		return broken("row")
	}
	return nil
}

func (t *tx) readLevels(list []rowLevel) (levels []level) {
	for _, l := range list {
		levels = merge(levels, level{
			location: t.location(l.Location), unknown: l.Unknown, untracked: l.Untracked, available: l.Available, updated: l.Updated, triggered: l.Triggered,
		})
	}
	return levels
}

func (t *tx) rows() ([]Row, error) {
	var rows []Row
	add := func(key string, d *Document, data rowData) error {
		b, err := json.Marshal(data)
		rows = append(rows, Row{Key: key, Document: d, Data: b})
		return err
	}
	for _, r := range t.all {
		s, _ := r.decode()
		d := s.document(t.locations)
		bare := d
		bare.Variants = slices.Clone(d.Variants)
		data := rowData{Document: &bare, Triggered: s.triggered, Grouped: s.grouped}
		for i := range bare.Variants {
			bare.Variants[i].Stock = nil
			data.Levels = append(data.Levels, t.rowLevels(s.levels[i]))
		}
		if err := add("d:"+d.ID, &d, data); err != nil {
			return nil, err
		}
	}
	for l := range t.gone.leaves {
		for _, g := range l.vals {
			if err := add("x:"+g.id, nil, rowData{At: g.at}); err != nil {
				return nil, err
			}
		}
	}
	for l := range t.loose.leaves {
		for _, o := range l.vals {
			key, data := "c:"+o.id, rowData{Grouped: o.grouped, Groups: o.groups}
			if o.item != "" {
				key, data = "i:"+o.item, rowData{Levels: [][]rowLevel{t.rowLevels(o.levels)}}
			}
			if err := add(key, nil, data); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
	return rows, nil
}

func (t *tx) rowLevels(levels []level) []rowLevel {
	list := []rowLevel{}
	for _, l := range levels {
		list = append(list, rowLevel{
			Location: t.locations[l.location], Available: l.available, Unknown: l.unknown, Untracked: l.untracked, Updated: l.updated, Triggered: l.triggered,
		})
	}
	slices.SortFunc(list, func(a, b rowLevel) int { return strings.Compare(a.Location, b.Location) })
	return list
}

// ReadRow returns the document of a row, with its stock.
func ReadRow(r Row) (Document, error) {
	m, err := NewMemory(&MemoryOptions{MaxDocuments: 1})
	if err != nil {
		return Document{}, err
	}
	var data rowData
	if err := json.Unmarshal(r.Data, &data); err != nil || data.Document == nil {
		return Document{}, broken("row")
	}
	t := &tx{m: m, gen: 1}
	s := state{doc: *data.Document, levels: make([][]level, len(data.Document.Variants))}
	for i := range min(len(s.levels), len(data.Levels)) {
		s.levels[i] = t.readLevels(data.Levels[i])
	}
	return s.document(t.locations), nil
}

// ValidVector refuses a vector that has no direction, or none that can be computed.
func ValidVector(v []float32) error { return validVector(v) }
