// Package webhooktest sends signed deliveries as Shopify does, for tests of
// services that receive them.
//
//	sender := &webhooktest.Sender{Secret: secret, Schedule: webhooktest.Schedule(time.Second)}
//	attempts, err := sender.Post(ctx, server.URL+"/webhooks", webhook.Delivery{
//		Topic: "orders/create", Shop: "example.myshopify.com", Body: body,
//	})
package webhooktest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/posai-go/posai/webhook"
)

// Sign returns the signature of body under secret, as the header
// X-Shopify-Hmac-Sha256 carries it.
func Sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Fill returns d with what it lacks: invented ids, API version 2026-10, the
// shop example.myshopify.com, and the present as its time.
func Fill(d webhook.Delivery) webhook.Delivery {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&d.Shop, "example.myshopify.com")
	set(&d.WebhookID, rand.Text())
	set(&d.EventID, rand.Text())
	set(&d.APIVersion, "2026-10")
	if d.TriggeredAt.IsZero() {
		d.TriggeredAt = time.Now()
	}
	return d
}

// NewRequest returns the signed request that delivers d to url. It sends d as
// it is: empty fields become no headers. See [Fill].
func NewRequest(ctx context.Context, url string, d webhook.Delivery, secret string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(d.Body))
	if err != nil {
		return nil, fmt.Errorf("webhooktest: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Shopify-Captain-Hook")
	r.Header.Set("X-Shopify-Hmac-Sha256", Sign(d.Body, secret))
	for name, value := range map[string]string{
		"Topic": d.Topic, "Shop-Domain": d.Shop, "Webhook-Id": d.WebhookID,
		"Event-Id": d.EventID, "Api-Version": d.APIVersion, "Name": d.Name,
	} {
		if value != "" {
			r.Header.Set("X-Shopify-"+name, value)
		}
	}
	if !d.TriggeredAt.IsZero() {
		r.Header.Set("X-Shopify-Triggered-At", d.TriggeredAt.UTC().Format(time.RFC3339Nano))
	}
	return r, nil
}

// Schedule returns the waits before each of eight retries, which grow and add
// up to total. Schedule(4*time.Hour) is what Shopify promises.
func Schedule(total time.Duration) []time.Duration {
	waits := make([]time.Duration, 8)
	for i := range waits {
		waits[i] = total << i / (1<<len(waits) - 1)
	}
	return waits
}

// ErrUndelivered reports a delivery that was never acknowledged.
var ErrUndelivered = errors.New("webhooktest: not acknowledged")

// Sender delivers as Shopify does: an answer counts if it comes within five
// seconds and its status is 2xx; otherwise the same is sent again. It is safe
// for concurrent use.
type Sender struct {
	// Secret signs what is sent.
	Secret string

	// Schedule are the waits before each retry. If nil, there is none.
	Schedule []time.Duration

	// Transport sends. If nil, [http.DefaultTransport].
	Transport http.RoundTripper
}

// Post delivers d, filled by [Fill], to url until it is acknowledged, and
// returns how often it was sent. If the last retry fails as well, or ctx ends,
// the error matches [ErrUndelivered].
func (s *Sender) Post(ctx context.Context, url string, d webhook.Delivery) (attempts int, err error) {
	d = Fill(d)
	for {
		attempts++
		err = s.once(ctx, url, d)
		if err == nil || attempts > len(s.Schedule) {
			return attempts, err
		}
		select {
		case <-time.After(s.Schedule[attempts-1]):
		case <-ctx.Done():
			return attempts, fmt.Errorf("%w: %w", ErrUndelivered, ctx.Err())
		}
	}
}

func (s *Sender) once(ctx context.Context, url string, d webhook.Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := NewRequest(ctx, url, d, s.Secret)
	if err != nil {
		return err
	}
	client := http.Client{
		Transport:     s.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUndelivered, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return fmt.Errorf("%w: %w", ErrUndelivered, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%w: status %d", ErrUndelivered, resp.StatusCode)
	}
	return nil
}
