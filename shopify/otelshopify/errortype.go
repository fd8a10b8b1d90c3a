package otelshopify

import (
	"context"
	"errors"
	"strconv"

	"github.com/posai-go/posai/shopify"
)

// errorType names the kind of an error, by what programs branch on. The set of
// names is small.
func errorType(err error) string {
	for _, kind := range []struct {
		is   error
		name string
	}{
		{shopify.ErrOutcomeUnknown, "outcome_unknown"},
		{shopify.ErrWithheld, "withheld"},
		{shopify.ErrThrottled, "throttled"},
		{context.DeadlineExceeded, "deadline_exceeded"},
		{context.Canceled, "canceled"},
		{shopify.ErrUnauthorized, "unauthorized"},
		{shopify.ErrAccessDenied, "access_denied"},
		{shopify.ErrShopUnavailable, "shop_unavailable"},
		{shopify.ErrNotFound, "not_found"},
		{shopify.ErrMaxCost, "max_cost"},
		{shopify.ErrStale, "stale"},
		{shopify.ErrKeyMismatch, "key_mismatch"},
		{shopify.ErrKeyFailed, "key_failed"},
		{shopify.ErrKeyBusy, "key_busy"},
		{shopify.ErrBadRequest, "bad_request"},
		{shopify.ErrServer, "server"},
		{shopify.ErrTooLarge, "too_large"},
		{shopify.ErrInvalid, "invalid"},
	} {
		if errors.Is(err, kind.is) {
			return kind.name
		}
	}
	if _, ok := errors.AsType[*shopify.UserErrors](err); ok {
		return "user_errors"
	}
	if _, ok := errors.AsType[*shopify.SearchError](err); ok {
		return "search"
	}
	if re, ok := errors.AsType[*shopify.ResponseError](err); ok && re.Status != 200 {
		return strconv.Itoa(re.Status)
	}
	return "_OTHER"
}
