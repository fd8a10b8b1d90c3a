package shopify

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 9562 prescribes it for version 5
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// KeyNamespace is the UUID under which [NewIdempotencyKey] makes its keys, for
// programs in other languages that must arrive at the same ones.
const KeyNamespace = "7b0c4f0e-52a6-5d0f-9d3c-3d2f6f0f5a11"

// NewIdempotencyKey derives a key for @idempotent from what makes the effect
// one and the same: the name of the mutation and the id of what it is done for,
// such as your request's or the webhook delivery's.
//
//	key := shopify.NewIdempotencyKey("refundCreate", string(order), requestID)
//
// The same parts give the same key in every process and at any time, so that a
// retry after a crash has the effect of once; different parts, in number or in
// content, give different keys. It is a UUID of version 5 (RFC 9562) over the
// parts, each preceded by its length in bytes and a colon.
// Source: https://shopify.dev/docs/api/usage/idempotent-requests
func NewIdempotencyKey(parts ...string) string {
	var name strings.Builder
	for _, p := range parts {
		name.WriteString(strconv.Itoa(len(p)) + ":" + p)
	}
	return uuid5(KeyNamespace, name.String())
}

// uuid5 is a name-based UUID.
// Source: https://www.rfc-editor.org/rfc/rfc9562#section-5.5
func uuid5(namespace, name string) string {
	h := sha1.New() //nolint:gosec // not for security
	var ns []byte
	_, _ = fmt.Sscanf(strings.ReplaceAll(namespace, "-", ""), "%x", &ns)
	h.Write(ns)
	h.Write([]byte(name))
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// validKey: Shopify does not say what a key may hold; what it recommends, a
// UUID, is within this.
func validKey(key string) bool {
	return key != "" && len(key) <= 255 && !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

// useKey writes the client's idempotency key into document and variables.
func (k *call) useKey(document string, d *parsedDocument) (string, error) {
	invalid := func(what string) error { return fmt.Errorf("shopify: %s: %w: %s", k.op.Name, ErrInvalid, what) }
	key := k.client.key
	if k.op.Kind != Mutation || len(d.roots) != 1 || mutationClasses[d.roots[0].name] != SafetyKeyed {
		return "", invalid("an idempotency key is for one mutation that takes one")
	}
	root := d.roots[0]
	switch {
	case !root.idempotent:
		document = document[:root.end] + ` @idempotent(key: "` + key + `")` + document[root.end:]
	case root.keyVariable == "":
		if root.keyText != key {
			return "", invalid("the document has another idempotency key")
		}
	default:
		variables := map[string]json.RawMessage{}
		if len(k.variables) > 0 {
			if err := json.Unmarshal(k.variables, &variables); err != nil {
				return "", invalid("variables")
			}
		}
		var have string
		if raw, ok := variables[root.keyVariable]; ok && !bytes.Equal(raw, []byte("null")) {
			if err := json.Unmarshal(raw, &have); err != nil {
				return "", invalid("the variable of the idempotency key")
			}
		}
		if have != "" && have != key {
			return "", invalid("the variables have another idempotency key")
		}
		variables[root.keyVariable] = json.RawMessage(`"` + key + `"`)
		var err error
		if k.variables, err = json.Marshal(variables); err != nil {
			return "", invalid("variables")
		}
	}
	k.op.Safety, k.key = SafetyKeyed, key
	return document, nil
}

// findKey looks up the key of a keyed mutation. An empty one would be the same
// for all that send it: it is refused.
func (k *call) findKey(d *parsedDocument) error {
	var variables map[string]json.RawMessage
	for _, root := range d.roots {
		if !root.idempotent {
			continue
		}
		key := root.keyText
		if root.keyVariable != "" {
			if variables == nil {
				_ = json.Unmarshal(k.variables, &variables)
			}
			_ = json.Unmarshal(variables[root.keyVariable], &key)
		}
		if key == "" {
			return fmt.Errorf("shopify: %s: %w: empty idempotency key", k.op.Name, ErrInvalid)
		}
		if k.key == "" {
			k.key = key
		}
	}
	return nil
}
