package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/webhook"
)

// sign is the definition: base64 of HMAC-SHA256.
func sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// The vectors of RFC 4231, section 4, for HMAC-SHA-256 in full length.
func TestVerifyRFC4231(t *testing.T) {
	for name, v := range map[string]struct{ key, data, mac string }{
		"case 1": {strings.Repeat("\x0b", 20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		"case 2": {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		"case 3": {strings.Repeat("\xaa", 20), strings.Repeat("\xdd", 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		"case 6": {strings.Repeat("\xaa", 131), "Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	} {
		t.Run(name, func(t *testing.T) {
			mac, err := hex.DecodeString(v.mac)
			require.NoError(t, err)
			require.NoError(t, webhook.Verify([]byte(v.data), base64.StdEncoding.EncodeToString(mac), v.key))
		})
	}
}

func TestVerify(t *testing.T) {
	body := []byte(`{"id":1}`)
	good := sign(body, "current")
	inURL := strings.NewReplacer("+", "-", "/", "_").Replace(good)
	require.NotEqual(t, good, inURL, "the alphabets differ in it")
	for name, test := range map[string]struct {
		body      []byte
		signature string
		secrets   []string
		ok        bool
	}{
		"right":                 {body, good, []string{"current"}, true},
		"right by the second":   {body, good, []string{"next", "current"}, true},
		"empty body":            {nil, sign(nil, "current"), []string{"current"}, true},
		"wrong secret":          {body, good, []string{"other"}, false},
		"no secret":             {body, good, nil, false},
		"empty secret":          {body, sign(body, ""), []string{""}, false},
		"empty among others":    {body, sign(body, ""), []string{"current", ""}, false},
		"other body":            {[]byte(`{"id":2}`), good, []string{"current"}, false},
		"body cut off":          {body[:len(body)-1], good, []string{"current"}, false},
		"space in the body":     {[]byte(`{"id": 1}`), good, []string{"current"}, false},
		"no signature":          {body, "", []string{"current"}, false},
		"hexadecimal":           {body, hex.EncodeToString([]byte(good)), []string{"current"}, false},
		"cut off":               {body, good[:43], []string{"current"}, false},
		"longer":                {body, good + good, []string{"current"}, false},
		"line break in it":      {body, good[:20] + "\n" + good[20:], []string{"current"}, false},
		"no base64":             {body, strings.Repeat("!", 44), []string{"current"}, false},
		"no padding, 33 bytes":  {body, good[:43] + "A", []string{"current"}, false},
		"trailing bits not 0":   {body, lastBits(good), []string{"current"}, false},
		"URL alphabet":          {body, inURL, []string{"current"}, false},
		"of the body in base64": {body, sign([]byte(base64.StdEncoding.EncodeToString(body)), "current"), []string{"current"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := webhook.Verify(test.body, test.signature, test.secrets...)
			if test.ok {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, webhook.ErrSignature)
			}
		})
	}
}

// lastBits sets the bits that base64 of 32 bytes does not use: the decoded
// bytes are the same, the text is another.
func lastBits(signature string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	i := strings.IndexByte(alphabet, signature[42])
	return signature[:42] + string(alphabet[i|1]) + "="
}

func TestVerifyEveryFlippedBit(t *testing.T) {
	body := []byte(`{"id":820982911946154508}`)
	signature := sign(body, "current")
	for i := range len(body) * 8 {
		body[i/8] ^= 1 << (i % 8)
		require.ErrorIs(t, webhook.Verify(body, signature, "current"), webhook.ErrSignature, i)
		body[i/8] ^= 1 << (i % 8)
	}
	mac, err := base64.StdEncoding.DecodeString(signature)
	require.NoError(t, err)
	for i := range len(mac) * 8 {
		mac[i/8] ^= 1 << (i % 8)
		require.ErrorIs(t, webhook.Verify(body, base64.StdEncoding.EncodeToString(mac), "current"), webhook.ErrSignature, i)
		mac[i/8] ^= 1 << (i % 8)
	}
	require.NoError(t, webhook.Verify(body, signature, "current"))
}

// BenchmarkVerify compares with HMAC-SHA256 and base64 alone. The metric
// "ratio" is what Verify takes in terms of that: the median over rounds in
// which the two alternate, so that a busy machine slows both or is left out.
func BenchmarkVerify(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"2kB", 2 << 10}, {"10kB", 10 << 10}, {"100kB", 100 << 10}} {
		body := []byte(strings.Repeat("x", size.bytes))
		const secret = "a-client-secret-for-tests"
		signature := sign(body, secret)
		raw := func() {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write(body)
			given, err := base64.StdEncoding.DecodeString(signature)
			if err != nil || !hmac.Equal(mac.Sum(nil), given) {
				b.Fatal("the signature does not match")
			}
		}
		verify := func() {
			if err := webhook.Verify(body, signature, secret); err != nil {
				b.Fatal(err)
			}
		}
		run := func(name string, fn func()) {
			b.Run(size.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(size.bytes))
				b.ReportAllocs()
				for b.Loop() {
					fn()
				}
			})
		}
		run("raw", raw)
		run("Verify", verify)
		b.Run(size.name+"/ratio", func(b *testing.B) {
			const round = 32
			measure := func(fn func()) time.Duration {
				began := time.Now()
				for range round {
					fn()
				}
				return time.Since(began)
			}
			var ratios []float64
			for b.Loop() {
				before, own, after := measure(raw), measure(verify), measure(raw)
				ratios = append(ratios, 2*float64(own)/float64(before+after))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
		})
	}
}

// Beyond what HMAC-SHA256 itself allocates, Verify allocates nothing: not even
// the decoded signature.
func TestVerifyAllocates(t *testing.T) {
	body := []byte(strings.Repeat("x", 10<<10))
	signature := sign(body, secret)
	// All goroutines of the process are counted, so the least of several counts.
	least := func(fn func()) float64 {
		n := testing.AllocsPerRun(100, fn)
		for range 4 {
			n = min(n, testing.AllocsPerRun(100, fn))
		}
		return n
	}
	raw := least(func() {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		mac.Sum(nil)
	})
	assert.LessOrEqual(t, least(func() { _ = webhook.Verify(body, signature, secret) }), raw)
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"id":1}`), sign([]byte(`{"id":1}`), "current"))
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, body []byte, signature string) {
		want := signature == sign(body, "current")
		assert.Equal(t, want, webhook.Verify(body, signature, "", "current") == nil)
	})
}
