package salesforce_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforce"
)

var (
	code = regexp.MustCompile(`^[A-Za-z0-9_]{0,80}$`)
	name = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)
	id   = regexp.MustCompile(`^([A-Za-z0-9]{15}([A-Za-z0-9]{3})?)?$`)
)

func FuzzProblems(f *testing.F) {
	f.Add([]byte(`[{"message": "Required fields are missing: [LastName]", "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["LastName"]}]`))
	f.Add([]byte(`[{"duplicateResult": {"matchResults": [{"matchRecords": [{"record": {"Id": "003000000000001AAA"}}]}]}, "errorCode": "DUPLICATES_DETECTED"}]`))
	f.Add([]byte(`{"error": "invalid_grant", "error_description": "no"}`))
	f.Add([]byte(`<html><body>down for maintenance</body></html>`))
	f.Add([]byte(`[{"errorCode": "robin@example.com", "fields": ["O'Brien", 7]}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		codes, fields, duplicates := salesforce.ParseProblems(body)
		for i, c := range codes {
			require.Regexp(t, code, c, "nothing but a code is kept")
			for _, n := range fields[i] {
				require.Regexp(t, name, n, "nothing but names are kept")
			}
		}
		for _, d := range duplicates {
			require.Regexp(t, id, d)
		}
	})
}

func FuzzLimitInfo(f *testing.F) {
	f.Add("api-usage=25/5000")
	f.Add("api-usage=10018/100000; api-bursts=1/750")
	f.Add("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)")
	f.Add("per-app-api-usage=17/250(appName=api-usage=1/1)")
	f.Add("api-usage=99999999999/0")
	f.Fuzz(func(t *testing.T, header string) {
		used, limit, ok := salesforce.ParseLimitInfo(header)
		if ok {
			require.Positive(t, limit)
			require.GreaterOrEqual(t, used, 0)
		} else {
			require.Zero(t, used+limit)
		}
	})
}

func TestLimitInfo(t *testing.T) {
	used, limit, ok := salesforce.ParseLimitInfo("api-usage=10018/100000; api-bursts=1/750")
	assert.True(t, ok)
	assert.Equal(t, [2]int{10018, 100000}, [2]int{used, limit})
	_, _, ok = salesforce.ParseLimitInfo("per-app-api-usage=17/250(appName=a)")
	assert.False(t, ok)
}

func FuzzResults(f *testing.F) {
	f.Add("\"sf__Id\",\"sf__Created\",\"Posai_Key__c\"\n\"003000000000001AAA\",\"true\",\"shop/1\"\n")
	f.Add("sf__Id,sf__Error,Posai_Key__c,Email\n,INVALID_EMAIL_ADDRESS:Email: invalid email address: x:Email --,shop/1,x\n")
	f.Add("sf__Id,sf__Error\n,\"a \"\"b\"\"\nc:d\"\n")
	f.Add("<html>")
	f.Add("sf__Id\n\"")
	f.Fuzz(func(t *testing.T, body string) {
		ids, codes, err := salesforce.ReadResults(strings.NewReader(body))
		if err != nil {
			require.ErrorIs(t, err, crm.ErrUnavailable)
		}
		for i := range ids {
			require.Regexp(t, id, ids[i])
			require.Regexp(t, code, codes[i])
		}
	})
}

// endless is a row without an end.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	if e.n == 0 {
		e.n = copy(p, "sf__Id,x\n\"")
		return e.n, nil
	}
	for i := range p {
		p[i] = 'x'
	}
	e.n += len(p)
	return len(p), nil
}

func TestRowWithoutEnd(t *testing.T) {
	from := &endless{}
	_, _, err := salesforce.ReadResults(from)
	require.ErrorIs(t, err, crm.ErrUnavailable)
	require.Less(t, from.n, 16<<20)
}

func FuzzLiteral(f *testing.F) {
	f.Add("O'Brien")
	f.Add(`\' OR Id != null --`)
	f.Add("a\nb\\")
	f.Fuzz(func(t *testing.T, s string) {
		l := salesforce.Literal(s)
		// Between the quotation marks every other one has a backslash that itself has none.
		inner := l[1 : len(l)-1]
		for i := 0; i < len(inner); i++ {
			switch inner[i] {
			case '\\':
				i++
				require.Less(t, i, len(inner), "a backslash before the closing mark")
			case '\'', '\n', '\r':
				t.Fatalf("%q ends the literal early", l)
			}
		}
		_, err := url.ParseQuery("q=" + url.QueryEscape(l))
		require.NoError(t, err)
	})
}

func FuzzFit(f *testing.F) {
	f.Add("é🎉x", 3)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, s string, n int) {
		s = strings.ToValidUTF8(s, "?")
		got, cut := salesforce.Fit(s, n)
		require.True(t, strings.HasPrefix(s, got))
		require.True(t, utf8.ValidString(got))
		require.Equal(t, len(got) < len(s), cut)
		require.LessOrEqual(t, len(utf16.Encode([]rune(got))), max(n, 0))
	})
}
