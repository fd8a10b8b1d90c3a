package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/fraudguard/internal/risk"
)

// The kinds of audit entries that the guard writes beside those of the queue, and
// the action that they are about.
const (
	kindAssessed audit.Kind = "assessed"
	kindFlagged  audit.Kind = "flagged"

	actionTransaction = "fraudguard.transaction"
)

// Verdict is what is on record about a transaction.
type Verdict struct {
	risk.Transaction
	risk.Assessment
	// Question is the key of the question that the register asked before, if
	// the transaction was judged then.
	Question string
	// PartOf is the key of the transaction that this is further evidence for.
	// It is not a transaction of its own.
	PartOf  string
	Channel string // "pos" or "webhook"
	// JudgedAt is when it was judged, which may be later than it happened.
	JudgedAt time.Time

	Index int64  // of the audit entry
	Leaf  string // its hash
}

// counts says whether the verdict is about a transaction that no other one is
// about.
func (v *Verdict) counts() bool { return v.Question == "" && v.PartOf == "" }

// order is the key of the order that the verdict is about, or "".
func (v *Verdict) order() string {
	switch {
	case v.PartOf != "":
		return v.PartOf
	case v.Kind == risk.Return:
		return v.Receipt
	case strings.HasPrefix(v.Key, "order/"):
		return v.Key
	}
	return ""
}

func entryID(kind audit.Kind, shop, key string) string { return string(kind) + "/" + shop + "/" + key }

// orderGID is the GID of "order/1001".
func orderGID(key string) string {
	number, ok := strings.CutPrefix(key, "order/")
	if !ok {
		return ""
	}
	return "gid://shopify/Order/" + number
}

// personal are the types of subjects whom the log names by pseudonym. Their ids are
// in sealed parts, each under the key of its own.
var personal = []string{typeCustomer, typeStaff}

const (
	typeCustomer = "customer"
	typeStaff    = "staff"
)

// subjects are what an entry about the transaction is about.
func (v *Verdict) subjects() []audit.Subject {
	list := []audit.Subject{{Type: "transaction", ID: v.Key}}
	for _, s := range []audit.Subject{
		{Type: "transaction", ID: v.Question}, {Type: "order", ID: orderGID(v.order())}, {Type: typeCustomer, ID: v.Customer}, {Type: typeStaff, ID: v.Associate}, {Type: "register", ID: v.Register},
	} {
		if s.ID != "" {
			list = append(list, s)
		}
	}
	return list
}

// correlation ties the entries of one transaction together: by the order where
// there is one, so that they stand in its trail.
func (v *Verdict) correlation() string {
	if gid := orderGID(v.order()); gid != "" {
		return gid
	}
	return v.Key
}

// entry is what goes on record. The texts of the reasons are in it: they have
// numbers, no personal data. Who it was about is sealed.
func (v *Verdict) entry(shop string) audit.Entry {
	e := audit.Entry{
		ID: entryID(kindAssessed, shop, v.Key), Time: v.JudgedAt, Kind: kindAssessed, Correlation: v.correlation(), Shop: shop, Location: v.Location,
		Actor: audit.Actor{Type: audit.System, ID: self.ID, Channel: v.Channel}, Action: actionTransaction, Subjects: v.subjects(),
		Policy: &audit.Policy{Version: v.Policy},
		Attributes: map[string]string{
			"key": v.Key, "transaction": string(v.Kind), "at": v.At.UTC().Format(time.RFC3339Nano), "amount": v.Amount.String(),
			"score": strconv.FormatFloat(v.Score, 'f', 6, 64), "anomaly": strconv.FormatFloat(v.Anomaly, 'f', 6, 64),
		},
	}
	for name, value := range map[string]string{
		"register": v.Register, "receipt": v.Receipt, "tenders": strings.Join(v.Tenders, ","),
		"question": v.Question, "part_of": v.PartOf, "forest": v.Forest, "codes": strings.Join(v.Codes(), ","),
		"discount": nonZero(v.Discount), "gift_cards": nonZero(giftCards(&v.Transaction)),
	} {
		if value != "" {
			e.Attributes[name] = value
		}
	}
	for _, who := range []audit.Subject{{Type: typeCustomer, ID: v.Customer}, {Type: typeStaff, ID: v.Associate}} {
		if who.ID != "" {
			e.Sealed = append(e.Sealed, audit.Part{Name: who.Type, Data: []byte(who.ID), Subjects: []audit.Subject{who}})
		}
	}
	for i, r := range v.Reasons {
		if i == maxReasons {
			break
		}
		e.Attributes[fmt.Sprintf("reason%d", i+1)] = fmt.Sprintf("%s %.3f %s", r.Code, r.Strength, r.Text)
	}
	return e
}

// sealed is the content of a part, or "".
func sealed(e audit.Entry, name string) string {
	for _, p := range e.Sealed {
		if p.Name == name {
			return string(p.Data)
		}
	}
	return ""
}

// maxReasons is how many reasons are put on record with their texts.
const maxReasons = 8

func nonZero(d decimal.Decimal) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func giftCards(t *risk.Transaction) decimal.Decimal {
	sum := decimal.Zero
	for _, l := range t.Lines {
		if l.GiftCard {
			sum = sum.Add(l.UnitPrice.Mul(decimal.NewFromInt(int64(l.Quantity))))
		}
	}
	return sum
}

// verdict reads an entry of kindAssessed back. Who was erased since is nobody.
func (g *guard) verdict(ctx context.Context, r audit.Record) (*Verdict, error) {
	r, err := g.log.Unseal(ctx, r)
	if err != nil {
		return nil, err
	}
	return verdictOf(r)
}

// verdictOf reads an unsealed entry. What an audit log of this program holds is in
// its form; anything else is an error.
func verdictOf(r audit.Record) (*Verdict, error) {
	e, bad := r.Entry, false
	get := func(name string) string { return e.Attributes[name] }
	float := func(name string) float64 {
		f, err := strconv.ParseFloat(get(name), 64)
		bad = bad || err != nil
		return f
	}
	number := func(text string) decimal.Decimal {
		if text == "" {
			return decimal.Zero
		}
		d, err := decimal.NewFromString(text)
		bad = bad || err != nil
		return d
	}
	at, err := time.Parse(time.RFC3339Nano, get("at"))
	bad = bad || err != nil
	v := &Verdict{
		Transaction: risk.Transaction{
			Key: get("key"), Kind: risk.Kind(get("transaction")), At: at, Location: e.Location, Register: get("register"), Associate: sealed(e, typeStaff),
			Customer: sealed(e, typeCustomer), Amount: number(get("amount")), Discount: number(get("discount")), Receipt: get("receipt"),
		},
		Assessment: risk.Assessment{Score: float("score"), Anomaly: float("anomaly"), Forest: get("forest"), Reasons: []risk.Reason{}},
		Question:   get("question"), PartOf: get("part_of"), Channel: e.Actor.Channel, JudgedAt: e.Time, Index: r.Index, Leaf: r.LeafHash.String(),
	}
	if e.Policy != nil {
		v.Policy = e.Policy.Version
	}
	if t := get("tenders"); t != "" {
		v.Tenders = strings.Split(t, ",")
	}
	if gift := number(get("gift_cards")); gift.IsPositive() {
		v.Lines = []risk.Line{{Quantity: 1, UnitPrice: gift, GiftCard: true}}
	}
	for i := range maxReasons {
		text, ok := e.Attributes[fmt.Sprintf("reason%d", i+1)]
		if !ok {
			break
		}
		code, rest, _ := strings.Cut(text, " ")
		strength, words, _ := strings.Cut(rest, " ")
		f, err := strconv.ParseFloat(strength, 64)
		bad = bad || err != nil
		v.Reasons = append(v.Reasons, risk.Reason{Code: risk.Code(code), Strength: f, Text: words})
	}
	if bad || e.Kind != kindAssessed {
		return nil, fmt.Errorf("audit entry %d is not a verdict of this program", r.Index)
	}
	return v, nil
}
