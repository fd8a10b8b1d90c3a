package salesforce

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// null in a job's CSV empties a field; an empty cell leaves it as it is.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_prepare_csv.htm
const null = "#N/A"

// cell is a value in a job's CSV.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return null
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return fmt.Sprint(v)
}

// jobFile is the CSV of one job, on disk until the job is done.
type jobFile struct {
	file *os.File
	to   *csv.Writer
	size *counter
	rows int
}

type counter struct {
	to io.Writer
	n  int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}

func (s *Sink) newFile(header []string) (*jobFile, error) {
	f, err := os.CreateTemp(s.opts.TempDir, "posai-salesforce-*.csv") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("salesforce: %w", err)
	}
	size := &counter{to: f}
	j := &jobFile{file: f, to: csv.NewWriter(size), size: size}
	if err := j.write(header); err != nil {
		return nil, errors.Join(err, j.remove())
	}
	j.rows = 0
	return j, nil
}

func (j *jobFile) write(cells []string) error {
	j.rows++
	if err := j.to.Write(cells); err != nil {
		return fmt.Errorf("salesforce: %w", err)
	}
	j.to.Flush()
	if err := j.to.Error(); err != nil {
		return fmt.Errorf("salesforce: %w", err)
	}
	return nil
}

func (j *jobFile) remove() error {
	return errors.Join(j.file.Close(), os.Remove(j.file.Name()))
}

// again gives the file to whoever sends it, from its start, with its length.
func (j *jobFile) again() (io.Reader, error) {
	return &sized{io.NewSectionReader(j.file, 0, j.size.n), int(j.size.n)}, nil
}

type sized struct {
	io.Reader
	n int
}

func (s *sized) Len() int { return s.n }

// job is an ingest job. https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
type job struct {
	s  *Sink
	id string
}

type jobInfo struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// finished is a job that is over. One that failed may have written much before.
func (i jobInfo) finished() bool {
	return i.State == "JobComplete" || i.State == "Failed" || i.State == "Aborted"
}

// runJob has Salesforce work through a file, and calls each with every row that it gives
// back: its header, its cells, and the error (empty if it was written). The columns
// sf__Id and sf__Created or sf__Error come among them. What it gives back in no file was
// not tried.
func (s *Sink) runJob(ctx context.Context, operation, object, key string, file *jobFile, each func(resultRow) error) error {
	spec := map[string]string{"object": object, "operation": operation, "contentType": "CSV", "lineEnding": "LF", "columnDelimiter": "COMMA"}
	if key != "" {
		spec["externalIdFieldName"] = key
	}
	body, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("salesforce: %w", err)
	}
	create := request{method: http.MethodPost, path: s.path("/jobs/ingest"), body: body, urgent: operation == "hardDelete"}
	// A job takes its data once. If the upload's answer is lost, another job is begun: it
	// does the same again.
	for try := 1; ; try++ {
		uploaded, err := s.tryJob(ctx, create, file, each)
		if uploaded || err == nil || try == s.opts.Tries || !errors.Is(err, crm.ErrUnavailable) {
			return err
		}
		if err := pause(ctx, jittered(s.opts.MinWait, s.opts.MaxWait, try)); err != nil {
			return err
		}
	}
}

func (s *Sink) tryJob(ctx context.Context, create request, file *jobFile, each func(resultRow) error) (uploaded bool, err error) {
	var info jobInfo
	if err := s.call(ctx, create, &info); err != nil {
		return false, err
	}
	if !idForm.MatchString(info.ID) {
		return false, fmt.Errorf("salesforce: %w: the answer is not a job", crm.ErrUnavailable)
	}
	j := &job{s: s, id: info.ID}
	defer j.remove(ctx)
	upload := request{
		method: http.MethodPut, path: j.path() + "/batches", urgent: true, upload: true,
		header: http.Header{"Content-Type": {"text/csv"}}, body: file.again,
	}
	resp, err := s.open(ctx, upload)
	if err != nil {
		return false, err
	}
	drain(resp)
	if resp.StatusCode != http.StatusCreated {
		return false, fmt.Errorf("salesforce: %w: the data was not taken", crm.ErrUnavailable)
	}
	if err := j.run(ctx); err != nil {
		return true, err
	}
	for _, kind := range []string{"successfulResults", "failedResults"} {
		if err := j.results(ctx, kind, each); err != nil {
			return true, err
		}
	}
	return true, nil
}

func (j *job) path() string { return j.s.path("/jobs/ingest/" + j.id) }

// run has the job worked off, and waits until it is.
func (j *job) run(ctx context.Context) error {
	if err := j.patch(ctx, "UploadComplete"); err != nil {
		return err
	}
	for look := 0; ; look++ {
		var info jobInfo
		if err := j.s.call(ctx, request{method: http.MethodGet, path: j.path(), urgent: true}, &info); err != nil {
			return err
		}
		switch {
		case info.finished():
			return nil
		case info.State == "Open": // it did not hear
			if err := j.patch(ctx, "UploadComplete"); err != nil {
				return err
			}
		}
		if err := pause(ctx, jittered(j.s.opts.MinWait, j.s.opts.MaxWait, look)); err != nil {
			return err
		}
	}
}

func (j *job) patch(ctx context.Context, state string) error {
	body, err := json.Marshal(map[string]string{"state": state})
	if err != nil {
		return fmt.Errorf("salesforce: %w", err)
	}
	err = j.s.call(ctx, request{method: http.MethodPatch, path: j.path(), body: body, urgent: true}, nil)
	if e, ok := errors.AsType[*APIError](err); ok && e.Code == "INVALIDJOBSTATE" {
		return nil // a lost answer: it has that state
	}
	return err
}

// remove deletes a job with its data and its results, and stops it before if it still
// runs. The caller's context may be over. What cannot be removed Salesforce removes after
// a week.
func (j *job) remove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	path := request{method: http.MethodDelete, path: j.path(), urgent: true}
	if j.s.call(ctx, path, nil) == nil {
		return
	}
	_ = j.patch(ctx, "Aborted") // an open job, and one that runs, have to be aborted first
	_ = j.s.call(ctx, path, nil)
}

// results reads what a job did, as it comes. If it breaks off it is read again, without
// the rows that were read.
func (j *job) results(ctx context.Context, kind string, each func(resultRow) error) error {
	done := 0
	for try := 1; ; try++ {
		at := 0
		var stopped error
		err := j.readOnce(ctx, kind, func(r resultRow) error {
			if at++; at <= done {
				return nil
			}
			done = at
			stopped = each(r)
			return stopped
		})
		if err == nil || stopped != nil || try == j.s.opts.Tries || !errors.Is(err, crm.ErrUnavailable) {
			return err
		}
		if err := pause(ctx, jittered(j.s.opts.MinWait, j.s.opts.MaxWait, try)); err != nil {
			return err
		}
	}
}

func (j *job) readOnce(ctx context.Context, kind string, each func(resultRow) error) error {
	resp, err := j.s.open(ctx, request{method: http.MethodGet, path: j.path() + "/" + kind + "/", header: http.Header{"Accept": {"text/csv"}}, urgent: true, long: true})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := readResults(resp.Body, each); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("salesforce: %s: %w", kind, err)
	}
	return nil
}

// resultRow is a row of successfulResults or failedResults.
type resultRow struct {
	columns map[string]int
	cells   []string
}

// of returns a cell by its column, or "".
func (r resultRow) of(column string) string {
	if at, is := r.columns[column]; is {
		return r.cells[at]
	}
	return ""
}

// result reads the row as the result of a record, which holds on to nothing of the row.
// Failed rows say "CODE:message:fields --".
func (r resultRow) result() result {
	res := result{ID: strings.Clone(r.of("sf__Id")), Created: r.of("sf__Created") == "true"}
	if !idForm.MatchString(res.ID) {
		res.ID = ""
	}
	if _, failed := r.columns["sf__Error"]; !failed {
		res.Success = true
		return res
	}
	code, rest, _ := strings.Cut(r.of("sf__Error"), ":")
	p := problem{StatusCode: strings.Clone(clean(code))}
	if at := strings.LastIndexByte(rest, ':'); at >= 0 {
		names := strings.FieldsFunc(strings.TrimSuffix(rest[at+1:], "--"), func(r rune) bool { return r == ' ' || r == ',' })
		p.Fields, _ = json.Marshal(names) // strings always marshal
	}
	res.Errors = []problem{p}
	return res
}

// maxResultRow bounds one row of a result, which holds what was sent and an error.
const maxResultRow = 4 << 20

// readResults reads a result file row by row.
func readResults(from io.Reader, each func(resultRow) error) error {
	rows := crm.NewRows(from, maxResultRow)
	r := csv.NewReader(rows)
	r.ReuseRecord = true
	var columns map[string]int
	for {
		rows.Next()
		cells, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil // a job without such rows may have an empty file
		case errors.Is(err, crm.ErrLongRow):
			return fmt.Errorf("%w: %w", crm.ErrUnavailable, err)
		case err != nil: // a connection's errors may hold an address
			return fmt.Errorf("%w: the result broke off or is not CSV", crm.ErrUnavailable)
		}
		if columns == nil {
			columns = make(map[string]int, len(cells))
			for i, name := range cells {
				columns[strings.Clone(strings.TrimPrefix(name, "\ufeff"))] = i
			}
			if _, is := columns["sf__Id"]; !is {
				return fmt.Errorf("%w: not the result of a job", crm.ErrUnavailable)
			}
			continue
		}
		if err := each(resultRow{columns: columns, cells: cells}); err != nil {
			return err
		}
	}
}

// hardDelete deletes records past the recycle bin.
func (s *Sink) hardDelete(ctx context.Context, object string, ids []string, each func(string, result)) error {
	for from := 0; from < len(ids); from += s.opts.JobRecords {
		if err := s.hardDeleteSome(ctx, object, ids[from:min(from+s.opts.JobRecords, len(ids))], each); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sink) hardDeleteSome(ctx context.Context, object string, ids []string, each func(string, result)) (err error) {
	file, err := s.newFile([]string{"Id"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.remove()) }()
	for _, id := range ids {
		if err := file.write([]string{id}); err != nil {
			return err
		}
	}
	done := make(map[string]result, len(ids))
	if err := s.runJob(ctx, "hardDelete", object, "", file, func(r resultRow) error {
		id := r.of("Id")
		if id == "" {
			id = r.of("sf__Id")
		}
		done[long(strings.Clone(id))] = r.result()
		return nil
	}); err != nil {
		return err
	}
	for _, id := range ids {
		each(id, done[long(id)]) // one without a result was not tried
	}
	return nil
}
