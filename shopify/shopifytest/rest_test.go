package shopifytest_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// rest asks the REST Admin API.
func rest(t *testing.T, s *shopifytest.Shop, method, path, body string) (*http.Response, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/admin/api/2026-10/"+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Shopify-Access-Token", s.Token())
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var out map[string]any
	dec := json.NewDecoder(resp.Body)
	dec.UseNumber() // ids are beyond what a float64 can tell apart
	require.NoError(t, dec.Decode(&out))
	return resp, out
}

var links = regexp.MustCompile(`<https://[^/]+/admin/api/2026-10/([^>]+)>; rel="(\w+)"`)

// link is the path of another page, or "".
func link(resp *http.Response, rel string) string {
	for _, m := range links.FindAllStringSubmatch(resp.Header.Get("Link"), -1) {
		if m[2] == rel {
			return m[1]
		}
	}
	return ""
}

// ids are those of the resources under key.
func ids(body map[string]any, key string) []string {
	out := []string{}
	list, _ := body[key].([]any)
	for _, e := range list {
		out = append(out, at(e, "id").(json.Number).String())
	}
	return out
}

// TestRESTPagesKeepTheirFilters reads lists page by page: what the first request asked for holds to the end.
func TestRESTPagesKeepTheirFilters(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	for range 4 {
		_, err := s.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "P-B"}}})
		require.NoError(t, err)
	}
	for _, at := range []string{"a", "b", "c"} {
		for _, topic := range []string{"orders/create", "orders/updated"} {
			resp, _ := rest(t, s, http.MethodPost, "webhooks.json", `{"webhook": {"topic": "`+topic+`", "address": "https://example.com/`+at+`", "format": "json"}}`)
			require.Equal(t, http.StatusCreated, resp.StatusCode)
		}
	}
	_, all := rest(t, s, http.MethodGet, "orders.json", "")
	orders := ids(all, "orders") // the latest first
	require.Len(t, orders, 5)
	for name, tt := range map[string]struct {
		path, key string
		want      int
	}{
		"plain": {"orders.json?limit=2", "orders", 5},
		"since": {"orders.json?since_id=0&limit=2", "orders", 5},
		"those": {"orders.json?limit=1&ids=" + orders[0] + "," + orders[3], "orders", 2},
		"both":  {"orders.json?limit=1&since_id=" + orders[2] + "&ids=" + orders[0] + "," + orders[3], "orders", 1},
		"topic": {"webhooks.json?limit=2&topic=orders/create", "webhooks", 3},
		"none":  {"webhooks.json?limit=2&address=https://example.com/d", "webhooks", 0},
	} {
		t.Run(name, func(t *testing.T) {
			seen, back, page := []string{}, "", tt.path
			for i := 0; page != ""; i++ {
				require.Less(t, i, 9, "the pages never end")
				resp, body := rest(t, s, http.MethodGet, page, "")
				require.Equal(t, http.StatusOK, resp.StatusCode)
				got := ids(body, tt.key)
				if back != "" {
					// The way back leads to the page before.
					_, before := rest(t, s, http.MethodGet, link(resp, "previous"), "")
					assert.Equal(t, back, strings.Join(ids(before, tt.key), " "))
				}
				seen, back, page = append(seen, got...), strings.Join(got, " "), link(resp, "next")
			}
			assert.Len(t, seen, tt.want)
			slices.Sort(seen)
			assert.Len(t, slices.Compact(seen), tt.want, "none of them twice")
		})
	}
}

func TestRESTPagesTakeNoNewFilters(t *testing.T) {
	s := newShop(t, nil)
	resp, _ := rest(t, s, http.MethodGet, "orders.json?limit=2", "")
	next := link(resp, "next")
	require.NotEmpty(t, next)
	for name, more := range map[string]string{"since_id": "0", "ids": "1", "status": "any"} {
		resp, body := rest(t, s, http.MethodGet, next+"&"+name+"="+more, "")
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
		assert.Equal(t, name+" cannot be passed when page_info is present.", at(body, "errors", name))
	}
	for name, path := range map[string]string{
		"page_info": "orders.json?page_info=e30", "since_id": "orders.json?since_id=x", "topic": "orders.json?topic=x", "color": "orders.json?color=x", "limit": "orders.json?limit=251",
	} {
		resp, body := rest(t, s, http.MethodGet, path, "")
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
		assert.NotEmpty(t, at(body, "errors", name), name)
	}
}

// TestRESTPagesGoOn deletes what a cursor names: the pages go on where it was, in both directions.
func TestRESTPagesGoOn(t *testing.T) {
	s := newShop(t, &shopifytest.Options{Data: tiny()})
	for _, at := range []string{"a", "b", "c", "d", "e"} {
		resp, _ := rest(t, s, http.MethodPost, "webhooks.json", `{"webhook": {"topic": "orders/create", "address": "https://example.com/`+at+`", "format": "json"}}`)
		require.Equal(t, http.StatusCreated, resp.StatusCode)
	}
	read := func(page string) (got []string, previous, next string) {
		require.NotEmpty(t, page)
		resp, body := rest(t, s, http.MethodGet, page, "")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		return ids(body, "webhooks"), link(resp, "previous"), link(resp, "next")
	}
	remove := func(id string) {
		resp, _ := rest(t, s, http.MethodDelete, "webhooks/"+id+".json", "")
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	all, _, _ := read("webhooks.json")
	require.Len(t, all, 5)
	_, _, next := read("webhooks.json?limit=2")
	remove(all[1])
	got, previous, next := read(next)
	assert.Equal(t, all[2:4], got, "after the second, which is gone")
	remove(all[2])
	got, _, _ = read(previous)
	assert.Equal(t, all[:1], got, "before the third, which is gone")
	remove(all[3])
	got, _, next = read(next)
	assert.Equal(t, all[4:], got)
	assert.Empty(t, next)
}
