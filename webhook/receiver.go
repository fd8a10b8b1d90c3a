package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// receiver verifies deliveries and gives them to an inbox, in time.
type receiver struct {
	inbox   Inbox
	secrets func() Secrets // a function, into which fmt does not look
	opts    Options
	pending chan struct{} // a place for each delivery on its way into the inbox
}

func newReceiver(inbox Inbox, secrets Secrets, opts *Options) (receiver, error) {
	if inbox == nil {
		return receiver{}, errors.New("webhook: a handler needs an inbox")
	}
	o, err := opts.withDefaults(secrets)
	return receiver{inbox, secrets.get, o, make(chan struct{}, max(o.MaxPending, 0))}, err
}

// retryAfter is what a sender is asked to wait, in seconds, after a 503.
const retryAfter = 10

// setDeadline bounds the time in which a body must have come. Not every
// ResponseWriter can do this; then the server's ReadTimeout is the only bound.
func (c *receiver) setDeadline(w http.ResponseWriter, received time.Time) {
	_ = http.NewResponseController(w).SetReadDeadline(received.Add(c.opts.Timeout))
}

// receive verifies d, makes it durable and answers.
func (c *receiver) receive(w http.ResponseWriter, r *http.Request, d Delivery, signature string) {
	// The sender may hang up, but what it sent shall not be half done.
	ctx, cancel := context.WithDeadline(context.WithoutCancel(r.Context()), d.ReceivedAt.Add(c.opts.Timeout))
	defer cancel()
	secrets, err := c.opts.secretsFor(ctx, d.Shop, c.secrets())
	switch {
	case errors.Is(err, ErrUnknownShop):
		c.refuse(w, r, unauthorized(ErrSignature))
		return
	case err != nil:
		c.fail(ctx, w, d, err)
		return
	}
	if err := secrets.Verify(d.Body, signature, d.ReceivedAt); err != nil {
		c.refuse(w, r, unauthorized(err))
		return
	}
	c.keep(ctx, w, d)
}

// keepUnsigned makes a delivery durable for which something other than its
// signature vouches, and answers.
func (c *receiver) keepUnsigned(w http.ResponseWriter, r *http.Request, d Delivery) {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(r.Context()), d.ReceivedAt.Add(c.opts.Timeout))
	defer cancel()
	c.keep(ctx, w, d)
}

// keep makes a verified delivery durable and answers.
func (c *receiver) keep(ctx context.Context, w http.ResponseWriter, d Delivery) {
	if err := c.accept(ctx, d); err != nil {
		c.fail(ctx, w, d, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// accept returns soon after ctx has ended, even if the inbox does not: then
// the call is left behind, and holds its place until it returns.
func (c *receiver) accept(ctx context.Context, d Delivery) error {
	select {
	case c.pending <- struct{}{}:
	default:
		return errors.New("too many deliveries are on their way into the inbox")
	}
	done := make(chan error, 1)
	go func() {
		err := c.call(ctx, d)
		<-c.pending // before the answer, so that the sender's next finds a place
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	// An inbox that heeds ctx says what it was about to do.
	grace := time.NewTimer(100 * time.Millisecond)
	defer grace.Stop()
	select {
	case err := <-done:
		return err
	case <-grace.C:
		return fmt.Errorf("the inbox did not return: %w", ctx.Err())
	}
}

// call gives d to the inbox. A panic, which nobody else would recover in a
// goroutine of its own, is an error.
func (c *receiver) call(ctx context.Context, d Delivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the inbox panicked: %v", p)
		}
	}()
	_, err = c.inbox.Accept(ctx, d)
	return err
}

func (c *receiver) refuse(w http.ResponseWriter, r *http.Request, refused *RequestError) {
	c.opts.Logger.WarnContext(r.Context(), "webhook: refused", "status", refused.Status, "reason", refused.Reason)
	Refuse(w, refused)
}

func (c *receiver) fail(ctx context.Context, w http.ResponseWriter, d Delivery, err error) {
	c.opts.Logger.ErrorContext(ctx, "webhook: not accepted", "topic", d.Topic, "shop", d.Shop, "webhook_id", d.WebhookID, "error", err.Error())
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	http.Error(w, "the delivery could not be kept; send it again", http.StatusServiceUnavailable)
}
