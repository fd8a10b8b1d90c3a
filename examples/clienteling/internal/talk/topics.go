package talk

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// topics are what is never a talking point, whatever a note says: the special categories
// of personal data of Article 9 of the GDPR, and what hurts in the same way. Each is a
// list of words in the languages of most notes, in the form of newTerms. A thing's own name counts as well: whoever bought a pregnancy pillow is
// not asked how they like it.
//
//nolint:misspell // other languages
var topics = map[string]string{
	"health": `health illness ill sick sickness disease* disorder* diagnos* symptom* medic* doctor doctors hospital* clinic* surgery surgeon* therap* treatment*
		cancer* tumor* tumour* diabet* asthma* allerg* arthrit* epilep* dement* alzheimer* stroke hiv aids covid* depress* anxiety anxious bipolar autis* adhd
		disab* wheelchair* prosthe* blind deaf chemo* pills pill injur* pain addict* alcoholi* rehab rehabilitation anorex* bulimi* obes* overweight diet dieting
		gesund* krank* arzt arztin klinik* operation krebs* diabetik* allergi* behindert* rollstuhl* schmerz* sucht* ubergewicht* therapeut*
		malade* maladie* sante hopital* medecin* enfermo enferma enfermedad* salud cancer malato malata malattia* ospedale* ziek* ziekte*`,
	"pregnancy and family": `pregnan* expecting maternity trimester miscarr* fertil* infertil* ivf abort* birth newborn* baby babies nursing breastfeed* stroller
		divorc* separated separation widow* funeral* deceased died death dead bereave* grief grieving affair custody
		schwanger* geburt* baby gescheid* scheidung* verwitwet* witwe* beerdigung* gestorben verstorben tot todesfall* trauer*
		enceinte* grossesse* divorce* veuf veuve deuil* embaraz* divorci* viud* incinta gravidanza* zwanger*`,
	"religion and belief": `religio* church* mosque* synagogue* temple christian* catholic* protestant* muslim* islam* jew jews jewish judaism hindu* buddhis* sikh* atheis* faith
		pray* bible quran koran kosher halal ramadan hijab* hejab* kippa* baptis* communion confirmation mitzvah
		kirche* moschee* katholi* evangelisch* moslem* judisch* jude juden glaube* gebet* taufe* konfirmation kopftuch* eglise* juif juive musulman* chretien* catolic*`,
	"origin": `ethnic* racial racist race immigrant* immigrat* refugee* migrant* migration foreigner* asylum nationality citizenship visa tribe
		african* arab arabs arabic asian* chinese japanese korean* indian* mexican* latino* latina* hispanic* turk turks turkish russian* ukrainian* polish romani gypsy gypsies
		auslander* fluchtling* herkunft turke turkin russe russin pole polin etranger* immigre* extranjer* skin-color* skin-colour*`,
	"sexuality and gender": `gay lesbian* bisexual* homosexual* heterosexual* queer transgender* transsexual* trans lgbt* sexual* sex schwul* lesbisch* sexuell*`,
	"politics and unions": `politic* republican* democrat* socialist* communist* liberal conservative* vote votes voted voting election* party-member* union unions unionist* strike
		politi* partei* wahl wahlen gewerkschaft* streik*`,
	"money troubles": `income salary salaries wage wages debt debts indebted bankrupt* insolven* loan loans mortgage* credit overdraft unemploy* jobless laid-off fired welfare poor
		wealth* rich broke afford* gehalt* schulden* pleite insolvenz* kredit* arbeitslos* hartz burgergeld lohn armut dette* chomage* deuda* desemple* debit*`,
	"crime": `crime* criminal* police arrest* prison* jail convict* theft thief thieves stole stolen steal* shoplift* fraud* lawsuit* suspect*
		polizei* gefangnis* diebstahl* dieb betrug* vorbestraft*`,
}

var sensitive = newTerms(slices.Collect(maps.Values(topics))...)

// terms are words and phrases to look for in a text.
type terms struct {
	words    map[string]bool
	patterns []string // stems and phrases, after a space: where they may begin
}

// newTerms reads lists of words. One that ends with * stands for all that begin so, one
// with hyphens for a phrase, however its words are joined.
func newTerms(lists ...string) terms {
	t := terms{words: map[string]bool{}}
	for w := range strings.FieldsSeq(strings.Join(lists, " ")) {
		stem, isStem := strings.CutSuffix(w, "*")
		pattern := " " + strings.ReplaceAll(stem, "-", " ")
		switch {
		case isStem:
			t.patterns = append(t.patterns, pattern)
		case strings.Contains(stem, "-"):
			t.patterns = append(t.patterns, pattern+" ")
		default:
			t.words[w] = true
		}
	}
	return t
}

// in says whether one of the terms is among the words of a text.
func (t terms) in(said []string) bool {
	if slices.ContainsFunc(said, func(w string) bool { return t.words[w] }) {
		return true
	}
	text := " " + strings.Join(said, " ") + " "
	return slices.ContainsFunc(t.patterns, func(p string) bool { return strings.Contains(text, p) })
}

// Sensitive says whether a text touches a topic that is never a talking point: health,
// pregnancy and family troubles, religion and belief, origin, sexuality and gender, politics
// and unions, money troubles, crime. It goes by words, of English and the commonest of
// German, French, Spanish, Italian and Dutch, so that it also refuses what is harmless, and
// does not know what is said in other words.
func Sensitive(text string) bool { return sensitive.in(words(text)) }

// words are the runs of letters and digits of a text, in lower case without accents.
// What does not show is no part of them, and letters that look like others in another
// width are those.
func words(text string) []string {
	text = strings.ToLower(norm.NFKD.String(text))
	text = strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f || unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return -1
		}
		return r
	}, text)
	return strings.FieldsFunc(strings.ReplaceAll(text, "ß", "ss"), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
