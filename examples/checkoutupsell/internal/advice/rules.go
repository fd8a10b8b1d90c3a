package advice

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Rules are the limits that nothing and nobody goes beyond: no model, no till and no
// manager. Amounts are in the shop's currency.
type Rules struct {
	Name     string `json:"name"`
	Currency string `json:"currency"` // ISO 4217

	// MaxSuggestions is how many products an offer has, 1 to 10.
	MaxSuggestions int `json:"max_suggestions"`

	// MinMargin is the least share of the price that has to be left above the cost, 0
	// to 1: what is below it is not suggested, and no discount goes below it. A
	// product without a known cost may be suggested, and is never discounted.
	MinMargin decimal.Decimal `json:"min_margin"`

	// AssociatePercent is the largest discount that needs nobody else, and
	// ManagerPercent the largest that a manager may give, in percent of the price.
	AssociatePercent int `json:"associate_percent"`
	ManagerPercent   int `json:"manager_percent"`

	// AskAbove is the amount off above which a manager is asked, whatever the percent,
	// and MaxOff that above which the answer is no.
	AskAbove decimal.Decimal `json:"ask_above"`
	MaxOff   decimal.Decimal `json:"max_off"`

	// StockAge says what is proposed for goods that have not been sold for so many
	// days, by growing age.
	StockAge []AgeStep `json:"stock_age"`
	// RegularOrders is from how many orders on somebody gets RegularPercent more, where
	// there is a proposal at all. Zero is never.
	RegularOrders  int `json:"regular_orders"`
	RegularPercent int `json:"regular_percent"`

	// NoDiscountTypes are product types that are never discounted. Gift cards never
	// are, nor suggested.
	NoDiscountTypes []string `json:"no_discount_types"`

	// WarrantyType is the product type of protection plans; one is suggested with goods
	// of at least WarrantyFrom, if it costs at most WarrantyShare of them.
	WarrantyType  string          `json:"warranty_type"`
	WarrantyFrom  decimal.Decimal `json:"warranty_from"`
	WarrantyShare decimal.Decimal `json:"warranty_share"`

	// OfferMinutes is how long an offer holds, CodeMinutes how long a discount code
	// does, and DecideMinutes how long a manager has: somebody waits at the register.
	OfferMinutes  int `json:"offer_minutes"`
	CodeMinutes   int `json:"code_minutes"`
	DecideMinutes int `json:"decide_minutes"`

	digest string
}

// AgeStep is one step of [Rules].StockAge.
type AgeStep struct {
	Days    int `json:"days"`
	Percent int `json:"percent"`
}

//go:embed rules.json
var defaultRules []byte

// DefaultRules returns the rules in rules.json.
func DefaultRules() *Rules {
	r, err := ReadRules(bytes.NewReader(defaultRules))
	if err != nil {
		panic("advice: rules.json: " + err.Error()) // a test reads it
	}
	return r
}

// ErrRules is what errors about rules match.
var ErrRules = errors.New("advice: invalid rules")

// maxRules bounds a file of rules, in bytes.
const maxRules = 64 << 10

// ReadRules reads rules from JSON, strictly. Errors match [ErrRules].
func ReadRules(r io.Reader) (*Rules, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxRules+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxRules {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrRules, maxRules)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var out Rules
	if err := dec.Decode(&out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRules, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows them", ErrRules)
	}
	if err := out.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRules, err)
	}
	canonical, err := json.Marshal(&out)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(canonical)
	out.digest = hex.EncodeToString(sum[:])
	return &out, nil
}

// Version names the rules and their content.
func (r *Rules) Version() string { return r.Name + "-" + r.digest[:min(len(r.digest), 12)] }

func (r *Rules) check() error {
	one := decimal.NewFromInt(1)
	// The exponent first: to compare 1e-999999999 with anything takes a gigabyte.
	small := func(d decimal.Decimal) bool { return d.Exponent() >= -6 && d.Exponent() <= 6 && !d.IsNegative() }
	share := func(d decimal.Decimal) bool { return small(d) && d.LessThanOrEqual(one) }
	amount := func(d decimal.Decimal) bool {
		return small(d) && d.LessThanOrEqual(decimal.NewFromInt(1_000_000_000))
	}
	minutes := func(n, most int) bool { return n >= 1 && n <= most }
	switch {
	case r.Name == "" || len(r.Name) > 40 || strings.ContainsFunc(r.Name, func(c rune) bool { return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') }):
		return errors.New("name must be 1 to 40 small letters, digits and dashes")
	case len(r.Currency) != 3 || strings.ToUpper(r.Currency) != r.Currency:
		return errors.New("currency must be a code such as USD")
	case r.MaxSuggestions < 1 || r.MaxSuggestions > 10:
		return errors.New("max_suggestions must be 1 to 10")
	case !share(r.MinMargin) || !share(r.WarrantyShare):
		return errors.New("min_margin and warranty_share must be 0 to 1")
	case r.AssociatePercent < 0 || r.ManagerPercent < r.AssociatePercent || r.ManagerPercent > 90:
		return errors.New("percents must be 0 to 90, the manager's not below the associate's")
	case !amount(r.AskAbove) || !amount(r.MaxOff) || !amount(r.WarrantyFrom) || r.MaxOff.LessThan(r.AskAbove):
		return errors.New("amounts must not be negative, max_off not below ask_above")
	case r.RegularOrders < 0 || r.RegularPercent < 0 || r.RegularPercent > 90:
		return errors.New("regular_orders and regular_percent must not be negative")
	case !minutes(r.OfferMinutes, 24*60) || !minutes(r.CodeMinutes, 24*60) || !minutes(r.DecideMinutes, 24*60):
		return errors.New("minutes must be 1 to 1440")
	case len(r.StockAge) > 20 || !slices.IsSortedFunc(r.StockAge, func(a, b AgeStep) int { return a.Days - b.Days }):
		return errors.New("stock_age must be at most 20 steps by growing age")
	}
	for _, s := range r.StockAge {
		if s.Days < 1 || s.Percent < 1 || s.Percent > 90 {
			return errors.New("a step of stock_age needs days and a percent of 1 to 90")
		}
	}
	return nil
}
