package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/once"
)

// Errors of sign-in links, matched by what [SignedLinks.Check] returns.
var (
	// ErrLinkForged says that a sign-in link was not made with this key, or
	// was altered.
	ErrLinkForged = errors.New("console: sign-in link is not valid")
	// ErrLinkExpired says that a sign-in link is too old.
	ErrLinkExpired = errors.New("console: sign-in link has expired")
	// ErrLinkUsed says that a sign-in link has signed somebody in already.
	ErrLinkUsed = errors.New("console: sign-in link was used already")
)

// SignedLinks signs people in by links that your program hands to them: on a
// terminal, in a chat, by mail. A link is signed with HMAC-SHA256, names one
// person, expires, and signs in once. Opening it shows who would be signed in
// and a button; only the button signs in, so that a program that previews links
// neither uses a link up nor gets a session. The session is a signed cookie.
//
// Which links are used up and which sessions have ended is remembered in
// [SignedLinksOptions].Store, by all processes and across restarts. Without one
// it is remembered in memory: after a restart, a link signs in once more until it
// expires, and a session that was ended by signing out is good again for whoever
// kept its cookie. It is safe for concurrent use.
type SignedLinks struct {
	links    sealer
	sessions sealer
	opts     SignedLinksOptions
	used     *once.Set // IDs of links that signed in
	ended    *once.Set // IDs of sessions that signed out
}

// SignedLinksOptions are the optional settings of [NewSignedLinks].
type SignedLinksOptions struct {
	// LinkLifetime is how long a link signs in. If zero, 15 minutes.
	LinkLifetime time.Duration

	// SessionLifetime is how long a person stays signed in. If zero, 12 hours.
	SessionLifetime time.Duration

	// Store remembers which links are used up and which sessions have ended, such
	// as the queue's own store. If nil, memory does.
	Store approval.DocumentStore

	// Reusable lets a link sign in as often as it is opened until it expires.
	Reusable bool

	// Lookup returns the person with the given ID as of now, so that a role
	// that was taken away is gone at once; an error that matches
	// [ErrSignedOut] ends the session. If nil, the roles that were in the
	// link hold as long as the session.
	Lookup func(ctx context.Context, id string) (approval.Principal, error)
}

// NewSignedLinks returns an authenticator for links signed with key, a secret
// of at least 32 random bytes. Every process that serves the same console needs
// the same key.
func NewSignedLinks(key []byte, opts *SignedLinksOptions) (*SignedLinks, error) {
	if len(key) < minKey {
		return nil, fmt.Errorf("console: a key of %d bytes is too short, %d are needed", len(key), minKey)
	}
	s := &SignedLinks{
		links:    newSealer(key, "sign-in link"),
		sessions: newSealer(key, "session"),
	}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Store != nil {
		s.used, s.ended = once.In(s.opts.Store, "console/used-link"), once.In(s.opts.Store, "console/ended-session")
	} else {
		s.used, s.ended = once.New(100_000), once.New(100_000)
	}
	if s.opts.LinkLifetime < 0 || s.opts.SessionLifetime < 0 {
		return nil, errors.New("console: a lifetime cannot be negative")
	}
	if s.opts.LinkLifetime == 0 {
		s.opts.LinkLifetime = 15 * time.Minute
	}
	if s.opts.SessionLifetime == 0 {
		s.opts.SessionLifetime = 12 * time.Hour
	}
	return s, nil
}

// statement is what a link or a session says.
type statement struct {
	ID        string             `json:"id"`
	Principal approval.Principal `json:"p"`
	Expires   int64              `json:"exp"`            // Unix seconds
	Next      string             `json:"next,omitempty"` // where a link leads
}

func (s statement) expires() time.Time { return time.Unix(s.Expires, 0) }

// nextPath is what a link may lead to: the list, or one request.
var nextPath = regexp.MustCompile(`^(requests/[A-Za-z0-9_.~-]{1,128})?$`)

// Link returns a link that signs p in at the console that people reach at
// consoleURL, such as "https://pos.example.com/approvals/", and leads them to
// path: "" for the list, "requests/ID" for one request. Whoever has the link can
// sign in as p: hand it to p alone.
func (s *SignedLinks) Link(consoleURL string, p approval.Principal, path string) (string, error) {
	base, err := url.Parse(consoleURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return "", errors.New("console: the console's URL must be absolute, http or https")
	}
	if p.ID == "" {
		return "", errors.New("console: a principal without an ID cannot sign in")
	}
	if !nextPath.MatchString(path) {
		return "", fmt.Errorf("console: a sign-in link cannot lead to %q", path)
	}
	token, err := s.links.seal(statement{
		ID:        rand.Text(),
		Principal: p,
		Expires:   time.Now().Add(s.opts.LinkLifetime).Unix(),
		Next:      path,
	})
	if err != nil {
		return "", err
	}
	base.Path = strings.TrimSuffix(base.Path, "/") + "/sign-in"
	base.RawQuery = url.Values{"token": {token}}.Encode()
	return base.String(), nil
}

// Check returns whom a link's token would sign in, without using it up. Its
// errors match [ErrLinkForged], [ErrLinkExpired] and [ErrLinkUsed], or are those
// of the store.
func (s *SignedLinks) Check(ctx context.Context, token string) (approval.Principal, error) {
	st, err := s.checkLink(ctx, token)
	return st.Principal, err
}

func (s *SignedLinks) checkLink(ctx context.Context, token string) (statement, error) {
	st, err := s.openLink(token)
	if err != nil {
		return st, err
	}
	used, err := s.used.Has(ctx, st.ID, st.expires())
	if err == nil && used {
		err = ErrLinkUsed
	}
	return st, err
}

// openLink reads a link, used or not.
func (s *SignedLinks) openLink(token string) (statement, error) {
	var st statement
	if err := s.links.open(token, &st); err != nil || st.Principal.ID == "" || !nextPath.MatchString(st.Next) {
		return statement{}, ErrLinkForged
	}
	if !time.Now().Before(st.expires()) {
		return statement{}, ErrLinkExpired
	}
	return st, nil
}

// Authenticate returns the person whose session cookie r carries. It implements
// [Authenticator].
func (s *SignedLinks) Authenticate(r *http.Request) (approval.Principal, error) {
	st, err := s.session(r)
	if err != nil {
		return approval.Principal{}, err
	}
	if s.opts.Lookup == nil {
		return st.Principal, nil
	}
	p, err := s.opts.Lookup(r.Context(), st.Principal.ID)
	if err != nil {
		return approval.Principal{}, err
	}
	return p, nil
}

const sessionCookie = "posai_session"

func (s *SignedLinks) session(r *http.Request) (statement, error) {
	var st statement
	if err := s.sessions.open(readCookie(r, sessionCookie), &st); err != nil {
		return statement{}, ErrSignedOut
	}
	if !time.Now().Before(st.expires()) {
		return statement{}, ErrSignedOut
	}
	ended, err := s.ended.Has(r.Context(), st.ID, st.expires())
	if err != nil {
		return statement{}, err // whether it has ended is not known
	}
	if ended {
		return statement{}, ErrSignedOut
	}
	return st, nil
}

// signIn turns a link into a session.
func (s *SignedLinks) signIn(w http.ResponseWriter, r *http.Request, token string) (statement, error) {
	link, err := s.openLink(token)
	if err != nil {
		return link, err
	}
	// Adding decides, so that of several at once one gets in.
	if !s.opts.Reusable {
		first, err := s.used.Add(r.Context(), link.ID, link.expires())
		if err != nil {
			return link, fmt.Errorf("console: %w", err)
		}
		if !first {
			return link, ErrLinkUsed
		}
	}
	session, err := s.sessions.seal(statement{
		ID:        rand.Text(),
		Principal: link.Principal,
		Expires:   time.Now().Add(s.opts.SessionLifetime).Unix(),
	})
	if err != nil {
		return link, err
	}
	setCookie(w, r, sessionCookie, session, int(s.opts.SessionLifetime/time.Second))
	return link, nil
}

// signOut ends the session of r. The cookie goes in any case; an error says that
// whoever has a copy of it stays signed in.
func (s *SignedLinks) signOut(w http.ResponseWriter, r *http.Request) error {
	setCookie(w, r, sessionCookie, "", -1)
	st, err := s.session(r)
	if errors.Is(err, ErrSignedOut) {
		return nil
	}
	if err == nil {
		_, err = s.ended.Add(r.Context(), st.ID, st.expires())
	}
	return err
}
