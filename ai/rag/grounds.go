package rag

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/ai"
)

// Grounds are what answers of one conversation may rest on: the documents that were
// found for it. The zero value is not usable; see [NewGrounds]. It is safe for concurrent
// use.
type Grounds struct {
	opts GroundsOptions

	mu      sync.Mutex
	docs    map[string]Document
	order   []string          // of docs
	owner   map[string]string // document by variant
	allowed []string          // texts
}

// GroundsOptions are the options of [NewGrounds]. The zero value is the default.
type GroundsOptions struct {
	// Locations are the names of the locations by GID, as answers may write them. A
	// stock figure in a sentence that names a location must be that of the location.
	Locations map[string]string

	// MustCite makes an answer without a citation a violation.
	MustCite bool
}

// NewGrounds returns grounds without documents. Nil options are the defaults.
func NewGrounds(opts *GroundsOptions) *Grounds {
	g := &Grounds{docs: map[string]Document{}, owner: map[string]string{}}
	if opts != nil {
		g.opts = *opts
	}
	return g
}

// Add adds documents that were found, such as [Results.Documents]. A newer state of a
// document takes the place of the one before.
func (g *Grounds) Add(docs ...Document) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range docs {
		if _, ok := g.docs[d.ID]; !ok {
			g.order = append(g.order, d.ID)
		}
		g.docs[d.ID] = d
		for i := range d.Variants {
			g.owner[d.Variants[i].ID] = d.ID
		}
	}
}

// Allow adds a text whose figures may be repeated: what the customer asked ("two pairs in
// 43"), or what the program itself computed, such as a sum.
func (g *Grounds) Allow(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.allowed = append(g.allowed, text)
}

// Documents returns the documents in the order in which they came.
func (g *Grounds) Documents() []Document {
	g.mu.Lock()
	defer g.mu.Unlock()
	docs := make([]Document, len(g.order))
	for i, id := range g.order {
		docs[i] = g.docs[id]
	}
	return docs
}

// Documents returns the documents of the hits.
func (r *Results) Documents() []Document {
	docs := make([]Document, len(r.Hits))
	for i := range r.Hits {
		docs[i] = r.Hits[i].Document
	}
	return docs
}

// Cite returns the citation of a document or variant, as answers write it: the ID in
// square brackets.
func Cite(id string) string { return "[" + id + "]" }

// The bounds of what Part tells of a document.
const (
	partBody     = 1500 // bytes
	partVariants = 20
)

// Part returns the documents as JSON for a model, marked as untrusted: texts of
// products may hold instructions, and a loop then asks before it changes anything.
// Bodies are cut at 1,500 bytes, and of a product's variants the first 20 are told.
func (g *Grounds) Part() ai.Text {
	type stock struct {
		Location  string `json:"location"`
		Name      string `json:"name,omitempty"`
		Available *int64 `json:"available"` // null: not counted, in stock
		AsOf      string `json:"as_of,omitempty"`
	}
	type variant struct {
		ID    string  `json:"id"`
		Title string  `json:"title,omitempty"`
		SKU   string  `json:"sku,omitempty"`
		Price string  `json:"price"`
		Stock []stock `json:"stock,omitempty"`
	}
	type document struct {
		ID       string    `json:"id"`
		Kind     Kind      `json:"kind"`
		Title    string    `json:"title"`
		Text     string    `json:"text,omitempty"`
		Vendor   string    `json:"vendor,omitempty"`
		Type     string    `json:"type,omitempty"`
		Tags     []string  `json:"tags,omitempty"`
		URL      string    `json:"url,omitempty"`
		Variants []variant `json:"variants,omitempty"`
		More     int       `json:"more_variants,omitempty"`
	}
	list := []document{}
	for _, d := range g.Documents() {
		out := document{ID: d.ID, Kind: d.Kind, Title: d.Title, Text: limit(d.Body, partBody), Vendor: d.Vendor, Type: d.Type, Tags: d.Tags, URL: d.URL}
		for i := range d.Variants {
			if i == partVariants {
				out.More = len(d.Variants) - i
				break
			}
			v := &d.Variants[i]
			w := variant{ID: v.ID, Title: v.Title, SKU: v.SKU, Price: v.Price.StringFixed(max(2, -v.Price.Exponent()))}
			for _, l := range v.Stock {
				s := stock{Location: l.Location, Name: g.opts.Locations[l.Location]}
				if !l.Untracked {
					s.Available = &l.Available
				}
				if !l.UpdatedAt.IsZero() {
					s.AsOf = l.UpdatedAt.UTC().Format("2006-01-02T15:04Z")
				}
				w.Stock = append(w.Stock, s)
			}
			out.Variants = append(out.Variants, w)
		}
		list = append(list, out)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(list) // strings and numbers always encode
	return ai.Text{Text: strings.TrimSpace(b.String()), Untrusted: true}
}

// An Answer is what a model said, taken apart as far as its type allows.
type Answer struct {
	// Text is what the reader sees. Sources stand in it as [Cite] writes them.
	Text string

	// Claims are what typed output says beside the text.
	Claims []Claim
}

// A Claim is a statement about one document or variant. Fields that are not set claim
// nothing.
type Claim struct {
	// ID of the product, variant or policy section.
	ID string

	// Price is said to be that of the variant, or of one of the product's.
	Price decimal.NullDecimal

	// Stock is said to be what the variant, or one of the product's, has at the
	// location, a GID. Without a location, it may also be the sum of the variant's, or
	// of the product's.
	Stock    *int64
	Location string

	// Quote is said to stand in the document, to the letter but for white space.
	Quote string
}

// A Fault is a kind of [Violation].
type Fault string

// The faults.
const (
	UnknownID     Fault = "unknown id"     // nothing like that was found
	UnknownPrice  Fault = "unknown price"  // not a price of what is cited
	UnknownStock  Fault = "unknown stock"  // not what there is, there
	UnknownFigure Fault = "unknown figure" // a number that no source has
	UnknownCode   Fault = "unknown code"   // looks like a SKU, and is none of what was found
	UnknownQuote  Fault = "unknown quote"  // not the words of the source
	NoCitation    Fault = "no citation"
)

// A Violation is something that an answer says and that is not so, or not known.
type Violation struct {
	Fault    Fault
	Value    string // as the answer has it
	ID       string // what it was said of, if that is clear
	Location string // GID, or the name in the text
}

// String returns the violation for logs of programs that may hold an answer's words.
func (v Violation) String() string {
	parts := []string{string(v.Fault), v.Value, v.ID, v.Location}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// Check returns what an answer says without grounds, in the order of the text, then of
// the claims. An answer of no violations
//
//   - cites, and names by GID, only what was found;
//   - has no amount of money but prices of what it cites, no stock figure but that
//     of what it cites at the place that it names, and no other number, and nothing that
//     looks like a SKU, but what stands in what it cites or in an allowed text;
//   - has only true claims.
//
// A sentence without a citation is held against all that the answer cites, and an
// answer without one against everything that was found. A number in brackets of its
// own or at the beginning of a line (1. …) is taken for a list's. Sums are figures
// like others: compute them in code and [Grounds.Allow] them. What is said without
// figures ("we have plenty") cannot be checked in text: ask for claims.
func (g *Grounds) Check(a Answer) []Violation {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []Violation
	all, unknown := g.citations(a.Text)
	for _, id := range unknown {
		list = append(list, Violation{Fault: UnknownID, Value: id})
	}
	if g.opts.MustCite && len(all) == 0 && len(a.Claims) == 0 {
		list = append(list, Violation{Fault: NoCitation})
	}
	for _, s := range sentences(a.Text) {
		cited, _ := g.citations(s)
		if len(cited) == 0 {
			cited = all
		}
		list = append(list, g.checkText(s, g.source(cited))...)
	}
	for _, c := range a.Claims {
		list = append(list, g.checkClaim(&c)...)
	}
	return list
}

// Guard returns a check for [ai.Guard] that blocks replies with violations. It judges
// whole replies, so a stream is delivered at its end. A typed answer is better checked by
// [Grounds.Check], in the Validate function of [ai.ExtractOptions]: the model is then
// told and may correct itself.
func (g *Grounds) Guard() ai.Check {
	return ai.Check{Name: "grounds", Whole: func(_ context.Context, _ *ai.Request, resp *ai.Response) error {
		text := resp.Text()
		if text == "" {
			return nil // tool calls, or nothing: not an answer
		}
		if list := g.Check(Answer{Text: text}); len(list) > 0 {
			return &ai.BlockedError{Match: list[0].String()}
		}
		return nil
	}}
}

// find returns the document of an ID, which may be that of a variant.
func (g *Grounds) find(id string) (d Document, v *Variant, ok bool) {
	if d, ok = g.docs[id]; ok {
		return d, nil, true
	}
	if owner, is := g.owner[id]; is {
		d = g.docs[owner]
		if v = d.Variant(id); v != nil {
			return d, v, true
		}
	}
	return Document{}, nil, false
}

func (g *Grounds) checkClaim(c *Claim) []Violation {
	d, v, ok := g.find(c.ID)
	if !ok {
		return []Violation{{Fault: UnknownID, Value: c.ID}}
	}
	variants := d.Variants
	if v != nil {
		variants = []Variant{*v}
	}
	var list []Violation
	if c.Price.Valid && !slices.ContainsFunc(variants, func(v Variant) bool { return v.Price.Equal(c.Price.Decimal) }) {
		list = append(list, Violation{Fault: UnknownPrice, Value: c.Price.Decimal.String(), ID: c.ID})
	}
	if c.Stock != nil {
		var places []string
		if c.Location != "" {
			places = []string{c.Location}
		}
		if !stocks(variants, places)[*c.Stock] {
			list = append(list, Violation{Fault: UnknownStock, Value: decimal.NewFromInt(*c.Stock).String(), ID: c.ID, Location: c.Location})
		}
	}
	if c.Quote != "" && !strings.Contains(spaced(d.Title+"\n"+d.Body), spaced(c.Quote)) {
		list = append(list, Violation{Fault: UnknownQuote, Value: c.Quote, ID: c.ID})
	}
	return list
}

func spaced(s string) string { return strings.Join(strings.Fields(s), " ") }

// stocks returns the figures that may be said of the stock of variants: at each of the
// places, or anywhere and in all if none is named.
func stocks(variants []Variant, places []string) map[int64]bool {
	figures := map[int64]bool{}
	total := int64(0)
	for i := range variants {
		sum, counted := int64(0), false
		for _, l := range variants[i].Stock {
			if l.Untracked || len(places) > 0 && !slices.Contains(places, l.Location) {
				continue
			}
			// Sold more than there was is none.
			n := max(l.Available, 0)
			figures[n] = true
			figures[l.Available] = true
			sum, counted = sum+n, true
		}
		if counted {
			figures[sum] = true
			total += sum
		}
	}
	if len(figures) > 0 {
		figures[total] = true
	}
	return figures
}
