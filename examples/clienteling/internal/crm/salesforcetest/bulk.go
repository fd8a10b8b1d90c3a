package salesforcetest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// job is an ingest job of Bulk API 2.0.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
type job struct {
	id, operation, object, key string
	crlf                       bool
	comma                      rune
	state                      string
	failure                    string
	data                       []byte
	uploaded                   bool
	looks                      int
	created                    time.Time

	header                []string
	good, bad, unfinished [][]string // with the columns that the results have before
}

// maxUpload is what 150 MB of base64 are without it.
const maxUpload = 112_500_000

var delimiters = map[string]rune{"": ',', "COMMA": ',', "TAB": '\t', "PIPE": '|', "SEMICOLON": ';', "CARET": '^', "BACKQUOTE": '`'}

func (o *Org) ingest(in *input, rest []string) answer {
	if len(rest) == 0 {
		switch in.Method {
		case http.MethodPost:
			return o.newJob(in)
		case http.MethodGet:
			all := []any{}
			for _, j := range o.jobs {
				all = append(all, o.info(in, j))
			}
			return answer{status: 200, body: map[string]any{"done": true, "nextRecordsUrl": nil, "records": all}}
		}
		return notFound()
	}
	j := o.jobs[long(rest[0])]
	if j == nil {
		return errorAnswer(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	}
	switch {
	case len(rest) == 2 && rest[1] == "batches" && in.Method == http.MethodPut:
		return o.upload(in, j)
	case len(rest) == 2 && in.Method == http.MethodGet:
		return o.results(j, rest[1])
	case len(rest) != 1:
		return notFound()
	}
	switch in.Method {
	case http.MethodGet:
		o.work(j)
		return answer{status: 200, body: o.info(in, j)}
	case http.MethodPatch:
		return o.moveJob(in, j)
	case http.MethodDelete:
		if j.state == "Open" || j.state == "InProgress" {
			return errorAnswer(http.StatusBadRequest, "API_ERROR", "Error encountered when deleting the job because the job is not terminated")
		}
		delete(o.jobs, j.id)
		return answer{status: http.StatusNoContent}
	}
	return notFound()
}

func (o *Org) newJob(in *input) answer {
	var spec struct {
		Object          string `json:"object"`
		Operation       string `json:"operation"`
		Key             string `json:"externalIdFieldName"`
		ContentType     string `json:"contentType"`
		LineEnding      string `json:"lineEnding"`
		ColumnDelimiter string `json:"columnDelimiter"`
	}
	if p := decodeJSON(in.body, &spec); p != nil {
		return p.answer()
	}
	obj := o.objects[spec.Object]
	comma, known := delimiters[spec.ColumnDelimiter]
	switch {
	case obj == nil:
		return errorAnswer(http.StatusBadRequest, "INVALIDENTITY", "Unable to find object: "+spec.Object)
	case !slices.Contains([]string{"insert", "update", "upsert", "delete", "hardDelete"}, spec.Operation):
		return errorAnswer(http.StatusBadRequest, "INVALIDOPERATION", "operation is invalid")
	case spec.Operation == "hardDelete" && !o.opts.HardDelete:
		return errorAnswer(http.StatusBadRequest, "FEATURENOTENABLED", "hard delete operation requires special user profile permission, please contact your system administrator")
	case spec.ContentType != "" && spec.ContentType != "CSV", !known, spec.LineEnding != "" && spec.LineEnding != "LF" && spec.LineEnding != "CRLF":
		return errorAnswer(http.StatusBadRequest, "INVALIDJOB", "an option of the job is invalid")
	}
	if spec.Operation == "upsert" {
		if f, is := obj.field(spec.Key); !is || !f.ExternalID && f.Name != "Id" {
			return errorAnswer(http.StatusBadRequest, "INVALIDJOB", "InvalidJob : Field name provided, "+spec.Key+" does not match an External ID, Salesforce Id, or indexed field for "+spec.Object)
		}
	}
	o.serial++
	j := &job{
		id: long(fmt.Sprintf("750Sim%09d", o.serial)), operation: spec.Operation, object: spec.Object, key: spec.Key,
		crlf: spec.LineEnding == "CRLF", comma: comma, state: "Open", created: now(),
	}
	o.jobs[j.id] = j
	return answer{status: 200, body: o.info(in, j)}
}

func (o *Org) info(in *input, j *job) map[string]any {
	ending, delimiter := "LF", "COMMA"
	if j.crlf {
		ending = "CRLF"
	}
	for n, r := range delimiters {
		if r == j.comma && n != "" {
			delimiter = n
		}
	}
	version, _ := strconv.ParseFloat(in.version, 64)
	m := map[string]any{
		"id": j.id, "operation": j.operation, "object": j.object, "createdById": "005Sim000000001AAA",
		"createdDate": j.created.Format("2006-01-02T15:04:05.000+0000"), "systemModstamp": now().Format("2006-01-02T15:04:05.000+0000"),
		"state": j.state, "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": version, "lineEnding": ending, "columnDelimiter": delimiter,
		"jobType": "V2Ingest", "retries": 0, "totalProcessingTime": 0, "numberRecordsProcessed": len(j.good) + len(j.bad), "numberRecordsFailed": len(j.bad),
	}
	if j.key != "" {
		m["externalIdFieldName"] = j.key
	}
	if j.state == "Open" {
		m["contentUrl"] = "services/data/v" + in.version + "/jobs/ingest/" + j.id + "/batches"
	}
	if j.failure != "" {
		m["errorMessage"] = j.failure
	}
	return m
}

func (o *Org) upload(in *input, j *job) answer {
	switch {
	case j.state != "Open", j.uploaded:
		return errorAnswer(http.StatusBadRequest, "INVALIDJOBSTATE", "Found multiple contents for job: <"+j.id+">, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job.")
	case !strings.HasPrefix(in.Header.Get("Content-Type"), "text/csv"):
		return errorAnswer(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content-Type must be text/csv")
	case len(in.body) > maxUpload:
		return errorAnswer(http.StatusRequestEntityTooLarge, "REQUEST_ENTITY_TOO_LARGE", "the data exceeds 150 MB of base64")
	}
	j.data, j.uploaded = in.body, true
	return answer{status: http.StatusCreated}
}

func (o *Org) moveJob(in *input, j *job) answer {
	var to struct {
		State string `json:"state"`
	}
	if p := decodeJSON(in.body, &to); p != nil {
		return p.answer()
	}
	switch {
	case to.State == "UploadComplete" && j.state == "Open":
		j.state = "UploadComplete"
	case to.State == "Aborted" && (j.state == "Open" || j.state == "UploadComplete" || j.state == "InProgress"):
		j.state = "Aborted"
	case to.State != "UploadComplete" && to.State != "Aborted":
		return errorAnswer(http.StatusBadRequest, "INVALIDJOBSTATE", "the state is not one that a job can be set to")
	default:
		return errorAnswer(http.StatusBadRequest, "INVALIDJOBSTATE", "Job state cannot be changed from "+j.state+" to "+to.State)
	}
	return answer{status: 200, body: o.info(in, j)}
}

// work brings a job on, each time that somebody looks.
func (o *Org) work(j *job) {
	if j.state != "UploadComplete" && j.state != "InProgress" {
		return
	}
	j.state = "InProgress"
	if j.looks++; j.looks < o.opts.Looks {
		return
	}
	if j.failure = o.process(j); j.failure != "" {
		j.state = "Failed"
		return
	}
	j.state = "JobComplete"
}

// process does the job, and returns why it could not be begun.
func (o *Org) process(j *job) string {
	obj := o.objects[j.object]
	if obj == nil {
		return "InvalidBatch : the object is gone"
	}
	data := bytes.TrimPrefix(j.data, []byte("\ufeff"))
	if first, _, _ := bytes.Cut(data, []byte("\n")); bytes.HasSuffix(first, []byte("\r")) != j.crlf {
		return "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is " + map[bool]string{true: "CRLF", false: "LF"}[j.crlf]
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = j.comma
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		return "InvalidBatch : Failed to parse CSV"
	}
	j.header = rows[0]
	for _, column := range j.header {
		if !o.knows(obj, column) {
			return "InvalidBatch : Field name not found : " + column
		}
	}
	for n, row := range rows[1:] {
		if o.breaks > 0 && n >= o.breaks {
			j.unfinished = rows[1+n:]
			o.breaks = 0
			return "InternalServerError : the job broke off"
		}
		id, created, p := o.processRow(j, obj, row)
		if p != nil {
			j.bad = append(j.bad, append([]string{id, p.Code + ":" + p.Message + ":" + strings.Join(p.Fields, " ") + " --"}, row...))
			continue
		}
		j.good = append(j.good, append([]string{id, strconv.FormatBool(created)}, row...))
	}
	slices.Reverse(j.good) // in no order that is promised
	return ""
}

func (o *Org) knows(obj *object, column string) bool {
	first, rest, nested := strings.Cut(column, ".")
	if !nested {
		_, is := obj.field(column)
		return is
	}
	rel, is := obj.relation(first)
	to := o.objects[rel.To]
	if !is || to == nil {
		return false
	}
	f, is := to.field(rest)
	return is && f.ExternalID
}

func (o *Org) processRow(j *job, obj *object, row []string) (id string, created bool, p *Problem) {
	fields := make(map[string]any, len(row))
	key, given := "", ""
	for i, column := range j.header {
		cell := row[i]
		switch {
		case strings.EqualFold(column, "Id"):
			given = cell
			continue
		case j.operation == "upsert" && strings.EqualFold(column, j.key):
			key = cell
			continue
		case cell == "": // a field that is left as it is
			continue
		}
		name, v, p := o.cell(obj, column, cell)
		if p != nil {
			return "", false, p
		}
		fields[name] = v
	}
	switch j.operation {
	case "delete", "hardDelete":
		p = o.remove(obj, given, j.operation == "hardDelete")
		return given, false, p
	case "insert":
		id, p = o.insert(obj, fields, dupOptions{terse: true})
		return id, p == nil, p
	case "update":
		r := obj.live(given)
		if r == nil {
			return given, false, &Problem{Code: "INVALID_CROSS_REFERENCE_KEY", Message: "invalid cross reference id"}
		}
		return r.id, false, o.update(obj, r, fields, dupOptions{terse: true})
	}
	if key == "" || key == "#N/A" {
		return "", false, &Problem{Code: "MISSING_ARGUMENT", Message: j.key + " not specified"}
	}
	f, _ := obj.field(j.key)
	return o.upsert(obj, f, key, fields, dupOptions{terse: true})
}

// cell reads a value from CSV.
func (o *Org) cell(obj *object, column, cell string) (string, any, *Problem) {
	first, rest, nested := strings.Cut(column, ".")
	if cell == "#N/A" {
		if nested {
			return first, nil, nil
		}
		return column, nil, nil
	}
	if nested {
		return first, map[string]any{rest: cell}, nil
	}
	f, _ := obj.field(column)
	switch f.Type {
	case "boolean":
		switch strings.ToLower(cell) {
		case "true", "1", "yes":
			return column, true, nil
		case "false", "0", "no":
			return column, false, nil
		}
	case "double":
		if _, err := strconv.ParseFloat(cell, 64); err == nil {
			return column, json.Number(cell), nil
		}
	case "datetime":
		if _, p := o.convertText(f, cell); p == nil {
			return column, cell, nil
		}
	default:
		return column, cell, nil
	}
	return "", nil, &Problem{Code: "INVALID_TYPE_ON_FIELD_IN_RECORD", Message: f.Name + ": value not of required type: " + cell, Fields: []string{f.Name}}
}

// results answers successfulResults, failedResults and unprocessedrecords.
func (o *Org) results(j *job, kind string) answer {
	var rows [][]string
	header := j.header
	switch strings.ToLower(kind) {
	case "successfulresults":
		rows, header = j.good, append([]string{"sf__Id", "sf__Created"}, j.header...)
	case "failedresults":
		rows, header = j.bad, append([]string{"sf__Id", "sf__Error"}, j.header...)
	case "unprocessedrecords":
		rows = j.unfinished
	default:
		return notFound()
	}
	if j.state != "JobComplete" && j.state != "Failed" && j.state != "Aborted" {
		return errorAnswer(http.StatusBadRequest, "INVALIDJOBSTATE", "the job is not done")
	}
	var b bytes.Buffer
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			if i > 0 {
				b.WriteByte(byte(j.comma))
			}
			b.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
		}
		b.WriteByte('\n')
	}
	return answer{status: 200, body: b.Bytes()}
}
