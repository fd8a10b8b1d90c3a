package shopifytest

// event tells the subscribers of the topic. The state's lock is held.
func (s *Shop) event(topic, subject string, payload map[string]any, group string) {
	for _, w := range s.state.subscriptions {
		if w.header() != topic || w.silent() || !w.wants(payload) {
			continue
		}
		s.sender.send(Delivery{
			WebhookID: s.state.uuid(), EventID: group, Topic: topic, SubscriptionID: w.gid, URI: w.uri,
			TriggeredAt: s.state.now(), Body: s.state.body(w, subject, payload),
		}, w.name)
	}
}

// unsubscribed ends what is on its way to a subscription that is gone. The state's lock is held.
func (s *Shop) unsubscribed(id string) { s.sender.drop(id) }

// deleteSubscription is what repeated failures end in.
func (s *Shop) deleteSubscription(id string) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.unsubscribe(id)
}
