package shopifytest

import (
	"cmp"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// consent is whether somebody wants marketing by one channel.
type consent struct {
	state  string    // CustomerEmailMarketingState or CustomerSmsMarketingState
	optIn  string    // CustomerMarketingOptInLevel
	at     time.Time // when it was given or taken back; zero: never
	source *location // where it was collected; nil: nowhere
	app    bool      // an app wrote it
}

func newConsent(state string, at time.Time) consent {
	return consent{state: cmp.Or(state, "NOT_SUBSCRIBED"), optIn: "SINGLE_OPT_IN", at: at}
}

// from is a CustomerConsentCollectedFrom.
func (c consent) from() string {
	if c.app {
		return "OTHER"
	}
	return "SHOPIFY"
}

// word is the state as a CustomerMarketingConsentState, which has a name of its own for one.
func (c consent) word() string {
	if c.state == "NOT_SUBSCRIBED" {
		return "NEVER_SUBSCRIBED"
	}
	return c.state
}

// consentFrom is the consent of an input, and what is wrong with it. The fields of the error are relative to it.
func (s *state) consentFrom(in map[string]any) (consent, *userError) {
	c := consent{state: text(in, "marketingState"), optIn: cmp.Or(text(in, "marketingOptInLevel"), "SINGLE_OPT_IN"), at: s.now(), app: true}
	switch c.state {
	case "NOT_SUBSCRIBED", "REDACTED", "INVALID":
		// Shopify itself sets these.
		return c, &userError{[]string{"marketingState"}, "Cannot specify " + c.state + " as a marketing state input", "INVALID"}
	case "PENDING":
		if text(in, "marketingOptInLevel") == "SINGLE_OPT_IN" {
			return c, &userError{[]string{"marketingOptInLevel"}, "Opt-in level must be CONFIRMED_OPT_IN if the state is PENDING", "INVALID"}
		}
	}
	if at, err := time.Parse(time.RFC3339, text(in, "consentUpdatedAt")); err == nil {
		if c.at = at; at.After(s.now()) {
			return c, &userError{[]string{"consentUpdatedAt"}, "Consent updated at must not be in the future", "INVALID"}
		}
	}
	if id := text(in, "sourceLocationId"); id != "" {
		l, ok := find[*location](s, id)
		if !ok {
			return c, &userError{[]string{"sourceLocationId"}, "Source location does not exist", "INVALID"}
		}
		c.source = l
	}
	return c, nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerEmailMarketingConsentUpdate
func customerEmailMarketingConsentUpdate(s *state, c *graph.Call) (any, error) {
	return s.updateConsent(c, "emailMarketingConsent", func(v *customer) (*consent, string) {
		if v.email == "" {
			return nil, "An email address is required to set the email marketing consent state"
		}
		return &v.emailConsent, ""
	})
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerSmsMarketingConsentUpdate
func customerSmsMarketingConsentUpdate(s *state, c *graph.Call) (any, error) {
	return s.updateConsent(c, "smsMarketingConsent", func(v *customer) (*consent, string) {
		if v.phone == "" {
			return nil, "A phone number is required to set the SMS consent state"
		}
		return &v.smsConsent, ""
	})
}

// updateConsent carries out a mutation on the consent that of returns, or says why there is none.
func (s *state) updateConsent(c *graph.Call, key string, of func(*customer) (target *consent, problem string)) (any, error) {
	in := input(c, "input")
	v, ok := find[*customer](s, text(in, "customerId"))
	if !ok {
		return refused(userError{[]string{"input", "customerId"}, "Customer not found", "INVALID"}), nil
	}
	target, problem := of(v)
	if target == nil {
		return refused(userError{[]string{"input", "customerId"}, problem, "INVALID"}), nil
	}
	given, e := s.consentFrom(nested(in, key))
	if e != nil {
		e.field = append([]string{"input", key}, e.field...)
		return refused(*e), nil
	}
	s.setConsent(v, target, given)
	return done("customer", object(v)), nil
}

// setConsent writes one of v's two consents and tells the subscribers.
func (s *state) setConsent(v *customer, target *consent, given consent) {
	*target = given
	s.touch(v)
	group := s.newGroup()
	if target == &v.emailConsent {
		s.emit("customers_email_marketing_consent/update", v, map[string]any{
			"customer_id": v.id, "email_address": v.email, "email_marketing_consent": s.emailConsentPayload(v),
		}, group)
	} else {
		s.emit("customers_marketing_consent/update", v, map[string]any{
			"id": v.id, "phone": v.phone, "sms_marketing_consent": s.smsConsentPayload(v),
		}, group)
	}
	s.emit("customers/update", v, s.customerPayload(v), group)
}

func (s *state) emailConsentPayload(v *customer) map[string]any {
	c := v.emailConsent
	return map[string]any{"state": strings.ToLower(c.state), "opt_in_level": strings.ToLower(c.optIn), "consent_updated_at": s.restTime(c.at)}
}

func (s *state) smsConsentPayload(v *customer) map[string]any {
	c := v.smsConsent
	return map[string]any{
		"state": strings.ToLower(c.state), "opt_in_level": strings.ToLower(c.optIn), "consent_updated_at": s.restTime(c.at), "consent_collected_from": c.from(),
	}
}
