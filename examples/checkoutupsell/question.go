package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/posai-go/posai/examples/checkoutupsell/internal/advice"
)

// question is what the POS UI extension sends about the cart. Ids are the numbers that
// the extension's API has. Prices and stock are not asked of a register, and who is
// pinned in there nobody signed.
type question struct {
	// Cart is made by the device, once per cart, and stands in the cart's properties:
	// asking again about the same cart gives the same answer, and the order names it.
	Cart       string         `json:"cart"`
	LocationID int64          `json:"location_id"`
	CustomerID int64          `json:"customer_id"`
	Currency   string         `json:"currency"`
	Discounted bool           `json:"discounted"`
	Lines      []questionLine `json:"lines"`
}

type questionLine struct {
	VariantID int64 `json:"variant_id"`
	Quantity  int   `json:"quantity"`
}

// The bounds of a question.
const (
	maxQuestion = 64 << 10 // bytes
	maxLines    = 40
	maxPieces   = 10_000
)

var cartKey = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

// asked is a question in the form that is worked with.
type asked struct {
	cart     advice.Cart
	key      string // of the cart
	offer    string // of the offer for the cart as it is
	location string // GID
	customer string // GID, or ""
}

// readQuestion reads a body. Errors do not repeat it.
func readQuestion(r io.Reader, currency string) (*asked, error) {
	dec := json.NewDecoder(r) // what a newer extension sends beside is left alone
	var q question
	if err := dec.Decode(&q); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, err
		}
		return nil, errors.New("the body is not the JSON of a question")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the question")
	}
	switch {
	case !cartKey.MatchString(q.Cart):
		return nil, errors.New("cart must be 8 to 64 letters, digits and dashes")
	case q.Currency != currency:
		return nil, errors.New("currency must be the shop's")
	case q.LocationID < 1 || q.CustomerID < 0:
		return nil, errors.New("location_id is required, and ids are positive")
	case len(q.Lines) > maxLines:
		return nil, fmt.Errorf("at most %d lines", maxLines)
	}
	a := &asked{key: q.Cart, location: numbered("Location", q.LocationID), customer: numbered("Customer", q.CustomerID), cart: advice.Cart{Discounted: q.Discounted}}
	pieces := map[int64]int{}
	for _, l := range q.Lines {
		if l.VariantID < 1 || l.Quantity < 1 || l.Quantity > maxPieces {
			return nil, errors.New("a line needs a variant_id and a quantity")
		}
		pieces[l.VariantID] += l.Quantity
	}
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%s %d %d %t\n", q.Cart, q.LocationID, q.CustomerID, q.Discounted)
	for _, v := range sorted(pieces) {
		_, _ = fmt.Fprintf(hash, "%d %d\n", v, pieces[v])
		a.cart.Lines = append(a.cart.Lines, advice.Line{Variant: numbered("ProductVariant", v), Quantity: pieces[v]})
	}
	a.offer = q.Cart + "." + hex.EncodeToString(hash.Sum(nil))[:12]
	return a, nil
}

var offerKey = regexp.MustCompile(`^([A-Za-z0-9-]{8,64})\.[0-9a-f]{12}$`)

// cartOf returns the cart that an offer is for, or "".
func cartOf(offer string) string {
	if m := offerKey.FindStringSubmatch(offer); m != nil {
		return m[1]
	}
	return ""
}

func sorted(m map[int64]int) []int64 {
	out := make([]int64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// numbered is the GID of a number, "" of zero.
func numbered(kind string, n int64) string {
	if n == 0 {
		return ""
	}
	return "gid://shopify/" + kind + "/" + strconv.FormatInt(n, 10)
}
