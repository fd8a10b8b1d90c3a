package approval_test

import (
	"errors"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
)

type tone string

type offer struct {
	Percent int            `json:"percent" edit:"Discount in percent,required"`
	Limit   approval.Money `json:"limit" edit:"At most"`
	Scope   tone           `json:"scope,omitzero" edit:"For,one_of=order|shipping"`
	Note    string         `json:"note" edit:"Note to the customer,multiline,max=500"`
	Price   string         `json:"price" edit:"Price,decimal"`
	Rate    float64        `json:"rate" edit:"Rate"`
	Big     *big.Int       `json:"big" edit:"Big"`
	Once    bool           `json:"once" edit:"Once"`
	Tags    []string       `json:"tags" edit:"Tags"`
	Days    *uint8         `json:"days" edit:"Days"`
	Inner   struct {
		Deep string `edit:"Deep"`
		Kept string
	} `json:"inner" edit:""`
	Order string `json:"order"`
}

func (offer) Kind() string                     { return "test.offer" }
func (offer) Validate() error                  { return nil }
func (o offer) EditForm() []approval.FormField { return approval.FormOf(o) }
func (o offer) ApplyEdit(v map[string]string) (approval.Action, error) {
	return approval.ApplyForm(o, v)
}

func sampleOffer() offer {
	days := uint8(3)
	o := offer{
		Percent: 10, Limit: approval.Money{Amount: "25.00", Currency: "EUR"}, Scope: "order", Note: "hi", Price: "9.90", Rate: 0.25,
		Big: big.NewInt(7), Once: true, Tags: []string{"a", "b"}, Days: &days, Order: "1",
	}
	o.Inner.Deep, o.Inner.Kept = "d", "k"
	return o
}

func TestFormOf(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []approval.FormField{
		{Name: "percent", Label: "Discount in percent", Type: approval.FieldInteger, Value: "10", Required: true},
		{Name: "limit.amount", Label: "At most", Type: approval.FieldDecimal, Value: "25.00"},
		{Name: "scope", Label: "For", Type: approval.FieldSelect, Value: "order", Options: []approval.Option{{Value: "order"}, {Value: "shipping"}}},
		{Name: "note", Label: "Note to the customer", Type: approval.FieldTextArea, Value: "hi", MaxLength: 500},
		{Name: "price", Label: "Price", Type: approval.FieldDecimal, Value: "9.90"},
		{Name: "rate", Label: "Rate", Type: approval.FieldDecimal, Value: "0.25"},
		{Name: "big", Label: "Big", Type: approval.FieldText, Value: "7"},
		{Name: "once", Label: "Once", Type: approval.FieldCheckbox, Value: "true"},
		{Name: "tags", Label: "Tags", Type: approval.FieldList, Value: "a\nb"},
		{Name: "days", Label: "Days", Type: approval.FieldInteger, Value: "3"},
		{Name: "inner.Deep", Label: "Deep", Type: approval.FieldText, Value: "d"},
	}, approval.FormOf(sampleOffer()))
}

func TestApplyForm(t *testing.T) {
	t.Parallel()
	before := sampleOffer()
	after, err := approval.ApplyForm(&before, map[string]string{
		"percent": "-5", "limit.amount": "30.50", "scope": "shipping", "note": "two\nlines", "price": "12.00", "rate": "0.5", "big": "123456789012345678901",
		"once": "", "tags": " x \n\n y", "days": "", "inner.Deep": "e", "order": "2",
	})
	require.NoError(t, err)
	wanted := sampleOffer()
	wanted.Percent, wanted.Limit.Amount, wanted.Scope, wanted.Note, wanted.Price, wanted.Rate = -5, "30.50", "shipping", "two\nlines", "12.00", 0.5
	wanted.Big, _ = new(big.Int).SetString("123456789012345678901", 10)
	wanted.Once, wanted.Tags, wanted.Days, wanted.Inner.Deep = false, []string{"x", "y"}, nil, "e"
	assert.Equal(t, &wanted, after, "what has no tag cannot be changed")
	assert.Equal(t, sampleOffer(), before, "the caller's stays")
	none, err := approval.ApplyForm(before, nil)
	require.NoError(t, err)
	assert.Equal(t, before, none)

	for name, value := range map[string]string{
		"percent": "ten", "limit.amount": "1e3", "scope": "nothing", "price": "12,00", "rate": "NaN", "big": "x", "days": "256", "inner.Deep": "a\nb", "once": "yes",
	} {
		_, err := approval.ApplyForm(before, map[string]string{name: value})
		wrong, ok := errors.AsType[*approval.InvalidError](err)
		require.True(t, ok, "%s: %v", name, err)
		assert.Equal(t, name, wrong.Field)
	}
	_, err = approval.ApplyForm(before, map[string]string{"percent": ""})
	require.ErrorIs(t, err, approval.ErrInvalid, "it is required")
}

func TestTagsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]any{
		"no struct": 7,
		"a map": struct {
			A map[string]int `edit:"A"`
		}{},
		"an option": struct {
			A string `edit:"A,often"`
		}{},
		"max": struct {
			A string `edit:"A,max=none"`
		}{},
		"multiline number": struct {
			A int `edit:"A,multiline"`
		}{},
		"not exported": struct {
			a int `edit:"A"`
		}{},
	} {
		assert.Panics(t, func() { approval.FormOf(action) }, name)
	}
}

func TestTryEdit(t *testing.T) {
	t.Parallel()
	f := newQueue(t, byAmount, nil)
	r := f.propose(t, note{Text: "hello", Pennies: 100_00})
	values := map[string]string{"text": "good day", "pennies": "50001"}
	would, err := f.TryEdit(t.Context(), r.ID, r.Digest, values, manager)
	require.NoError(t, err)
	assert.Equal(t, r, f.get(t, r.ID), "nothing changed")
	assert.Equal(t, approval.Pending, would.State)
	assert.Empty(t, would.Decisions)
	assert.Equal(t, "good day", would.Preview.Summary)
	assert.Equal(t, approval.Quorum(2, approval.Role("manager")), would.Need(), "judged again")
	assert.NotEqual(t, r.Digest, would.Digest)

	_, err = f.TryEdit(t.Context(), r.ID, "sha256:0", values, manager)
	require.ErrorIs(t, err, approval.ErrStale)
	_, err = f.TryEdit(t.Context(), r.ID, r.Digest, map[string]string{"pennies": "100001"}, manager)
	require.ErrorIs(t, err, approval.ErrForbidden, "the policy denies it")
	_, err = f.TryEdit(t.Context(), r.ID, r.Digest, map[string]string{"text": ""}, manager)
	require.ErrorIs(t, err, approval.ErrInvalid)

	d := edited(r, manager, map[string]string{"text": "something else", "pennies": "50001"})
	d.EditDigest = would.Digest
	_, err = f.Decide(t.Context(), d)
	require.ErrorIs(t, err, approval.ErrStale, "this is not what was shown")
	assert.Equal(t, r, f.get(t, r.ID))
	d.Edit = values
	after, err := f.Decide(t.Context(), d)
	require.NoError(t, err)
	assert.Equal(t, would.Digest, after.Digest)
}
