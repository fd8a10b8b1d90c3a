package shopifytest

import (
	"slices"
	"strings"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
	"github.com/posai-go/posai/shopify/shopifytest/internal/search"
)

// roots are the fields of QueryRoot that are answered from the state.
var roots = joined(generalRoots, discountRoots, metaobjectRoots, definitionRoots, collectionRoots, segmentRoots)

var generalRoots = map[string]func(s *state, c *graph.Call) (any, error){
	"shop":                   func(s *state, _ *graph.Call) (any, error) { return object(&s.shop), nil },
	"currentAppInstallation": func(s *state, _ *graph.Call) (any, error) { return object(s.app.installation), nil },
	"app":                    func(s *state, _ *graph.Call) (any, error) { return s.appObject(), nil },

	"node": func(s *state, c *graph.Call) (any, error) { return s.byGID(c.Args["id"]), nil },
	"nodes": func(s *state, c *graph.Call) (any, error) {
		ids := stringList(c.Args["ids"])
		if len(ids) > 250 {
			return nil, graph.NewError("MAX_INPUT_SIZE_EXCEEDED", "The input array size is greater than the maximum allowed of 250.")
		}
		out := make([]any, len(ids))
		for i, id := range ids {
			out[i] = s.byGID(id)
		}
		return out, nil
	},

	"job":                    jobRoot,
	"customerMergePreview":   customerMergePreview,
	"customerMergeJobStatus": customerMergeJobStatus,

	"bulkOperation": byID[*bulkOperation],
	"bulkOperations": func(s *state, c *graph.Call) (any, error) {
		return query(c, bulkIndex, s.bulk, bulkSort), nil
	},
	"currentBulkOperation": func(s *state, c *graph.Call) (any, error) {
		kind, _ := c.Args["type"].(string)
		return ref(s.currentBulk(kind)), nil
	},

	"order":               byID[*order],
	"customer":            byID[*customer],
	"product":             byID[*product],
	"productVariant":      byID[*variant],
	"inventoryItem":       byID[*item],
	"inventoryLevel":      byID[*level],
	"draftOrder":          byID[*draft],
	"refund":              byID[*refund],
	"return":              byID[*orderReturn],
	"webhookSubscription": byID[*subscription],
	"storeCreditAccount":  byID[*creditAccount],
	"giftCard":            byID[*giftCard],
	"inventoryTransfer":   byID[*transfer],
	"inventoryShipment":   byID[*shipment],
	"location": func(s *state, c *graph.Call) (any, error) {
		if c.Args["id"] == nil {
			return object(s.home()), nil
		}
		return byID[*location](s, c)
	},
	"staffMember": func(s *state, c *graph.Call) (any, error) {
		if c.Args["id"] == nil {
			return nil, nil
		}
		return byID[*staff](s, c)
	},

	"orderByIdentifier":          byIdentifier(idOr[*order](nil)),
	"locationByIdentifier":       byIdentifier(idOr[*location](nil)),
	"productVariantByIdentifier": byIdentifier(idOr[*variant](nil)),
	"customerByIdentifier": byIdentifier(idOr[*customer](func(s *state, id map[string]any) any {
		if email, ok := id["emailAddress"].(string); ok {
			return ref(s.byEmail[strings.ToLower(email)])
		}
		if phone, ok := id["phoneNumber"].(string); ok {
			return ref(s.customerByPhone(phone))
		}
		return nil
	})),
	"productByIdentifier": byIdentifier(idOr[*product](func(s *state, id map[string]any) any {
		if h, ok := id["handle"].(string); ok {
			for _, p := range s.products {
				if p.handle == h {
					return object(p)
				}
			}
		}
		return nil
	})),

	"orders": func(s *state, c *graph.Call) (any, error) {
		return query(c, orderIndex, s.orders, orderSort), nil
	},
	"customers": func(s *state, c *graph.Call) (any, error) {
		return query(c, customerIndex, s.customers, customerSort), nil
	},
	"products": func(s *state, c *graph.Call) (any, error) {
		return query(c, productIndex, s.products, productSort), nil
	},
	"productVariants": func(s *state, c *graph.Call) (any, error) {
		return query(c, variantIndex, s.variants, variantSort), nil
	},
	"inventoryItems": func(s *state, c *graph.Call) (any, error) {
		return query(c, itemIndex, s.items(), nil), nil
	},
	"locations": func(s *state, c *graph.Call) (any, error) {
		return query(c, locationIndex, s.locationsOf(c), locationSort), nil
	},
	"giftCards": func(s *state, c *graph.Call) (any, error) {
		return query(c, giftCardIndex, s.giftCards, sorts[*giftCard]{"CREATED_AT": byTime[*giftCard], "UPDATED_AT": byUpdate[*giftCard]}), nil
	},
	"inventoryTransfers": func(s *state, c *graph.Call) (any, error) {
		return query(c, transferIndex, s.transfers, transferSort), nil
	},
	"returnReasonDefinitions": returnReasonDefinitions,
	"returnableFulfillments":  returnableFulfillments,
	"returnableFulfillment":   returnableFulfillment,
	"draftOrders": func(s *state, c *graph.Call) (any, error) {
		return query(c, draftIndex, s.drafts, draftSort), nil
	},
	"staffMembers": func(s *state, c *graph.Call) (any, error) {
		return query(c, staffIndex, s.staff, nil), nil
	},
	"webhookSubscriptions": func(s *state, c *graph.Call) (any, error) {
		return query(c, subscriptionIndex, s.subscribed(c.Args), sorts[*subscription]{"CREATED_AT": byTime[*subscription]}), nil
	},

	"ordersCount":               counter(orderIndex, func(s *state) []*order { return s.orders }),
	"customersCount":            counter(customerIndex, func(s *state) []*customer { return s.customers }),
	"productsCount":             counter(productIndex, func(s *state) []*product { return s.products }),
	"productVariantsCount":      counter(variantIndex, func(s *state) []*variant { return s.variants }),
	"locationsCount":            counter(locationIndex, (*state).activeLocations),
	"draftOrdersCount":          counter(draftIndex, func(s *state) []*draft { return s.drafts }),
	"giftCardsCount":            counter(giftCardIndex, func(s *state) []*giftCard { return s.giftCards }),
	"webhookSubscriptionsCount": counter(subscriptionIndex, func(s *state) []*subscription { return s.subscriptions }),
}

func byID[T interface {
	comparable
	node
}](s *state, c *graph.Call) (any, error) {
	id, _ := c.Args["id"].(string)
	n, _ := find[T](s, id)
	return ref(n), nil
}

// byGID is whatever has that GID, or null.
func (s *state) byGID(id any) any {
	text, _ := id.(string)
	text, _, _ = strings.Cut(text, "?model_name=") // addresses are told apart by the model
	n, ok := s.byID[text]
	if !ok {
		return nil
	}
	if a, ok := n.(*address); ok {
		return addressObject(a)
	}
	switch n.common().typename {
	case "Job", "DiscountRedeemCode":
		return nil // no Node in the schema
	}
	if d, ok := n.(*discount); ok && text != d.gid {
		return discountNode(d)
	}
	return object(n)
}

// idOr looks for the thing of that type that the identifier's id names, and has
// other look where there is no id.
func idOr[T interface {
	comparable
	node
}](other func(s *state, identifier map[string]any) any) func(s *state, identifier map[string]any) any {
	return func(s *state, identifier map[string]any) any {
		if id, ok := identifier["id"].(string); ok {
			n, _ := find[T](s, id)
			return ref(n)
		}
		if other == nil {
			return nil
		}
		return other(s, identifier)
	}
}

func byIdentifier(get func(s *state, identifier map[string]any) any) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		identifier, _ := c.Args["identifier"].(map[string]any)
		return get(s, identifier), nil
	}
}

// counter counts what the query matches, up to the limit.
func counter[T node](index search.Index[T], all func(*state) []T) func(*state, *graph.Call) (any, error) {
	return func(s *state, c *graph.Call) (any, error) {
		n := len(filter(c, index, all(s)))
		if limit, ok := c.Args["limit"].(int); ok && limit < n {
			return graph.Object{"__typename": "Count", "count": limit, "precision": "AT_LEAST"}, nil
		}
		return count(n), nil
	}
}

func (s *state) items() []*item {
	out := make([]*item, len(s.variants))
	for i, v := range s.variants {
		out[i] = v.item
	}
	return out
}

// subscribed is the subscriptions that the arguments beside query ask for.
func (s *state) subscribed(args map[string]any) []*subscription {
	topics := stringList(args["topics"])
	uri, byURI := args["uri"].(string)
	if u, ok := args["callbackUrl"].(string); ok {
		uri, byURI = u, true
	}
	var out []*subscription
	for _, w := range s.subscriptions {
		if (topics == nil || slices.Contains(topics, w.topic)) && (!byURI || w.uri == uri) {
			out = append(out, w)
		}
	}
	return out
}
