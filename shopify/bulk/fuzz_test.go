package bulk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/bulk"
)

// FuzzDecode reads foreign bytes as results, in memory, on disk and as a grouped
// file. They must agree on what is wrong with a line, give out the same objects
// where nothing is, and no more lines than there are.
func FuzzDecode(f *testing.F) {
	_, lines := catalog(4)
	f.Add([]byte(strings.Join(lines, "\n")))
	f.Add([]byte("\xef\xbb\xbf{\"id\":\"gid://shopify/Product/1\"}\r\n\r\n{\"id\":\"gid://shopify/Product/1\",\"__parentId\":\"gid://shopify/Product/1\"}"))
	f.Add([]byte(`{"id":"gid:\/\/shopify\/Product\/1","\u0069d":"x"}` + "\n" + `{"__parentId":"x","__typename":"ProductVariant","id":"y"}` + "\n" + `{"__parentId":"y","__typename":"Metafield"}`))
	f.Add([]byte(`{"a":{"b":[{"c":"}"}]},"id":null,"id":5,"id":"gid://shopify/Product/1"}`))
	f.Add([]byte("{\"id\":\"A\",\"__parentId\":\"B\"}\n{\"id\":\"B\",\"__parentId\":\"A\"}\n{}"))
	f.Add([]byte(strings.Repeat(`{"id":"gid://shopify/ProductVariant/1","__parentId":"gid://shopify/ProductVariant/1"}`+"\n", 9)))
	f.Fuzz(func(t *testing.T, file []byte) {
		read := func(opts bulk.DecodeOptions) (out []product, err error) {
			opts.Dir, opts.MaxLine, opts.MaxObject = t.TempDir(), 4096, 1<<20
			for p, err := range bulk.Decode[product](context.Background(), bytes.NewReader(file), &opts) {
				if err != nil {
					return out, err
				}
				out = append(out, p)
			}
			return out, nil
		}
		memory, memErr := read(bulk.DecodeOptions{})
		// A file of more than 64 KiB goes to disk: these lines change nothing else.
		padding := bytes.Repeat([]byte("\n"+`{"id":"gid://shopify/Product/padding","title":"`+strings.Repeat("x", 4000)+`"}`), 20)
		padded := append(slices.Clone(bytes.TrimRight(file, "\r\n")), padding...)
		file = padded
		disk, diskErr := read(bulk.DecodeOptions{Limits: bulk.Limits{Memory: 1}})
		whole := len(disk)
		disk = slices.DeleteFunc(disk, func(p product) bool { return len(p.Title) == 4000 })
		_, _ = read(bulk.DecodeOptions{Grouped: true})
		serial, serialErr := read(bulk.DecodeOptions{Limits: bulk.Limits{Memory: 1, Serial: true}})
		if (serialErr == nil) != (diskErr == nil) || serialErr == nil && len(serial) != whole {
			t.Fatalf("with goroutines %d objects, %v; without %d, %v", whole, diskErr, len(serial), serialErr)
		}
		var a, b *bulk.LineError
		if errors.As(memErr, &a) != errors.As(diskErr, &b) {
			t.Fatalf("in memory %v, on disk %v", memErr, diskErr)
		}
		if memErr != nil {
			return
		}
		if diskErr != nil {
			t.Fatalf("in memory fine, on disk %v", diskErr)
		}
		x, _ := json.Marshal(sorted(memory))
		y, _ := json.Marshal(sorted(disk))
		if len(memory) != len(disk) || len(disk) > 0 && !duplicates(memory) && !bytes.Equal(x, y) {
			t.Fatalf("in memory %s\non disk %s", x, y)
		}
	})
}

// duplicates tells that some object occurs twice, so that sorting by ids leaves
// the order open.
func duplicates(list []product) bool {
	seen := map[shopify.GID]bool{}
	twice := func(id shopify.GID) bool {
		was := seen[id] || id == ""
		seen[id] = true
		return was
	}
	for _, p := range list {
		if twice(p.ID) {
			return true
		}
		for _, v := range p.Variants {
			if twice(v.ID) {
				return true
			}
			for _, m := range v.Metafields {
				if twice(m.ID) {
					return true
				}
			}
		}
	}
	return false
}

// FuzzKeys holds the scan of a line against encoding/json.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"id":"gid://shopify/Product/1","__parentId":"a\u0062","x":[1,{"id":"no"}]}`))
	f.Add([]byte(`{"id":"1","id":null, "__typename" : "\\\"" , "n":-1.5e3,"t":true}`))
	f.Add([]byte(`{"id":"1"`))
	f.Fuzz(func(t *testing.T, line []byte) {
		id, parent, typename, err := bulk.ScanKeys(line)
		var members map[string]json.RawMessage
		if json.Unmarshal(line, &members) != nil || members == nil {
			return // whether it is found out now or when it is decoded
		}
		if err != nil {
			if bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{")) > 500 {
				return
			}
			t.Fatalf("%q: %v", line, err)
		}
		for name, got := range map[string]string{"id": id, "__parentId": parent, "__typename": typename} {
			var want string
			_ = json.Unmarshal(members[name], &want)
			if got != want && utf8.ValidString(got) { // json replaces what is no UTF-8
				t.Fatalf("%q: %s is %q, not %q", line, name, got, want)
			}
		}
	})
}
