package salesforce_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/crmtest"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforce"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
)

func TestRefusedRecords(t *testing.T) {
	o, s := open(t, nil, nil)
	records := crmtest.Records(0, 6, 1)
	records[0].Email = "secret-address"
	records[2].LastName = "Secret Rule"
	records[3].Purchases[0].Items = "secret rule"
	records[4].LastName = "Secret Access"
	o.Reject(func(object string, v map[string]any) *salesforcetest.Problem {
		switch {
		case v["LastName"] == "Secret Rule", v["Items__c"] == "secret rule":
			return &salesforcetest.Problem{Code: "FIELD_CUSTOM_VALIDATION_EXCEPTION", Message: "no, Secret Rule", Fields: []string{"LastName"}}
		case v["LastName"] == "Secret Access":
			return &salesforcetest.Problem{Code: "INSUFFICIENT_ACCESS_OR_READONLY", Message: "insufficient access rights on object id"}
		}
		return nil
	})
	check := func(out map[string]crm.Outcome, err error) {
		t.Helper()
		require.NoError(t, err)
		for n, want := range map[int]struct {
			state  crm.State
			code   string
			fields []string
		}{
			0: {crm.Invalid, "INVALID_EMAIL_ADDRESS", []string{"Email"}},
			1: {state: crm.Created},
			2: {crm.Invalid, "FIELD_CUSTOM_VALIDATION_EXCEPTION", []string{"LastName"}},
			3: {crm.Invalid, "FIELD_CUSTOM_VALIDATION_EXCEPTION", []string{"LastName"}},
			4: {crm.Retry, "INSUFFICIENT_ACCESS_OR_READONLY", nil},
			5: {state: crm.Created},
		} {
			o := out[records[n].Key]
			assert.Equal(t, want.state, o.State, "record %d: %v", n, o.Err)
			if want.code == "" {
				assert.NoError(t, o.Err)
				continue
			}
			e, is := errors.AsType[*salesforce.APIError](o.Err)
			require.True(t, is, "record %d: %v", n, o.Err)
			assert.Equal(t, want.code, e.Code)
			assert.Equal(t, want.fields, e.Fields)
			assert.NotContains(t, strings.ToLower(o.Err.Error()), "secret", "values stay out of errors")
		}
	}
	out, err := s.Save(t.Context(), records)
	check(byKey(out), err)
	require.Len(t, o.All("Contact"), 3)

	_, err = s.Forget(t.Context(), []string{records[1].Key, records[3].Key, records[5].Key})
	require.NoError(t, err)
	loaded := make(map[string]crm.Outcome)
	for out, failed := range s.Load(t.Context(), each(records)) {
		loaded[out.Key], err = out, failed
	}
	check(loaded, err)
}

func byKey(all []crm.Outcome) map[string]crm.Outcome {
	m := make(map[string]crm.Outcome)
	for _, o := range all {
		m[o.Key] = o
	}
	return m
}

func each(records []crm.Record) func(func(crm.Record, error) bool) {
	return func(yield func(crm.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestNobodyMayWrite(t *testing.T) {
	o, s := open(t, nil, nil)
	o.Reject(func(string, map[string]any) *salesforcetest.Problem {
		return &salesforcetest.Problem{Code: "INSUFFICIENT_ACCESS", Message: "insufficient access rights on object id"}
	})
	out, err := s.Save(t.Context(), crmtest.Records(0, 3, 1))
	require.ErrorIs(t, err, crm.ErrRefused, "it is not about one of them")
	assert.Equal(t, crm.Retry, out[2].State)
}

// Who alone is refused says nothing of the others, in whatever company they come.
func TestSomebodyIsRefused(t *testing.T) {
	o, s := open(t, nil, nil)
	secret, other, fresh := crmtest.Record(0, 1), crmtest.Record(1, 1), crmtest.Record(2, 1)
	_, err := s.Save(t.Context(), []crm.Record{secret, other})
	require.NoError(t, err)
	reject := func(what func(object string, v map[string]any) bool) {
		o.Reject(func(object string, v map[string]any) *salesforcetest.Problem {
			if !what(object, v) {
				return nil
			}
			return &salesforcetest.Problem{Code: "INSUFFICIENT_ACCESS_OR_READONLY", Message: "insufficient access rights on object id"}
		})
	}
	secret.LastName = "Secret Access"
	reject(func(_ string, v map[string]any) bool { return v["LastName"] == secret.LastName })
	for name, batch := range map[string][]crm.Record{"alone": {secret}, "among those who are known": {secret, other}, "beside a new one": {secret, fresh}} {
		out, err := s.Save(t.Context(), batch)
		require.NoError(t, err, name)
		assert.Equal(t, crm.Retry, out[0].State, name)
		require.ErrorIs(t, out[0].Err, crm.ErrRefused, name)
		for _, o := range out[1:] {
			assert.Contains(t, []crm.State{crm.Created, crm.Updated}, o.State, name)
		}
	}

	// So it is with purchases: one customer's, and everybody's.
	reject(func(object string, v map[string]any) bool {
		return object == "Posai_Purchase__c" && strings.HasPrefix(text(v["Posai_Key__c"]), other.Purchases[0].Key[:len(other.Purchases[0].Key)-1])
	})
	out, err := s.Save(t.Context(), []crm.Record{other})
	require.NoError(t, err)
	require.Len(t, other.Purchases, 2)
	assert.Equal(t, crm.Retry, out[0].State)
	require.ErrorContains(t, out[0].Err, "a purchase: ")
	out, err = s.Save(t.Context(), []crm.Record{other, fresh})
	require.NoError(t, err)
	assert.Equal(t, crm.Updated, out[1].State)
	reject(func(object string, _ map[string]any) bool { return object == "Posai_Purchase__c" })
	out, err = s.Save(t.Context(), []crm.Record{other, fresh})
	require.ErrorIs(t, err, crm.ErrRefused, "nobody's purchases may be written")
	assert.Equal(t, crm.Retry, out[0].State)
	assert.Equal(t, crm.Retry, out[1].State)

	// An allowance is nobody's own.
	o.Reject(func(string, map[string]any) *salesforcetest.Problem {
		return &salesforcetest.Problem{Code: "STORAGE_LIMIT_EXCEEDED", Message: "storage limit exceeded"}
	})
	_, err = s.Save(t.Context(), []crm.Record{other})
	require.ErrorIs(t, err, crm.ErrLimit)
}

// A sign-in that ends while one record is written says nothing of the record.
func TestSignInEndsAtOneRecord(t *testing.T) {
	o, s := open(t, nil, nil)
	require.NoError(t, s.Check(t.Context()))
	o.Fail(salesforcetest.Fault{Kind: salesforcetest.Expired, Method: http.MethodPatch, Times: 1000})
	out, err := s.Save(t.Context(), []crm.Record{{Key: "K-1", LastName: "Sample"}}) // by the address of its key
	require.ErrorIs(t, err, crm.ErrRefused)
	assert.Equal(t, crm.Retry, out[0].State)
}

func TestWhatCannotBeSkipped(t *testing.T) {
	o := salesforcetest.New(t, nil)
	for name, opts := range map[string]*salesforce.Options{
		"object":               {Contact: salesforce.ContactFields{Object: salesforce.Skip}},
		"key":                  {Contact: salesforce.ContactFields{Key: salesforce.Skip}},
		"last name":            {Contact: salesforce.ContactFields{LastName: salesforce.Skip}},
		"object of purchases":  {Purchase: salesforce.PurchaseFields{Object: salesforce.Skip}},
		"key of purchases":     {Purchase: salesforce.PurchaseFields{Key: salesforce.Skip}},
		"customer of purchase": {Purchase: salesforce.PurchaseFields{Contact: salesforce.Skip}},
		"relation":             {Purchase: salesforce.PurchaseFields{Relation: salesforce.Skip}},
	} {
		_, err := salesforce.New(credentials(o), opts)
		require.ErrorContains(t, err, "not the API name", name)
	}
}

// What is kept of a job's result does not hold on to its rows, which have all that was
// sent.
func TestResultsAreSmall(t *testing.T) {
	const rows, size = 300, 100 << 10
	for head, start := range map[string]string{"sf__Id,sf__Created,Notes": "003000000000001AAA,true,", "sf__Id,sf__Error,Notes": `003000000000001AAA,INVALID_EMAIL_ADDRESS:no:Email --,`} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		from := io.MultiReader(strings.NewReader(head+"\n"), strings.NewReader(strings.Repeat(start+strings.Repeat("n", size)+"\n", rows)))
		ids, codes, err := salesforce.ReadResults(from)
		require.NoError(t, err)
		runtime.GC()
		runtime.ReadMemStats(&after)
		require.Len(t, ids, rows)
		require.Len(t, codes, rows)
		assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(rows*size/4), head)
		runtime.KeepAlive(ids)
		runtime.KeepAlive(codes)
	}
}

func TestLockedRows(t *testing.T) {
	o, s := open(t, nil, nil)
	o.LockRows(5)
	out, err := s.Save(t.Context(), crmtest.Records(0, 5, 1))
	require.NoError(t, err)
	for _, o := range out {
		assert.Equal(t, crm.Created, o.State, "a lock passes")
	}
	o.LockRows(1_000_000)
	out, err = s.Save(t.Context(), crmtest.Records(0, 2, 2))
	require.NoError(t, err)
	for _, o := range out {
		assert.Equal(t, crm.Retry, o.State)
		assert.ErrorIs(t, o.Err, crm.ErrUnavailable)
		assert.ErrorContains(t, o.Err, "UNABLE_TO_LOCK_ROW")
	}
}

func TestLongTexts(t *testing.T) {
	o, s := open(t, nil, nil)
	r := crmtest.Record(1, 1)
	r.FirstName = strings.Repeat("é", 39) + "🎉 and more"
	r.City = strings.Repeat("c", 40)
	r.ServiceNotes = strings.Repeat("note ", 10_000)
	for name, save := range ways(t, s) {
		out := save([]crm.Record{r})[r.Key]
		require.NoError(t, out.Err, name)
		assert.ElementsMatch(t, []string{"FirstName", "Posai_Service_Notes__c"}, out.Shortened, name)
		got := o.Record("Contact", out.ID)
		assert.Equal(t, strings.Repeat("é", 39), got["FirstName"], "not half an emoji")
		assert.Equal(t, r.City, got["MailingCity"])
		assert.LessOrEqual(t, len(text(got["Posai_Service_Notes__c"])), 32768)
	}
}

// ways are the two in which records are written.
func ways(t *testing.T, s *salesforce.Sink) map[string]func([]crm.Record) map[string]crm.Outcome {
	return map[string]func([]crm.Record) map[string]crm.Outcome{
		"save": func(r []crm.Record) map[string]crm.Outcome {
			out, err := s.Save(t.Context(), r)
			require.NoError(t, err)
			return byKey(out)
		},
		"load": func(r []crm.Record) map[string]crm.Outcome {
			all := make(map[string]crm.Outcome)
			for o, err := range s.Load(t.Context(), each(r)) {
				require.NoError(t, err)
				all[o.Key] = o
			}
			return all
		},
	}
}

func TestDuplicateRules(t *testing.T) {
	for _, terse := range []bool{false, true} {
		for name := range ways(t, nil) {
			t.Run(fmt.Sprintf("%s, terse %t", name, terse), func(t *testing.T) {
				// The sink itself does not look, so that the org's rule is what speaks.
				o, s := open(t, &salesforcetest.Options{Terse: terse}, &salesforce.Options{MatchEmail: []string{}, MatchPhone: []string{}})
				save := ways(t, s)[name]
				o.SetDuplicateRule(&salesforcetest.DuplicateRule{})
				r := crmtest.Record(1, 1)
				twin := o.Add("Contact", map[string]any{"LastName": "Twin", "Email": r.Email})

				out := save([]crm.Record{crmtest.Record(0, 1), r})
				assert.Equal(t, crm.Created, out[crmtest.Record(0, 1).Key].State)
				require.Equal(t, crm.Ambiguous, out[r.Key].State, "%v", out[r.Key].Err)
				require.Len(t, out[r.Key].Candidates, 1)
				assert.Equal(t, twin, out[r.Key].Candidates[0].ID)
				assert.Equal(t, "Twin", out[r.Key].Candidates[0].Name)
				require.Len(t, o.All("Contact"), 2)

				r.Distinct = true
				assert.Equal(t, crm.Created, save([]crm.Record{r})[r.Key].State)
				r.Distinct = false
				assert.Equal(t, crm.Updated, save([]crm.Record{r})[r.Key].State, "a tied contact is not asked about")

				o.SetDuplicateRule(&salesforcetest.DuplicateRule{Block: true})
				other := crmtest.Record(2, 1)
				other.Email, other.Distinct = r.Email, true
				blocked := save([]crm.Record{other})[other.Key]
				assert.Equal(t, crm.Invalid, blocked.State, "the org's administrator forbids it, whatever a person says")
				assert.ErrorContains(t, blocked.Err, "DUPLICATES_DETECTED")
			})
		}
	}
}

func TestSure(t *testing.T) {
	o, s := open(t, nil, &salesforce.Options{Sure: salesforce.SameEmailAndName})
	same, similar, two := crmtest.Record(1, 1), crmtest.Record(2, 1), crmtest.Record(3, 1)
	id := o.Add("Contact", map[string]any{"FirstName": same.FirstName, "LastName": same.LastName, "Email": strings.ToUpper(same.Email)})
	o.Add("Contact", map[string]any{"FirstName": "Kim", "LastName": similar.LastName, "Email": similar.Email})
	for range 2 {
		o.Add("Contact", map[string]any{"FirstName": two.FirstName, "LastName": two.LastName, "Email": two.Email})
	}
	out, err := s.Save(t.Context(), []crm.Record{same, similar, two})
	require.NoError(t, err)
	assert.Equal(t, crm.Updated, out[0].State)
	assert.Equal(t, id, out[0].ID)
	assert.Equal(t, crm.Ambiguous, out[1].State)
	assert.Equal(t, crm.Ambiguous, out[2].State)
	assert.Len(t, out[2].Candidates, 2)
}

func TestKeyThatIsNotUnique(t *testing.T) {
	key := "K-1" // goes into a path
	o, s := open(t, nil, nil)
	require.NoError(t, s.Check(t.Context())) // it was unique then
	o.Alter("Contact", func(f salesforcetest.Field) salesforcetest.Field {
		f.Unique = false
		return f
	})
	a := o.Add("Contact", map[string]any{"LastName": "A", "Posai_Key__c": key})
	b := o.Add("Contact", map[string]any{"LastName": "B", "Posai_Key__c": key})
	out, err := s.Save(t.Context(), []crm.Record{{Key: key, LastName: "Sample"}})
	require.NoError(t, err)
	require.Equal(t, crm.Ambiguous, out[0].State)
	require.Len(t, out[0].Candidates, 2)
	assert.ElementsMatch(t, []string{a, b}, []string{out[0].Candidates[0].ID, out[0].Candidates[1].ID})
	assert.Equal(t, key, out[0].Candidates[0].Key)
	require.ErrorIs(t, s.Link(t.Context(), key, a), crm.ErrLinked)
}

// hook lets a test do something before a request is sent.
type hook func(*http.Request)

func (h hook) RoundTrip(r *http.Request) (*http.Response, error) {
	h(r)
	return http.DefaultTransport.RoundTrip(r)
}

func TestSeveralAppearMeanwhile(t *testing.T) {
	var o *salesforcetest.Org
	key := "K-1"
	o, s := open(t, nil, &salesforce.Options{Transport: hook(func(r *http.Request) {
		if r.Method == http.MethodPatch && len(o.All("Contact")) == 0 {
			o.Add("Contact", map[string]any{"LastName": "A", "Posai_Key__c": key})
			o.Add("Contact", map[string]any{"LastName": "B", "Posai_Key__c": key})
		}
	})})
	require.NoError(t, s.Check(t.Context()))
	o.Alter("Contact", func(f salesforcetest.Field) salesforcetest.Field {
		f.Unique = false
		return f
	})
	out, err := s.Save(t.Context(), []crm.Record{{Key: key, LastName: "Sample"}})
	require.NoError(t, err)
	require.Equal(t, crm.Ambiguous, out[0].State, "300 Multiple Choices: %v", out[0].Err)
	assert.Len(t, out[0].Candidates, 2)
}

func TestLinkLosesARace(t *testing.T) {
	var o *salesforcetest.Org
	var id string
	raced := false
	o, s := open(t, nil, &salesforce.Options{Transport: hook(func(r *http.Request) {
		if r.Method == http.MethodPatch && !raced {
			raced = true
			for start := time.Now().Unix(); time.Now().Unix() == start; { // HTTP dates have seconds
				time.Sleep(10 * time.Millisecond)
			}
			o.Set("Contact", id, map[string]any{"Posai_Key__c": "somebody/else"})
		}
	})})
	id = o.Add("Contact", map[string]any{"LastName": "Sample"})
	err := s.Link(t.Context(), "shop/1", id)
	require.ErrorIs(t, err, crm.ErrUnavailable, "it changed meanwhile: try again")
	require.True(t, raced)
	require.ErrorIs(t, s.Link(t.Context(), "shop/1", id), crm.ErrLinked)
	assert.Equal(t, "somebody/else", o.Record("Contact", id)["Posai_Key__c"])
}

func TestForgetAndTheBin(t *testing.T) {
	for _, hard := range []bool{false, true} {
		o, s := open(t, &salesforcetest.Options{HardDelete: true}, &salesforce.Options{HardDelete: hard})
		r := crmtest.Record(1, 2)
		_, err := s.Save(t.Context(), []crm.Record{r, crmtest.Record(2, 1)})
		require.NoError(t, err)
		contact := text(o.All("Contact")[0]["Id"])
		o.Add("Posai_Purchase__c", map[string]any{"Name": "by hand", "Contact__c": contact})
		out, err := s.Forget(t.Context(), []string{r.Key, "", "never seen"})
		require.NoError(t, err)
		for _, o := range out {
			assert.Equal(t, crm.Deleted, o.State)
		}
		assert.Len(t, o.All("Contact"), 1)
		assert.Len(t, o.All("Posai_Purchase__c"), 2, "the other customer's")
		want := 5 // a contact, three purchases, and one that somebody added
		if hard {
			want = 0
		}
		assert.Len(t, append(o.Bin("Contact"), o.Bin("Posai_Purchase__c")...), want)
		assert.Zero(t, o.Jobs())
	}
	_, s := open(t, nil, &salesforce.Options{HardDelete: true})
	r := crmtest.Record(1, 2)
	_, err := s.Save(t.Context(), []crm.Record{r})
	require.NoError(t, err)
	out, err := s.Forget(t.Context(), []string{r.Key})
	require.ErrorIs(t, err, crm.ErrRefused)
	require.ErrorContains(t, err, "FEATURENOTENABLED")
	assert.Equal(t, crm.Retry, out[0].State)
}

func TestLoadIsGivenUp(t *testing.T) {
	for _, state := range []string{"Open", "InProgress"} {
		ctx, cancel := context.WithCancel(t.Context())
		dir := t.TempDir()
		stop := hook(func(r *http.Request) {
			if state == "Open" && r.Method == http.MethodPut || state == "InProgress" && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/jobs/ingest/") {
				cancel()
			}
		})
		o, s := open(t, &salesforcetest.Options{Looks: 1000}, &salesforce.Options{Transport: stop, TempDir: dir})
		var failed error
		for _, err := range s.Load(ctx, each(crmtest.Records(0, 300, 1))) {
			failed = err
		}
		require.ErrorIs(t, failed, context.Canceled, state)
		assert.Zero(t, o.Jobs(), "the job is aborted and deleted")
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left, "nothing of the customers stays on the disk")
		assert.Empty(t, o.All("Contact"))
	}
}

func TestJobBreaksOff(t *testing.T) {
	o, s := open(t, nil, nil)
	records := crmtest.Records(0, 10, 2)
	count := func() map[crm.State]int {
		states := make(map[crm.State]int)
		for out, err := range s.Load(t.Context(), each(records)) {
			require.NoError(t, err)
			if out.State == crm.Retry {
				assert.ErrorIs(t, out.Err, crm.ErrUnavailable)
			}
			states[out.State]++
		}
		return states
	}
	o.BreakJob(4)
	assert.Equal(t, map[crm.State]int{crm.Created: 4, crm.Retry: 6}, count(), "those that were not processed are to be tried again")
	assert.Len(t, o.All("Contact"), 4)
	o.BreakJob(12) // the job of contacts is shorter, so that of the purchases breaks
	assert.Equal(t, map[crm.State]int{crm.Updated: 4, crm.Retry: 6}, count(), "a contact whose purchases are not all there is not done")
	assert.Equal(t, map[crm.State]int{crm.Updated: 10}, count())
	assert.Len(t, o.All("Posai_Purchase__c"), 30)
}

func TestAddressesStayOutOfErrors(t *testing.T) {
	for _, kind := range []salesforcetest.Kind{salesforcetest.DropRequest, salesforcetest.Hang, salesforcetest.Unavailable} {
		opts := &salesforce.Options{Tries: 2}
		if kind == salesforcetest.Hang {
			opts.Timeout = 200 * time.Millisecond
		}
		o, s := open(t, nil, opts)
		require.Eventually(t, func() bool { return s.Check(t.Context()) == nil }, 2*time.Minute, time.Millisecond) // whose answers may be late too
		o.Fail(salesforcetest.Fault{Kind: kind, Path: "/query", Times: 9, After: 1})                               // the search by address
		_, err := s.Save(t.Context(), crmtest.Records(1, 2, 1))
		require.ErrorIs(t, err, crm.ErrUnavailable)
		assert.NotContains(t, err.Error(), "robin")
		assert.NotContains(t, err.Error(), "query")
	}
}

// TestLoadMany loads more customers than one job takes.
func TestLoadMany(t *testing.T) {
	many := 1_500
	if os.Getenv("POSAI_FULL") == "1" {
		many = 30_000
	}
	o, s := open(t, nil, &salesforce.Options{JobRecords: many/2 - 1})
	start := time.Now()
	n := 0
	for out, err := range s.Load(t.Context(), func(yield func(crm.Record, error) bool) {
		for n := range many {
			if !yield(crmtest.Record(n, 2), nil) {
				return
			}
		}
	}) {
		require.NoError(t, err)
		require.Equal(t, crm.Created, out.State)
		n++
	}
	require.Equal(t, many, n)
	t.Logf("%d customers with %d purchases in %v and %d requests, the simulated org's time included", n, 3*n, time.Since(start), len(o.Requests()))
	assert.Zero(t, o.Jobs())
}

func TestLoadIsBounded(t *testing.T) {
	o, s := open(t, nil, &salesforce.Options{JobBytes: 20_000, JobRecords: 1000})
	n := 0
	for out, err := range s.Load(t.Context(), each(crmtest.Records(0, 500, 2))) {
		require.NoError(t, err)
		require.Equal(t, crm.Created, out.State)
		n++
	}
	require.Equal(t, 500, n)
	jobs := 0
	for _, r := range o.Requests() {
		if r.Method == http.MethodPut {
			jobs++
		}
	}
	assert.Greater(t, jobs, 10, "several jobs of both kinds")
	assert.Len(t, o.All("Posai_Purchase__c"), 1500)
}

func TestFewRequests(t *testing.T) {
	o, s := open(t, nil, nil)
	require.NoError(t, s.Check(t.Context()))
	before := len(o.Requests())
	records := crmtest.Records(0, 200, 0) // a purchase each
	_, err := s.Save(t.Context(), records)
	require.NoError(t, err)
	first := len(o.Requests())
	_, err = s.Save(t.Context(), records)
	require.NoError(t, err)
	t.Logf("200 new customers: %d requests, again: %d", first-before, len(o.Requests())-first)
	assert.LessOrEqual(t, len(o.Requests())-first, 8)
	for _, r := range o.Requests() {
		assert.LessOrEqual(t, r.Records, salesforce.MaxCollection)
	}
}
