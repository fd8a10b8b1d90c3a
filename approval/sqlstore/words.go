package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/posai-go/posai/internal/sqldb"
)

const (
	// maxProbe is how many requests the index of words may give. Where more
	// have the words, a page of them is found soon by looking through the texts
	// in the order of the list.
	maxProbe = 2000

	trigram     = 3  // runes
	maxTrigrams = 64 // of one search; the text is compared anyway
)

// probe asks the index of words for the requests that have all of them. It
// reports whether these are all that there are.
func (s *Store) probe(ctx context.Context, words []string) (ids []string, all bool, err error) {
	if trigrams(words) == "" {
		return nil, false, nil // too short for an index
	}
	query, args := s.probeQuery(words)
	err = each(ctx, s.reader(), query, args, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err == nil && len(ids) <= maxProbe, err
}

func (s *Store) probeQuery(words []string) (query string, args []any) {
	table := `posai_approval_text t`
	condition, args := like(words)
	if s.db.Dialect == sqldb.SQLite {
		// In this order it ends with the limit.
		table = `posai_approval_trigram CROSS JOIN posai_approval_text t`
		condition = `posai_approval_trigram MATCH ? AND t.n = posai_approval_trigram.rowid AND ` + condition
		args = append([]any{trigrams(words)}, args...)
	}
	return s.db.Rebind(`SELECT t.request_id FROM ` + table + ` WHERE ` + condition + ` LIMIT ` + strconv.Itoa(maxProbe+1)), args
}

// ids narrows the list to requests.
func (b *builder) ids(ids []string) {
	if b.db.Dialect == sqldb.PostgreSQL {
		b.and(`r.id = ANY (?::text[])`, append([]string{}, ids...))
		return
	}
	list, _ := json.Marshal(append([]string{}, ids...)) //nolint:errchkjson // strings
	b.and(`r.id IN (SELECT value FROM json_each(?))`, string(list))
}

// trigrams is what the index has to contain of the words, in the syntax of
// FTS5; empty if all words are too short.
func trigrams(words []string) string {
	var list []string
	for _, word := range words {
		runes := []rune(word)
		for i := 0; i+trigram <= len(runes) && len(list) < maxTrigrams; i++ {
			list = append(list, `"`+strings.ReplaceAll(string(runes[i:i+trigram]), `"`, `""`)+`"`)
		}
	}
	return strings.Join(list, ` AND `)
}

// like is the condition that a text has all the words, with its arguments.
func like(words []string) (condition string, patterns []any) {
	for _, word := range words {
		patterns = append(patterns, "%"+likeEscape.Replace(word)+"%")
	}
	return strings.TrimPrefix(strings.Repeat(` AND t.search LIKE ? ESCAPE '!'`, len(words)), ` AND `), patterns
}

var likeEscape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")
