package auth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify"
)

// Errors to branch on with [errors.Is]. [TokenError], [CallbackError],
// [SessionError] and [ScopeError] carry the details.
var (
	// ErrNoToken: there is no token under the key. The shop has not installed the app,
	// or has uninstalled it. Every ErrNoToken of a [Source] is an [ErrReauthorize].
	ErrNoToken = errors.New("no access token")
	// ErrReauthorize: there is no way to an access token but through the merchant, by
	// installation or by opening the app.
	ErrReauthorize = errors.New("the shop has to authorize the app again")
	// ErrSession: a session token is missing or not valid.
	ErrSession = errors.New("session token not valid")
	// ErrCallback: an installation or its callback is not what Shopify sends, or not
	// what this browser asked for.
	ErrCallback = errors.New("callback not valid")
	// ErrClient: Shopify does not know the client ID and secret.
	ErrClient = errors.New("client credentials refused")
)

// TokenError is an answer of the token endpoint that is no token. It matches the
// sentinels of this package and those of package shopify by its status.
type TokenError struct {
	// Grant is the grant type that was asked for.
	Grant string
	// Status is the HTTP status.
	Status int
	// Code is the error's code, such as "invalid_grant"; empty if the answer had none.
	Code string
	// Description is Shopify's text.
	Description string
	// RequestID is what Shopify's support asks for (X-Request-Id).
	RequestID string
	// RetryAfter is how long Shopify asks to wait; 0 if it does not.
	RetryAfter time.Duration

	problem string // of an answer with status 200
}

// Error describes the failure.
func (e *TokenError) Error() string {
	var b strings.Builder
	b.WriteString("auth: " + grantName(e.Grant))
	if e.problem != "" {
		b.WriteString(": " + e.problem)
	}
	if e.Code != "" {
		b.WriteString(": " + e.Code)
	}
	if e.Description != "" {
		b.WriteString(": " + e.Description)
	}
	if e.Status != http.StatusOK {
		fmt.Fprintf(&b, " [HTTP %d]", e.Status)
	}
	if e.RequestID != "" {
		b.WriteString(" [request " + e.RequestID + "]")
	}
	return b.String()
}

// Is joins the error with the sentinels.
func (e *TokenError) Is(target error) bool {
	switch target {
	case ErrReauthorize:
		return e.dead()
	case ErrSession:
		return e.Grant == grantExchange && e.Code == "invalid_subject_token"
	case ErrClient:
		return e.Code == "invalid_client" || e.Code == "application_cannot_be_found" || e.Code == "unauthorized_client"
	case shopify.ErrThrottled:
		return e.Status == http.StatusTooManyRequests
	case shopify.ErrServer:
		return e.Status >= 500
	case shopify.ErrNotFound:
		return e.Status == http.StatusNotFound
	case shopify.ErrShopUnavailable:
		return e.Status == http.StatusPaymentRequired || e.Status == http.StatusLocked || e.Status == 430
	case shopify.ErrShopFrozen:
		return e.Status == http.StatusPaymentRequired
	case shopify.ErrShopLocked:
		return e.Status == http.StatusLocked
	case shopify.ErrRejected:
		return e.Status == 430
	}
	return false
}

// dead reports whether what was exchanged will never do again.
func (e *TokenError) dead() bool {
	switch e.Code {
	case "invalid_grant", "app_not_installed", "shop_not_permitted":
		return true
	case "invalid_request":
		// A dead refresh token is answered so, with status 401, and a used code with 400.
		return e.Grant == grantRefresh || e.Grant == grantCode
	case "invalid_subject_token":
		return e.Grant == grantMigrate
	}
	return false
}

// temporary reports whether asking again may help.
func (e *TokenError) temporary() bool {
	return e.Status == http.StatusOK || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout || e.Status >= 500
}

// CallbackError says why a request to an [Installer] was refused. It matches
// [ErrCallback].
type CallbackError struct {
	// Reason is one of "shop", "hmac", "timestamp", "state", "code", "query", "host".
	Reason string
}

// Error describes the failure.
func (e *CallbackError) Error() string { return "auth: " + ErrCallback.Error() + ": " + e.Reason }

// Is reports whether target is [ErrCallback].
func (e *CallbackError) Is(target error) bool { return target == ErrCallback }

// SessionError says why a session token was refused, for the log: who sent it
// learns nothing of it. It matches [ErrSession], and [ErrReplayed] by its reason.
type SessionError struct {
	// Reason is one of "missing", "malformed", "signature", "claims", "shop",
	// "refused", "replayed".
	Reason string
	cause  error
}

// Error describes the failure.
func (e *SessionError) Error() string { return "auth: " + ErrSession.Error() + ": " + e.Reason }

// Is joins the error with [ErrSession] and [ErrReplayed].
func (e *SessionError) Is(target error) bool {
	return target == ErrSession || target == ErrReplayed && e.Reason == "replayed"
}

// Unwrap returns what [SessionOptions.Check] said, or nil.
func (e *SessionError) Unwrap() error { return e.cause }

// ScopeError says that a merchant granted less than the app asked for. It matches
// [shopify.ErrAccessDenied]. The token that was granted is stored and works, as far as
// its scopes reach: it ended those before it.
type ScopeError struct {
	// Missing are the access scopes of [Options.Scopes] that were not granted.
	Missing []string
}

// Error describes the failure.
func (e *ScopeError) Error() string {
	return "auth: access scopes not granted: " + strings.Join(e.Missing, ", ")
}

// Is reports whether target is [shopify.ErrAccessDenied].
func (e *ScopeError) Is(target error) bool { return target == shopify.ErrAccessDenied }
