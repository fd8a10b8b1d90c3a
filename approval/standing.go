package approval

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// StandingRule is an approval that a person gave in advance: requests that it
// matches are allowed although the policy asks. It never reaches further than
// its grantor could alone: it applies only where the grantor's own approval
// would meet the need of the ruling at hand, to requests of others, of the
// grantor's locations.
type StandingRule struct {
	ID    string `json:"id"`             // set by the queue
	Scope Scope  `json:"scope,omitzero"` // Kind is required

	// Match narrows the arguments; a request has to satisfy all conditions. An
	// empty list is refused: a rule about everything of a kind belongs into the
	// policy.
	Match []ArgMatch `json:"match"`

	// Cap is how many requests it allows at most, from 1 to 10,000; required.
	Cap int `json:"cap"`

	// MaxAmount, if set, is the largest amount at stake of one request. One
	// without an amount, or in another currency, does not match then.
	MaxAmount Money `json:"max_amount,omitzero"`

	// Until is when it ends, at most 366 days ahead; required.
	Until time.Time `json:"until"`

	// Key makes [Queue.Grant] idempotent: until the rule ends or is revoked, the
	// same grantor's key sets no second one. It can be made with the form that a
	// rule comes from. At most 256 bytes; if empty, each call sets a rule.
	Key string `json:"key,omitzero"`

	By     Principal `json:"by"`              // who grants it
	Reason string    `json:"reason,omitzero"` // for people, at most 4 KiB
	At     time.Time `json:"at"`              // set by the queue

	Change ControlChange `json:"change,omitzero"` // kept by the queue; what callers put there is ignored
}

// ArgMatch is a condition on one value of an action's arguments.
type ArgMatch struct {
	// Path is a JSON pointer into the arguments (RFC 6901,
	// https://www.rfc-editor.org/rfc/rfc6901). The empty path is all of them.
	Path string `json:"path"`

	// Equal is the value as JSON. Nil: any value between Min and Max.
	Equal json.RawMessage `json:"equal,omitempty"`

	// Min and Max are decimals such as "12.50" that bound a number, or a string
	// that is a decimal, inclusively. Empty: no bound.
	Min string `json:"min,omitzero"`
	Max string `json:"max,omitzero"`
}

const (
	maxStandingCap  = 10_000
	maxStandingTime = 366 * 24 * time.Hour
	maxMatches      = 16
)

func (s *StandingRule) id() string            { return s.ID }
func (s *StandingRule) state() *ControlChange { return &s.Change }

func (s *StandingRule) over(now time.Time) bool { return !now.Before(s.Until) }

// Grant sets a standing rule. It holds once it is in the audit log. The grantor
// must be a person who may change [Controls] for the scope. Where a rule with its
// key and the same terms is there, that one is returned.
//
// Errors: [ErrInvalid], also where the key is that of a rule with other terms,
// [ErrForbidden], [ErrUnrecorded].
func (q *Queue) Grant(ctx context.Context, s StandingRule) (StandingRule, error) {
	now, err := q.store.Now(ctx)
	if err != nil {
		return StandingRule{}, err
	}
	if err := s.validate(now); err != nil {
		return StandingRule{}, err
	}
	role, err := q.mayControl(s.By, s.Scope)
	if err != nil {
		return StandingRule{}, err
	}
	s.ID, s.At, s.Change = newID(), now, ControlChange{}
	e := controlEntry("standing", s.ID, "granted", s.By, role, s.Reason, s.Scope, now)
	match, err := json.Marshal(s.Match)
	if err == nil {
		match, err = canonical(match)
	}
	if err != nil {
		return StandingRule{}, invalid("match", "cannot be written as JSON")
	}
	e.Attributes["match_digest"] = reasonDigest(s.ID, string(match))
	e.Attributes["cap"] = strconv.Itoa(s.Cap)
	e.Attributes["until"] = s.Until.UTC().Format(time.RFC3339Nano)
	if s.MaxAmount != (Money{}) {
		e.Attributes["max_amount"] = s.MaxAmount.Amount + " " + s.MaxAmount.Currency
	}
	add, err := adding(ctx, q, standing, s, e)
	if err != nil {
		return StandingRule{}, err
	}
	var granted StandingRule
	err = q.changeControls(ctx, func(c *Controls) error {
		granted = s
		i := slices.IndexFunc(c.Standing, s.repeats)
		if i < 0 {
			return add(c)
		}
		granted = c.Standing[i]
		granted.Change = ControlChange{}
		if granted.terms() != s.terms() {
			return invalid("key", "is that of another rule")
		}
		return nil
	})
	return granted, err
}

// repeats reports whether s came as old before.
func (s *StandingRule) repeats(old StandingRule) bool {
	return s.Key != "" && s.Key == old.Key && s.By.ID == old.By.ID && !old.Change.Removed && !old.over(s.At)
}

// terms are what the grantor chose.
func (s *StandingRule) terms() string {
	t := *s
	t.ID, t.By, t.At, t.Change = "", Principal{}, time.Time{}, ControlChange{}
	t.Until = t.Until.UTC()
	data, _ := json.Marshal(t) //nolint:errchkjson // it is valid
	return string(data)
}

// Revoke ends a standing rule at once, even where the audit log fails.
//
// Errors: [ErrNotFound], [ErrInvalid], [ErrForbidden], [ErrUnrecorded].
func (q *Queue) Revoke(ctx context.Context, id string, by Principal, reason string) error {
	return removeControl(ctx, q, standing, id, removal{"standing", "revoked", by, reason}, func(s *StandingRule) (Scope, string, error) {
		role, err := q.mayControl(by, s.Scope)
		return s.Scope, role, err
	})
}

func standing(c *Controls) *[]StandingRule { return &c.Standing }

func (s *StandingRule) validate(now time.Time) error {
	c := &checker{}
	c.scope(s.Scope)
	c.check(checkKind(s.Scope.Kind) == nil, "scope.kind", "is required")
	c.check(len(s.Match) > 0, "match", "is missing: a rule about everything belongs into the policy")
	c.check(len(s.Match) <= maxMatches, "match", "has too many conditions")
	for _, m := range s.Match {
		c.check(m.Validate() == nil, "match", "needs a path, and a value or decimal bounds")
	}
	c.check(s.Cap >= 1 && s.Cap <= maxStandingCap, "cap", fmt.Sprintf("must be from 1 to %d", maxStandingCap))
	c.amount(s.MaxAmount)
	c.check(s.Until.After(now) && s.Until.Before(now.Add(maxStandingTime)), "until", "must be within the next 366 days")
	c.principal("by", s.By)
	c.text("reason", s.Reason, maxReason)
	c.id("key", s.Key, maxID)
	return c.err
}

// Validate reports why m makes no sense. The error matches [ErrInvalid].
func (m ArgMatch) Validate() error {
	bounds := m.Min != "" || m.Max != ""
	if len(m.Path) > maxID || m.Path != "" && m.Path[0] != '/' || (m.Equal != nil) == bounds || len(m.Equal) > maxText {
		return invalid("match", "needs a path, and either a value or bounds")
	}
	if m.Equal != nil {
		if _, err := canonical(m.Equal); err != nil {
			return invalid("match", "has a value that is not JSON")
		}
		return nil
	}
	for _, bound := range []string{m.Min, m.Max} {
		if bound != "" && !amountPattern.MatchString(bound) {
			return invalid("match", "has a bound that is not a decimal")
		}
	}
	return nil
}

// holds reports whether the arguments, canonical JSON, satisfy m. Whatever it
// does not understand does not match.
func (m ArgMatch) holds(args json.RawMessage) bool {
	v, ok := at(args, m.Path)
	if !ok {
		return false
	}
	if m.Equal != nil {
		want, errWant := canonical(m.Equal)
		is, errIs := canonical(v)
		return errWant == nil && errIs == nil && string(want) == string(is)
	}
	text := string(v)
	if len(v) > 0 && v[0] == '"' && json.Unmarshal(v, &text) != nil {
		return false
	}
	if !amountPattern.MatchString(text) {
		return false
	}
	n, _ := new(big.Rat).SetString(text)
	for _, bound := range [...]struct {
		text string
		sign int // that a comparison with the bound must not have
	}{{m.Min, -1}, {m.Max, 1}} {
		if bound.text == "" {
			continue
		}
		b, ok := new(big.Rat).SetString(bound.text)
		if !ok || n.Cmp(b) == bound.sign {
			return false
		}
	}
	return true
}

// at returns the value that a JSON pointer names.
func at(data json.RawMessage, pointer string) (json.RawMessage, bool) {
	if pointer == "" {
		return data, true
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for part := range strings.SplitSeq(pointer[1:], "/") {
		part = unescape.Replace(part)
		var object map[string]json.RawMessage
		var array []json.RawMessage
		switch {
		case json.Unmarshal(data, &object) == nil && object != nil:
			v, ok := object[part]
			if !ok {
				return nil, false
			}
			data = v
		case json.Unmarshal(data, &array) == nil:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(array) || strconv.Itoa(i) != part {
				return nil, false
			}
			data = array[i]
		default:
			return nil, false
		}
	}
	return data, true
}

// matches reports whether s allows r, which ruling asks about.
func (s *StandingRule) matches(r *Request, ruling Ruling, now time.Time) bool {
	if s.Change.pending() || s.over(now) || !s.Scope.Covers(r) {
		return false
	}
	if s.By.ID == r.Proposer.ID || !s.By.At(r.Location) || !ruling.Need.Met([]Principal{s.By}) {
		return false
	}
	if s.MaxAmount != (Money{}) {
		if r.Amount.check() != nil {
			return false
		}
		if order, err := r.Amount.Cmp(s.MaxAmount); err != nil || order > 0 {
			return false
		}
	}
	for _, m := range s.Match {
		if !m.holds(r.Args) {
			return false
		}
	}
	return true
}

// use returns the counter of s with one use more, and reports whether there was
// one left.
func (q *Queue) use(ctx context.Context, s *StandingRule) (doc Document, ok bool, err error) {
	type used struct {
		Count int `json:"count"`
	}
	return planDocument(ctx, q.store, "standing/"+s.ID, func(u *used, _ int64) (bool, error) {
		u.Count++
		return u.Count <= s.Cap, nil
	})
}

// Used returns how many requests a standing rule has allowed.
func (q *Queue) Used(ctx context.Context, id string) (int, error) {
	var u struct {
		Count int `json:"count"`
	}
	_, err := readDocument(ctx, q.store, "standing/"+id, &u)
	return u.Count, err
}
