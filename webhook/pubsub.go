package webhook

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// DecodePubSub returns the delivery in a Google Cloud Pub/Sub message, as a
// client that pulls has it, and its signature, which may be empty: check it
// with [Secrets.Verify]. The error matches [ErrEnvelope].
//
// https://shopify.dev/docs/apps/build/webhooks/subscribe/get-started?deliveryMethod=pubSub
func DecodePubSub(data []byte, attributes map[string]string) (d Delivery, signature string, err error) {
	header := headerOf(attributes)
	signature, err = family(header, "Hmac-Sha256")
	if err == nil {
		d, err = fromHeader(header)
	}
	if err != nil {
		return Delivery{}, "", &EnvelopeError{err.Error()}
	}
	d.Body = data
	d.ReceivedAt = time.Now()
	return d, signature, nil
}

// pushMessage is what Pub/Sub posts.
//
// https://cloud.google.com/pubsub/docs/push#receive_push
type pushMessage struct {
	Message *struct {
		Data        string            `json:"data"`
		Attributes  map[string]string `json:"attributes"`
		PublishTime string            `json:"publishTime"`
	} `json:"message"`
}

// DecodePubSubPush is [DecodePubSub] for the body of a push request, wrapped
// as it is by default.
func DecodePubSubPush(body []byte) (d Delivery, signature string, err error) {
	var push pushMessage
	if err := json.Unmarshal(body, &push); err != nil || push.Message == nil {
		return Delivery{}, "", &EnvelopeError{"the body is not of the form of a push"}
	}
	data, err := base64.StdEncoding.DecodeString(push.Message.Data)
	if err != nil {
		return Delivery{}, "", &EnvelopeError{"the data is not base64"}
	}
	if d, signature, err = DecodePubSub(data, push.Message.Attributes); err != nil {
		return Delivery{}, "", err
	}
	if d.TriggeredAt.IsZero() {
		d.TriggeredAt, _ = time.Parse(time.RFC3339, push.Message.PublishTime)
	}
	return d, signature, nil
}

// PubSubOptions are the settings of a [PubSubHandler]. Nil means the defaults.
type PubSubOptions struct {
	Options

	// Authenticate says whether a request comes from the push subscription,
	// by its OpenID Connect token, say. With it, messages without a signature
	// are accepted, too; an error is answered with 401. If nil, the signature
	// alone vouches for a message.
	//
	// https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
	Authenticate func(*http.Request) error
}

// PubSubHandler receives deliveries that Google Cloud Pub/Sub pushes. It
// answers as [Handler] does; the envelope counts as the header. Pub/Sub sends
// a message again after any answer but 2xx, until its retention ends or it
// goes to a dead-letter topic: configure one.
type PubSubHandler struct {
	receiver
	authenticate func(*http.Request) error
}

// NewPubSubHandler returns a handler that verifies deliveries with secrets and
// gives them to inbox. With [Options.SecretsOf], secrets is not used.
func NewPubSubHandler(inbox Inbox, secrets Secrets, opts *PubSubOptions) (*PubSubHandler, error) {
	if opts == nil {
		opts = new(PubSubOptions)
	}
	r, err := newReceiver(inbox, secrets, &opts.Options)
	if err != nil {
		return nil, err
	}
	return &PubSubHandler{r, opts.Authenticate}, nil
}

// ServeHTTP receives one message.
func (h *PubSubHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	received := time.Now()
	d, signature, refused := h.read(w, r, received)
	if refused != nil {
		h.refuse(w, r, refused)
		return
	}
	d.ReceivedAt = received
	if signature == "" { // and authenticated
		h.keepUnsigned(w, r, d)
		return
	}
	h.receive(w, r, d, signature)
}

func (h *PubSubHandler) read(w http.ResponseWriter, r *http.Request, received time.Time) (d Delivery, signature string, refused *RequestError) {
	if r.Method != http.MethodPost {
		return d, "", &RequestError{Status: http.StatusMethodNotAllowed, Reason: "this is sent by POST"}
	}
	if h.authenticate != nil {
		if err := h.authenticate(r); err != nil {
			return d, "", &RequestError{Status: http.StatusUnauthorized, Reason: "the request is not authenticated", cause: err}
		}
	}
	h.setDeadline(w, received)
	// The data is a third longer in base64, and the rest is small.
	body, refused := readBody(w, r, h.opts.MaxBody/3*4+64<<10)
	if refused != nil {
		return d, "", refused
	}
	d, signature, err := DecodePubSubPush(body)
	if e, ok := errors.AsType[*EnvelopeError](err); ok {
		return d, "", &RequestError{Status: http.StatusBadRequest, Reason: e.Reason, cause: err}
	}
	switch {
	case int64(len(d.Body)) > h.opts.MaxBody:
		return d, "", &RequestError{Status: http.StatusRequestEntityTooLarge, Reason: "the body is too long"}
	case signature == "" && h.authenticate == nil:
		return d, "", badRequest("the attribute X-Shopify-Hmac-SHA256 is missing")
	}
	return d, signature, nil
}
