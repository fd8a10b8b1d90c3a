package shopifytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrCustomerHasOrders is what deleting a customer with orders matches: Shopify keeps those. [Shop.EraseCustomer]
// takes the personal data out of them.
var ErrCustomerHasOrders = errors.New("shopifytest: the customer has orders")

// Consent is what a customer says about marketing, at the register or through a link in a message.
type Consent struct {
	// Email is a CustomerEmailMarketingState: SUBSCRIBED, UNSUBSCRIBED or PENDING. If empty, it stays as it is.
	Email string `json:"email,omitempty"`

	// SMS is a CustomerSmsMarketingState with the same values. If empty, it stays as it is.
	SMS string `json:"sms,omitempty"`

	// At is when. If zero, now.
	At time.Time `json:"at,omitzero"`
}

// Customer returns the customer by GID, numeric id or e-mail address.
func (s *Shop) Customer(id string) (Customer, bool) {
	s.state.mu.RLock()
	defer s.state.mu.RUnlock()
	v, ok := s.state.findCustomer(id)
	if !ok {
		return Customer{}, false
	}
	return customerCopy(v), true
}

// AddCustomer adds a customer, as staff do at the register; customers/create goes out to its subscribers. Errors
// match [ErrData].
func (s *Shop) AddCustomer(d CustomerData) (Customer, error) {
	check := &dataCheck{data: &Data{Customers: []CustomerData{d}}, customers: map[int64]bool{}}
	if check.people(); check.err != nil {
		return Customer{}, check.err
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	bad := func(field, reason string) (Customer, error) {
		return Customer{}, &DataError{Path: "customers[0]." + field, Reason: reason}
	}
	switch {
	case d.ID != 0 && s.state.byID[gid("Customer", d.ID)] != nil:
		return bad("id", "is not unique")
	case d.Email != "" && s.state.byEmail[strings.ToLower(d.Email)] != nil:
		return bad("email", "is not unique")
	case d.Phone != "" && s.state.customerByPhone(d.Phone) != nil:
		return bad("phone", "is not unique")
	case d.Email == "" && d.Phone == "" && d.FirstName == "" && d.LastName == "":
		return bad("first_name", "or another name, an e-mail address or a phone number is required")
	}
	v := s.state.addCustomer(d, s.state.now())
	s.state.emit("customers/create", v, s.state.customerPayload(v), s.state.newGroup())
	return customerCopy(v), nil
}

// SetConsent writes down what a customer (by GID, numeric id or e-mail address) says about marketing. Deliveries for
// customers_email_marketing_consent/update, customers_marketing_consent/update and customers/update go out to their
// subscribers. Errors match [ErrNotFound] or, where the customer has no address or number for it, [ErrData].
func (s *Shop) SetConsent(customer string, c Consent) (Customer, error) {
	states := []string{"", "SUBSCRIBED", "UNSUBSCRIBED", "PENDING"}
	if !slices.Contains(states, c.Email) || !slices.Contains(states, c.SMS) || c.Email == "" && c.SMS == "" {
		return Customer{}, &DataError{Path: "email", Reason: "and sms must be SUBSCRIBED, UNSUBSCRIBED, PENDING or, one of them, empty"}
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	v, ok := s.state.findCustomer(customer)
	switch {
	case !ok:
		return Customer{}, fmt.Errorf("%w: no such customer", ErrNotFound)
	case c.Email != "" && v.email == "":
		return Customer{}, &DataError{Path: "email", Reason: "is of a customer without an e-mail address"}
	case c.SMS != "" && v.phone == "":
		return Customer{}, &DataError{Path: "sms", Reason: "is of a customer without a phone number"}
	}
	at := c.At
	if at.IsZero() {
		at = s.state.now()
	}
	if c.Email != "" {
		s.state.setConsent(v, &v.emailConsent, newConsent(c.Email, at))
	}
	if c.SMS != "" {
		s.state.setConsent(v, &v.smsConsent, newConsent(c.SMS, at))
	}
	return customerCopy(v), nil
}

// DeleteCustomer deletes a customer (by GID, numeric id or e-mail address); customers/delete goes out to its
// subscribers. Errors match [ErrNotFound] or [ErrCustomerHasOrders].
func (s *Shop) DeleteCustomer(customer string) error {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	v, ok := s.state.findCustomer(customer)
	switch {
	case !ok:
		return fmt.Errorf("%w: no such customer", ErrNotFound)
	case len(v.orders) > 0:
		return ErrCustomerHasOrders
	}
	s.state.deleteCustomer(v)
	return nil
}

// EraseCustomer erases the personal data of a customer (by GID, numeric id or e-mail address) from the shop, as
// Shopify does some time after customerRequestDataErasure: name, contact, addresses, note and consent are gone, and so
// are the contact, the addresses, the note and the attributes of the customer's orders and draft orders, whose lines and
// sums stay. customers/redact goes to [Options.ComplianceURI]. The error matches [ErrNotFound].
func (s *Shop) EraseCustomer(id string) error {
	return s.comply(id, "customers/redact", func(v *customer) map[string]any {
		return map[string]any{"orders_to_redact": v.orderIDs()}
	}, s.state.erase)
}

// RequestCustomerData is a customer's (by GID, numeric id or e-mail address) question what is stored about them:
// customers/data_request goes to [Options.ComplianceURI]. The error matches [ErrNotFound].
func (s *Shop) RequestCustomerData(id string) error {
	return s.comply(id, "customers/data_request", func(v *customer) map[string]any {
		id, _ := s.state.newID("DataRequest")
		return map[string]any{"orders_requested": v.orderIDs(), "data_request": map[string]any{"id": id}}
	}, func(*customer) {})
}

// comply sends a topic that no subscription can ask for, and carries it out.
func (s *Shop) comply(key, topic string, fields func(*customer) map[string]any, do func(*customer)) error {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	v, ok := s.state.findCustomer(key)
	if !ok {
		return fmt.Errorf("%w: no such customer", ErrNotFound)
	}
	if s.complianceURI != "" {
		payload := fields(v)
		payload["shop_id"], payload["shop_domain"] = s.state.shop.id, s.state.shop.data.Domain
		payload["customer"] = map[string]any{"id": v.id, "email": orNull(v.email), "phone": orNull(v.phone)}
		s.sender.send(Delivery{
			WebhookID: s.state.uuid(), EventID: s.state.newGroup(), Topic: topic, URI: s.complianceURI, TriggeredAt: s.state.now(),
			Body: s.state.body(&subscription{}, v.gid, payload),
		}, "")
	}
	do(v)
	return nil
}

func (c *customer) orderIDs() []any {
	out := make([]any, len(c.orders))
	for i, o := range c.orders {
		out[i] = o.id
	}
	return out
}

// erase takes the personal data of v out of the shop.
func (s *state) erase(v *customer) {
	s.setEmail(v, "")
	v.firstName, v.lastName, v.phone, v.note = "", "", "", ""
	s.forgetAddresses(v.addresses...)
	v.addresses = nil
	now := s.now()
	v.emailConsent, v.smsConsent = newConsent("REDACTED", now), newConsent("REDACTED", now)
	v.erasure = time.Time{}
	for _, o := range v.orders {
		s.forgetAddresses(o.shippingAddress, o.billingAddress)
		o.email, o.phone, o.note, o.attributes, o.shippingAddress, o.billingAddress = "", "", "", nil, nil, nil
	}
	for _, d := range s.draftsOf(v) {
		s.forgetAddresses(d.shippingAddress, d.billingAddress)
		d.email, d.phone, d.note, d.attributes, d.shippingAddress, d.billingAddress = "", "", "", nil, nil, nil
	}
	s.touch(v)
}
