package bulk_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/bulk"
)

// The structs that a program would read products into.
type (
	soldProduct struct {
		ID          shopify.GID
		Title       string
		Handle      string
		Vendor      string
		ProductType string
		Tags        []string
		UpdatedAt   time.Time
		Variants    []soldVariant `bulk:"ProductVariant"`
	}
	soldVariant struct {
		ID                shopify.GID
		Title             string
		SKU               string
		Barcode           string
		Price             string
		CompareAtPrice    *string
		InventoryQuantity int
		SelectedOptions   []struct{ Name, Value string }
		Metafields        []soldMetafield `bulk:"Metafield"`
	}
	soldMetafield struct {
		ID                          shopify.GID
		Namespace, Key, Type, Value string
	}
)

// fileSize is how large the files of benchmarks and of the test of memory are.
func fileSize() int64 {
	if os.Getenv("POSAI_FULL") != "" {
		return 1 << 30
	}
	return 72 << 20
}

// A catalogFile is a file of products, variants and, if deep, metafields whose
// lines stand in an order that no two related ones share.
type catalogFile struct {
	path                          string
	size                          int64
	products, variants, metafield int
}

const variantsOf, metafieldsOf = 8, 2

// writeCatalog writes lines i*step mod n, which is a permutation that puts
// children far from their parents and, half of them, before.
func writeCatalog(tb testing.TB, size int64, deep bool) catalogFile {
	tb.Helper()
	per, bytesPer := 1+variantsOf, 430+variantsOf*425
	if deep {
		per, bytesPer = per+variantsOf*metafieldsOf, bytesPer+variantsOf*metafieldsOf*205
	}
	products := int(size) / bytesPer
	n := products * per
	step := int(float64(n)*0.6180339887) | 1
	for gcd(step, n) != 1 {
		step += 2
	}
	f, err := os.Create(filepath.Join(tb.TempDir(), "catalog.jsonl"))
	require.NoError(tb, err)
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	var line []byte
	for i := range n {
		at := int(int64(i) * int64(step) % int64(n))
		line = appendCatalogLine(line[:0], at/per, at%per)
		_, err := w.Write(line)
		require.NoError(tb, err)
	}
	require.NoError(tb, w.Flush())
	at, err := f.Seek(0, 1)
	require.NoError(tb, err)
	c := catalogFile{path: f.Name(), size: at, products: products, variants: products * variantsOf}
	if deep {
		c.metafield = c.variants * metafieldsOf
	}
	return c
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func appendCatalogLine(b []byte, p, part int) []byte {
	product := strconv.Itoa(9_007_300_000_000 + p)
	switch {
	case part == 0:
		return fmt.Appendf(b, `{"id":"gid://shopify/Product/%s","title":"Merino \"Everyday\" crew neck, no. %d","handle":"merino-everyday-crew-neck-%d","vendor":"Northern Loom","productType":"Sweaters","tags":["winter","wool","unisex","new-in"],"updatedAt":"2026-11-2%dT10:00:00Z","descriptionHtml":"<p>Soft and warm, knitted from fine merino wool. Machine washable at 30°C, holds its shape.</p>","status":"ACTIVE"}`+"\n", product, p, p, p%9)
	case part <= variantsOf:
		v := p*variantsOf + part - 1
		return fmt.Appendf(b, `{"id":"gid://shopify/ProductVariant/%d","title":"Charcoal / M","sku":"NL-MER-%07d","barcode":"40%011d","price":"%d.95","compareAtPrice":null,"inventoryQuantity":%d,"selectedOptions":[{"name":"Color","value":"Charcoal"},{"name":"Size","value":"M"}],"position":%d,"taxable":true,"inventoryItem":{"id":"gid://shopify/InventoryItem/%d","tracked":true},"__parentId":"gid://shopify/Product/%s"}`+"\n",
			46_000_000_000_000+v, v, v, v%90+9, v%17, part, 48_000_000_000_000+v, product)
	}
	part -= 1 + variantsOf
	v := p*variantsOf + part/metafieldsOf
	return fmt.Appendf(b, `{"id":"gid://shopify/Metafield/%d","namespace":"care","key":"wash_%d","type":"single_line_text_field","value":"30 degrees, inside out","__parentId":"gid://shopify/ProductVariant/%d"}`+"\n",
		51_000_000_000_000+v*metafieldsOf+part%metafieldsOf, part%metafieldsOf, 46_000_000_000_000+v)
}

// scanner decodes each line of the file into its struct, joining nothing: what
// a program does at least.
func scanner(tb testing.TB, c catalogFile) {
	f, err := os.Open(c.path)
	require.NoError(tb, err)
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 128<<10), 16<<20)
	products, variants, metafields := 0, 0, 0
	for s.Scan() {
		line := s.Bytes()
		switch {
		case bytes.HasPrefix(line, []byte(`{"id":"gid://shopify/Product/`)):
			var v soldProduct
			err = json.Unmarshal(line, &v)
			products++
		case bytes.HasPrefix(line, []byte(`{"id":"gid://shopify/ProductVariant/`)):
			var v soldVariant
			err = json.Unmarshal(line, &v)
			variants++
		default:
			var v soldMetafield
			err = json.Unmarshal(line, &v)
			metafields++
		}
		require.NoError(tb, err)
	}
	require.NoError(tb, s.Err())
	require.Equal(tb, [3]int{c.products, c.variants, c.metafield}, [3]int{products, variants, metafields})
}

// joined reads the file with [bulk.Decode] and calls each for every product.
func joined(tb testing.TB, c catalogFile, limits bulk.Limits, each func(n int)) {
	f, err := os.Open(c.path)
	require.NoError(tb, err)
	defer f.Close()
	products, variants, metafields := 0, 0, 0
	for p, err := range bulk.Decode[soldProduct](tb.Context(), f, &bulk.DecodeOptions{Size: c.size, Limits: limits}) {
		require.NoError(tb, err)
		products++
		variants += len(p.Variants)
		for i := range p.Variants {
			metafields += len(p.Variants[i].Metafields)
		}
		each(products)
	}
	require.Equal(tb, [3]int{c.products, c.variants, c.metafield}, [3]int{products, variants, metafields})
}

// A stopwatch adds up the time that went by and the processors' time.
type stopwatch struct{ wall, cpu time.Duration }

func (s *stopwatch) time(do func()) {
	start, cpu := time.Now(), cpuTime()
	do()
	s.wall, s.cpu = s.wall+time.Since(start), s.cpu+cpuTime()-cpu
}

// BenchmarkDecodeShuffled joins a file in which children stand anywhere, beside
// a loop that only decodes its lines, in one goroutine. "speed" is the loop's
// time over ours, "cpu-speed" the same of the processors' time (garbage
// collection is in both), "cpus" how many processors ours kept busy; the loop's
// are "scanner-cpus". The serial ones are of [bulk.Limits.Serial]: one goroutine
// against one.
func BenchmarkDecodeShuffled(b *testing.B) {
	for _, deep := range []bool{false, true} {
		name := "children"
		if deep {
			name = "children-of-children"
		}
		b.Run(name, func(b *testing.B) {
			c := writeCatalog(b, fileSize(), deep)
			b.SetBytes(c.size)
			var ours, serial, theirs stopwatch
			for b.Loop() {
				theirs.time(func() { scanner(b, c) })
				ours.time(func() { joined(b, c, bulk.Limits{Dir: b.TempDir()}, func(int) {}) })
				serial.time(func() { joined(b, c, bulk.Limits{Dir: b.TempDir(), Serial: true}, func(int) {}) })
			}
			b.ReportMetric(theirs.wall.Seconds()/ours.wall.Seconds(), "speed")
			b.ReportMetric(theirs.wall.Seconds()/serial.wall.Seconds(), "serial-speed")
			if theirs.cpu > 0 {
				b.ReportMetric(theirs.cpu.Seconds()/ours.cpu.Seconds(), "cpu-speed")
				b.ReportMetric(theirs.cpu.Seconds()/serial.cpu.Seconds(), "serial-cpu-speed")
				b.ReportMetric(ours.cpu.Seconds()/ours.wall.Seconds(), "cpus")
				b.ReportMetric(theirs.cpu.Seconds()/theirs.wall.Seconds(), "scanner-cpus")
			}
			b.ReportMetric(float64(c.size)*float64(b.N)/1e6/ours.wall.Seconds(), "ours-MB/s")
			b.ReportMetric(float64(c.size)*float64(b.N)/1e6/theirs.wall.Seconds(), "scanner-MB/s")
		})
	}
}

// liveHeap is what the last garbage collection found alive, in bytes.
func liveHeap() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// TestDecodeInBoundedMemory: a shuffled file of any size is joined in 64 MiB.
func TestDecodeInBoundedMemory(t *testing.T) {
	for _, deep := range []bool{false, true} {
		c := writeCatalog(t, fileSize(), deep)
		runtime.GC()
		before, most := liveHeap(), uint64(0) // other tests have left something
		stop, done := make(chan struct{}), make(chan struct{})
		go func() { // also while everything is read and nothing given out yet
			defer close(done)
			for {
				most = max(most, liveHeap())
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
			}
		}()
		joined(t, c, bulk.Limits{Dir: t.TempDir()}, func(int) {})
		close(stop)
		<-done
		most -= min(before, most)
		t.Logf("deep %v: %d MB in %.1f MiB of live heap", deep, c.size/1e6, float64(most)/(1<<20))
		require.Less(t, most, uint64(64<<20))
		require.Greater(t, uint64(c.size), most, "the file is larger than what it took")
	}
	require.NotEqual(t, uint64(math.MaxUint64), liveHeap())
}
