// Package desk shows the client book to the people of a store: as JSON to an extension
// at the register, and as pages to associates who are signed in.
//
// It is an [http.Handler] over a [Book], which the program keeps, and is told by the
// program's own sign-in who asks ([Options.Authenticate]) and by Shopify's session tokens
// which account a register is logged in with. It serves
//
//	GET  /clients                       search, ?q=
//	GET  /clients/{id}                  a customer's page, ?page= of their visits
//	GET  /clients/{id}/points           talking points of a model, JSON
//	POST /clients/{id}/notes            adds a note, from the page's form
//	POST /clients/{id}/contact          the page with contact data
//	GET  /pos/customers/{id}            a [Customer], JSON
//	GET  /pos/customers/{id}/points     [Points] of a model, JSON
//	POST /pos/customers/{id}/notes      adds a [NewNote]; answers with a [Note]
//
// where {id} is a customer's number or GID (with its slashes escaped).
//
// # Who sees what
//
// Whoever is signed in sees who a customer is, what they bought where and when, what they
// like, what they may be sent, and the notes. What they are worth (lifetime value,
// amounts, segment and scores) is for people with [Who.Clienteling]; so is having a model
// asked. Contact data is masked for everybody; people with [Who.Clienteling] uncover
// it by a button on the page. At the register nobody is known but the account of the
// device, so contact data is never there.
//
// Each look at a customer is reported to [Options.Seen] before it is answered, and not
// answered if that fails.
package desk

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/book"
	"github.com/posai-go/posai/examples/clienteling/internal/profile"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
)

// Errors of a [Book] and of an authenticator.
var (
	// ErrNotFound: the book has no such customer.
	ErrNotFound = errors.New("desk: no such customer")
	// ErrErased: the customer's data was erased on their demand.
	ErrErased = errors.New("desk: the customer's data was erased")
	// ErrSignedOut: a request comes from nobody who is signed in.
	ErrSignedOut = errors.New("desk: nobody is signed in")
)

// A Book is where the desk looks things up and writes notes. It is safe for concurrent
// use, and does not return what the desk may change. Its errors are logged: they hold no
// customer's data.
type Book interface {
	// Search returns the customers that fit a text best first, at most limit: by parts of
	// their name, by their whole e-mail address or phone number, or by an order's name. The
	// text has 2 to 100 characters and is trimmed. Nothing found is no error.
	Search(ctx context.Context, text string, limit int) ([]Row, error)

	// Entry returns all that the book has about a customer, without those who are erased.
	// Errors match ErrNotFound and ErrErased.
	Entry(ctx context.Context, id shopify.GID) (book.Entry, error)

	// Population returns what customers are compared with; nil while it is not known. It
	// is asked for with every page: keep it, and make it anew every so often.
	Population(ctx context.Context) (*profile.Population, error)

	// AddNote writes a note. The desk sets all its fields; a note whose ID is there
	// already is not written again, and that is no error. Errors match ErrNotFound and
	// ErrErased.
	AddNote(ctx context.Context, n book.Note) error
}

// A Row is a customer among search results.
type Row struct {
	ID        shopify.GID
	FirstName string
	LastName  string
	Email     string // as it is: the desk masks it
	Phone     string
	City      string
	LastVisit time.Time // zero if never
}

// Who asks.
type Who struct {
	ID   string // the same for good, as the audit log has it
	Name string // notes are signed with it
	Role string // for the model's budget and access
	// Location is the name of the store they work in; may be empty.
	Location string
	// Clienteling is the permission to see what a customer is worth; see the package.
	Clienteling bool
	// Channel is "web" or "pos". The desk sets it.
	Channel string
}

// A Look is one look at a customer's data, or one note, for the access log.
type Look struct {
	Who      Who
	Customer shopify.GID // empty for a search
	What     What
	Found    int // customers, of a search
}

// What was looked at.
type What string

// What is looked at.
const (
	Searched What = "search"  // names, cities and masked addresses of those found
	Profile  What = "profile" // the page, or the JSON
	Contact  What = "contact" // addresses
	Advised  What = "points"  // a model's talking points, beside a page or JSON that is there
	Noted    What = "note"    // nothing: a note is about to be written
)

// Options are the optional settings of [New].
type Options struct {
	// Title is the shop's name.
	Title string

	// Authenticate says who sends a request from a page. It returns an error that
	// matches ErrSignedOut if nobody is signed in. If nil, there are no pages.
	Authenticate func(r *http.Request) (Who, error)

	// SignIn is where people are sent who are not signed in. If empty, they are told.
	SignIn string

	// App verifies the session tokens of registers, Shop is whose. If App is nil, there is
	// nothing at /pos/.
	App  *auth.App
	Shop shopify.Domain

	// Register says who an account of a register is: its ID, and what it may see. Who has
	// pinned in there, nobody signs. An error refuses the request. If nil, the account sees
	// what somebody without Clienteling does.
	Register func(ctx context.Context, s *auth.Session) (Who, error)

	// Talk makes talking points. If nil, the baseline does.
	Talk *talk.Talker

	// Arrivals returns what is new and in stock where somebody works. If nil, or if it fails, no arrivals are suggested.
	Arrivals func(ctx context.Context, who Who) ([]talk.Article, error)

	// Seen is told of each look. If it fails, nothing is shown. If nil, nobody is told.
	Seen func(ctx context.Context, l Look) error

	// Location is that of days and times, the shop's. If nil, UTC.
	Location *time.Location

	// Logger is told of what failed, with the errors of the Book and of the functions
	// here, which must hold no customer's data. If nil, nobody is.
	Logger *slog.Logger

	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}
