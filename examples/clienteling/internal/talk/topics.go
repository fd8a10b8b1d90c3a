package talk

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// topics are what is never a talking point, whatever a note says: the special categories
// of personal data of Article 9 of the GDPR, and what hurts in the same way. Each is a
// list of words in the languages of most notes; a word that ends with * stands for all
// that begin so. A thing's own name counts as well: whoever bought a pregnancy pillow is
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
		pray* bible quran koran kosher halal ramadan hijab* hejab* kippa* baptis* communion confirmation bar-mitzvah mitzvah
		kirche* moschee* katholi* evangelisch* moslem* judisch* jude juden glaube* gebet* taufe* konfirmation kopftuch* eglise* juif juive musulman* chretien* catolic*`,
	"origin": `ethnic* racial racist race immigrant* immigrat* refugee* migrant* migration foreigner* asylum nationality citizenship visa tribe
		african* arab arabs arabic asian* chinese japanese korean* indian* mexican* latino* latina* hispanic* turk turks turkish russian* ukrainian* polish romani gypsy gypsies
		auslander* fluchtling* herkunft turke turkin russe russin pole polin etranger* immigre* extranjer* skin-color`,
	"sexuality and gender": `gay lesbian* bisexual* homosexual* heterosexual* queer transgender* transsexual* trans lgbt* sexual* sex schwul* lesbisch* sexuell*`,
	"politics and unions": `politic* republican* democrat* socialist* communist* liberal conservative* vote votes voted voting election* party-member union unions unionist* strike
		politi* partei* wahl wahlen gewerkschaft* streik*`,
	"money troubles": `income salary salaries wage wages debt debts indebted bankrupt* insolven* loan loans mortgage* credit overdraft unemploy* jobless laid-off fired welfare poor
		wealth* rich broke afford* gehalt* schulden* pleite insolvenz* kredit* arbeitslos* hartz burgergeld lohn armut dette* chomage* deuda* desemple* debit*`,
	"crime": `crime* criminal* police arrest* prison* jail convict* theft thief thieves stole stolen steal* shoplift* fraud* lawsuit* suspect*
		polizei* gefangnis* diebstahl* dieb betrug* vorbestraft*`,
}

var sensitiveWords, sensitiveStems = split(topics)

func split(topics map[string]string) (exact map[string]bool, stems []string) {
	exact = map[string]bool{}
	for _, list := range topics {
		for w := range strings.FieldsSeq(list) {
			if stem, ok := strings.CutSuffix(w, "*"); ok {
				stems = append(stems, stem)
			} else {
				exact[w] = true
			}
		}
	}
	return exact, stems
}

// Sensitive says whether a text touches a topic that is never a talking point: health,
// pregnancy and family troubles, religion and belief, origin, sexuality and gender, politics
// and unions, money troubles, crime. It goes by words, of English and the commonest of
// German, French, Spanish, Italian and Dutch, so that it also refuses what is harmless, and
// does not know what is said in other words.
func Sensitive(text string) bool {
	for _, w := range words(text) {
		if sensitiveWords[w] {
			return true
		}
		for _, stem := range sensitiveStems {
			if strings.HasPrefix(w, stem) {
				return true
			}
		}
	}
	return false
}

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
