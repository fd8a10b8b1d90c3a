package webhook

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// ErrEnvelope reports an EventBridge event or a Pub/Sub message that holds no
// delivery of Shopify's.
var ErrEnvelope = errors.New("webhook: not a delivery of Shopify's")

// EnvelopeError says what is wrong with an envelope, without anything of its
// content. It matches [ErrEnvelope].
type EnvelopeError struct {
	Reason string
}

func (e *EnvelopeError) Error() string { return ErrEnvelope.Error() + ": " + e.Reason }

// Is reports whether target is [ErrEnvelope].
func (e *EnvelopeError) Is(target error) bool { return target == ErrEnvelope }

// eventSource is what the source of Shopify's events begins with. AWS lets no
// account but Shopify's use it.
const eventSource = "aws.partner/shopify.com/"

// DecodeEventBridge returns the delivery in an Amazon EventBridge event, as a
// Lambda function or the body of an SQS message has it. Give it to
// [Inbox.Accept] or [Mux.Process].
//
// EventBridge encodes the body again, so it cannot be verified by its
// signature. What vouches for it is that the event comes from a partner event
// bus of yours, whose source only Shopify can use: let nobody else send to the
// function or the queue. The error matches [ErrEnvelope].
//
// https://shopify.dev/docs/apps/build/webhooks/subscribe/get-started?deliveryMethod=eventBridge
func DecodeEventBridge(event []byte) (Delivery, error) {
	var e struct {
		Source     string `json:"source"`
		DetailType string `json:"detail-type"`
		Time       string `json:"time"`
		Detail     struct {
			Metadata map[string]any  `json:"metadata"`
			Payload  json.RawMessage `json:"payload"`
		} `json:"detail"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return Delivery{}, &EnvelopeError{"the event is not of the form of EventBridge"}
	}
	switch {
	case !strings.HasPrefix(e.Source, eventSource):
		return Delivery{}, &EnvelopeError{"the source is not Shopify"}
	case e.DetailType != "shopifyWebhook":
		return Delivery{}, &EnvelopeError{"the detail type is not shopifyWebhook"}
	case len(e.Detail.Payload) == 0:
		return Delivery{}, &EnvelopeError{"there is no payload"}
	}
	d, err := fromHeader(headerOf(e.Detail.Metadata))
	if err != nil {
		return Delivery{}, &EnvelopeError{err.Error()}
	}
	d.Body = e.Detail.Payload
	d.ReceivedAt = time.Now()
	if d.TriggeredAt.IsZero() {
		d.TriggeredAt, _ = time.Parse(time.RFC3339, e.Time)
	}
	return d, nil
}

// headerOf is metadata or attributes as the header that they stand for. What is
// not text counts as missing.
func headerOf[V any](fields map[string]V) http.Header {
	header := make(http.Header, len(fields))
	for name, value := range fields {
		if text, ok := any(value).(string); ok {
			header.Add(name, text)
		}
	}
	return header
}
