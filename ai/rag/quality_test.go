package rag_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/ai/rag/ragtest"
)

// goods are a small shop: handle, language, title, body.
var goods = [][4]string{
	{"kettle", "en", "Enamel Kettle 1.5 l", "Whistling kettle for gas and induction."},
	{"teapot", "en", "Stoneware Teapot", "Holds 750 ml, with a fine sieve."},
	{"mug", "en", "Camping Mug 350 ml", "Enamel cup that survives a fall."},
	{"grinder", "en", "Hand Coffee Grinder", "Ceramic burrs, from espresso to French press."},
	{"beans", "en", "House Blend Coffee Beans 500 g", "Chocolate and hazelnut, roasted weekly."},
	{"decaf", "en", "Decaf Coffee Beans 250 g", "Water process, mild."},
	{"scarf", "en", "Merino Scarf", "Fine wool, soft on the neck."},
	{"beanie", "en", "Fisherman Beanie", "Ribbed knit hat of recycled wool."},
	{"gloves", "en", "Leather Gloves", "Lined with cashmere, touchscreen fingertips."},
	{"boots", "en", "Chelsea Boots", "Ankle boots of waxed leather with a rubber sole."},
	{"runners", "en", "Road Running Shoes", "Cushioned trainers for daily miles."},
	{"sandals", "en", "Trekking Sandals", "Adjustable straps, grippy sole for wet rocks."},
	{"raincoat", "en", "Packable Raincoat", "Waterproof jacket that folds into its pocket."},
	{"tent", "en", "Two-person Tent", "Freestanding, 2.1 kg, with a vestibule."},
	{"lamp", "en", "Rechargeable Lantern", "Light for the campsite, 40 hours on one charge."},
	{"notebook", "en", "Dotted Notebook A5", "160 pages of 90 g paper, lies flat."},
	{"pen", "en", "Brass Fountain Pen", "Takes standard cartridges, medium nib."},
	{"candle", "en", "Beeswax Candle", "Hand-poured, smells of honey."},
	{"soap", "en", "Olive Oil Soap", "Gentle bar for hands and face, 100 g."},
	{"yoga", "en", "Cork Yoga Mat", "Non-slip, 5 mm thick."},
	{"bottle", "en", "Insulated Water Bottle 0.75 l", "Keeps drinks cold for a day."},
	{"backpack", "en", "Roll-top Backpack", "20 liters, fits a 15 inch laptop."},
	{"guertel", "de", "Ledergürtel", "Schmaler Gürtel aus pflanzlich gegerbtem Leder."},
	{"hausschuhe", "de", "Filzhausschuhe", "Warme Hausschuhe aus Wollfilz mit Gummisohle."},
	{"messer", "de", "Kochmesser 20 cm", "Scharfe Klinge aus Damaststahl, Griff aus Nussbaum."},
	{"brett", "de", "Schneidebrett Eiche", "Massives Brett mit Saftrille."},
	{"echarpe", "fr", "Écharpe légère", "Une écharpe en laine pour les soirées fraîches."},
	{"couteau", "fr", "Couteau pliant", "Lame en acier inoxydable, manche en olivier."},
	{"savon", "fr", "Savon de Marseille", "Savon traditionnel à l'huile d'olive."},
	{"zapatos", "es", "Zapatos de cuero", "Zapatos hechos a mano en Menorca."},
	{"mochila", "es", "Mochila impermeable", "Para la ciudad y la montaña."},
	{"suitou", "ja", "保温水筒", "ステンレス製の水筒です。容量500ml。"},
}

// asked are queries with what should be found, in the words that customers use.
var asked = []struct {
	group, query string
	want         []string
}{
	{"plain", "coffee beans", []string{"beans", "decaf"}},
	{"plain", "leather boots", []string{"boots"}},
	{"plain", "waterproof jacket", []string{"raincoat"}},
	{"plain", "running shoes", []string{"runners"}},
	{"plain", "wool hat", []string{"beanie"}},
	{"plain", "light for camping", []string{"lamp"}},
	{"plain", "something for my neck in winter", []string{"scarf"}},
	{"plain", "do you have a yoga mat that does not slip", []string{"yoga"}},
	{"plain", "pens", []string{"pen"}},
	{"plain", "notebooks with dots", []string{"notebook"}},
	{"plain", "gift that smells of honey", []string{"candle"}},
	{"typo", "cofee grindr", []string{"grinder"}},
	{"typo", "chelsee boots", []string{"boots"}},
	{"typo", "racoat", []string{"raincoat"}},
	{"typo", "insulted botle", []string{"bottle"}},
	{"typo", "merion scraf", []string{"scarf"}},
	{"typo", "bakpack", []string{"backpack"}},
	{"typo", "Ledergürtl", []string{"guertel"}},
	{"code", "GH-GRINDER", []string{"grinder"}},
	{"code", "gh beans", []string{"beans"}},
	{"code", "price of GH-TENT-1?", []string{"tent"}},
	{"code", "gid://shopify/Product/9", []string{"gloves"}},
	{"unit", "kettle 1,5 liter", []string{"kettle"}},
	{"unit", "750ml bottle", []string{"bottle"}},
	{"unit", "coffee 0.5 kg", []string{"beans"}},
	{"unit", "mug 35 cl", []string{"mug"}},
	{"unit", "laptop bag 15\"", []string{"backpack"}},
	{"language", "gurtel", []string{"guertel"}},
	{"language", "Hausschuh", []string{"hausschuhe"}},
	{"language", "scharfes Messer", []string{"messer"}},
	{"language", "écharpes en laine", []string{"echarpe"}},
	{"language", "couteaux", []string{"couteau"}},
	{"language", "zapato de cuero", []string{"zapatos"}},
	{"language", "mochilas impermeables", []string{"mochila"}},
	{"language", "水筒 500ml", []string{"suitou"}},
	{"meaning", "sneakers", []string{"runners"}},
	{"meaning", "cup", []string{"mug"}},
	{"meaning", "rucksack", []string{"backpack", "mochila"}},
	{"meaning", "thermos", []string{"bottle", "suitou"}},
	{"meaning", "handwarmers", []string{"gloves"}},
}

// TestQuality prints recall among the first five and the mean reciprocal rank, for words,
// vectors and both. The embedder is a stand-in that knows the synonyms below and
// nothing else of meaning, so the table says how the ways complement one another, not
// how good a model is.
func TestQuality(t *testing.T) {
	e := &ragtest.Embedder{Dimensions: 512, Synonyms: map[string]string{
		"sneakers": "trainers", "rucksack": "backpack", "mochila": "backpack", "thermos": "insulated", "保温水筒": "insulated", "handwarmers": "gloves",
	}}
	index := newMemory(t, ragtest.Config{Embedder: e, Language: "en"})
	ids := map[string]string{}
	for i, g := range goods {
		d := rag.Document{ID: fmt.Sprintf("gid://shopify/Product/%d", i+1), Kind: rag.Product, Language: g[1], Title: g[2], Body: g[3], UpdatedAt: time.Unix(1, 0)}
		d.Variants = []rag.Variant{{ID: fmt.Sprintf("gid://shopify/ProductVariant/%d", i+1), SKU: "GH-" + strings.ToUpper(g[0]), Price: decimal.NewFromInt(10)}}
		if g[0] == "tent" {
			d.Variants[0].SKU = "GH-TENT-1"
		}
		ids[g[0]] = d.ID
		require.NoError(t, index.Apply(t.Context(), rag.Put{Document: d}))
	}
	_, err := index.Embed(t.Context())
	require.NoError(t, err)

	modes := []rag.Mode{rag.Lexical, rag.Semantic, rag.Hybrid}
	type score struct{ n, recall, mrr float64 }
	table := map[string]map[rag.Mode]*score{}
	for _, q := range asked {
		for _, group := range []string{q.group, "all"} {
			for _, mode := range modes {
				if table[group] == nil {
					table[group] = map[rag.Mode]*score{}
				}
				if table[group][mode] == nil {
					table[group][mode] = &score{}
				}
				res, err := index.Search(t.Context(), rag.Query{Text: q.query, Mode: mode, K: 5})
				require.NoError(t, err)
				s := table[group][mode]
				s.n++
				first := true
				for rank, h := range res.Hits {
					if slices.ContainsFunc(q.want, func(w string) bool { return ids[w] == h.Document.ID }) {
						s.recall += 1 / float64(len(q.want))
						if first {
							s.mrr += 1 / float64(rank+1)
						}
						first = false
					}
				}
			}
		}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "queries\tn\tlexical\t\tsemantic\t\thybrid\t")
	_, _ = fmt.Fprintln(w, "\t\trecall@5\tMRR\trecall@5\tMRR\trecall@5\tMRR")
	for _, group := range []string{"plain", "typo", "code", "unit", "language", "meaning", "all"} {
		_, _ = fmt.Fprintf(w, "%s\t%.0f", group, table[group][rag.Hybrid].n)
		for _, mode := range modes {
			s := table[group][mode]
			_, _ = fmt.Fprintf(w, "\t%.2f\t%.2f", s.recall/s.n, s.mrr/s.n)
		}
		_, _ = fmt.Fprintln(w)
	}
	require.NoError(t, w.Flush())
	t.Log("\n" + b.String())

	share := func(group string, mode rag.Mode) float64 { return table[group][mode].recall / table[group][mode].n }
	assert.InDelta(t, 1, share("code", rag.Hybrid), 0, "an exact code is always found")
	assert.InDelta(t, 1, share("unit", rag.Hybrid), 0)
	assert.GreaterOrEqual(t, share("typo", rag.Hybrid), 0.99)
	assert.GreaterOrEqual(t, share("language", rag.Hybrid), 0.99)
	assert.GreaterOrEqual(t, share("all", rag.Hybrid), max(share("all", rag.Lexical), share("all", rag.Semantic)), "both are better than one")
	assert.GreaterOrEqual(t, share("all", rag.Hybrid), 0.95)
}
