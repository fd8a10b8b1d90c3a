package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrUnknownShop is what [Options.SecretsOf] returns for a shop that has no
// secret here.
var ErrUnknownShop = errors.New("webhook: unknown shop")

// Options are the settings of a [Handler]. Nil means the defaults.
type Options struct {
	// MaxBody is how long a body may be, in bytes. If zero, 5 MiB.
	MaxBody int64

	// Timeout is how long reading the body, and then the inbox, may take
	// each, at most 4 s: Shopify waits for 5 s in all. If zero, 2 s.
	Timeout time.Duration

	// SecretsOf returns the secrets of one shop, for services that serve
	// several apps. It is asked before the signature is checked, so the shop
	// is anyone's claim: look it up, create nothing. An error that matches
	// [ErrUnknownShop] is answered with 401, any other with 503. If nil, all
	// shops have the secrets given to [NewHandler].
	SecretsOf func(ctx context.Context, shop string) (Secrets, error)

	// Logger gets refused deliveries at level Warn and failures of the inbox
	// at level Error, without bodies. If nil, nothing is logged.
	Logger *slog.Logger
}

// Handler receives deliveries over HTTP. What it answers:
//
//   - 200: the delivery is durable, now or since an earlier time.
//   - 400: a header is missing, repeated or malformed, or the body is cut off.
//   - 401: the signature does not match.
//   - 405: the method is not POST.
//   - 413: the body is too long.
//   - 503: the inbox failed or was too slow. Shopify sends it again.
//
// Headers are read from the families shopify-* and X-Shopify-*; where both
// carry one, shopify-* counts.
type Handler struct {
	inbox   Inbox
	secrets Secrets
	opts    Options
}

// retryAfter is what a sender is asked to wait, in seconds, after a 503.
const retryAfter = 10

// NewHandler returns a handler that verifies deliveries with secrets and gives
// them to inbox. With [Options.SecretsOf], secrets is not used.
func NewHandler(inbox Inbox, secrets Secrets, opts *Options) (*Handler, error) {
	h := &Handler{inbox: inbox, secrets: secrets}
	if opts != nil {
		h.opts = *opts
	}
	if h.opts.MaxBody == 0 {
		h.opts.MaxBody = 5 << 20
	}
	if h.opts.Timeout == 0 {
		h.opts.Timeout = 2 * time.Second
	}
	if h.opts.Logger == nil {
		h.opts.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case inbox == nil:
		return nil, errors.New("webhook: a handler needs an inbox")
	case h.opts.MaxBody < 0:
		return nil, errors.New("webhook: Options.MaxBody is negative")
	case h.opts.Timeout < 0 || h.opts.Timeout > 4*time.Second:
		return nil, errors.New("webhook: Options.Timeout is not between 0 and 4 s")
	}
	if h.opts.SecretsOf == nil {
		if err := secrets.check(); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// ServeHTTP receives one delivery.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	received := time.Now()
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.refuse(w, r, http.StatusMethodNotAllowed, "deliveries are sent by POST")
		return
	}
	d, signature, err := fromHeader(r.Header)
	if err != nil {
		h.refuse(w, r, http.StatusBadRequest, err.Error())
		return
	}
	d.ReceivedAt = received
	if d.Body, err = h.body(w, r); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			h.refuse(w, r, http.StatusRequestEntityTooLarge, "the body is too long")
			return
		}
		h.refuse(w, r, http.StatusBadRequest, "the body could not be read to its end")
		return
	}
	// The sender may hang up, but what it sent shall not be half done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), h.opts.Timeout)
	defer cancel()
	secrets, err := h.secretsOf(ctx, d.Shop)
	switch {
	case errors.Is(err, ErrUnknownShop):
		h.refuse(w, r, http.StatusUnauthorized, "the signature does not match")
		return
	case err != nil:
		h.fail(ctx, w, d, err)
		return
	}
	if err := secrets.verify(d.Body, signature, received); err != nil {
		h.refuse(w, r, http.StatusUnauthorized, "the signature does not match")
		return
	}
	if _, err := h.inbox.Accept(ctx, d); err != nil {
		h.fail(ctx, w, d, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (h *Handler) secretsOf(ctx context.Context, shop string) (Secrets, error) {
	if h.opts.SecretsOf == nil {
		return h.secrets, nil
	}
	return h.opts.SecretsOf(ctx, shop)
}

func (h *Handler) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > h.opts.MaxBody {
		return nil, &http.MaxBytesError{Limit: h.opts.MaxBody}
	}
	// Not every ResponseWriter can do this; then the server's ReadTimeout is
	// the only bound.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.opts.Timeout))
	return io.ReadAll(http.MaxBytesReader(w, r.Body, h.opts.MaxBody))
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, status int, reason string) {
	h.opts.Logger.WarnContext(r.Context(), "webhook: refused", "status", status, "reason", reason)
	http.Error(w, reason, status)
}

func (h *Handler) fail(ctx context.Context, w http.ResponseWriter, d Delivery, err error) {
	h.opts.Logger.ErrorContext(ctx, "webhook: not accepted", "topic", d.Topic, "shop", d.Shop, "webhook_id", d.WebhookID, "error", err.Error())
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	http.Error(w, "the delivery could not be kept; send it again", http.StatusServiceUnavailable)
}

// fromHeader reads what headers say about a delivery, and its signature.
func fromHeader(header http.Header) (d Delivery, signature string, err error) {
	get := func(name string, required bool, valid func(string) bool) string {
		value, e := family(header, name)
		switch {
		case err != nil:
		case e != nil:
			err = e
		case value == "" && required:
			err = fmt.Errorf("the header X-Shopify-%s is missing", name)
		case value != "" && !valid(value):
			err = fmt.Errorf("the header X-Shopify-%s is malformed", name)
		}
		return value
	}
	d.Topic = get("Topic", true, validTopic)
	d.Shop = strings.ToLower(get("Shop-Domain", true, func(s string) bool { return validShop(strings.ToLower(s)) }))
	signature = get("Hmac-Sha256", true, validText)
	d.WebhookID = get("Webhook-Id", false, validText)
	d.EventID = get("Event-Id", false, validText)
	d.APIVersion = get("Api-Version", false, validText)
	d.Name = get("Name", false, validText)
	// A time that cannot be read is no reason to lose the delivery.
	if value, _ := family(header, "Triggered-At"); value != "" {
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			d.TriggeredAt = at
		}
	}
	return d, signature, err
}

// family returns the value of a header from the family shopify-* or else from
// X-Shopify-*.
func family(header http.Header, name string) (string, error) {
	for _, prefix := range [...]string{"Shopify-", "X-Shopify-"} {
		switch values := header[prefix+name]; len(values) {
		case 0:
		case 1:
			if values[0] != "" {
				return values[0], nil
			}
		default:
			return "", fmt.Errorf("the header %s%s is repeated", prefix, name)
		}
	}
	return "", nil
}
