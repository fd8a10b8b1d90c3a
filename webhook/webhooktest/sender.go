package webhooktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/posai-go/posai/webhook"
)

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

	// Family says under which names headers are sent. If zero, Long.
	Family Family

	// Transport sends. If nil, [http.DefaultTransport]. [InProcess] needs no
	// socket.
	Transport http.RoundTripper

	// Clock is what the waits and TriggeredAt go by. If nil, the real one.
	Clock *Clock
}

// Post delivers d, filled as by [Fill], to url until it is acknowledged, and
// returns how often it was sent. If the last retry fails as well, or ctx ends,
// the error matches [ErrUndelivered].
func (s *Sender) Post(ctx context.Context, url string, d webhook.Delivery) (attempts int, err error) {
	d = fill(d, s.now())
	for {
		attempts++
		err = s.once(ctx, url, d)
		if err == nil || attempts > len(s.Schedule) {
			return attempts, err
		}
		if end := s.sleep(ctx, s.Schedule[attempts-1]); end != nil {
			return attempts, fmt.Errorf("%w: %w", ErrUndelivered, end)
		}
	}
}

func (s *Sender) now() time.Time {
	if s.Clock != nil {
		return s.Clock.Now()
	}
	return time.Now()
}

func (s *Sender) sleep(ctx context.Context, d time.Duration) error {
	if s.Clock != nil {
		return s.Clock.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Sender) once(ctx context.Context, url string, d webhook.Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := newRequest(ctx, url, d, s.Secret, s.Family)
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
