package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// SMTP is a mail server to send through.
type SMTP struct {
	Host string
	Port int // if zero, 587
	From string

	// User and Password sign in, if User is not empty.
	User, Password string

	// Plaintext sends without TLS, for a server on this machine. Otherwise the
	// connection is encrypted by STARTTLS, or from the start on port 465, or
	// nothing is sent.
	Plaintext bool

	// Timeout bounds signing in, and then handing a mail over. If zero, 15 s, and
	// never more than half of the time that is left to the sender's context.
	Timeout time.Duration
}

// Format prints "[SMTP server]", whatever the verb: the struct holds a password.
func (SMTP) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[SMTP server]")) }

// LogValue returns "[SMTP server]".
func (SMTP) LogValue() slog.Value { return slog.StringValue("[SMTP server]") }

// errAddress says that an address is not one, without repeating it.
var errAddress = errors.New("mail: not an e-mail address")

// Sender returns a function that sends through s. It obeys the deadline of its
// context; a mail that is being handed over is not broken off before.
func (s SMTP) Sender() Sender {
	return func(ctx context.Context, m Message) error {
		client, err := s.client(ctx)
		if err != nil {
			return err
		}
		msg := gomail.NewMsg()
		if err := msg.From(s.From); err != nil {
			return errAddress
		}
		if err := msg.To(m.To); err != nil {
			return errAddress
		}
		msg.Subject(m.Subject)
		msg.SetBodyString(gomail.TypeTextPlain, m.Text)
		msg.SetDate()
		msg.SetMessageID()
		// Out-of-office replies and other robots keep quiet (RFC 3834).
		msg.SetGenHeader("Auto-Submitted", "auto-generated")
		conn, err := client.DialToSMTPClientWithContext(ctx)
		if err != nil {
			return &SendError{err: err}
		}
		// Once the server has the mail, it does not matter how it takes RSET and QUIT.
		defer func() {
			if client.CloseWithSMTPClient(conn) != nil {
				_ = conn.Close()
			}
		}()
		if err := client.SendWithSMTPClient(conn, msg); err != nil && !msg.IsDelivered() {
			return &SendError{err: err}
		}
		return nil
	}
}

func (s SMTP) client(ctx context.Context) (*gomail.Client, error) {
	port := s.Port
	if port == 0 {
		port = 587
	}
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 15 * time.Second
	}
	if end, ok := ctx.Deadline(); ok {
		timeout = min(timeout, max(time.Until(end)/2, time.Millisecond)) // it counts twice
	}
	opts := []gomail.Option{gomail.WithPort(port), gomail.WithTimeout(timeout), gomail.WithTLSPolicy(gomail.TLSMandatory)}
	switch {
	case s.Plaintext:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	case port == 465:
		opts = append(opts, gomail.WithSSL())
	}
	if s.User != "" {
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}
	client, err := gomail.NewClient(s.Host, opts...)
	if err != nil {
		return nil, fmt.Errorf("mail: server: %w", err)
	}
	return client, nil
}

// SendError says that a server did not take a mail. Its text leaves out the
// server's own words, which quote addresses; Unwrap has them.
type SendError struct{ err error }

func (e *SendError) Error() string { return "mail: the server did not take it" }

// Unwrap returns what go-mail says.
func (e *SendError) Unwrap() error { return e.err }
