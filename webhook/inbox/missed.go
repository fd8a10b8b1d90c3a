package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/posai-go/posai/webhook"
)

// AcceptMissed is [Inbox.Accept] for a delivery that Shopify did not make but
// should have, as package subscription finds it by asking the shop. If the real
// one comes after all, the function is called for one of the two: the other is
// skipped ([SkippedCovered]) when its topic and resource are the same and its
// version is not later. That takes a [Resource] with an ID, that what was found
// had settled (a version that was read a minute after it was written), and that
// the two are not at work in the same moment, which [OneByOne] excludes.
func (b *Inbox) AcceptMissed(ctx context.Context, d webhook.Delivery) (duplicate bool, err error) {
	if d.Shop == "" || d.Topic == "" || d.WebhookID == "" {
		return false, errors.New("inbox: a missed delivery needs a shop, a topic and a webhook ID")
	}
	if d.ReceivedAt.IsZero() {
		d.ReceivedAt = time.Now()
	}
	a := b.arrival(d)
	a.reconciled = true
	return b.accept(ctx, a)
}

// Arrived reports whether a delivery of this topic about the resource
// ([Resource.ID]) is here, in whatever state, whose version is that given or
// later. If version is zero, any counts. Processed deliveries are known for
// [Options.KeepProcessed].
func (b *Inbox) Arrived(ctx context.Context, shop, topic, resource string, version time.Time) (bool, error) {
	var arrived bool
	err := b.db.QueryRowContext(ctx, b.db.Rebind(`SELECT EXISTS (SELECT 1 FROM posai_delivery
		WHERE resource = ? AND resource <> '' AND shop = ? AND topic = ? AND version >= ?)`),
		resource, shop, topic, micros(version)).Scan(&arrived)
	if err != nil {
		return false, fmt.Errorf("inbox: arrived: %w", err)
	}
	return arrived, nil
}

// Watermark returns the time that was set under this name, or the zero time.
func (b *Inbox) Watermark(ctx context.Context, name string) (time.Time, error) {
	var at int64
	err := b.db.QueryRowContext(ctx, b.db.Rebind(`SELECT at FROM posai_watermark WHERE name = ?`), name).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, fmt.Errorf("inbox: watermark: %w", err)
	}
	return fromMicros(at), nil
}

// SetWatermark keeps a time under a name, in microseconds. A time earlier than
// the one that is there changes nothing.
func (b *Inbox) SetWatermark(ctx context.Context, name string, at time.Time) error {
	_, err := b.db.ExecContext(ctx, b.db.Rebind(`INSERT INTO posai_watermark (name, at) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE posai_watermark.at < excluded.at`), name, micros(at))
	if err != nil {
		return fmt.Errorf("inbox: watermark: %w", err)
	}
	return nil
}
