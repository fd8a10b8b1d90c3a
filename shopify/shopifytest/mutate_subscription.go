package shopifytest

import (
	"regexp"
	"slices"

	"github.com/posai-go/posai/shopify/shopifytest/internal/graph"
)

var subscriptionName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,50}$`)

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/webhookSubscriptionCreate
func webhookSubscriptionCreate(s *state, c *graph.Call) (any, error) {
	w := &subscription{topic: text(c.Args, "topic"), format: "JSON"}
	errs, err := s.readSubscription(w, input(c, "webhookSubscription"))
	if err != nil {
		return nil, err
	}
	if w.uri == "" && len(errs) == 0 {
		errs = append(errs, userError{field: []string{"webhookSubscription", "uri"}, message: "Address can't be blank"})
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	s.add(w, "WebhookSubscription", 0, s.now())
	s.subscriptions = append(s.subscriptions, w)
	return done("webhookSubscription", object(w)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/webhookSubscriptionUpdate
func webhookSubscriptionUpdate(s *state, c *graph.Call) (any, error) {
	old, ok := find[*subscription](s, text(c.Args, "id"))
	if !ok {
		return refused(userError{field: []string{"id"}, message: "Webhook subscription does not exist"}), nil
	}
	changed := *old
	errs, err := s.readSubscription(&changed, input(c, "webhookSubscription"))
	if err != nil {
		return nil, err
	}
	if len(errs) > 0 {
		return refused(errs...), nil
	}
	// Deliveries under way hold on to the old one.
	s.touch(&changed)
	s.byID[old.gid] = &changed
	s.subscriptions[slices.Index(s.subscriptions, old)] = &changed
	return done("webhookSubscription", object(&changed)), nil
}

// https://shopify.dev/docs/api/admin-graphql/latest/mutations/webhookSubscriptionDelete
func webhookSubscriptionDelete(s *state, c *graph.Call) (any, error) {
	id := text(c.Args, "id")
	if !s.unsubscribe(id) {
		return refused(userError{field: []string{"id"}, message: "Webhook subscription does not exist"}), nil
	}
	return done("deletedWebhookSubscriptionId", id), nil
}

// unsubscribe deletes the subscription; false if there is none.
func (s *state) unsubscribe(id string) bool {
	if _, ok := find[*subscription](s, id); !ok {
		return false
	}
	delete(s.byID, id)
	s.subscriptions = slices.DeleteFunc(s.subscriptions, func(w *subscription) bool { return w.gid == id })
	if s.events != nil {
		s.events.unsubscribed(id)
	}
	return true
}

func (s *state) readSubscription(w *subscription, in map[string]any) ([]userError, error) {
	if key := unknown(in, "uri", "callbackUrl", "filter", "format", "includeFields", "metafieldNamespaces", "metafields", "name"); key != "" {
		return nil, notSimulated("WebhookSubscriptionInput." + key)
	}
	if text(in, "format") == "XML" {
		return nil, notSimulated("the format XML")
	}
	setText(in, "callbackUrl", &w.uri)
	setText(in, "uri", &w.uri)
	setText(in, "name", &w.name)
	setText(in, "filter", &w.filter)
	if v, sent := in["includeFields"]; sent {
		w.includeFields = stringList(v)
	}
	if v, sent := in["metafieldNamespaces"]; sent {
		w.namespaces = nil
		for _, n := range stringList(v) {
			w.namespaces = append(w.namespaces, s.namespace(n))
		}
	}
	if v, sent := in["metafields"]; sent {
		w.metafields = nil
		list, _ := v.([]any)
		for _, entry := range list {
			m, _ := entry.(map[string]any)
			w.metafields = append(w.metafields, metafieldName{s.namespace(text(m, "namespace")), text(m, "key")})
		}
	}
	refuse := func(field, message string) []userError {
		return []userError{{field: []string{"webhookSubscription", field}, message: message}}
	}
	if w.uri != "" {
		if problem := checkTarget(w.uri); problem != "" {
			return refuse("uri", problem), nil
		}
	}
	if w.name != "" && !subscriptionName.MatchString(w.name) {
		return refuse("name", "Name is invalid"), nil
	}
	if w.filter != "" {
		if problem := checkFilter(w.filter); problem != "" {
			return refuse("filter", problem), nil
		}
	}
	for _, other := range s.subscriptions {
		if other.gid != w.gid && other.topic == w.topic && other.uri == w.uri && other.filter == w.filter && other.name == w.name {
			return refuse("uri", "Address for this topic has already been taken"), nil
		}
	}
	return nil, nil
}
