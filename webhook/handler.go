package webhook

import (
	"net/http"
	"time"
)

// Handler receives deliveries over HTTP. What it answers:
//
//   - 200: the delivery is durable, now or since an earlier time.
//   - 400: a header is missing, repeated or malformed, or the body is cut off.
//   - 401: the signature does not match.
//   - 405: the method is not POST.
//   - 413: the body is too long.
//   - 503: the inbox failed, was too slow or is full. Shopify sends it again.
//
// It answers within [Options.Timeout], whatever the inbox does.
//
// Headers are read from the families shopify-* and X-Shopify-*; where both
// carry one, shopify-* counts.
type Handler struct{ receiver }

// NewHandler returns a handler that verifies deliveries with secrets and gives
// them to inbox. With [Options.SecretsOf], secrets is not used.
func NewHandler(inbox Inbox, secrets Secrets, opts *Options) (*Handler, error) {
	r, err := newReceiver(inbox, secrets, opts)
	if err != nil {
		return nil, err
	}
	return &Handler{r}, nil
}

// ServeHTTP receives one delivery.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	received := time.Now()
	d, signature, refused := h.read(w, r, received)
	if refused != nil {
		h.refuse(w, r, refused)
		return
	}
	d.ReceivedAt = received
	h.receive(w, r, d, signature)
}

func (h *Handler) read(w http.ResponseWriter, r *http.Request, received time.Time) (d Delivery, signature string, refused *RequestError) {
	if signature, refused = signatureOf(r); refused != nil {
		return d, "", refused
	}
	d, err := fromHeader(r.Header)
	if err != nil {
		return d, "", badRequest(err.Error())
	}
	h.setDeadline(w, received)
	d.Body, refused = readBody(w, r, h.opts.MaxBody)
	return d, signature, refused
}
