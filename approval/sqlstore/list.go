package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/posai-go/posai/approval"
)

// List implements [approval.Store].
func (s *Store) List(ctx context.Context, f approval.Filter) ([]*approval.Record, error) {
	query, args := s.listQuery(f)
	rows, err := s.reader().QueryContext(ctx, s.db.Rebind(query), args...)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: list: %w", err)
	}
	defer rows.Close()
	var list []*approval.Record
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return nil, fmt.Errorf("sqlstore: list: %w", err)
		}
		r, err := approval.DecodeRecord(data)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sqlstore: list: %w", err)
	}
	return list, nil
}

func (s *Store) listQuery(f approval.Filter) (query string, args []any) {
	var b strings.Builder
	b.WriteString(`SELECT data FROM posai_approval_request WHERE `)
	if len(f.States) == 0 {
		// No index for "all but one": those few are skipped on the way.
		b.WriteString(`state <> ?`)
		args = append(args, string(approval.Recording))
	} else {
		b.WriteString(`state IN (?` + strings.Repeat(`, ?`, len(f.States)-1) + `)`)
		for _, state := range f.States {
			args = append(args, string(state))
		}
	}
	for _, c := range []struct{ column, value string }{
		{"shop", f.Shop}, {"kind", f.Kind}, {"location", f.Location}, {"idempotency_key", f.Key},
	} {
		if c.value != "" {
			b.WriteString(` AND ` + c.column + ` = ?`)
			args = append(args, c.value)
		}
	}
	if f.Proposer != "" {
		b.WriteString(` AND proposer = ?`)
		args = append(args, f.Proposer)
	}
	if f.Subject.Type != "" {
		b.WriteString(` AND id IN (SELECT request_id FROM posai_approval_subject WHERE type = ?`)
		args = append(args, f.Subject.Type)
		if f.Subject.ID != "" {
			b.WriteString(` AND id = ?`)
			args = append(args, f.Subject.ID)
		}
		b.WriteString(`)`)
	}
	if !f.Since.IsZero() {
		b.WriteString(` AND created_at >= ?`)
		args = append(args, f.Since.UnixMicro())
	}
	if !f.Until.IsZero() {
		b.WriteString(` AND created_at < ?`)
		args = append(args, f.Until.UnixMicro())
	}
	for _, word := range f.Words() {
		b.WriteString(` AND search LIKE ? ESCAPE '!'`)
		args = append(args, "%"+likeEscape.Replace(word)+"%")
	}
	compare, order := `>`, ``
	if f.Newest {
		compare, order = `<`, ` DESC`
	}
	if f.After != "" {
		b.WriteString(` AND (created_at, id) ` + compare + ` (SELECT created_at, id FROM posai_approval_request WHERE id = ?)`)
		args = append(args, f.After)
	}
	b.WriteString(` ORDER BY created_at` + order + `, id` + order + ` LIMIT ?`)
	return b.String(), append(args, cmp.Or(f.Limit, 100))
}

var likeEscape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")
