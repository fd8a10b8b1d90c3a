package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// quote makes a literal of a text.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_quotedstringescapes.htm
var quote = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`, `"`, `\"`)

func literal(s string) string { return "'" + quote.Replace(s) + "'" }

// maxQuery bounds a query in a URL, as it is escaped there: Salesforce takes 16,384 bytes
// for the URL with the headers.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
const maxQuery = 12_000

// maxPages bounds how many pages of 2,000 records one query may have.
const maxPages = 10_000

// selectIn runs query for all of the values, as few at a time as it takes: the query has
// a %s where the list of literals goes. each is called for every record.
func selectIn[T any](ctx context.Context, s *Sink, urgent bool, query string, values []string, each func(T)) error {
	var queries []string
	for len(values) > 0 {
		var list strings.Builder
		length, n := len(url.QueryEscape(query)), 0
		for _, v := range values {
			add := literal(v)
			if length += len(url.QueryEscape(add)) + 3; n > 0 && length > maxQuery {
				break
			}
			if n++; n > 1 {
				list.WriteByte(',')
			}
			list.WriteString(add)
		}
		values = values[n:]
		queries = append(queries, fmt.Sprintf(query, list.String()))
	}
	for len(queries) > 0 {
		n := min(len(queries), maxComposite)
		if err := queryComposite(ctx, s, urgent, queries[:n], each); err != nil {
			return err
		}
		queries = queries[n:]
	}
	return nil
}

// maxComposite is how many queries one composite request has, which counts as one call
// (each of a composite batch would count).
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
const maxComposite = 5

// page is one of a query's answer.
type page[T any] struct {
	Done    *bool  `json:"done"`
	Next    string `json:"nextRecordsUrl"`
	Records []T    `json:"records"`
}

func queryPath(soql string) string { return "/query?q=" + url.QueryEscape(soql) }

// queryComposite reads the answers of several queries with one request, and their further
// pages.
func queryComposite[T any](ctx context.Context, s *Sink, urgent bool, queries []string, each func(T)) error {
	if len(queries) == 1 {
		return queryPages(ctx, s, urgent, s.path(queryPath(queries[0])), each)
	}
	type sub struct {
		Method string `json:"method"`
		URL    string `json:"url"`
		Name   string `json:"referenceId"`
	}
	subs := make([]sub, len(queries))
	for i, q := range queries {
		subs[i] = sub{http.MethodGet, s.path(queryPath(q)), fmt.Sprintf("q%d", i)}
	}
	body, err := json.Marshal(map[string]any{"compositeRequest": subs})
	if err != nil {
		return fmt.Errorf("salesforce: %w", err)
	}
	var answer struct {
		Results []struct {
			Status int             `json:"httpStatusCode"`
			Result json.RawMessage `json:"body"`
		} `json:"compositeResponse"`
	}
	if err := s.call(ctx, request{method: http.MethodPost, path: s.path("/composite"), body: body, urgent: urgent}, &answer); err != nil {
		return err
	}
	if len(answer.Results) != len(queries) {
		return fmt.Errorf("salesforce: %w: %d answers to %d queries", crm.ErrUnavailable, len(answer.Results), len(queries))
	}
	for _, r := range answer.Results {
		if r.Status != http.StatusOK {
			failed := failureOf(r.Status, r.Result, 0)
			if errors.Is(failed, crm.ErrRefused) {
				s.forgetSchema()
			}
			return fmt.Errorf("salesforce: %w", failed)
		}
		var first page[T]
		dec := json.NewDecoder(bytes.NewReader(r.Result))
		dec.UseNumber()
		if err := dec.Decode(&first); err != nil {
			return fmt.Errorf("salesforce: %w: not the answer of a query", crm.ErrUnavailable)
		}
		next, err := first.read(each)
		if err == nil && next != "" {
			err = queryPages(ctx, s, urgent, next, each)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read gives the page's records, and returns the path of the next one, if there is one.
func (p *page[T]) read(each func(T)) (string, error) {
	for _, record := range p.Records {
		each(record)
	}
	switch {
	case p.Done == nil:
		return "", fmt.Errorf("salesforce: %w: not the answer of a query", crm.ErrUnavailable)
	case *p.Done:
		return "", nil
	case !strings.HasPrefix(p.Next, "/services/data/v"): // a path of the instance, to which the token goes
		return "", fmt.Errorf("salesforce: %w: the next page's address is not one of the API's", crm.ErrUnavailable)
	}
	return p.Next, nil
}

// queryPages reads a query's answer from a page on.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
func queryPages[T any](ctx context.Context, s *Sink, urgent bool, path string, each func(T)) error {
	for range maxPages {
		var p page[T]
		if err := s.call(ctx, request{method: http.MethodGet, path: path, urgent: urgent}, &p); err != nil {
			return err
		}
		next, err := p.read(each)
		if err != nil || next == "" {
			return err
		}
		path = next
	}
	return fmt.Errorf("salesforce: %w: a query without end", crm.ErrUnavailable)
}
