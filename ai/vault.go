package ai

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A Vault replaces personal data by placeholders such as [EMAIL_1] and puts it
// back. It belongs to one conversation: equal values get equal placeholders, and
// what one conversation knows, another must not restore. Keep it for as long as the
// conversation lasts. It is safe for concurrent use.
//
// First come the values that the program knows to be personal, see [Vault.Know],
// such as the protected fields of a customer; they are found in any case, as whole
// words. Then come patterns: card numbers (with a valid check digit), e-mail
// addresses, phone numbers, IBANs (likewise) and lines of street addresses. Shopify's
// GIDs, and what looks like a SKU, a barcode or an order number, stays: the model
// needs it, and it is nobody's secret. Patterns cannot know names, and can miss an
// unusual address: tell the vault what you know.
type Vault struct {
	mu     sync.RWMutex
	known  *[256][]knownValue  // by first byte, in both cases; longest first; never changed, only replaced
	keep   map[string]bool     // likewise
	byText map[vaultKey]string // value → placeholder
	values map[string]string   // placeholder → value
	counts map[string]int
}

type vaultKey struct{ kind, text string }

type knownValue struct{ kind, text string }

// The kinds of values that patterns find. [Vault.Know] takes these and others.
const (
	KindName    = "NAME"
	KindEmail   = "EMAIL"
	KindPhone   = "PHONE"
	KindCard    = "CARD"
	KindIBAN    = "IBAN"
	KindAddress = "ADDRESS"

	kindText = "TEXT" // what only looks like a placeholder
)

const maxKindLen = 16

// NewVault returns an empty vault.
func NewVault() *Vault { return new(Vault) }

// Know adds values that are personal wherever they occur, such as a customer's
// names, address and phone number. Values shorter than two characters are
// ignored. The kind is 1 to 16 of A-Z; Know panics on another.
func (v *Vault) Know(kind string, values ...string) {
	if kind == "" || len(kind) > maxKindLen || strings.Trim(kind, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		panic("ai: the kind of a known value must be 1 to 16 of A-Z")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	known := new([256][]knownValue)
	if v.known != nil {
		*known = *v.known // a scanner may be reading the other
	}
	defer func() { v.known = known }()
	for _, text := range values {
		text = strings.TrimSpace(text)
		if utf8.RuneCountInString(text) < 2 || !utf8.ValidString(text) {
			continue
		}
		first, _ := utf8.DecodeRuneInString(text)
		starts := map[byte]bool{}
		for _, r := range []rune{first, unicode.ToLower(first), unicode.ToUpper(first)} {
			starts[string(r)[0]] = true
		}
		for b := range starts {
			list := append(slices.Clone(known[b]), knownValue{kind, text})
			slices.SortStableFunc(list, func(a, b knownValue) int { return cmp.Compare(len(b.text), len(a.text)) })
			known[b] = list
		}
	}
}

// Keep names texts that patterns must leave alone, such as the SKUs and barcodes
// of a catalog in which some look like phone numbers. A value must be found whole.
// What [Vault.Know] was told goes before.
func (v *Vault) Keep(values ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	keep := maps.Clone(v.keep)
	if keep == nil {
		keep = map[string]bool{}
	}
	for _, text := range values {
		keep[text] = true
	}
	v.keep = keep
}

// Redact returns the text with placeholders in place of personal data. Text that
// merely looks like a placeholder is replaced as well, so that nobody can get at a
// value by writing its placeholder.
func (v *Vault) Redact(text string) string {
	s := scanner{text: text, vault: v}
	s.scan()
	return s.result()
}

// Restore returns the text with the values in place of their placeholders.
// Restore(Redact(text)) is text.
func (v *Vault) Restore(text string) string { return v.restore(text, false) }

// placeholder returns the placeholder of a value.
func (v *Vault) placeholder(kind, text string) string {
	key := vaultKey{kind, text}
	v.mu.RLock()
	name, ok := v.byText[key]
	v.mu.RUnlock()
	if ok {
		return name
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if name, ok := v.byText[key]; ok {
		return name
	}
	if v.byText == nil {
		v.byText, v.values, v.counts = map[vaultKey]string{}, map[string]string{}, map[string]int{}
	}
	key.text = strings.Clone(text) // the whole prompt need not stay in memory
	v.counts[kind]++
	name = "[" + kind + "_" + strconv.Itoa(v.counts[kind]) + "]"
	v.byText[key] = name
	v.values[name] = key.text
	return name
}

// restore puts values back; inside of JSON texts, as JSON.
func (v *Vault) restore(text string, inJSON bool) string {
	var b strings.Builder
	copied := 0
	for i := strings.IndexByte(text, '['); i >= 0 && i < len(text); {
		end := placeholderEnd(text, i)
		if end > 0 {
			v.mu.RLock()
			value, ok := v.values[text[i:end]]
			v.mu.RUnlock()
			if ok {
				b.WriteString(text[copied:i])
				if inJSON {
					quoted := quoteJSON(value)
					b.Write(quoted[1 : len(quoted)-1])
				} else {
					b.WriteString(value)
				}
				copied, i = end, end-1
			}
		}
		next := strings.IndexByte(text[i+1:], '[')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	if copied == 0 {
		return text
	}
	b.WriteString(text[copied:])
	return b.String()
}

// placeholderEnd returns the end of what looks like a placeholder at i, or 0. A
// placeholder is "[", 1 to 16 of A-Z, "_", 1 to 9 digits, "]".
func placeholderEnd(text string, i int) int {
	end, ok := placeholderPrefix(text[i:])
	if !ok || end == 0 {
		return 0
	}
	return i + end
}

// placeholderPrefix reads a placeholder at the start of the text. If the text is
// only the beginning of one, end is 0; if it is none, ok is false.
func placeholderPrefix(text string) (end int, ok bool) {
	i := 1
	for i < len(text) && i <= maxKindLen && 'A' <= text[i] && text[i] <= 'Z' {
		i++
	}
	switch {
	case i == len(text):
		return 0, true
	case i == 1 || text[i] != '_':
		return 0, false
	}
	i++
	digits := i
	for i < len(text) && i-digits < 9 && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	switch {
	case i == len(text):
		return 0, true
	case i == digits || text[i] != ']':
		return 0, false
	}
	return i + 1, true
}

type vaultContextKey struct{}

// WithVault returns a context in which [Redact] uses this vault.
func WithVault(ctx context.Context, v *Vault) context.Context {
	return context.WithValue(ctx, vaultContextKey{}, v)
}

// VaultFrom returns the vault of [WithVault], or nil.
func VaultFrom(ctx context.Context) *Vault {
	v, _ := ctx.Value(vaultContextKey{}).(*Vault)
	return v
}
