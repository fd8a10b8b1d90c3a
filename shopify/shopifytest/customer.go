package shopifytest

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

type customer struct {
	head
	firstName, lastName, email, phone, note string
	locale                                  string
	tags                                    []string
	emailConsent, smsConsent                consent
	taxExempt                               bool
	erasure                                 time.Time      // when the erasure of the personal data was asked for; zero: it was not
	addresses                               []*address     // the first is the default
	orders                                  []*order       // as they were placed
	credit                                  *creditAccount // nil: none
}

// address is a customer's or an order's postal address.
type address struct {
	head
	AddressData
	firstName, lastName, company string
}

func (c *customer) displayName() string {
	if name := strings.TrimSpace(c.firstName + " " + c.lastName); name != "" {
		return name
	}
	return c.email
}

// spent is what the customer's orders came to, less refunds.
func (c *customer) spent() decimal.Decimal {
	sum := decimal.Zero
	for _, o := range c.orders {
		sum = sum.Add(o.total).Sub(o.refunded())
	}
	return sum
}

func (c *customer) lastOrder() *order {
	if len(c.orders) == 0 {
		return nil
	}
	return slices.MaxFunc(c.orders, func(a, b *order) int { return a.processedAt.Compare(b.processedAt) })
}

func (c *customer) defaultAddress() *address {
	if len(c.addresses) == 0 {
		return nil
	}
	return c.addresses[0]
}

func (s *state) addCustomer(d CustomerData, at time.Time) *customer {
	if !d.CreatedAt.IsZero() {
		at = d.CreatedAt
	}
	c := &customer{
		firstName: d.FirstName, lastName: d.LastName, email: d.Email, phone: d.Phone, note: d.Note, locale: "en",
		tags: normalizeTags(d.Tags), emailConsent: newConsent(d.EmailMarketing, at), smsConsent: newConsent(d.SMSMarketing, time.Time{}),
	}
	s.add(c, "Customer", d.ID, at)
	if d.Address != (AddressData{}) {
		s.addAddress(c, &address{AddressData: d.Address, firstName: d.FirstName, lastName: d.LastName})
	}
	s.customers = append(s.customers, c)
	if c.email != "" {
		s.byEmail[strings.ToLower(c.email)] = c
	}
	return c
}

func (s *state) addAddress(c *customer, a *address) {
	s.add(a, "MailingAddress", 0, s.now())
	c.addresses = append(c.addresses, a)
}

// forgetAddresses takes those that are not nil out of what can be found.
func (s *state) forgetAddresses(addresses ...*address) {
	for _, a := range addresses {
		if a != nil {
			delete(s.byID, a.gid)
		}
	}
}

// setEmail moves the customer in the index of addresses.
func (s *state) setEmail(c *customer, email string) {
	delete(s.byEmail, strings.ToLower(c.email))
	c.email = email
	if email != "" {
		s.byEmail[strings.ToLower(email)] = c
	}
}

// findCustomer takes a GID, a number or an e-mail address.
func (s *state) findCustomer(key string) (*customer, bool) {
	if c, ok := s.byEmail[strings.ToLower(key)]; ok {
		return c, true
	}
	return lookup[*customer](s, "Customer", key)
}
