package shopifytest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/posai-go/posai/shopify/schema"
)

func (q *restRequest) webhooks() payloads {
	s := q.api.shop.state
	var out payloads
	for _, w := range s.subscriptions {
		out = append(out, payload{w.id, w.filed, func() map[string]any { return s.webhookPayload(w) }})
	}
	return out
}

func (s *state) webhookPayload(w *subscription) map[string]any {
	return map[string]any{
		"id": w.id, "admin_graphql_api_id": w.gid, "topic": w.header(), "address": w.uri, "format": strings.ToLower(w.format), "api_version": schema.Admin().Version(),
		"fields": w.includeFields, "metafield_namespaces": w.namespaces, "created_at": s.restTime(w.createdAt), "updated_at": s.restTime(w.updatedAt),
	}
}

// topicsEnum are the topics that the schema names.
var topicsEnum = sync.OnceValue(func() []string {
	_, rest, _ := strings.Cut(schema.Admin().SDL(), "enum WebhookSubscriptionTopic {")
	block, _, _ := strings.Cut(rest, "}")
	return regexp.MustCompile(`(?m)^\s*([A-Z_]+)`).FindAllString(block, -1)
})

// topicOf is the enum name of a topic as REST names it, or "".
func topicOf(header string) string {
	for _, name := range topicsEnum() {
		name = strings.TrimSpace(name)
		if (&subscription{topic: name}).header() == header {
			return name
		}
	}
	return ""
}

// readWebhook changes w as the body says.
func (q *restRequest) readWebhook(w *subscription) *restProblem {
	in, problem := q.input("webhook", "topic", "address", "format", "fields", "metafield_namespaces", "private_metafield_namespaces", "api_version")
	if problem != nil {
		return problem
	}
	wrong := func(field, message string) *restProblem {
		return &restProblem{http.StatusUnprocessableEntity, map[string][]string{field: {message}}}
	}
	if _, sent := in["topic"]; sent {
		if w.topic = topicOf(text(in, "topic")); w.topic == "" {
			return wrong("topic", "Invalid topic specified")
		}
	}
	if f := text(in, "format"); f != "" && f != "json" {
		return wrong("format", "is not simulated")
	}
	if list := stringList(in["private_metafield_namespaces"]); len(list) > 0 {
		return wrong("private_metafield_namespaces", "is not simulated")
	}
	change := map[string]any{}
	for name, field := range map[string]string{"address": "uri", "fields": "includeFields", "metafield_namespaces": "metafieldNamespaces"} {
		if v, sent := in[name]; sent {
			change[field] = v
		}
	}
	errs, err := q.api.shop.state.readSubscription(w, change)
	switch {
	case err != nil:
		return wrong("webhook", err.Error())
	case len(errs) > 0:
		return wrong("address", errs[0].message)
	case w.uri == "":
		return wrong("address", "can't be blank")
	case w.topic == "":
		return wrong("topic", "can't be blank")
	}
	return nil
}

func (q *restRequest) postWebhook() (any, *restProblem) {
	s := q.api.shop.state
	w := &subscription{format: "JSON"}
	if problem := q.readWebhook(w); problem != nil {
		return nil, problem
	}
	s.add(w, "WebhookSubscription", 0, s.now())
	s.subscriptions = append(s.subscriptions, w)
	return map[string]any{"webhook": s.webhookPayload(w)}, nil
}

func (q *restRequest) putWebhook() (any, *restProblem) {
	s := q.api.shop.state
	id, ok := q.id()
	old, found := find[*subscription](s, gid("WebhookSubscription", id))
	if !ok || !found {
		return nil, restNotFound
	}
	changed := *old
	if problem := q.readWebhook(&changed); problem != nil {
		return nil, problem
	}
	s.touch(&changed)
	s.byID[old.gid] = &changed
	s.subscriptions[slices.Index(s.subscriptions, old)] = &changed
	return map[string]any{"webhook": s.webhookPayload(&changed)}, nil
}

func (q *restRequest) deleteWebhook() (any, *restProblem) {
	id, ok := q.id()
	if !ok || !q.api.shop.state.unsubscribe(gid("WebhookSubscription", id)) {
		return nil, restNotFound
	}
	return map[string]any{}, nil
}
