package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/webhooktest"
)

// The example of Shopify's documentation, with its secret and its time.
// https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies
func TestVerifyAppProxyAsDocumented(t *testing.T) {
	const query = "extra=1&extra=2&shop=shop-name.myshopify.com&logged_in_customer_id=1&path_prefix=%2Fapps%2Fawesome_reviews&timestamp=1317327555&signature=4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb"
	at := time.Unix(1317327555, 0)
	proxy, err := webhook.VerifyAppProxy(query, webhook.Secrets{Current: "hush"}, at.Add(time.Minute))
	require.NoError(t, err)
	assert.Equal(t, "shop-name.myshopify.com", proxy.Shop)
	assert.Equal(t, "/apps/awesome_reviews", proxy.PathPrefix)
	assert.Equal(t, int64(1), proxy.CustomerID)
	assert.True(t, at.Equal(proxy.At))
	assert.Equal(t, []string{"1", "2"}, proxy.Query["extra"])
	assert.False(t, proxy.Query.Has("signature"))

	// In any order, and whatever letters are escaped.
	const same = "signature=4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb&timestamp=1317327555&path_prefix=/apps/awesome%5Freviews&logged_in_customer_id=%31&shop=shop-name.myshopify.com&extra=1&extra=2"
	_, err = webhook.VerifyAppProxy(same, webhook.Secrets{Current: "hush"}, at)
	require.NoError(t, err)
	_, err = webhook.VerifyAppProxy(strings.Replace(same, "extra=1&extra=2", "extra=2&extra=1", 1), webhook.Secrets{Current: "hush"}, at)
	require.ErrorIs(t, err, webhook.ErrSignature, "the order of a parameter's values is signed")
}

func TestVerifyAppProxy(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	secrets := webhook.Secrets{Current: secret, Previous: "the old one", PreviousUntil: now.Add(time.Hour)}
	query := func(visitor string, change func(url.Values), key string) string {
		values, err := url.ParseQuery(visitor)
		require.NoError(t, err)
		signed, err := url.ParseQuery(webhooktest.AppProxyQuery(values, "Example.myshopify.com", "/apps/x", 7, key, now))
		require.NoError(t, err)
		if change != nil {
			change(signed)
		}
		return signed.Encode()
	}
	signAgain := func(q url.Values) {
		q.Del("signature")
		q.Set("signature", proxySign(q, secret))
	}
	for name, test := range map[string]struct {
		query  string
		status int // 0 for good
	}{
		"good":                    {query("a=1", nil, secret), 0},
		"by the previous secret":  {query("", nil, "the old one"), 0},
		"no visitor's parameters": {query("", nil, secret), 0},
		"a name before another":   {query("a=1&a-b=2&a_b=3&A=4", nil, secret), 0},
		"sorted by names alone": {query("a=1&a-b=2", func(q url.Values) {
			q.Set("signature", hexHMAC("a=1a-b=2logged_in_customer_id=7path_prefix=/apps/xshop=Example.myshopify.comtimestamp=1790000000", secret))
		}, secret), 0},
		"empty and repeated":          {query("a=&a=&b", nil, secret), 0},
		"all kinds of letters":        {query("q=%26%3D%2C%20%C3%A9%00", nil, secret), 0},
		"signature in capitals":       {query("", func(q url.Values) { q.Set("signature", strings.ToUpper(q.Get("signature"))) }, secret), 0},
		"nobody is logged in":         {query("", func(q url.Values) { q.Set("logged_in_customer_id", ""); signAgain(q) }, secret), 0},
		"wrong secret":                {query("a=1", nil, "guess"), 401},
		"no secret":                   {query("a=1", nil, ""), 401},
		"changed":                     {query("a=1", func(q url.Values) { q.Set("a", "2") }, secret), 401},
		"another customer":            {query("a=1", func(q url.Values) { q.Set("logged_in_customer_id", "8") }, secret), 401},
		"more":                        {query("a=1", func(q url.Values) { q.Set("b", "2") }, secret), 401},
		"less":                        {query("a=1&b=2", func(q url.Values) { q.Del("b") }, secret), 401},
		"unsigned":                    {query("", func(q url.Values) { q.Del("signature") }, secret), 400},
		"signature is no hex":         {query("", func(q url.Values) { q.Set("signature", strings.Repeat("x", 64)) }, secret), 401},
		"signature cut off":           {query("", func(q url.Values) { q.Set("signature", q.Get("signature")[:62]) }, secret), 401},
		"two signatures":              {query("", func(q url.Values) { q.Add("signature", "x") }, secret), 400},
		"two shops":                   {query("", func(q url.Values) { q.Add("shop", "other.myshopify.com"); signAgain(q) }, secret), 400},
		"two timestamps":              {query("", func(q url.Values) { q.Add("timestamp", "1"); signAgain(q) }, secret), 400},
		"two hmacs":                   {query("hmac=1&hmac=2", nil, secret), 400},
		"two customers":               {query("", func(q url.Values) { q.Add("logged_in_customer_id", "8"); signAgain(q) }, secret), 400},
		"no shop":                     {query("", func(q url.Values) { q.Del("shop"); signAgain(q) }, secret), 400},
		"not a shop":                  {query("", func(q url.Values) { q.Set("shop", "example.com"); signAgain(q) }, secret), 400},
		"no timestamp":                {query("", func(q url.Values) { q.Del("timestamp"); signAgain(q) }, secret), 400},
		"timestamp is no number":      {query("", func(q url.Values) { q.Set("timestamp", "now"); signAgain(q) }, secret), 400},
		"customer is no number":       {query("", func(q url.Values) { q.Set("logged_in_customer_id", "x"); signAgain(q) }, secret), 400},
		"customer is negative":        {query("", func(q url.Values) { q.Set("logged_in_customer_id", "-1"); signAgain(q) }, secret), 400},
		"as old as allowed":           {query("", func(q url.Values) { q.Set("timestamp", unix(now, -90)); signAgain(q) }, secret), 0},
		"too old":                     {query("", func(q url.Values) { q.Set("timestamp", unix(now, -91)); signAgain(q) }, secret), 401},
		"from the future":             {query("", func(q url.Values) { q.Set("timestamp", unix(now, 91)); signAgain(q) }, secret), 401},
		"from long ago":               {query("", func(q url.Values) { q.Set("timestamp", "-9223372036854775808"); signAgain(q) }, secret), 401},
		"malformed":                   {"a=%zz", 400},
		"semicolons":                  {"a=1;b=2", 400},
		"empty":                       {"", 400},
		"endless":                     {query("a="+strings.Repeat("x", 64<<10), nil, secret), 400},
		"a name that ends in another": {query("workshop=1", nil, secret), 400},
	} {
		t.Run(name, func(t *testing.T) {
			proxy, err := webhook.VerifyAppProxy(test.query, secrets, now)
			if test.status == 0 {
				require.NoError(t, err)
				assert.Equal(t, "example.myshopify.com", proxy.Shop)
				return
			}
			assert.Nil(t, proxy)
			assertStatus(t, test.status, err)
		})
	}
	_, err := webhook.VerifyAppProxy(query("", nil, "the old one"), secrets, now.Add(time.Hour))
	require.ErrorIs(t, err, webhook.ErrSignature, "the previous secret has ended")
	_, err = webhook.VerifyAppProxy(query("", nil, secret), secrets, now.Add(91*time.Second))
	require.ErrorIs(t, err, webhook.ErrTimestamp)
	_, err = webhook.VerifyAppProxy(query("", nil, ""), webhook.Secrets{}, now)
	require.ErrorIs(t, err, webhook.ErrSignature, "no secret verifies nothing")
}

func unix(now time.Time, seconds int64) string { return strconv.FormatInt(now.Unix()+seconds, 10) }

// proxySign is the definition: hex of HMAC-SHA256 of the sorted parameters.
func proxySign(q url.Values, key string) string {
	var parts []string
	for name, values := range q {
		parts = append(parts, name+"="+strings.Join(values, ","))
	}
	slices.Sort(parts)
	return hexHMAC(strings.Join(parts, ""), key)
}

// A visitor lets Shopify sign a parameter that holds the text of others, and
// cuts the same text in other places: now it names another customer.
func TestVerifyAppProxyReadInTwoWays(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	secrets := webhook.Secrets{Current: secret}
	stamp := strconv.FormatInt(now.Unix(), 10)
	for name, visitor := range map[string]string{
		"a customer":  "a=1logged_in_customer_id=99m=",
		"a shop":      "a=1logged_in_customer_id=path_prefix=/pshop=victim.myshopify.comsi=",
		"a timestamp": "a=1logged_in_customer_id=path_prefix=/pshop=example.myshopify.comtimestamp=" + stamp + "u=",
	} {
		t.Run(name, func(t *testing.T) {
			values := url.Values{"a": {strings.TrimPrefix(visitor, "a=")}}
			signed, err := url.ParseQuery(webhooktest.AppProxyQuery(values, "example.myshopify.com", "/apps/x", 0, secret, now))
			require.NoError(t, err)
			signature := signed.Get("signature")
			_, err = webhook.VerifyAppProxy(signed.Encode(), secrets, now)
			assertStatus(t, 400, err)

			// The text as signed, cut at every place where a name could begin.
			forged := url.Values{}
			text := visitor + "logged_in_customer_id=path_prefix=/apps/xshop=example.myshopify.comtimestamp=" + stamp
			require.Equal(t, signature, hexHMAC(text, secret), "the text is what Shopify signed")
			for _, cut := range cuts(text) {
				forged.Add(cut[0], cut[1])
			}
			forged.Set("signature", signature)
			_, err = webhook.VerifyAppProxy(forged.Encode(), secrets, now)
			assertStatus(t, 400, err)
		})
	}
}

// cuts reads a text as an attacker wants it to be read.
func cuts(text string) (parts [][2]string) {
	names := []string{"a=", "logged_in_customer_id=", "m=", "path_prefix=", "shop=", "si=", "timestamp=", "u="}
	for i, name := range names {
		rest, ok := strings.CutPrefix(text, name)
		if !ok {
			continue
		}
		end := len(rest)
		for _, next := range names[i+1:] {
			if at := strings.Index(rest, next); at >= 0 && at < end {
				end = at
			}
		}
		parts = append(parts, [2]string{strings.TrimSuffix(name, "="), rest[:end]})
		text = rest[end:]
	}
	if text != "" {
		last := &parts[len(parts)-1]
		last[1] += text
	}
	return parts
}

func hexHMAC(text, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// FuzzVerifyAppProxy: what Shopify signed is read as it was signed, or refused;
// and nothing else is accepted.
func FuzzVerifyAppProxy(f *testing.F) {
	f.Add("extra=1&extra=2", "signature=00")
	f.Add("a=1logged_in_customer_id=99m=", "shop=example.myshopify.com&timestamp=1790000000")
	f.Add("%zz", "a=%26&;")
	now := time.Unix(1_790_000_000, 0)
	secrets := webhook.Secrets{Current: secret}
	f.Fuzz(func(t *testing.T, visitor, raw string) {
		_, err := webhook.VerifyAppProxy(raw, secrets, now)
		require.Error(t, err, "nobody signed it")
		assertRefused(t, err)

		values, err := url.ParseQuery(visitor)
		if err != nil {
			return
		}
		query := webhooktest.AppProxyQuery(values, "example.myshopify.com", "/apps/x", 7, secret, now)
		proxy, err := webhook.VerifyAppProxy(query, secrets, now)
		if err != nil {
			assertRefused(t, err)
			return
		}
		require.Equal(t, int64(7), proxy.CustomerID)
		require.Equal(t, "example.myshopify.com", proxy.Shop)
		for name, sent := range values {
			if name != "shop" && name != "path_prefix" && name != "timestamp" && name != "logged_in_customer_id" && name != "signature" {
				require.Equal(t, sent, proxy.Query[name])
			}
		}
	})
}

func assertStatus(t testing.TB, status int, err error) {
	t.Helper()
	var refused *webhook.RequestError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, status, refused.Status, refused.Error())
}

func assertRefused(t testing.TB, err error) {
	t.Helper()
	var refused *webhook.RequestError
	require.ErrorAs(t, err, &refused)
	assert.Contains(t, []int{400, 401}, refused.Status)
	assert.NotEmpty(t, refused.Reason)
}

func ExampleVerifyAppProxy() {
	secrets := webhook.Secrets{Current: "hush"}
	// In a handler: r.URL.RawQuery and time.Now().
	query := "shop=shop-name.myshopify.com&logged_in_customer_id=1&path_prefix=%2Fapps%2Fawesome_reviews&timestamp=1317327555&extra=1&extra=2" +
		"&signature=4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb"
	proxy, err := webhook.VerifyAppProxy(query, secrets, time.Unix(1317327600, 0))
	if err != nil {
		fmt.Println(err) // in a handler: webhook.Refuse(w, err)
		return
	}
	fmt.Println(proxy.Shop, proxy.CustomerID)
	// Output:
	// shop-name.myshopify.com 1
}
