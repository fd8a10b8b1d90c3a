package shopifytest

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// https://shopify.dev/docs/apps/build/webhooks/troubleshooting-webhooks
const (
	connectLimit = time.Second
	answerLimit  = 5 * time.Second

	// fatalFailures in a row, the last of which was the end of a delivery, cost a subscription its life.
	fatalFailures = 8

	// perHost is how many deliveries to one host run at a time.
	perHost = 32

	// maxLog is how many deliveries the log keeps; older ones that are done are forgotten.
	maxLog = 20_000
)

// defaultSchedule is eight retries over four hours, at growing distance.
var defaultSchedule = []time.Duration{
	time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
}

// sender delivers webhooks and keeps the log of it. It is safe for concurrent use.
type sender struct {
	client      *http.Client
	timeout     time.Duration // of an attempt
	schedule    []time.Duration
	domain      string
	secret      []byte
	clock       *clock
	log         *slog.Logger
	unsubscribe func(id string) // deletes a subscription

	ctx    context.Context //nolint:containedctx // the life of the deliveries, ended by close
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu       sync.Mutex
	entries  []*delivery
	pending  int
	idle     chan struct{}            // closed when pending falls to zero
	failures map[string]int           // in a row, by subscription
	hosts    map[string]chan struct{} // slots
}

// delivery is an entry of the log at work. The sender's lock guards it.
type delivery struct {
	Delivery
	name   string
	ctx    context.Context //nolint:containedctx // the life of this delivery, ended by drop
	cancel context.CancelFunc
}

type senderConfig struct {
	transport   http.RoundTripper
	timeout     time.Duration // if zero, answerLimit, and connectLimit to connect
	schedule    []time.Duration
	domain      string
	secret      string
	clock       *clock
	log         *slog.Logger
	unsubscribe func(id string)
}

func newSender(cfg senderConfig) *sender {
	connect := cmp.Or(cfg.timeout, connectLimit)
	if cfg.transport == nil {
		cfg.transport = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: connect}).DialContext,
			TLSHandshakeTimeout: connect,
			MaxIdleConnsPerHost: perHost,
			IdleConnTimeout:     30 * time.Second,
		}
	}
	n := &sender{
		client: &http.Client{
			Transport: cfg.transport,
			// A redirect is a failure, not a way.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		timeout: cmp.Or(cfg.timeout, answerLimit), schedule: cfg.schedule, domain: cfg.domain, secret: []byte(cfg.secret), clock: cfg.clock, log: cfg.log, unsubscribe: cfg.unsubscribe,
		idle: make(chan struct{}), failures: map[string]int{}, hosts: map[string]chan struct{}{},
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// close ends all deliveries and returns when none runs any more.
func (n *sender) close() {
	n.cancel()
	n.done.Wait()
	n.client.CloseIdleConnections()
}

// send files the delivery and starts it. It does not wait.
func (n *sender) send(d Delivery, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return
	}
	d.State = DeliveryPending
	e := &delivery{Delivery: d, name: name}
	e.ctx, e.cancel = context.WithCancel(n.ctx)
	if len(n.entries) >= maxLog {
		if i := slices.IndexFunc(n.entries, func(e *delivery) bool { return e.State != DeliveryPending }); i >= 0 {
			n.entries = slices.Delete(n.entries, i, i+1)
		}
	}
	n.entries = append(n.entries, e)
	n.pending++
	n.done.Go(func() { n.run(e) })
}

// drop ends the deliveries to a subscription that is gone.
func (n *sender) drop(subscription string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.failures, subscription)
	for _, e := range n.entries {
		if e.SubscriptionID == subscription && e.State == DeliveryPending {
			e.cancel()
		}
	}
}

// run tries until it succeeds, the schedule ends or the delivery is dropped.
func (n *sender) run(e *delivery) {
	defer e.cancel()
	for try := 0; ; try++ {
		ok, alive := n.try(e)
		switch {
		case !alive:
			n.finish(e, DeliveryDropped)
			return
		case ok:
			n.finish(e, DeliveryDelivered)
			return
		case try == len(n.schedule):
			n.exhausted(e)
			return
		}
		if !n.clock.sleep(e.ctx, n.schedule[try]) {
			n.finish(e, DeliveryDropped)
			return
		}
	}
}

// exhausted ends a delivery whose last try failed, and its subscription if all has been failing.
func (n *sender) exhausted(e *delivery) {
	n.mu.Lock()
	fatal := e.SubscriptionID != "" && n.failures[e.SubscriptionID] >= fatalFailures
	n.mu.Unlock()
	n.log.Warn("webhook delivery failed for good", "topic", e.Topic, "webhook_id", e.WebhookID, "attempts", len(n.schedule)+1)
	if fatal {
		n.log.Warn("webhook subscription deleted after repeated failures", "topic", e.Topic, "subscription", e.SubscriptionID)
		n.unsubscribe(e.SubscriptionID)
	}
	n.finish(e, DeliveryFailed)
}

func (n *sender) finish(e *delivery, state DeliveryState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e.State = state
	if n.pending--; n.pending == 0 {
		close(n.idle)
		n.idle = make(chan struct{})
	}
}

// slot waits for a place in the host's queue.
func (n *sender) slot(e *delivery) (release func(), ok bool) {
	_, rest, _ := strings.Cut(e.URI, "://")
	host, _, _ := strings.Cut(rest, "/")
	n.mu.Lock()
	slots := n.hosts[host]
	if slots == nil {
		slots = make(chan struct{}, perHost)
		n.hosts[host] = slots
	}
	n.mu.Unlock()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, true
	case <-e.ctx.Done():
		return nil, false
	}
}

// try makes one attempt. Alive is false if the delivery was dropped meanwhile.
func (n *sender) try(e *delivery) (ok, alive bool) {
	release, ok := n.slot(e)
	if !ok {
		return false, false
	}
	defer release()
	at, start := n.clock.now(), time.Now()
	status, err := n.post(e)
	attempt := Attempt{At: at, Duration: time.Since(start), Status: status}
	ok = status >= 200 && status < 300
	if err != nil {
		attempt.Error = reason(err)
	}
	if e.ctx.Err() != nil && !ok {
		return false, false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	e.Attempts = append(e.Attempts, attempt)
	if ok {
		n.failures[e.SubscriptionID] = 0
	} else {
		n.failures[e.SubscriptionID]++
	}
	return ok, true
}

// reason is a short text for why there was no answer, without addresses and other particulars.
func reason(err error) string {
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return "timeout"
	}
	if oe, ok := errors.AsType[*net.OpError](err); ok {
		return oe.Op + " failed"
	}
	return "no answer"
}

func (n *sender) post(e *delivery) (status int, err error) {
	ctx, cancel := context.WithTimeout(e.ctx, n.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URI, strings.NewReader(string(e.Body)))
	if err != nil {
		return 0, err
	}
	for key, value := range map[string]string{
		"Content-Type":           "application/json",
		"User-Agent":             "Shopify-Captain-Hook",
		"X-Shopify-Topic":        e.Topic,
		"X-Shopify-Hmac-Sha256":  sign(e.Body, n.secret),
		"X-Shopify-Shop-Domain":  n.domain,
		"X-Shopify-API-Version":  apiVersion,
		"X-Shopify-Webhook-Id":   e.WebhookID,
		"X-Shopify-Event-Id":     e.EventID,
		"X-Shopify-Triggered-At": e.TriggeredAt.UTC().Format(time.RFC3339Nano),
	} {
		req.Header.Set(key, value)
	}
	if e.name != "" {
		req.Header.Set("X-Shopify-Name", e.name)
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, nil
}

func sign(body, secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// all is a copy of the log.
func (n *sender) all() []Delivery {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]Delivery, len(n.entries))
	for i, e := range n.entries {
		out[i] = e.Delivery
		out[i].Attempts = slices.Clone(e.Attempts)
	}
	return out
}

// wait returns when nothing is pending.
func (n *sender) wait(ctx context.Context) error {
	for {
		n.mu.Lock()
		pending, idle := n.pending, n.idle
		n.mu.Unlock()
		if pending == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// again sends the webhook with that id once more.
func (n *sender) again(webhookID string) error {
	n.mu.Lock()
	i := slices.IndexFunc(n.entries, func(e *delivery) bool { return e.WebhookID == webhookID })
	if i < 0 {
		n.mu.Unlock()
		return fmt.Errorf("%w: no such webhook", ErrNotFound)
	}
	d, name := n.entries[i].Delivery, n.entries[i].name
	n.mu.Unlock()
	d.Redelivered, d.Attempts = true, nil
	n.send(d, name)
	return nil
}
