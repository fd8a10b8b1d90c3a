package main

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/posai-go/posai/ai/rag"
)

// What a model may say in its own words is one sentence beside a product, and that
// sentence cannot be a claim about the shop: it is made of describing words of a short
// list and of words that the product's own description has, and none of them is about
// figures, money, stock or places. A list of what is forbidden would have to know every
// way to write a number; this one has to know only what is allowed. What is forbidden
// all the same are words that descriptions have and that would be claims here.

// allowed are the words that a sentence may have besides the product's own.
var allowed = wordSet(`
a also always an and another any are as at be because beside both but by can casual choice classic clean color
comfortable compare compared cool cosy cozy dark day days deep delicate does dress dressed dressy durable easy elegant
enough especially even evening every everyday example feel feels fine fit fits fitted for formal friend from gift give
go goes good great hard heavy if ideal in instead into is it its kind layer layers lasting lasts light lighter
like long loose look looks lovely made make makes match matches material may might more most mostly natural neat
nice nor not of on or ordinary other others outfit over pair pairs perhaps person plain practical pretty quite rather relaxed
robust same sharp should similar simple slim smart smooth so soft softer solid someone sporty strong style sturdy subtle such suit
suitable suits summer tend tends than that the their them then they thick thin this to together too traditional
under unlike useful usual very versatile warm warmer wear wearing wears well when which while who wide will winter with
without work works would yet you your`)

// forbidden are words that are never let through, in the languages of most who ask:
// numbers, money, stock, places and times of having, and what sends people elsewhere.
var forbidden = wordSet(`
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand thousands million dozen dozens
couple several single double triple twice thrice half quarter third both-of pairs-of first second last few many plenty
lots least fewer none nil
price priced prices pricing cost costs costing cheap cheaper cheapest expensive dollar dollars cent cents euro euros pound
pounds quid buck bucks yen franc francs krona usd eur gbp discount discounted discounts sale reduced off free percent
bargain deal offer offers save saves saving savings value worth budget affordable pay paid paying refund refunds money
stock stocked stocks available availability unavailable sold left remaining remains gone have has had having here there
store stores shop shops shelf shelves warehouse backroom online today tomorrow yesterday now soon currently get gets find
order ordered reserve reserved hold delivery ship ships shipping arrive arrives
call email mail visit website link click scan code sku barcode gtin ean upc
allergy allergic allergen vegan organic certified cure cures treats treat medical safe nontoxic hypoallergenic
null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig vierzig fünfzig hundert tausend
dutzend preis kostet kosten euro vorrat vorrätig lager verfügbar ausverkauft kostenlos gratis rabatt
un deux trois quatre cinq six sept huit neuf dix onze douze vingt trente quarante cinquante cent mille prix coûte stock
dos tres cuatro cinco seis siete ocho nueve diez once doce veinte treinta cuarenta cincuenta cien mil precio cuesta
due tre quattro cinque sei sette otto nove dieci undici dodici venti trenta quaranta cinquanta prezzo costa
een twee drie vijf zes zeven acht negen tien prijs
um dois três quatro sete oito nove dez preço`)

func wordSet(list string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		out[w] = true
	}
	return out
}

// maxWhy is the longest sentence of a model, in characters.
const maxWhy = 200

// The reasons why a sentence is not let through.
var (
	errTooLong    = errors.New("the sentence is too long or empty")
	errCharacter  = errors.New("a character that a sentence may not have")
	errClaim      = errors.New("a word that is a claim about figures, stock or places")
	errUngrounded = errors.New("a word that neither the product nor the list has")
)

// vocabulary is what a sentence about products may be made of, besides allowed.
type vocabulary map[string]bool

func vocabularyOf(docs ...rag.Document) vocabulary {
	v := vocabulary{}
	for i := range docs {
		d := &docs[i]
		texts := append([]string{d.Title, d.Type, d.Vendor, d.Body}, d.Tags...)
		for _, variant := range d.Variants {
			texts = append(texts, variant.Title)
		}
		for _, text := range texts {
			for _, sentence := range sentences(text) {
				if claimsSomething(sentence) {
					continue // its words are not for claims either
				}
				for _, w := range words(sentence) {
					v[w] = true
				}
			}
		}
	}
	return v
}

// words are the runs of letters of a text, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(norm.NFC.String(text)), func(r rune) bool { return !unicode.IsLetter(r) })
}

// check says why a sentence is not let through, or nil.
func (v vocabulary) check(text string) error {
	if text == "" || utf8.RuneCountInString(text) > maxWhy {
		return errTooLong
	}
	// Lookalikes of Latin letters are other letters, or become some by NFKC: a sentence
	// that it changes is not let through.
	if !norm.NFKC.IsNormalString(text) {
		return errCharacter
	}
	if !plainSentence(text) {
		return errCharacter
	}
	for _, w := range words(text) {
		switch {
		case forbidden[w]:
			return errClaim
		case !allowed[w] && !v[w]:
			return errUngrounded
		}
	}
	return nil
}

// plainSentence says whether a text is of Latin letters and ordinary punctuation: marks
// are followed by a space, so that nothing looks like an address; hyphens and apostrophes
// stand between letters, dashes between spaces.
func plainSentence(text string) bool {
	runes := []rune(text)
	letter := func(i int) bool {
		return i >= 0 && i < len(runes) && unicode.IsLetter(runes[i]) && unicode.Is(unicode.Latin, runes[i])
	}
	space := func(i int) bool { return i < 0 || i >= len(runes) || runes[i] == ' ' }
	for i, r := range runes {
		ok := false
		switch {
		case letter(i), r == ' ':
			ok = true
		case strings.ContainsRune(".,;:!?", r):
			ok = letter(i-1) && space(i+1)
		case strings.ContainsRune("-'’", r):
			ok = letter(i-1) && letter(i+1)
		case r == '–' || r == '—':
			ok = space(i-1) && space(i+1)
		}
		if !ok {
			return false
		}
	}
	return true
}

// visible says whether a character shows by itself and leaves the direction of others
// alone.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Zl, r) && !unicode.Is(unicode.Zp, r) && !unicode.Is(unicode.Cf, r) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// claims are words by which a sentence of a product's description is taken for a claim
// about price or stock. Those are told from the shop's figures alone, whatever a
// description says.
var claims = wordSet(`
price priced prices cost costs dollar dollars cent cents euro euros pound pounds usd eur gbp cad aud chf jpy discount discounted sale reduced
off free percent bargain deal offer stock stocked available unavailable sold sku barcode http https www com
preis kostet vorrat lager ausverkauft rabatt prix coûte précio precio prezzo`)

// maxAbout is how much of a description a card shows, in characters.
const maxAbout = 300

// quotable is the beginning of a description, without sentences that speak of prices
// or stock, or that send people elsewhere.
func quotable(text string) string {
	var b strings.Builder
	runes := 0
	for _, sentence := range sentences(text) {
		if claimsSomething(sentence) {
			continue
		}
		sentence = plain(sentence)
		n := utf8.RuneCountInString(sentence) + 1
		if sentence == "" || runes+n > maxAbout {
			continue
		}
		if runes > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(sentence)
		runes += n
	}
	return b.String()
}

func claimsSomething(sentence string) bool {
	// As it would look without what does not show, and with lookalikes in one form.
	sentence = norm.NFKC.String(strings.Map(func(r rune) rune {
		if !visible(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, sentence))
	for _, r := range sentence {
		if unicode.Is(unicode.Sc, r) || r == '%' || r == '@' || r == '<' || r == '>' || unicode.IsDigit(r) && r > '9' {
			return true
		}
	}
	for _, w := range words(sentence) {
		if claims[w] {
			return true
		}
	}
	return false
}

// sentences splits a text after full stops, marks and line feeds.
func sentences(text string) []string {
	var out []string
	start := 0
	for i, r := range text {
		end := i + utf8.RuneLen(r)
		if r == '\n' || strings.ContainsRune(".!?", r) && (end == len(text) || text[end] == ' ' || text[end] == '\n') {
			out = append(out, text[start:end])
			start = end
		}
	}
	return append(out, text[start:])
}
