package shopifytest

import (
	"strconv"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

// maxRiskFacts is how many facts an assessment may have.
const maxRiskFacts = 20

// Fulfilled orders take no assessment: https://shopify.dev/docs/api/admin-graphql/latest/enums/OrderRiskAssessmentCreateUserErrorCode
//
// https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderRiskAssessmentCreate
func orderRiskAssessmentCreate(s *state, c *graph.Call) (any, error) {
	const arg = "orderRiskAssessmentInput"
	in := input(c, arg)
	o, ok := find[*order](s, text(in, "orderId"))
	if !ok {
		return refused(userError{[]string{arg, "orderId"}, "The order could not be found.", "NOT_FOUND"}), nil
	}
	if o.fulfillment != nil {
		return refused(userError{[]string{arg, "orderId"}, "The order is marked as fulfilled and can no longer accept new risk assessments.", "ORDER_ALREADY_FULFILLED"}), nil
	}
	facts := objects(in["facts"])
	if len(facts) > maxRiskFacts {
		return refused(userError{[]string{arg, "facts"}, "Too many facts were provided for the risk assessment.", "TOO_MANY_FACTS"}), nil
	}
	r := RiskAssessment{Level: text(in, "riskLevel"), At: s.now()}
	for i, f := range facts {
		if text(f, "description") == "" {
			return refused(userError{[]string{arg, "facts", strconv.Itoa(i), "description"}, "Description can't be blank.", "INVALID"}), nil
		}
		r.Facts = append(r.Facts, RiskFact{Description: text(f, "description"), Sentiment: text(f, "sentiment")})
	}
	o.risks = append(o.risks, r)
	s.updated(o)
	return done("orderRiskAssessment", s.riskAssessment(r)), nil
}

func (s *state) riskAssessment(r RiskAssessment) graph.Object {
	facts := graph.List{}
	for _, f := range r.Facts {
		facts = append(facts, graph.Object{"__typename": "RiskFact", "description": f.Description, "sentiment": f.Sentiment})
	}
	return graph.Object{"__typename": "OrderRiskAssessment", "riskLevel": r.Level, "facts": facts, "provider": s.appObject(), graph.Closed: true}
}

// riskSummary recommends what the highest level asks for.
func (s *state) riskSummary(o *order) graph.Object {
	recommendation, assessments := "NONE", graph.List{}
	for _, r := range o.risks {
		assessments = append(assessments, s.riskAssessment(r))
		switch {
		case r.Level == "HIGH":
			recommendation = "CANCEL"
		case r.Level == "MEDIUM" && recommendation != "CANCEL":
			recommendation = "INVESTIGATE"
		case r.Level == "LOW" && recommendation == "NONE":
			recommendation = "ACCEPT"
		}
	}
	return graph.Object{"__typename": "OrderRiskSummary", "assessments": assessments, "recommendation": recommendation, graph.Closed: true}
}
