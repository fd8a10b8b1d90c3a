package risk

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Code names a reason.
type Code string

// The reasons that rules give. What each compares with which of its rule's
// parameters, [ruleBook] says.
const (
	ReturnWithoutReceipt Code = "RETURN_WITHOUT_RECEIPT"
	ReturnNotBought      Code = "RETURN_NOT_BOUGHT"
	ReturnHighValue      Code = "RETURN_HIGH_VALUE"
	ReturnLate           Code = "RETURN_LATE"
	ReturnSameAssociate  Code = "RETURN_SAME_ASSOCIATE"
	ReturnRatio          Code = "RETURN_RATIO"
	SerialReturns        Code = "SERIAL_RETURNS"
	AssociateReturns     Code = "ASSOCIATE_RETURNS"
	GiftCardValue        Code = "GIFT_CARD_VALUE"
	GiftCardVelocity     Code = "GIFT_CARD_VELOCITY"
	DiscountOverride     Code = "DISCOUNT_OVERRIDE"
	AssociateDiscounts   Code = "ASSOCIATE_DISCOUNTS"
	TransactionVelocity  Code = "TRANSACTION_VELOCITY"
	TenderSplit          Code = "TENDER_SPLIT"
	BasketQuantity       Code = "BASKET_QUANTITY"
	Anomaly              Code = "ANOMALY"
)

// MinOneIn is the largest share that may be flagged: one in a hundred.
const MinOneIn = 100

// MaxPolicySize bounds a policy file, in bytes.
const MaxPolicySize = 64 << 10

// ErrPolicy is what errors of [ReadPolicy] match.
var ErrPolicy = errors.New("risk: invalid policy")

// Policy is the guard's rules as data: read it with [ReadPolicy].
type Policy struct {
	// Version is the policy's name for people, such as "2026-11-01".
	Version string `json:"version"`

	// Currency is that of all amounts (ISO 4217); it must be the shop's.
	Currency string `json:"currency"`

	// FailOpenBelow is what the register lets through where the guard cannot
	// answer. From it on, a manager is called.
	FailOpenBelow decimal.Decimal `json:"fail_open_below"`

	// ReviewFrom is the amount from which a manager confirms a flag before it is
	// written to the order. Below it, it is written at once.
	ReviewFrom decimal.Decimal `json:"review_from"`

	Budget BudgetPolicy `json:"budget"`
	Forest ForestPolicy `json:"forest"`
	Rules  []Rule       `json:"rules"`

	digest string
}

// BudgetPolicy says how many transactions people look at.
type BudgetPolicy struct {
	// OneIn caps the flags of a period: of every OneIn transactions at most one.
	// At least [MinOneIn].
	OneIn int `json:"one_in"`
	// Days is the length of the period that the cap is counted over. A shop with
	// fewer transactions in a day than OneIn needs more than one. If left out, 1;
	// at most 31.
	Days int `json:"days,omitzero"`
	// LateFrom is the time of day, such as "18h30m", from which flags of the
	// period that are left go to the best that waits.
	LateFrom Duration `json:"late_from"`
	// MinScore is the score below which nothing is flagged, 0 to 1.
	MinScore float64 `json:"min_score"`
}

// ForestPolicy says how the isolation forest learns.
type ForestPolicy struct {
	Trees  int `json:"trees"`
	Sample int `json:"sample"`
	// MinSales and MinReturns are how many of a kind it takes to learn from.
	// With fewer, rules alone judge.
	MinSales   int `json:"min_sales"`
	MinReturns int `json:"min_returns"`
	// History is how far back the shop's orders are read at the start.
	History Duration `json:"history"`
}

// Rule gives a reason where what it measures reaches its limit. Which parameters
// a rule has depends on its code.
type Rule struct {
	Code Code `json:"code"`
	// Weight is how much the reason says at most, above 0 up to 1.
	Weight float64 `json:"weight"`

	Amount decimal.Decimal `json:"amount,omitzero"`
	Count  float64         `json:"count,omitzero"`
	Share  float64         `json:"share,omitzero"`
	Within Duration        `json:"within,omitzero"`
}

// Duration is a time.Duration that reads "36h", "90m" and "30d".
type Duration time.Duration

// MarshalText writes whole days as days.
func (d Duration) MarshalText() ([]byte, error) {
	const day = 24 * time.Hour
	if v := time.Duration(d); v >= day && v%day == 0 {
		return []byte(strconv.Itoa(int(v/day)) + "d"), nil
	}
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (d *Duration) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 3650 {
			return errors.New("days must be 0d to 3650d")
		}
		*d = Duration(n) * Duration(24*time.Hour)
		return nil
	}
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New("a duration must be such as 36h or 30d")
	}
	*d = Duration(v)
	return nil
}

// ReadPolicy reads and checks a policy in JSON. It is strict: unknown fields,
// missing and idle parameters are errors, which match [ErrPolicy].
func ReadPolicy(r io.Reader) (*Policy, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxPolicySize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxPolicySize {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrPolicy, MaxPolicySize)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	p := &Policy{}
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows the policy", ErrPolicy)
	}
	return p.seal()
}

// Digest identifies what the policy says, however its file is laid out.
func (p *Policy) Digest() string { return p.digest }

// Name is the version and the beginning of the digest: two policies with the
// same name say the same.
func (p *Policy) Name() string { return p.Version + "+" + p.digest[len("sha256:"):][:12] }

// Rule returns the rule for a code.
func (p *Policy) Rule(c Code) (Rule, bool) {
	i := slices.IndexFunc(p.Rules, func(r Rule) bool { return r.Code == c })
	if i < 0 {
		return Rule{}, false
	}
	return p.Rules[i], true
}

var (
	versionShape  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)
	currencyShape = regexp.MustCompile(`^[A-Z]{3}$`)
)

func (p *Policy) validate() error {
	f := p.Forest
	switch {
	case !versionShape.MatchString(p.Version):
		return errors.New("version must be 1 to 40 letters, digits, dots and dashes")
	case !currencyShape.MatchString(p.Currency):
		return errors.New("currency must be a code such as USD")
	case !amount(p.FailOpenBelow) || !amount(p.ReviewFrom):
		return errors.New("fail_open_below and review_from must be amounts")
	case p.Budget.OneIn < MinOneIn || p.Budget.OneIn > 1_000_000:
		return fmt.Errorf("budget.one_in must be %d to 1000000", MinOneIn)
	case p.Budget.Days < 0 || p.Budget.Days > 31:
		return errors.New("budget.days must be 1 to 31")
	case p.Budget.LateFrom < 0 || p.Budget.LateFrom > Duration(24*time.Hour):
		return errors.New("budget.late_from must be 0h to 24h")
	case !(p.Budget.MinScore >= 0 && p.Budget.MinScore < 1):
		return errors.New("budget.min_score must be from 0 to below 1")
	case f.Trees < 1 || f.Trees > 500 || f.Sample < 16 || f.Sample > 4096:
		return errors.New("forest.trees must be 1 to 500, forest.sample 16 to 4096")
	case f.MinSales < 16 || f.MinReturns < 16 || f.MinSales > 1_000_000 || f.MinReturns > 1_000_000:
		return errors.New("forest.min_sales and forest.min_returns must be at least 16")
	case f.History < 0:
		return errors.New("forest.history must not be negative")
	case len(p.Rules) == 0:
		return errors.New("there are no rules")
	}
	seen := map[Code]bool{}
	for i, r := range p.Rules {
		if err := r.validate(); err != nil {
			return fmt.Errorf("rules[%d]: %w", i, err)
		}
		if seen[r.Code] {
			return fmt.Errorf("rules[%d]: there is a rule with this code already", i)
		}
		seen[r.Code] = true
	}
	slices.SortFunc(p.Rules, func(a, b Rule) int { return cmp.Compare(a.Code, b.Code) }) // the order says nothing
	return nil
}

func (r Rule) validate() error {
	spec, ok := ruleBook[r.Code]
	if !ok {
		return errors.New("unknown code")
	}
	if !(r.Weight > 0 && r.Weight <= 1) {
		return errors.New("weight must be above 0 up to 1")
	}
	if !amount(r.Amount) || r.Amount.IsPositive() != spec.takes.amount {
		return errors.New("amount must be " + asked(spec.takes.amount))
	}
	if (r.Count != 0) != spec.takes.count || !(r.Count >= 0 && r.Count <= 1_000_000) {
		return errors.New("count must be " + asked(spec.takes.count))
	}
	if (r.Share != 0) != spec.takes.share || !(r.Share >= 0 && r.Share <= 10) {
		return errors.New("share must be " + asked(spec.takes.share))
	}
	if (r.Within != 0) != spec.takes.within || r.Within < 0 || spec.takes.within && r.Within < Duration(time.Minute) {
		return errors.New("within must be " + asked(spec.takes.within))
	}
	if r.Code == Anomaly && (r.Share <= 0.5 || r.Share >= 1) {
		return errors.New("share must be above 0.5 and below 1")
	}
	return nil
}

func asked(takes bool) string {
	if takes {
		return "above zero and in range"
	}
	return "left out"
}

// WithAmounts returns a copy of the policy in which the rules with these codes
// have other amounts.
func (p *Policy) WithAmounts(amounts map[Code]decimal.Decimal) (*Policy, error) {
	c := *p
	c.Rules = slices.Clone(p.Rules)
	for i, r := range c.Rules {
		if a, ok := amounts[r.Code]; ok {
			c.Rules[i].Amount = a
		}
	}
	return c.seal()
}

// WithBudget returns a copy of the policy with another budget.
func (p *Policy) WithBudget(b BudgetPolicy) (*Policy, error) {
	c := *p
	c.Budget, c.Rules = b, slices.Clone(p.Rules)
	return c.seal()
}

// seal checks the policy and computes its digest.
func (p *Policy) seal() (*Policy, error) {
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	canonical, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(canonical)
	p.digest = "sha256:" + hex.EncodeToString(sum[:])
	return p, nil
}
