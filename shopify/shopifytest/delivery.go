package shopifytest

import "time"

// Delivery is one entry of the delivery log: one webhook on its way to one subscriber.
type Delivery struct {
	WebhookID      string        `json:"webhook_id"` // the same on every retry
	EventID        string        `json:"event_id"`   // shared by all deliveries of one event
	Topic          string        `json:"topic"`      // as in the header, such as "orders/create"
	SubscriptionID string        `json:"subscription_id"`
	URI            string        `json:"uri"`
	TriggeredAt    time.Time     `json:"triggered_at"`
	State          DeliveryState `json:"state"`
	Redelivered    bool          `json:"redelivered,omitempty"` // sent again by [Shop.Redeliver]
	Attempts       []Attempt     `json:"attempts"`
	Body           []byte        `json:"-"`
}

// Attempt is one try at delivering.
type Attempt struct {
	At       time.Time     `json:"at"`
	Duration time.Duration `json:"duration"`         // nanoseconds in JSON
	Status   int           `json:"status,omitempty"` // 0: no answer
	Error    string        `json:"error,omitempty"`  // why there was no answer
}

// DeliveryState says how far a [Delivery] is.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"   // not yet tried, or to be tried again
	DeliveryDelivered DeliveryState = "delivered" // answered with 2xx
	DeliveryFailed    DeliveryState = "failed"    // every try failed
	DeliveryDropped   DeliveryState = "dropped"   // its subscription or the shop went away first
)
