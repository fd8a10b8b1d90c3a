package subscription

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/Khan/genqlient/graphql"
)

// Found is a subscription that the shop has.
type Found struct {
	// ID is its GID.
	ID string

	// Subscription is what it is like. Its topic is in the declared form if it
	// is declared, else in the API's, such as "ORDERS_CREATE".
	Subscription

	enum   string
	format string
}

const fields = `id topic uri format filter name includeFields metafieldNamespaces metafields { namespace key }`

const listOperation = `query SubscriptionList($first: Int!, $after: String) {
  webhookSubscriptions(first: $first, after: $after) { nodes { ` + fields + ` } pageInfo { hasNextPage endCursor } }
}`

const createOperation = `mutation SubscriptionCreate($topic: WebhookSubscriptionTopic!, $input: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $input) { webhookSubscription { id } userErrors { field message } }
}`

const updateOperation = `mutation SubscriptionUpdate($id: ID!, $input: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $input) { webhookSubscription { id } userErrors { field message } }
}`

const deleteOperation = `mutation SubscriptionDelete($id: ID!) {
  webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field message } }
}`

// UserError is Shopify's refusal of a change.
type UserError struct {
	Field   []string `json:"field"`
	Message string   `json:"message"`
}

// Error says what Shopify says.
func (e *UserError) Error() string {
	return fmt.Sprintf("subscription: refused: %s: %s", strings.Join(e.Field, "."), e.Message)
}

// moot reports that the shop has changed since it was looked at.
func (e *UserError) moot() bool {
	return strings.Contains(e.Message, "already been taken") || strings.Contains(e.Message, "does not exist") || strings.Contains(e.Message, "not found")
}

// call runs an operation.
func call(ctx context.Context, client graphql.Client, name, operation string, variables map[string]any, data any) error {
	resp := &graphql.Response{Data: data}
	return client.MakeRequest(ctx, &graphql.Request{OpName: name, Query: operation, Variables: variables}, resp)
}

type pageInfo struct {
	HasNextPage bool   `json:"hasNextPage"`
	EndCursor   string `json:"endCursor"`
}

// listPage is the size of a page; its cost is about 11 points.
const listPage = 100

// list returns all subscriptions that the app made through the API.
func list(ctx context.Context, client graphql.Client) ([]Found, error) {
	var all []Found
	var after *string
	for {
		var data struct {
			WebhookSubscriptions struct {
				Nodes []struct {
					ID                  string      `json:"id"`
					Topic               string      `json:"topic"`
					URI                 string      `json:"uri"`
					Format              string      `json:"format"`
					Filter              string      `json:"filter"`
					Name                string      `json:"name"`
					IncludeFields       []string    `json:"includeFields"`
					MetafieldNamespaces []string    `json:"metafieldNamespaces"`
					Metafields          []Metafield `json:"metafields"`
				} `json:"nodes"`
				PageInfo pageInfo `json:"pageInfo"`
			} `json:"webhookSubscriptions"`
		}
		if err := call(ctx, client, "SubscriptionList", listOperation, map[string]any{"first": listPage, "after": after}, &data); err != nil {
			return nil, fmt.Errorf("subscription: list: %w", err)
		}
		for _, n := range data.WebhookSubscriptions.Nodes {
			all = append(all, Found{ID: n.ID, enum: n.Topic, format: n.Format, Subscription: Subscription{
				Topic: n.Topic, URI: n.URI, Name: n.Name, Filter: n.Filter, IncludeFields: n.IncludeFields,
				MetafieldNamespaces: n.MetafieldNamespaces, Metafields: n.Metafields,
			}})
		}
		page := data.WebhookSubscriptions.PageInfo
		if !page.HasNextPage || page.EndCursor == "" {
			return all, nil
		}
		after = &page.EndCursor
	}
}

// input is a WebhookSubscriptionInput that leaves nothing as it was.
func (s Subscription) input() map[string]any {
	in := map[string]any{
		"uri": s.URI, "format": "JSON", "filter": s.Filter,
		"includeFields": orEmpty(s.IncludeFields), "metafieldNamespaces": orEmpty(s.MetafieldNamespaces), "metafields": orEmpty(s.Metafields),
	}
	if s.Name != "" { // an empty one is refused
		in["name"] = s.Name
	}
	return in
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// change runs a mutation and returns the id that it answers.
func change(ctx context.Context, client graphql.Client, name, operation string, variables map[string]any) (id string, err error) {
	var data map[string]json.RawMessage
	err = call(ctx, client, name, operation, variables, &data)
	var payload struct {
		Subscription struct {
			ID string `json:"id"`
		} `json:"webhookSubscription"`
		Deleted    string      `json:"deletedWebhookSubscriptionId"`
		UserErrors []UserError `json:"userErrors"`
	}
	for _, raw := range data {
		if json.Unmarshal(raw, &payload) == nil && len(payload.UserErrors) > 0 {
			return "", &payload.UserErrors[0] // some clients make errors of them, some do not
		}
	}
	if err != nil {
		return "", fmt.Errorf("subscription: %w", err)
	}
	return payload.Subscription.ID + payload.Deleted, nil
}
