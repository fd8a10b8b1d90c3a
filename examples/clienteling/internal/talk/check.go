package talk

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A model's sentence is made of words of the facts that it names, of words of their notes
// that are about goods, and of the words below, which say nothing by themselves. It cannot
// deny anything, since "not" is not among them, nor say what the facts do not.
var allowed = wordSet(`
a about after again all an and any are as ask at back be been before begin bring by can check could did do does doing feel find first for from
get give glad good great has have help here how if in into is it its just know last let like liked look love may mention more now of offer on one or
our out over perhaps please recall remember right see shall should show since so some start still suits tell thank thanks that the their
them then there these they this those time to today together turned up us visit visits was we welcome well were what when whether which
while with would you your works working wear wearing follow first raise suggest happy keep kept promise promised open overdue due noted note service occasion new
loyal customer ready point out talk`)

// forbidden are never let through, whatever a fact says: what binds the shop, what is
// about the person's body or money, and what leads elsewhere.
var forbidden = newTerms(`
free gratis discount discounts discounted sale bargain percent price prices priced cost costs cheap cheaper expensive refund refunds refunded guarantee guaranteed
warranty voucher coupon code codes gift-card gift-cards credit euro euros dollar dollars pound pounds cent cents usd eur gbp half
always never everything nothing must deliver delivered delivery ship shipped tomorrow
http https www com email mail phone call link website click scan password pin address
he she his her hers him husband wife boyfriend girlfriend son daughter mother father age old young fat thin body weight beautiful ugly sexy
ignore disregard instruction instructions system prompt assistant model ai script`)

func wordSet(list string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		out[w] = true
	}
	return out
}

// maxSay is the longest sentence of a model, in characters.
const maxSay = 140

// The reasons why a sentence is not let through.
var (
	errLength     = errors.New("empty or too long")
	errCharacter  = errors.New("a character that a sentence may not have")
	errSentences  = errors.New("more than one sentence")
	errTopic      = errors.New("a sensitive topic")
	errForbidden  = errors.New("a word that is never let through")
	errUngrounded = errors.New("a word or figure that the facts do not have")
	errEmpty      = errors.New("nothing of the facts is in it")
)

// Check says why a sentence must not be shown as resting on these facts, or nil.
func Check(say string, facts []Fact) error {
	if n := utf8.RuneCountInString(say); n == 0 || n > maxSay {
		return errLength
	}
	// Lookalikes of Latin letters are other letters, or become some by NFKC.
	if !norm.NFKC.IsNormalString(say) || !plain(say) {
		return errCharacter
	}
	if at := strings.IndexAny(say, ".!?"); at >= 0 && at < len(say)-1 {
		return errSentences
	}
	if Sensitive(say) {
		return errTopic
	}
	said := words(say)
	if forbidden.in(said) {
		return errForbidden
	}
	known := vocabulary(facts...)
	for _, w := range said {
		if !known[w] && !allowed[w] {
			return errUngrounded
		}
	}
	if !restsOn(said, known) {
		return errEmpty
	}
	return nil
}

// vocabulary is the words that facts give a sentence.
func vocabulary(facts ...Fact) map[string]bool {
	known := map[string]bool{}
	for _, f := range facts {
		for _, w := range words(f.Text) {
			known[w] = true
		}
		for w, ok := range f.sayable {
			known[w] = known[w] || ok
		}
	}
	return known
}

// restsOn says whether a sentence has something of a vocabulary, beyond what says nothing
// by itself.
func restsOn(said []string, vocabulary map[string]bool) bool {
	return slices.ContainsFunc(said, func(w string) bool { return vocabulary[w] && (!allowed[w] || isFactWord(w)) })
}

// isFactWord says whether a word is of the kind of a fact, though the list has it too.
func isFactWord(w string) bool {
	switch w {
	case "promise", "occasion", "service", "new", "loyal":
		return true
	}
	return false
}

// plain says whether a text is of Latin letters, ASCII digits and ordinary punctuation,
// which is followed by a space, so that nothing looks like an address.
func plain(text string) bool {
	runes := []rune(text)
	word := func(i int) bool {
		return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) && unicode.Is(unicode.Latin, runes[i]) || runes[i] >= '0' && runes[i] <= '9')
	}
	space := func(i int) bool { return i < 0 || i >= len(runes) || runes[i] == ' ' }
	for i, r := range runes {
		ok := false
		switch {
		case word(i), r == ' ':
			ok = true
		case strings.ContainsRune(".,;:!?", r):
			ok = (word(i-1) || i > 0 && runes[i-1] == ')') && space(i+1)
		case strings.ContainsRune("-'’", r):
			ok = word(i-1) && word(i+1)
		case r == '&', r == '–', r == '—':
			ok = space(i-1) && space(i+1)
		case r == '(':
			ok = space(i-1) && word(i+1)
		case r == ')':
			ok = word(i - 1)
		}
		if !ok {
			return false
		}
	}
	return true
}

// crafts are words of notes that a model may repeat: what is done to goods, and what
// goods are.
var crafts = wordSet(`
alteration alterations altered tailor tailored hem hems hemmed sleeve sleeves shorten shortened lengthen take taken let waist collar cuff cuffs button buttons zip zipper
lining repair repaired resole resoled sole soles heel heels stitch stitched clean cleaned polish polished engrave engraved engraving resize resized fit fitting fittings adjust adjusted
strap buckle lace laces clasp chain ring necklace bracelet watch size sizes color colors navy black white brown gray grey green red blue beige camel cream
coat coats jacket jackets shirt shirts trousers jeans dress dresses skirt skirts suit suits sweater sweaters knitwear scarf scarves hat hats gloves shoe shoes boot boots sneakers sandals
bag bags belt belts wallet lamp cushion cushions blanket towel towels rug candle candles gift gifts birthday anniversary wedding dinner party graduation holiday trip
picked pick collected collect ordered restocked restock arrives arrived arrive parcel`)

// instructions are words by which a note is taken for one that speaks to a model. Notes in
// other than Latin letters are told to none.
var instructions = newTerms(`
ignor* disregard* forget overrid* instruct* system prompt* assistant* model models ai gpt llm chatbot bot output*
respond* response* reply replies print repeat* answer* write say tell pretend role roleplay developer admin json xml html script* token* secret* password* jailbreak rule rules policy
anweis* vergiss antwort* schreib* sage regel* systemnachricht consigne* repond* ecri* oublie* instruc* olvida* escribe responde* istruz* dimentica* scrivi rispond* negeer* vergeet schrijf zignoruj* polecen*`)

// noteWords is the text of a note as a model may read it, or "": a note that holds a
// sensitive topic, an instruction, a figure or markup is not told.
func noteWords(text string) string {
	if len(text) > maxNoteInWords {
		text = text[:maxNoteInWords]
		text = text[:strings.LastIndexByte(text, ' ')+1]
	}
	text = strings.Join(strings.Fields(text), " ")
	if text == "" || !utf8.ValidString(text) || !norm.NFKC.IsNormalString(text) || Sensitive(text) {
		return ""
	}
	for _, r := range text {
		letter := unicode.IsLetter(r) && unicode.Is(unicode.Latin, r)
		if !letter && !strings.ContainsRune(" .,;:!?'’-–—&()", r) {
			return ""
		}
	}
	if instructions.in(words(text)) {
		return ""
	}
	return text
}
