package rag

import (
	"math"
	"slices"
	"strings"

	"github.com/posai-go/posai/ai/rag/internal/text"
)

// A tx makes the next view. It may be thrown away at any time: what it changed, it
// copied first.
type tx struct {
	m   *Memory
	gen uint64
	view
}

func (t *tx) apply(c Change) error {
	switch c := c.(type) {
	case Put:
		return t.put(c)
	case Delete:
		t.delete(c)
	case SetCollections:
		t.setCollections(c)
	case SetStock:
		t.setStock(c)
	case PutPage:
		return t.putPage(c)
	default:
		return invalid("change of an unknown type")
	}
	return nil
}

// location returns the number of a location.
func (t *tx) location(id string) uint32 {
	i := slices.Index(t.locations, id)
	if i < 0 {
		i = len(t.locations)
		t.locations = append(slices.Clip(t.locations), id)
	}
	return uint32(i) //nolint:gosec // few
}

func (t *tx) put(c Put) error {
	next := t.incoming(c)
	id := next.doc.ID
	ord, exists := t.byID(id)
	if dead, at := t.grave(id); dead && at >= stamp(next.doc.UpdatedAt) {
		// Levels and collections have versions of their own.
		for i := range next.doc.Variants {
			t.stock(stockKey(&next.doc.Variants[i]), next.levels[i])
		}
		if next.grouped != math.MinInt64 && at != math.MaxInt64 {
			t.group(id, next.doc.Collections, next.grouped)
		}
		return nil
	}
	if !exists {
		if t.docs >= t.m.opts.MaxDocuments {
			return ErrFull
		}
		t.adopt(&next, nil, 0)
		t.insert(&next)
		return nil
	}

	// The versions of the content, the collections and each level are decided one by
	// one, so that it does not matter what came first.
	old, _ := t.records.get(ord).decode()
	known := make(map[string][]level, len(old.doc.Variants))
	for i := range old.doc.Variants {
		known[stockKey(&old.doc.Variants[i])] = old.levels[i]
	}
	if !later(&next, &old) {
		now := old
		now.levels = slices.Clone(old.levels)
		if newerGroups(next.grouped, next.doc.Collections, now.grouped, now.doc.Collections) {
			now.doc.Collections, now.grouped = next.doc.Collections, next.grouped
		}
		for i := range next.doc.Variants {
			if key := stockKey(&next.doc.Variants[i]); known[key] != nil {
				known[key] = merge(known[key], next.levels[i]...)
			} else {
				t.stock(key, next.levels[i])
			}
		}
		for i := range now.doc.Variants {
			now.levels[i] = known[stockKey(&now.doc.Variants[i])]
		}
		t.keep(ord, &now)
		return nil
	}
	if newerGroups(old.grouped, old.doc.Collections, next.grouped, next.doc.Collections) {
		next.doc.Collections, next.grouped = old.doc.Collections, old.grouped
	}
	t.adopt(&next, known, ord)
	for key, levels := range known { // of variants that are no more
		t.orphan(key, levels)
	}
	t.replace(ord, &old, &next)
	return nil
}

// incoming makes the state that a Put brings.
func (t *tx) incoming(c Put) state {
	s := state{doc: c.Document, triggered: stamp(c.Triggered), grouped: math.MinInt64}
	s.doc.Variants = slices.Clone(c.Document.Variants)
	s.levels = make([][]level, len(s.doc.Variants))
	for i := range s.doc.Variants {
		v := &s.doc.Variants[i]
		for _, l := range v.Stock {
			s.levels[i] = merge(s.levels[i], level{
				location: t.location(l.Location), untracked: l.Untracked,
				available: l.Available, updated: stamp(l.UpdatedAt), triggered: math.MinInt64,
			})
		}
		v.Stock = nil
	}
	if s.doc.Collections != nil {
		s.doc.Collections, s.grouped = normalized(s.doc.Collections), stamp(s.doc.UpdatedAt)
	}
	return s
}

// stockKey is what the levels of a variant are known by.
func stockKey(v *Variant) string {
	if v.InventoryItem != "" {
		return v.InventoryItem
	}
	return v.ID
}

// adopt gives a state what is known about its variants and collections. What it takes of
// known it deletes there.
func (t *tx) adopt(s *state, known map[string][]level, ord uint32) {
	for _, o := range t.loose.find(hashString(s.doc.ID)) {
		if o.id == s.doc.ID && newerGroups(o.grouped, o.groups, s.grouped, s.doc.Collections) {
			s.doc.Collections, s.grouped = o.groups, o.grouped
		}
	}
	for i := range s.doc.Variants {
		key := stockKey(&s.doc.Variants[i])
		s.levels[i] = merge(s.levels[i], known[key]...)
		for _, o := range t.loose.find(hashString(key)) {
			if o.item == key {
				s.levels[i] = merge(s.levels[i], o.levels...)
			}
		}
		for _, other := range t.codes.find(hashString(LooseCode(key))) {
			if known != nil && other == ord {
				continue
			}
			at, _ := t.records.get(other).decode()
			for j := range at.doc.Variants {
				if stockKey(&at.doc.Variants[j]) == key {
					s.levels[i] = merge(s.levels[i], at.levels[j]...)
				}
			}
		}
	}
	for i := range s.doc.Variants {
		delete(known, stockKey(&s.doc.Variants[i]))
	}
}

// later reports whether next holds rather than old.
func later(next, old *state) bool {
	if a, b := stamp(next.doc.UpdatedAt), stamp(old.doc.UpdatedAt); a != b {
		return a > b
	}
	if next.triggered != old.triggered {
		return next.triggered > old.triggered
	}
	return next.content() > old.content()
}

func newerGroups(a int64, as []string, b int64, bs []string) bool {
	if a != b {
		return a > b
	}
	return strings.Join(as, "\x00") > strings.Join(bs, "\x00")
}

// normalized returns a list in one order, without doubles.
func normalized(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func (t *tx) delete(c Delete) {
	at := stamp(c.At)
	if c.At.IsZero() {
		at = math.MaxInt64
	}
	if dead, before := t.grave(c.ID); dead && before >= at {
		return
	}
	ord, exists := t.byID(c.ID)
	if exists {
		old, _ := t.records.get(ord).decode()
		if stamp(old.doc.UpdatedAt) > at {
			// It lives, but what is older than this stays dead.
			t.bury(c.ID, at)
			return
		}
		for i := range old.doc.Variants {
			t.orphan(stockKey(&old.doc.Variants[i]), old.levels[i])
		}
		if at != math.MaxInt64 && old.grouped != math.MinInt64 {
			t.looseGroup(c.ID, old.doc.Collections, old.grouped)
		}
		t.erase(ord, &old)
	}
	t.bury(c.ID, at)
	if at == math.MaxInt64 {
		t.loose.remove(t.gen, hashString(c.ID), func(o orphan) bool { return o.id == c.ID })
	}
}

// putPage keeps a version of the page as a grave of a name that no document has.
func (t *tx) putPage(c PutPage) error {
	name := pageGrave(c.Page)
	if known, at := t.grave(name); known && at >= stamp(c.UpdatedAt) {
		return nil
	}
	t.bury(name, stamp(c.UpdatedAt))
	for _, ord := range slices.Clone(t.codes.find(hashString(LooseCode(c.Page)))) {
		old, _ := t.records.get(ord).decode()
		if old.doc.Page == c.Page && !slices.ContainsFunc(c.Sections, func(d Document) bool { return d.ID == old.doc.ID }) {
			t.erase(ord, &old)
		}
	}
	for _, d := range c.Sections {
		if err := t.put(Put{Document: d}); err != nil {
			return err
		}
	}
	return nil
}

// pageGrave is longer than an ID may be, or has a byte that none has.
func pageGrave(page string) string { return "\x01page\x01" + page }

func (t *tx) grave(id string) (bool, int64) {
	for _, g := range t.gone.find(hashString(id)) {
		if g.id == id {
			return true, g.at
		}
	}
	return false, 0
}

func (t *tx) bury(id string, at int64) {
	h := hashString(id)
	if !t.gone.update(t.gen, h, func(g grave) bool { return g.id == id }, func(g *grave) { g.at = at }) {
		t.gone.add(t.gen, h, grave{id: id, at: at})
	}
}

func (t *tx) setCollections(c SetCollections) {
	if dead, at := t.grave(c.ID); dead && at == math.MaxInt64 {
		return
	}
	t.group(c.ID, normalized(c.Collections), stamp(c.At))
}

// group sets collections where they are newer.
func (t *tx) group(id string, groups []string, at int64) {
	ord, exists := t.byID(id)
	if !exists {
		t.looseGroup(id, groups, at)
		return
	}
	s, _ := t.records.get(ord).decode()
	if newerGroups(at, groups, s.grouped, s.doc.Collections) {
		s.doc.Collections, s.grouped = groups, at
		t.keep(ord, &s)
	}
}

func (t *tx) looseGroup(id string, groups []string, at int64) {
	h := hashString(id)
	if !t.loose.update(t.gen, h, func(o orphan) bool { return o.id == id }, func(o *orphan) {
		if newerGroups(at, groups, o.grouped, o.groups) {
			o.groups, o.grouped = groups, at
		}
	}) {
		t.loose.add(t.gen, h, orphan{id: id, groups: groups, grouped: at})
	}
}

func (t *tx) setStock(c SetStock) {
	t.stock(c.InventoryItem, []level{{
		location: t.location(c.Location), unknown: c.Unknown, untracked: c.Untracked, available: c.Available, updated: stamp(c.UpdatedAt), triggered: stamp(c.Triggered),
	}})
}

// stock tells levels to the variants of an item, or keeps them for it.
func (t *tx) stock(item string, levels []level) {
	if len(levels) == 0 {
		return
	}
	found := false
	for _, ord := range slices.Clone(t.codes.find(hashString(LooseCode(item)))) {
		s, _ := t.records.get(ord).decode()
		changed := false
		for i := range s.doc.Variants {
			if stockKey(&s.doc.Variants[i]) == item {
				s.levels[i] = merge(s.levels[i], levels...)
				changed = true
			}
		}
		if changed {
			t.keep(ord, &s)
			found = true
		}
	}
	if !found {
		t.orphan(item, levels)
	}
}

// orphan keeps levels until a variant comes that they are about. They stay when it has
// come, since a level is only ever replaced by a newer one.
func (t *tx) orphan(item string, levels []level) {
	if len(levels) == 0 {
		return
	}
	h := hashString(item)
	if !t.loose.update(t.gen, h, func(o orphan) bool { return o.item == item }, func(o *orphan) {
		o.levels = merge(slices.Clone(o.levels), levels...)
	}) {
		t.loose.add(t.gen, h, orphan{item: item, levels: slices.Clone(levels)})
	}
}

// keep stores a document.
func (t *tx) keep(ord uint32, s *state) {
	r, buffer := s.encode(t.m.buffer)
	t.m.buffer = buffer
	t.records.set(t.gen, ord, r)
	t.facts.set(t.gen, ord, s.facts())
}

// insert gives a new document a number.
func (t *tx) insert(s *state) {
	ord := t.ords
	if n := len(t.free); n > 0 {
		ord = t.free[n-1]
		t.free = t.free[: n-1 : n-1]
	} else {
		t.ords++
	}
	terms := analyze(&t.m.analyzer, &s.doc, t.m.language)
	for term, tf := range terms.tf {
		t.setTerm(term, ord, tf)
	}
	t.docs++
	t.words += int64(terms.length)
	t.lengths.set(t.gen, ord, uint16(terms.length)) //nolint:gosec // bounded by analyze
	t.keep(ord, s)
	for _, code := range codeKeys(&s.doc) {
		t.codes.add(t.gen, hashString(code), ord)
	}
	t.texts.add(t.gen, hashString(EmbedText(&s.doc)), ord)
	t.countLanguage(&s.doc, 1)
}

// erase takes a document out.
func (t *tx) erase(ord uint32, s *state) {
	terms := analyze(&t.m.analyzer, &s.doc, t.m.language)
	for term := range terms.tf {
		t.removeTerm(term, ord)
	}
	t.docs--
	t.words -= int64(terms.length)
	t.lengths.set(t.gen, ord, 0)
	t.records.set(t.gen, ord, "")
	same := func(o uint32) bool { return o == ord }
	for _, code := range codeKeys(&s.doc) {
		t.codes.remove(t.gen, hashString(code), same)
	}
	t.texts.remove(t.gen, hashString(EmbedText(&s.doc)), same)
	t.countLanguage(&s.doc, -1)
	t.dropVector(ord)
	t.free = append(slices.Clip(t.free), ord)
}

// replace puts a document in the place of its older version, and changes only what
// differs.
func (t *tx) replace(ord uint32, old, next *state) {
	before, after := analyze(&t.m.analyzer, &old.doc, t.m.language), analyze(&t.m.analyzer, &next.doc, t.m.language)
	for term := range before.tf {
		if _, ok := after.tf[term]; !ok {
			t.removeTerm(term, ord)
		}
	}
	for term, tf := range after.tf {
		if before.tf[term] != tf {
			t.setTerm(term, ord, tf)
		}
	}
	t.words += int64(after.length - before.length)
	if after.length != before.length {
		t.lengths.set(t.gen, ord, uint16(after.length)) //nolint:gosec // bounded by analyze
	}
	t.keep(ord, next)
	same := func(o uint32) bool { return o == ord }
	was, is := codeKeys(&old.doc), codeKeys(&next.doc)
	for _, code := range was {
		if !slices.Contains(is, code) {
			t.codes.remove(t.gen, hashString(code), same)
		}
	}
	for _, code := range is {
		if !slices.Contains(was, code) {
			t.codes.add(t.gen, hashString(code), ord)
		}
	}
	if a, b := EmbedText(&old.doc), EmbedText(&next.doc); a != b {
		t.texts.remove(t.gen, hashString(a), same)
		t.texts.add(t.gen, hashString(b), ord)
		t.dropVector(ord)
	}
	t.countLanguage(&old.doc, -1)
	t.countLanguage(&next.doc, 1)
}

// codeKeys returns the keys of a document's codes, each once.
func codeKeys(d *Document) []string {
	var keys []string
	d.codes(func(_, value string, _ *Variant) {
		if key := LooseCode(value); key != "" {
			keys = append(keys, key)
		}
	})
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (t *tx) setTerm(s string, ord uint32, tf int) {
	h := hashString(s)
	match := func(e term) bool { return e.text == s }
	if !t.terms.update(t.gen, h, match, func(e *term) {
		e.list = e.list.own(t.gen)
		e.list.set(t.gen, ord, tf)
	}) {
		list := &postings{gen: t.gen}
		list.set(t.gen, ord, tf)
		_, word, _ := strings.Cut(s, ":")
		t.terms.add(t.gen, h, term{text: strings.Clone(s), mask: letterMask(word), list: list})
	}
}

func (t *tx) removeTerm(s string, ord uint32) {
	h, empty := hashString(s), false
	match := func(e term) bool { return e.text == s }
	t.terms.update(t.gen, h, match, func(e *term) {
		e.list = e.list.own(t.gen)
		e.list.remove(t.gen, ord)
		empty = e.list.n == 0
	})
	if empty {
		t.terms.remove(t.gen, h, match)
	}
}

// countLanguage keeps account of the languages in which queries are understood.
func (t *tx) countLanguage(d *Document, by int) {
	lang := text.Base(d.Language)
	if lang == "" {
		lang = t.m.language
	}
	list := slices.Clone(t.languages)
	i, found := slices.BinarySearchFunc(list, lang, func(l langCount, s string) int { return strings.Compare(l.lang, s) })
	if !found {
		list = slices.Insert(list, i, langCount{lang: lang})
	}
	if list[i].n += by; list[i].n == 0 {
		list = slices.Delete(list, i, i+1)
	}
	t.languages = list
}

// dropVector takes the vector of a document away.
func (t *tx) dropVector(ord uint32) {
	if !t.vectors.holds(ord) {
		return
	}
	c := t.chunk(ord)
	c.has[ord%chunkSize/64] &^= 1 << (ord % 64)
	t.vectors.n--
}

// setVector gives a document its vector.
func (t *tx) setVector(ord uint32, v []float32) {
	if !t.vectors.holds(ord) {
		t.vectors.n++
	}
	t.chunk(ord).ownSlab(t.gen).set(int(ord%chunkSize), v)
}

// chunk returns the chunk of a document, owned.
func (t *tx) chunk(ord uint32) *chunk {
	c := &t.vectors
	if c.gen != t.gen {
		c.at, c.gen = slices.Clone(c.at), t.gen
	}
	at := int(ord / chunkSize)
	for len(c.at) <= at {
		c.at = append(c.at, nil)
	}
	if c.at[at] == nil {
		c.at[at] = newChunk(t.gen, c.dims)
	}
	c.at[at] = c.at[at].own(t.gen)
	return c.at[at]
}
