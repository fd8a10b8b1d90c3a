package shopifytest

import (
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// onAddress wraps a mutation on an address of a customer; the address is nil without the argument addressId.
func onAddress(run func(s *state, c *graph.Call, v *customer, a *address) (any, *userError)) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		v, ok := find[*customer](s, text(c.Args, "customerId"))
		if !ok {
			return refused(userError{field: []string{"customerId"}, message: "Customer does not exist"}), nil
		}
		var a *address
		if id, sent := c.Args["addressId"].(string); sent {
			id, _, _ = strings.Cut(id, "?model_name=")
			a, ok = find[*address](s, id)
			if !ok || !slices.Contains(v.addresses, a) {
				return refused(userError{field: []string{"addressId"}, message: "Address does not exist"}), nil
			}
		}
		out, e := run(s, c, v, a)
		if e != nil {
			return refused(*e), nil
		}
		s.updated(v)
		return out, nil
	}
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerAddressCreate
func customerAddressCreate(s *state, c *graph.Call, v *customer, _ *address) (any, *userError) {
	a := s.addressFrom(c.Args["address"])
	if slices.ContainsFunc(v.addresses, func(o *address) bool { return sameAddress(a, o) }) {
		delete(s.byID, a.gid)
		return nil, &userError{field: []string{"address"}, message: "Address already exists"}
	}
	v.addresses = append(v.addresses, a)
	s.setDefault(c, v, a)
	return done("address", addressObject(a)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerAddressUpdate
func customerAddressUpdate(s *state, c *graph.Call, v *customer, a *address) (any, *userError) {
	in := input(c, "address")
	old := a
	a = new(*old) // orders keep the address that they were sent to
	for key, target := range map[string]*string{
		"address1": &a.Address1, "address2": &a.Address2, "city": &a.City, "zip": &a.Zip, "phone": &a.Phone, "provinceCode": &a.ProvinceCode, "province": &a.Province,
		"countryCode": &a.CountryCode, "country": &a.Country, "firstName": &a.firstName, "lastName": &a.lastName, "company": &a.company,
	} {
		setText(in, key, target)
	}
	v.addresses[slices.Index(v.addresses, old)] = a
	s.byID[a.gid] = a
	s.touch(a)
	s.setDefault(c, v, a)
	return done("address", addressObject(a)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerAddressDelete
func customerAddressDelete(s *state, c *graph.Call, v *customer, a *address) (any, *userError) {
	v.addresses = remove(v.addresses, a)
	delete(s.byID, a.gid)
	return done("deletedAddressId", text(c.Args, "addressId")), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerUpdateDefaultAddress
func customerUpdateDefaultAddress(_ *state, _ *graph.Call, v *customer, a *address) (any, *userError) {
	v.makeDefault(a)
	return done("customer", object(v)), nil
}

func (s *state) setDefault(c *graph.Call, v *customer, a *address) {
	if yes, _ := c.Args["setAsDefault"].(bool); yes {
		v.makeDefault(a)
	}
}

// makeDefault puts the address first.
func (c *customer) makeDefault(a *address) {
	c.addresses = append([]*address{a}, remove(slices.Clone(c.addresses), a)...)
}

func sameAddress(a, b *address) bool {
	return a.AddressData == b.AddressData && a.firstName == b.firstName && a.lastName == b.lastName && a.company == b.company
}
