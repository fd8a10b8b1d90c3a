package salesforce

import (
	"context"
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
		if err := queryAll(ctx, s, urgent, fmt.Sprintf(query, list.String()), each); err != nil {
			return err
		}
	}
	return nil
}

// queryAll reads all pages of a query's answer.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
func queryAll[T any](ctx context.Context, s *Sink, urgent bool, soql string, each func(T)) error {
	path := s.path("/query?q=" + url.QueryEscape(soql))
	for range maxPages {
		var page struct {
			Done    *bool  `json:"done"`
			Next    string `json:"nextRecordsUrl"`
			Records []T    `json:"records"`
		}
		if err := s.call(ctx, request{method: http.MethodGet, path: path, urgent: urgent}, &page); err != nil {
			return err
		}
		for _, record := range page.Records {
			each(record)
		}
		switch {
		case page.Done == nil:
			return fmt.Errorf("salesforce: %w: not the answer of a query", crm.ErrUnavailable)
		case *page.Done:
			return nil
		case !strings.HasPrefix(page.Next, "/services/data/v"): // a path of the instance, to which the token goes
			return fmt.Errorf("salesforce: %w: the next page's address is not one of the API's", crm.ErrUnavailable)
		}
		path = page.Next
	}
	return fmt.Errorf("salesforce: %w: a query without end", crm.ErrUnavailable)
}
