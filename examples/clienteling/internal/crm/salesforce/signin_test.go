package salesforce_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/crmtest"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforce"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
)

func TestJWTBearer(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	o := salesforcetest.New(t, &salesforcetest.Options{PublicKey: &key.PublicKey})
	creds := salesforce.Credentials{URL: o.URL(), ClientID: salesforcetest.ClientID, Username: salesforcetest.Username, PrivateKey: key}
	s, err := salesforce.New(creds, nil)
	require.NoError(t, err)
	require.NoError(t, s.Check(t.Context()))

	creds.Audience = "https://elsewhere.example.com"
	s, err = salesforce.New(creds, nil)
	require.NoError(t, err)
	err = s.Check(t.Context())
	require.ErrorIs(t, err, crm.ErrRefused)
	require.ErrorContains(t, err, "invalid_grant")

	creds.Audience = ""
	creds.PrivateKey, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	s, err = salesforce.New(creds, nil)
	require.NoError(t, err)
	require.ErrorIs(t, s.Check(t.Context()), crm.ErrRefused)
}

func TestOneRenewalForAll(t *testing.T) {
	o, s := open(t, nil, nil)
	require.NoError(t, s.Check(t.Context()))
	before := o.SignIns()
	o.ExpireTokens()
	var group sync.WaitGroup
	var failed atomic.Int32
	for g := range 20 {
		group.Go(func() {
			if out, err := s.Save(t.Context(), crmtest.Records(10*g, 10*g+1, 1)); err != nil || out[0].State != crm.Created {
				failed.Add(1)
			}
		})
	}
	group.Wait()
	assert.Zero(t, failed.Load())
	assert.Equal(t, before+1, o.SignIns())
}

func TestWrongSecret(t *testing.T) {
	o := salesforcetest.New(t, nil)
	creds := credentials(o)
	creds.ClientSecret = "not-the-secret-4711"
	s, err := salesforce.New(creds, nil)
	require.NoError(t, err)
	out, err := s.Save(t.Context(), crmtest.Records(0, 2, 1))
	require.ErrorIs(t, err, crm.ErrRefused)
	assert.NotContains(t, err.Error(), "4711")
	require.Len(t, out, 2)
	assert.Equal(t, crm.Retry, out[0].State)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", creds, creds, creds), "4711")
}

func TestCredentials(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	good := salesforce.Credentials{URL: "https://alder.my.salesforce.com", ClientID: "id", ClientSecret: "secret"}
	for name, change := range map[string]func(*salesforce.Credentials){
		"no address":           func(c *salesforce.Credentials) { c.URL = "" },
		"not encrypted":        func(c *salesforce.Credentials) { c.URL = "http://alder.my.salesforce.com" },
		"with a path":          func(c *salesforce.Credentials) { c.URL += "/services" },
		"with a password":      func(c *salesforce.Credentials) { c.URL = "https://me:pw@alder.my.salesforce.com" },
		"no client":            func(c *salesforce.Credentials) { c.ClientID = "" },
		"no secret":            func(c *salesforce.Credentials) { c.ClientSecret = "" },
		"two ways":             func(c *salesforce.Credentials) { c.PrivateKey, c.Username = key, "me" },
		"a key without a user": func(c *salesforce.Credentials) { c.ClientSecret, c.PrivateKey = "", key },
	} {
		c := good
		change(&c)
		_, err := salesforce.New(c, nil)
		assert.Error(t, err, name)
	}
	_, err = salesforce.New(good, &salesforce.Options{Version: "../x"})
	require.Error(t, err)
	_, err = salesforce.New(good, &salesforce.Options{Contact: salesforce.ContactFields{Key: "Key__c FROM Account"}})
	require.Error(t, err)
	_, err = salesforce.New(good, nil)
	require.NoError(t, err)
}

// elsewhere is a server that must hear nothing.
func elsewhere(t *testing.T) (address string, heard *atomic.Int32) {
	t.Helper()
	heard = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			heard.Add(1)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, heard
}

func TestTokenStaysAtHome(t *testing.T) {
	other, heard := elsewhere(t)
	t.Run("redirect", func(t *testing.T) {
		o, s := open(t, nil, nil)
		o.Fail(salesforcetest.Fault{Kind: salesforcetest.Redirect, Path: "/describe", To: other + "/describe", Times: 99})
		require.ErrorIs(t, s.Check(t.Context()), crm.ErrUnavailable)
	})
	answers := func(token, query string) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/services/oauth2/token" {
				_, _ = fmt.Fprintf(w, token, "http://"+r.Host)
				return
			}
			_, _ = w.Write([]byte(query))
		}))
		t.Cleanup(server.Close)
		return server
	}
	run := func(t *testing.T, server *httptest.Server) error {
		t.Helper()
		s, err := salesforce.New(salesforce.Credentials{URL: server.URL, ClientID: "c", ClientSecret: "s"}, &salesforce.Options{Tries: 1})
		require.NoError(t, err)
		_, err = s.Forget(t.Context(), []string{"shop/1"})
		return err
	}
	t.Run("instance", func(t *testing.T) {
		for _, instance := range []string{"https://example.com", "http://example.com", "https://x@127.0.0.1", "ftp://127.0.0.1", ""} {
			err := run(t, answers(`{"access_token": "t%.0s", "token_type": "Bearer", "instance_url": "`+instance+`"}`, "{}"))
			require.ErrorIs(t, err, crm.ErrRefused, instance)
		}
	})
	t.Run("next page", func(t *testing.T) {
		err := run(t, answers(`{"access_token": "t", "token_type": "Bearer", "instance_url": %q}`, `{"done": false, "nextRecordsUrl": "`+other+`/x", "records": []}`))
		require.ErrorIs(t, err, crm.ErrUnavailable)
		err = run(t, answers(`{"access_token": "t", "token_type": "Bearer", "instance_url": %q}`, `{"done": false, "nextRecordsUrl": "@`+other[7:]+`/x", "records": []}`))
		require.ErrorIs(t, err, crm.ErrUnavailable)
	})
	assert.Zero(t, heard.Load())
}

// answering is a network on which every host answers alike.
type answering struct {
	token string
	hosts []string
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.hosts = append(a.hosts, r.URL.Host)
	w := httptest.NewRecorder()
	_, _ = w.WriteString(a.token)
	return w.Result(), nil
}

func TestInstanceIsOfTheSameDomain(t *testing.T) {
	for instance, want := range map[string]error{
		"https://alder--eu5.my.salesforce.com": crm.ErrUnavailable, // it is asked, and does not answer with a description
		"https://salesforce.com.example.net":   crm.ErrRefused,
		"https://127.0.0.1":                    crm.ErrRefused,
		"http://alder.my.salesforce.com":       crm.ErrRefused,
	} {
		network := &answering{token: `{"access_token": "t", "token_type": "Bearer", "instance_url": "` + instance + `"}`}
		s, err := salesforce.New(salesforce.Credentials{URL: "https://login.salesforce.com", ClientID: "c", ClientSecret: "s"},
			&salesforce.Options{Transport: network, Tries: 1})
		require.NoError(t, err)
		require.ErrorIs(t, s.Check(t.Context()), want, instance)
		for _, host := range network.hosts {
			assert.Contains(t, []string{"login.salesforce.com", "alder--eu5.my.salesforce.com"}, host)
		}
	}
}

// flood answers a token, and then without an end.
type flood struct{ read atomic.Int64 }

func (f *flood) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/services/oauth2/token" {
		return (&answering{token: `{"access_token": "t", "token_type": "Bearer", "instance_url": "https://alder.my.salesforce.com"}`}).RoundTrip(r)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(f), Request: r}, nil
}

func (f *flood) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	f.read.Add(int64(len(p)))
	return len(p), nil
}

func TestAnswerWithoutEnd(t *testing.T) {
	f := &flood{}
	s, err := salesforce.New(salesforce.Credentials{URL: "https://alder.my.salesforce.com", ClientID: "c", ClientSecret: "s"},
		&salesforce.Options{Transport: f, Tries: 1})
	require.NoError(t, err)
	require.ErrorIs(t, s.Check(t.Context()), crm.ErrUnavailable)
	require.Less(t, f.read.Load(), int64(64<<20))
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		faults []salesforcetest.Fault
		want   error
	}{
		"down":           {[]salesforcetest.Fault{{Kind: salesforcetest.Unavailable, Times: 99}}, crm.ErrUnavailable},
		"page":           {[]salesforcetest.Fault{{Kind: salesforcetest.Page, Times: 99}}, crm.ErrUnavailable},
		"page with 200":  {[]salesforcetest.Fault{{Kind: salesforcetest.OKPage, Times: 99}}, crm.ErrUnavailable},
		"half an answer": {[]salesforcetest.Fault{{Kind: salesforcetest.HalfAnswer, Times: 99}}, crm.ErrUnavailable},
		"no connection":  {[]salesforcetest.Fault{{Kind: salesforcetest.DropRequest, Times: 99}}, crm.ErrUnavailable},
		"no answer":      {[]salesforcetest.Fault{{Kind: salesforcetest.Hang, Path: "composite", Times: 99}}, crm.ErrUnavailable},
		"locked out":     {[]salesforcetest.Fault{{Kind: salesforcetest.Expired, Times: 99}}, crm.ErrRefused},
		"too much":       {[]salesforcetest.Fault{{Kind: salesforcetest.Busy, Path: "query", Header: http.Header{"Retry-After": {"7"}}}}, crm.ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			opts := &salesforce.Options{Tries: 2}
			if name == "no answer" { // the others answer, however long that takes
				opts.Timeout = 300 * time.Millisecond
			}
			o, s := open(t, nil, opts)
			o.Fail(c.faults...)
			out, err := s.Save(t.Context(), crmtest.Records(0, 2, 1))
			require.ErrorIs(t, err, c.want)
			require.Len(t, out, 2)
			assert.Equal(t, crm.Retry, out[1].State)
			assert.ErrorIs(t, out[1].Err, c.want)
			if limit, is := errors.AsType[*crm.LimitError](err); is {
				assert.Equal(t, "REQUEST_LIMIT_EXCEEDED", limit.Limit)
				assert.Equal(t, 7*time.Second, limit.RetryAfter)
			}
		})
	}
}

func TestLostAnswersCreateNobodyTwice(t *testing.T) {
	o, s := open(t, nil, nil)
	o.Fail(salesforcetest.Fault{Kind: salesforcetest.LoseAnswer, Method: http.MethodPatch, Times: 2})
	out, err := s.Save(t.Context(), crmtest.Records(0, 3, 1))
	require.NoError(t, err)
	for _, out := range out {
		assert.Equal(t, crm.Updated, out.State, "it was there at the second try")
	}
	assert.Len(t, o.All("Contact"), 3)
}

func TestReserve(t *testing.T) {
	o, s := open(t, &salesforcetest.Options{DailyCalls: 1000}, nil)
	o.SetUsed(800)
	_, err := s.Save(t.Context(), crmtest.Records(1, 2, 1))
	require.NoError(t, err, "a tenth is left and more")
	o.SetUsed(898)
	require.NoError(t, s.Check(t.Context()))
	out, err := s.Save(t.Context(), crmtest.Records(0, 1, 1))
	limit, is := errors.AsType[*crm.LimitError](err)
	require.True(t, is, "%v", err)
	assert.Positive(t, limit.RetryAfter)
	assert.Equal(t, crm.Retry, out[0].State)
	for _, err := range s.Load(t.Context(), func(yield func(crm.Record, error) bool) { yield(crmtest.Record(0, 1), nil) }) {
		require.ErrorIs(t, err, crm.ErrLimit)
	}
	_, err = s.Forget(t.Context(), []string{crmtest.Record(0, 1).Key})
	require.NoError(t, err, "erasure goes into the reserve")
	require.ErrorIs(t, s.Link(t.Context(), "a", "003000000000000AAA"), crm.ErrNoRecord)

	all, used := open(t, &salesforcetest.Options{DailyCalls: 1000}, &salesforce.Options{Reserve: -1})
	all.SetUsed(990)
	_, err = used.Save(t.Context(), crmtest.Records(0, 1, 1))
	require.NoError(t, err)
	all.SetUsed(1000)
	_, err = used.Save(t.Context(), crmtest.Records(0, 1, 1))
	require.ErrorIs(t, err, crm.ErrLimit)
}

func TestSetup(t *testing.T) {
	o, s := open(t, nil, nil)
	require.NoError(t, s.Check(t.Context()))
	o.Alter("Contact", func(f salesforcetest.Field) salesforcetest.Field {
		switch f.Name {
		case "Posai_Key__c":
			f.ExternalID, f.Unique = false, false
		case "Posai_Segment__c":
			f.Hidden = true
		case "HasOptedOutOfEmail":
			f.ReadOnly = true
		case "Posai_Orders__c":
			f.Type = "string"
		}
		return f
	})
	o.Drop("Posai_Purchase__c")
	err := s.Check(t.Context())
	require.ErrorIs(t, err, crm.ErrRefused)
	setup, is := errors.AsType[*salesforce.SetupError](err)
	require.True(t, is)
	assert.ElementsMatch(t, []string{
		"Posai_Purchase__c: no such object, or the user may not see it",
		"Contact.Posai_Key__c: is not an external id, not unique",
		"Contact.Posai_Segment__c: no such field, or the user may not see it",
		"Contact.HasOptedOutOfEmail: the user may not edit it",
		"Contact.Posai_Orders__c: is of type string, not double",
	}, setup.Problems)
	_, err = s.Save(t.Context(), crmtest.Records(0, 1, 1))
	require.ErrorIs(t, err, crm.ErrRefused, "nothing is written into an org that is not set up")

	o2 := salesforcetest.New(t, nil)
	other := sink(t, o2, &salesforce.Options{
		Contact:  salesforce.ContactFields{Segment: salesforce.Skip, Phone: "Phone"},
		Purchase: salesforce.PurchaseFields{Contact: "Buyer__c", Relation: "Buyer__r"},
	})
	require.ErrorContains(t, other.Check(t.Context()), "Posai_Purchase__c.Buyer__c: no such field")
}

func TestSetupIsTakenAway(t *testing.T) {
	o, s := open(t, nil, nil)
	require.NoError(t, s.Check(t.Context()))
	o.Alter("Contact", func(f salesforcetest.Field) salesforcetest.Field {
		f.Hidden = f.Name == "MobilePhone"
		return f
	})
	for _, n := range []int{1, 200} { // one query, and several in one request
		_, err := s.Save(t.Context(), crmtest.Records(0, n, 1))
		require.ErrorIs(t, err, crm.ErrRefused)
		setup, is := errors.AsType[*salesforce.SetupError](err)
		if !is { // the next time it is known what lacks
			_, err = s.Save(t.Context(), crmtest.Records(0, n, 1))
			setup, is = errors.AsType[*salesforce.SetupError](err)
		}
		require.True(t, is, "%v", err)
		assert.Contains(t, setup.Problems, "Contact.MobilePhone: no such field, or the user may not see it")
		o.Alter("Contact", func(f salesforcetest.Field) salesforcetest.Field {
			f.Hidden = false
			return f
		})
		require.NoError(t, s.Check(t.Context()))
		o.Alter("Contact", func(f salesforcetest.Field) salesforcetest.Field {
			f.Hidden = f.Name == "MobilePhone"
			return f
		})
	}
}
