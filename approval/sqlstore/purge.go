package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
)

const (
	purgeEvery = time.Hour
	purgeBatch = 500 // rows of one transaction, so that nobody waits long for it
)

var finalStates = []approval.State{approval.Rejected, approval.Denied, approval.Expired, approval.Executed, approval.Failed}

// Purge deletes requests that are final and were created before the given time,
// and returns how many. Those whose last audit entries are not in the log yet
// stay. [Options].KeepFinal does it by itself.
func (s *Store) Purge(ctx context.Context, before time.Time) (int, error) {
	marks := strings.Repeat(`, ?`, len(finalStates))[2:]
	args := make([]any, 0, len(finalStates)+2)
	for _, state := range finalStates {
		args = append(args, string(state))
	}
	args = append(args, before.UnixMicro(), purgeBatch)
	total := 0
	for {
		done, err := s.writer().ExecContext(ctx, s.db.Rebind(`DELETE FROM posai_approval_request WHERE id IN (
			SELECT id FROM posai_approval_request WHERE state IN (`+marks+`) AND created_at < ? AND unrecorded = 0 LIMIT ?)`), args...)
		if err != nil {
			return total, fmt.Errorf("sqlstore: purge: %w", err)
		}
		n, err := done.RowsAffected()
		if err != nil {
			return total, fmt.Errorf("sqlstore: purge: %w", err)
		}
		total += int(n)
		if n < purgeBatch {
			return total, nil
		}
	}
}

// purging deletes old requests until ctx ends.
func (s *Store) purging(ctx context.Context, keep time.Duration) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		now, err := s.Now(ctx)
		if err == nil {
			_, err = s.Purge(ctx, now.Add(-keep))
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "sqlstore: cannot delete old requests", "type", fmt.Sprintf("%T", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
