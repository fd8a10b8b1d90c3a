package shopifytest

import (
	"strings"
	"testing"
	"time"
)

// FuzzSegmentQuery reads queries as they come: they are read or refused, and what is read can be asked.
func FuzzSegmentQuery(f *testing.F) {
	for _, seed := range []string{
		"number_of_orders > 3 AND customer_tags CONTAINS 'vip'", "(amount_spent BETWEEN 1 AND 2) OR last_order_date IS NOT NULL",
		"last_order_date >= -30d", "customer_tags NOT CONTAINS 'it\\'s'", "((((", "amount_spent > 99999999999999999999", "first_order_date < 2026-13-45",
	} {
		f.Add(seed)
	}
	s := newState(time.Now, 1)
	s.shop.location = time.UTC
	v := &customer{tags: []string{"vip"}, email: "ada@example.com"}
	f.Fuzz(func(t *testing.T, query string) {
		match, problem := parseSegment(query)
		if (match == nil) != (problem != "") {
			t.Fatalf("match %v, problem %q", match != nil, problem)
		}
		if match == nil {
			return
		}
		first := match(s, v)
		again, problem := parseSegment(" " + query + " ")
		if problem != "" && len(query)+2 <= maxSegmentQuery {
			t.Fatalf("spaces around it make it wrong: %s", problem)
		}
		if again != nil && again(s, v) != first {
			t.Fatal("spaces around it change the answer")
		}
		if strings.TrimSpace(query) == "" {
			t.Fatal("nothing was read as a query")
		}
	})
}
