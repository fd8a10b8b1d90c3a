package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// Headers of a request that creates contacts for the first time, or tied ones.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_duplicaterules.htm
var (
	heedDuplicates = http.Header{"Sforce-Duplicate-Rule-Header": {"allowSave=false; includeRecordDetails=false; runAsCurrentUser=true"}}
	saveDuplicates = http.Header{"Sforce-Duplicate-Rule-Header": {"allowSave=true; includeRecordDetails=false; runAsCurrentUser=true"}}
)

// result is what became of one record of a collection.
type result struct {
	ID      string    `json:"id"`
	Success bool      `json:"success"`
	Created bool      `json:"created"`
	Errors  []problem `json:"errors"`
	several []string  // ids of records that have the key, if more than one has
}

func (r result) code() string {
	if r.Success || len(r.Errors) == 0 {
		return ""
	}
	return r.Errors[0].code()
}

// maxBody is about how long the JSON of one request may be. Notes are long.
const maxBody = 2 << 20

// upsert writes rows, the key among their values, and returns what became of each, in
// their order. The slice is as long as rows unless err is set, and then has what was done.
func (s *Sink) upsert(ctx context.Context, object, key string, rows []map[string]any, header http.Header) ([]result, error) {
	var done []result
	for len(rows) > 0 {
		var records []json.RawMessage
		size := 0
		for _, row := range rows[:min(len(rows), MaxCollection)] {
			row["attributes"] = map[string]string{"type": object}
			b, err := json.Marshal(row)
			if err != nil {
				return done, fmt.Errorf("salesforce: %w", err)
			}
			if size += len(b); size > maxBody && len(records) > 0 {
				break
			}
			records = append(records, b)
		}
		var some []result
		var err error
		if id, _ := rows[0][key].(string); len(rows) == 1 && pathSafe.MatchString(id) {
			some, err = s.upsertOne(ctx, object, key, id, rows[0], header)
		} else {
			some, err = s.upsertCollection(ctx, s.path("/composite/sobjects/"+object+"/"+key), records, header)
		}
		if err != nil {
			return done, err
		}
		done = append(done, some...)
		rows = rows[len(records):]
	}
	return done, nil
}

// upsertCollection writes up to 200 records, those whose rows are locked a few times.
func (s *Sink) upsertCollection(ctx context.Context, path string, records []json.RawMessage, header http.Header) ([]result, error) {
	done := make([]result, len(records))
	open := make([]int, len(records))
	for i := range open {
		open[i] = i
	}
	for try := 1; ; try++ {
		some := make([]json.RawMessage, len(open))
		for i, n := range open {
			some[i] = records[n]
		}
		results, err := s.collection(ctx, request{method: http.MethodPatch, path: path, header: header}, some)
		if err != nil {
			return nil, err
		}
		var again []int
		for i, r := range results {
			done[open[i]] = r
			if atOnce[r.code()] {
				again = append(again, open[i])
			}
		}
		if open = again; len(open) == 0 || try == s.opts.Tries {
			return done, nil
		}
		if err := pause(ctx, jittered(s.opts.MinWait, s.opts.MaxWait, try)); err != nil {
			return nil, err
		}
	}
}

func (s *Sink) collection(ctx context.Context, r request, records []json.RawMessage) ([]result, error) {
	if records != nil {
		body, err := json.Marshal(struct {
			AllOrNone bool              `json:"allOrNone"`
			Records   []json.RawMessage `json:"records"`
		}{Records: records})
		if err != nil {
			return nil, fmt.Errorf("salesforce: %w", err)
		}
		r.body = body
	}
	var results []result
	if err := s.call(ctx, r, &results); err != nil {
		return nil, err
	}
	if records != nil && len(results) != len(records) {
		return nil, fmt.Errorf("salesforce: %w: %d results for %d records", crm.ErrUnavailable, len(results), len(records))
	}
	return results, nil
}

// pathSafe are keys that may stand in a path. Others may not: what a key with a slash or
// with ".inc" in it means there is documented badly or as a defect.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_upsert_patch.htm
var pathSafe = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// upsertOne writes one record by the address of its key.
func (s *Sink) upsertOne(ctx context.Context, object, key, id string, row map[string]any, header http.Header) ([]result, error) {
	fields := make(map[string]any, len(row))
	for name, v := range row {
		if name != key && name != "attributes" {
			fields[name] = v
		}
	}
	r, err := s.writeOne(ctx, request{method: http.MethodPatch, path: s.path("/sobjects/" + object + "/" + key + "/" + id), header: header}, fields)
	if err != nil {
		return nil, err
	}
	return []result{r}, nil
}

// writeOne sends one record, and takes an error about it for its result.
func (s *Sink) writeOne(ctx context.Context, r request, fields map[string]any) (result, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return result{}, fmt.Errorf("salesforce: %w", err)
	}
	r.body = body
	for try := 1; ; try++ {
		res, err := s.sendOne(ctx, r)
		if err != nil || !atOnce[res.code()] || try == s.opts.Tries {
			return res, err
		}
		if err := pause(ctx, jittered(s.opts.MinWait, s.opts.MaxWait, try)); err != nil {
			return result{}, err
		}
	}
}

func (s *Sink) sendOne(ctx context.Context, r request) (result, error) {
	tried, err := s.open(ctx, r)
	// Neither a sign-in nor an allowance is about the record.
	if e, ok := errors.AsType[*APIError](err); ok && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusUnauthorized && len(e.problems) > 0 && !errors.Is(err, crm.ErrLimit) {
		return result{Errors: e.problems}, nil
	}
	if err != nil {
		return result{}, err
	}
	defer drain(tried)
	body, err := readAll(tried.Body, 1<<20)
	switch {
	case err != nil:
		return result{}, fmt.Errorf("salesforce: %w", err)
	case tried.StatusCode == http.StatusMultipleChoices: // the addresses of all that have the key
		var addresses []string
		_ = json.Unmarshal(body, &addresses)
		var ids []string
		for _, a := range addresses {
			if id := a[strings.LastIndexByte(a, '/')+1:]; idForm.MatchString(id) && len(ids) < MaxCollection {
				ids = append(ids, id)
			}
		}
		return result{several: ids, Errors: []problem{{StatusCode: "DUPLICATE_EXTERNAL_ID"}}}, nil
	case tried.StatusCode == http.StatusNoContent:
		return result{Success: true}, nil
	}
	var res result
	if json.Unmarshal(body, &res) != nil || !res.Success {
		return result{}, fmt.Errorf("salesforce: %w: the answer is not that of a written record", crm.ErrUnavailable)
	}
	res.Created = tried.StatusCode == http.StatusCreated
	return res, nil
}
