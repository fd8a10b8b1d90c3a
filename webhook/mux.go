package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Topic is the name of a topic, with the type T that its bodies are decoded
// into. Every topic of API version 2026-10 has a constant here; those of other
// versions can be received as they are:
//
//	webhook.Topic[json.RawMessage]("something/new")
type Topic[T any] string

// Enum returns the topic's name in Shopify's GraphQL APIs, such as
// "ORDERS_CREATE" for "orders/create". It holds for every topic of the schema.
//
// https://shopify.dev/docs/api/admin-graphql/latest/enums/WebhookSubscriptionTopic
func (t Topic[T]) Enum() string { return enum.Replace(strings.ToUpper(string(t))) }

var enum = strings.NewReplacer("/", "_", ".", "_")

// Event is a delivery and its decoded body.
type Event[T any] struct {
	Delivery

	// Payload is the decoded body.
	Payload T
}

// ErrNoHandler reports a delivery whose topic nothing was registered for.
var ErrNoHandler = errors.New("webhook: no function for this topic")

// Mux gives each delivery to the function for its topic. The zero Mux is ready
// to use.
type Mux struct {
	mu       sync.RWMutex
	topics   map[string]func(context.Context, Delivery) error
	fallback func(context.Context, Delivery) error
}

// On registers fn for the deliveries of a topic. It panics if there is a
// function for it already.
//
// A delivery is processed at least once: fn may see it again after a crash.
func On[T any](m *Mux, topic Topic[T], fn func(context.Context, Event[T]) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.topics[string(topic)]; ok {
		panic(fmt.Sprintf("webhook: two functions for topic %q", string(topic)))
	}
	if m.topics == nil {
		m.topics = make(map[string]func(context.Context, Delivery) error)
	}
	m.topics[string(topic)] = func(ctx context.Context, d Delivery) error {
		ev := Event[T]{Delivery: d}
		if err := json.Unmarshal(d.Body, &ev.Payload); err != nil {
			return GiveUp(&PayloadError{Topic: d.Topic, cause: err})
		}
		return fn(ctx, ev)
	}
}

// Fallback registers fn for the deliveries of all topics that have no function
// of their own. Without it they become dead letters, for [ErrNoHandler].
func (m *Mux) Fallback(fn func(context.Context, Delivery) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fallback = fn
}

// Topics returns the topics that have a function of their own, sorted: those
// that a shop should be subscribed to. The compliance topics among them are
// subscribed to in the app's configuration file.
func (m *Mux) Topics() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Sorted(maps.Keys(m.topics))
}

// Process decodes d and gives it to the function for its topic. A body that
// does not decode is given up with a [*PayloadError].
func (m *Mux) Process(ctx context.Context, d Delivery) error {
	m.mu.RLock()
	fn, ok := m.topics[d.Topic]
	if !ok {
		fn = m.fallback
	}
	m.mu.RUnlock()
	if fn == nil {
		return GiveUp(fmt.Errorf("%w: %s", ErrNoHandler, d.Topic))
	}
	return fn(ctx, d)
}

// PayloadError reports a body that cannot be decoded.
type PayloadError struct {
	Topic string
	cause error
}

// Error says where the body cannot be decoded, and quotes nothing of it.
func (e *PayloadError) Error() string {
	what := "the body is not what the topic's type expects"
	if se, ok := errors.AsType[*json.SyntaxError](e.cause); ok {
		what = fmt.Sprintf("the body is not JSON at byte %d", se.Offset)
	} else if te, ok := errors.AsType[*json.UnmarshalTypeError](e.cause); ok {
		what = fmt.Sprintf("the body has the wrong type for %s", te.Type)
		if te.Field != "" {
			what += " at " + te.Field
		}
	} else if re, ok := errors.AsType[*rangeError](e.cause); ok {
		what = re.Error()
	}
	return fmt.Sprintf("webhook: %s: %s", e.Topic, what)
}

// Unwrap returns the decoder's error, which may quote the body.
func (e *PayloadError) Unwrap() error { return e.cause }

// LaterError is what [RetryLater] returns.
type LaterError struct {
	After time.Duration // how long to wait
	Err   error         // why; may be nil
}

// RetryLater is what a function returns to see the delivery again after d. It
// does not count as a failed attempt. err says why and may be nil.
func RetryLater(d time.Duration, err error) error {
	return &LaterError{After: max(d, 0), Err: err}
}

func (e *LaterError) Error() string {
	if e.Err == nil {
		return "webhook: again in " + e.After.String()
	}
	return fmt.Sprintf("webhook: again in %v: %v", e.After, e.Err)
}

// Unwrap returns why.
func (e *LaterError) Unwrap() error { return e.Err }

// GiveUpError is what [GiveUp] returns.
type GiveUpError struct {
	Err error // why; may be nil
}

// GiveUp is what a function returns for a delivery that no further attempt
// will help: it becomes a dead letter, for a person to look at.
func GiveUp(err error) error { return &GiveUpError{Err: err} }

func (e *GiveUpError) Error() string {
	if e.Err == nil {
		return "webhook: gave up"
	}
	return fmt.Sprintf("webhook: gave up: %v", e.Err)
}

// Unwrap returns why.
func (e *GiveUpError) Unwrap() error { return e.Err }
