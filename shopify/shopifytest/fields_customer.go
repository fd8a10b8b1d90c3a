package shopifytest

import (
	"fmt"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

var customerFields = table[*customer]{
	"firstName":          func(_ *state, v *customer, _ *graph.Call) any { return orNull(v.firstName) },
	"lastName":           func(_ *state, v *customer, _ *graph.Call) any { return orNull(v.lastName) },
	"displayName":        func(_ *state, v *customer, _ *graph.Call) any { return v.displayName() },
	"email":              func(_ *state, v *customer, _ *graph.Call) any { return orNull(v.email) },
	"phone":              func(_ *state, v *customer, _ *graph.Call) any { return orNull(v.phone) },
	"note":               func(_ *state, v *customer, _ *graph.Call) any { return orNull(v.note) },
	"locale":             func(_ *state, v *customer, _ *graph.Call) any { return v.locale },
	"tags":               func(_ *state, v *customer, _ *graph.Call) any { return v.tags },
	"state":              always[*customer]("DISABLED"),
	"taxExempt":          func(_ *state, v *customer, _ *graph.Call) any { return v.taxExempt },
	"verifiedEmail":      func(_ *state, v *customer, _ *graph.Call) any { return v.email != "" },
	"validEmailAddress":  func(_ *state, v *customer, _ *graph.Call) any { return v.email != "" },
	"canDelete":          func(_ *state, v *customer, _ *graph.Call) any { return len(v.orders) == 0 },
	"dataSaleOptOut":     always[*customer](false),
	"hasTimelineComment": always[*customer](false),
	"defaultEmailAddress": func(_ *state, v *customer, _ *graph.Call) any {
		if v.email == "" {
			return nil
		}
		return part("CustomerEmailAddress", v)
	},
	"defaultPhoneNumber": func(_ *state, v *customer, _ *graph.Call) any {
		if v.phone == "" {
			return nil
		}
		return part("CustomerPhoneNumber", v)
	},
	"emailMarketingConsent": func(_ *state, v *customer, _ *graph.Call) any {
		if v.email == "" {
			return nil
		}
		return graph.Object{
			"__typename": "CustomerEmailMarketingConsentState", "marketingState": v.emailConsent.state,
			"marketingOptInLevel": v.emailConsent.optIn, "consentUpdatedAt": timeOrNull(v.emailConsent.at), "sourceLocation": ref(v.emailConsent.source), graph.Closed: true,
		}
	},
	"smsMarketingConsent": func(_ *state, v *customer, _ *graph.Call) any {
		if v.phone == "" {
			return nil
		}
		return graph.Object{
			"__typename": "CustomerSmsMarketingConsentState", "marketingState": v.smsConsent.state, "consentUpdatedAt": timeOrNull(v.smsConsent.at),
			"marketingOptInLevel": v.smsConsent.optIn, "consentCollectedFrom": v.smsConsent.from(), "sourceLocation": ref(v.smsConsent.source), graph.Closed: true,
		}
	},
	"defaultAddress": func(_ *state, v *customer, _ *graph.Call) any { return addressObject(v.defaultAddress()) },
	"addresses":      func(_ *state, v *customer, c *graph.Call) any { return first(addressList(v.addresses), c) },
	"storeCreditAccounts": func(_ *state, v *customer, _ *graph.Call) any {
		if v.credit == nil {
			return graph.List{}
		}
		return list([]*creditAccount{v.credit})
	},
	"addressesV2":    func(_ *state, v *customer, _ *graph.Call) any { return addressList(v.addresses) },
	"numberOfOrders": func(_ *state, v *customer, _ *graph.Call) any { return len(v.orders) },
	"amountSpent":    func(s *state, v *customer, _ *graph.Call) any { return s.moneyV2(v.spent()) },
	"lastOrder":      func(_ *state, v *customer, _ *graph.Call) any { return ref(v.lastOrder()) },
	"orders": func(s *state, v *customer, c *graph.Call) any {
		return query(c, orderIndex, v.orders, orderSort)
	},
	"lifetimeDuration":        func(s *state, v *customer, _ *graph.Call) any { return lifetime(s.now().Sub(v.createdAt)) },
	"productSubscriberStatus": always[*customer]("NEVER_SUBSCRIBED"),
	"statistics": func(s *state, v *customer, _ *graph.Call) any {
		return graph.Object{"__typename": "CustomerStatistics", "rfmGroup": s.rfm(v), "predictedSpendTier": s.spendTier(v)}
	},
	"mergeable": func(s *state, v *customer, _ *graph.Call) any { return s.mergeable(v) },
}

// lifetime is how long somebody has been a customer, in words.
func lifetime(d time.Duration) string {
	days := int(d.Hours() / 24)
	switch {
	case days >= 730:
		return fmt.Sprintf("over %d years", days/365)
	case days >= 365:
		return "over 1 year"
	case days >= 60:
		return fmt.Sprintf("%d months", days/30)
	default:
		return fmt.Sprintf("%d days", days)
	}
}

// rfm is a CustomerRfmGroup by how recently and how often was bought.
func (s *state) rfm(c *customer) any {
	last := c.lastOrder()
	if last == nil {
		return "PROSPECTS"
	}
	days := int(s.now().Sub(last.processedAt).Hours() / 24)
	often := len(c.orders)
	switch {
	case days <= 45 && often >= 12:
		return "CHAMPIONS"
	case days <= 60 && often >= 6:
		return "LOYAL"
	case days <= 60 && often >= 3:
		return "ACTIVE"
	case days <= 60:
		return "NEW"
	case days <= 120 && often >= 6:
		return "NEEDS_ATTENTION"
	case days <= 120:
		return "ALMOST_LOST"
	case often >= 10:
		return "AT_RISK"
	default:
		return "DORMANT"
	}
}

// spendTier is a CustomerPredictedSpendTier.
func (s *state) spendTier(c *customer) any {
	if len(c.orders) == 0 {
		return nil
	}
	switch spent := c.spent().IntPart(); {
	case spent >= 1500:
		return "HIGH"
	case spent >= 400:
		return "MEDIUM"
	default:
		return "LOW"
	}
}

var emailFields = table[*customer]{
	"emailAddress":        func(_ *state, v *customer, _ *graph.Call) any { return v.email },
	"marketingState":      func(_ *state, v *customer, _ *graph.Call) any { return v.emailConsent.state },
	"marketingOptInLevel": func(_ *state, v *customer, _ *graph.Call) any { return v.emailConsent.optIn },
	"marketingUpdatedAt":  func(_ *state, v *customer, _ *graph.Call) any { return timeOrNull(v.emailConsent.at) },
	"validFormat":         always[*customer](true),
	"openTrackingLevel":   always[*customer]("UNKNOWN"),
	"sourceLocation":      func(_ *state, v *customer, _ *graph.Call) any { return ref(v.emailConsent.source) },
}

var phoneFields = table[*customer]{
	"phoneNumber":            func(_ *state, v *customer, _ *graph.Call) any { return v.phone },
	"marketingState":         func(_ *state, v *customer, _ *graph.Call) any { return v.smsConsent.state },
	"marketingOptInLevel":    func(_ *state, v *customer, _ *graph.Call) any { return v.smsConsent.optIn },
	"marketingUpdatedAt":     func(_ *state, v *customer, _ *graph.Call) any { return timeOrNull(v.smsConsent.at) },
	"marketingCollectedFrom": func(_ *state, v *customer, _ *graph.Call) any { return v.smsConsent.from() },
	"sourceLocation":         func(_ *state, v *customer, _ *graph.Call) any { return ref(v.smsConsent.source) },
	"smsMarketingConsent": func(_ *state, v *customer, _ *graph.Call) any {
		return graph.Object{
			"__typename": "CustomerSmsMarketingConsent", "state": v.smsConsent.word(), "optInLevel": v.smsConsent.optIn, "updatedAt": timeOrNull(v.smsConsent.at),
			"collectedFrom": v.smsConsent.from(), "sourceLocation": ref(v.smsConsent.source), graph.Closed: true,
		}
	},
	"whatsAppMarketingConsent": always[*customer](graph.Object{"__typename": "CustomerWhatsAppMarketingConsent", "state": "NEVER_SUBSCRIBED", graph.Closed: true}),
}

func addressList(addresses []*address) graph.List {
	out := make(graph.List, len(addresses))
	for i, a := range addresses {
		out[i] = addressObject(a).(graph.Object)
	}
	return out
}

func addressObject(a *address) any {
	if a == nil {
		return nil
	}
	name := strings.TrimSpace(a.firstName + " " + a.lastName)
	return graph.Object{
		"__typename": "MailingAddress", "id": a.gid + "?model_name=CustomerAddress",
		"firstName": orNull(a.firstName), "lastName": orNull(a.lastName), "name": orNull(name), "company": orNull(a.company),
		"address1": orNull(a.Address1), "address2": orNull(a.Address2), "city": orNull(a.City), "zip": orNull(a.Zip), "phone": orNull(a.Phone),
		"province": orNull(a.Province), "provinceCode": orNull(a.ProvinceCode),
		"country": orNull(a.Country), "countryCode": orNull(a.CountryCode), "countryCodeV2": orNull(a.CountryCode),
		"formatted": a.formatted(), "formattedArea": orNull(a.area()), "coordinatesValidated": false, graph.Closed: true,
	}
}

// formatted is the address in lines, as on an envelope.
func (a AddressData) formatted() []string {
	out := []string{}
	for _, line := range []string{a.Address1, a.Address2, strings.TrimSpace(a.City + " " + a.ProvinceCode + " " + a.Zip), a.Country} {
		if line != "" {
			out = append(out, line)
		}
	}
	return out
}

func (a AddressData) area() string {
	var parts []string
	for _, p := range []string{a.City, a.ProvinceCode, a.Country} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ", ")
}
