package webhook

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/shopspring/decimal"
)

// MoneySet is an amount in the shop's currency and in the customer's.
type MoneySet struct {
	ShopMoney        MoneyPart `json:"shop_money"`
	PresentmentMoney MoneyPart `json:"presentment_money"`
}

// MoneyPart is an amount in one currency (ISO 4217).
type MoneyPart struct {
	Amount       decimal.Decimal `json:"amount"`
	CurrencyCode string          `json:"currency_code"`
}

// UnmarshalJSON decodes an amount. A few topics say currency or currencyCode
// instead of currency_code.
func (m *MoneyPart) UnmarshalJSON(data []byte) error {
	type plain MoneyPart
	var unknown Extra // an amount has two fields and no more
	if err := unmarshalExtra(data, (*plain)(m), &unknown); err != nil {
		return err
	}
	for _, name := range [...]string{"currency", "currencyCode"} {
		if currency, ok := unknown[name]; ok && m.CurrencyCode == "" {
			m.CurrencyCode = text(currency)
		}
	}
	return nil
}

// Reference names another object. What else is sent of it is in Extra.
type Reference struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	Extra Extra `json:"-"`
}

// Tags are an object's tags. Shopify sends them as one string, separated by
// commas; a list is understood, too.
type Tags []string

// UnmarshalJSON decodes tags.
func (t *Tags) UnmarshalJSON(data []byte) error {
	var sent []string
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '"' {
		sent = make([]string, 1)
		if err := json.Unmarshal(data, &sent[0]); err != nil {
			return err
		}
	} else if err := json.Unmarshal(data, &sent); err != nil {
		return err
	}
	*t = nil
	for _, tags := range sent {
		for tag := range strings.SplitSeq(tags, ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				*t = append(*t, tag)
			}
		}
	}
	return nil
}

// MarshalJSON encodes tags as Shopify does.
func (t Tags) MarshalJSON() ([]byte, error) { return json.Marshal(strings.Join(t, ", ")) }

// Attribute is a name and a value that people or apps wrote somewhere.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// UnmarshalJSON decodes an attribute. A value that is not a string is kept as
// its JSON.
func (a *Attribute) UnmarshalJSON(data []byte) error {
	var sent struct {
		Name  json.RawMessage `json:"name"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(data, &sent); err != nil {
		return err
	}
	a.Name, a.Value = text(sent.Name), text(sent.Value)
	return nil
}

// text is the string in data, or data itself if it is something else.
func text(data json.RawMessage) string {
	var s string
	if json.Unmarshal(data, &s) == nil {
		return s // empty for null
	}
	return string(data)
}

// Attributes are a list of attributes.
type Attributes []Attribute

// Get returns the value of the first attribute of this name, or "".
func (as Attributes) Get(name string) string {
	for _, a := range as {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// UnmarshalJSON decodes attributes, sent as a list or as one object.
func (as *Attributes) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || data[0] != '{' {
		return json.Unmarshal(data, (*[]Attribute)(as))
	}
	*as = nil
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() { // in the order that they were sent in
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		*as = append(*as, Attribute{Name: name.(string), Value: text(value)})
	}
	return nil
}
