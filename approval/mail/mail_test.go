package mail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/mail"
	"github.com/posai-go/posai/approval/sqlstore"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/audittest"
	"github.com/posai-go/posai/internal/secrettest"
)

const patience = time.Minute // never reached by a test that passes

// post is a real SMTP server that keeps what it gets.
type post struct {
	mu     sync.Mutex
	mails  []*netmail.Message
	bodies []string
	to     []string
	refuse int // so many mails, for now

	hold func() // called before a mail of a session that begins is taken, if set
	lost bool   // what was held is refused
}

func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &session{post: p, hold: p.hold}, nil
}

type session struct {
	*post
	hold func() // as it was when the session began
	rcpt string
}

func (*session) Reset()                                      {}
func (*session) Logout() error                               { return nil }
func (*session) Mail(string, *smtp.MailOptions) error        { return nil }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.rcpt = to; return nil }

func (s *session) Data(r io.Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if hold := s.hold; hold != nil {
		s.mu.Unlock()
		hold()
		s.mu.Lock()
		if s.lost {
			return &smtp.SMTPError{Code: 451, Message: "gone"}
		}
	}
	if s.refuse > 0 {
		s.refuse--
		return &smtp.SMTPError{Code: 451, Message: "try later, " + s.rcpt}
	}
	m, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	s.mails, s.bodies, s.to = append(s.mails, m), append(s.bodies, string(body)), append(s.to, s.rcpt)
	return nil
}

func (p *post) got() (to []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(to, p.to...)
}

func startServer(t *testing.T) (*post, mail.SMTP) {
	t.Helper()
	p := &post{}
	server := smtp.NewServer(p)
	server.Domain = "localhost"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close() // Close comes before Serve in a test that ends at once
		<-done
	})
	return p, mail.SMTP{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "approvals@example.com", Plaintext: true, Timeout: patience}
}

type thanks struct {
	Title string `json:"title"`
}

func (thanks) Kind() string    { return "test.thanks" }
func (thanks) Validate() error { return nil }
func (a thanks) Preview() approval.Preview {
	return approval.Preview{Title: a.Title, Summary: "what the customer reads"}
}

var (
	manager = approval.Principal{ID: "manager", Name: "Mia", Type: approval.Human, Roles: []string{"manager"}}
	boss    = approval.Principal{ID: "boss", Name: "Bo", Type: approval.Human, Roles: []string{"boss"}}
	clerk   = approval.Principal{ID: "clerk", Name: "Cy", Type: approval.Human, Roles: []string{"clerk"}}
)

type fixture struct {
	*approval.Queue
	store *sqlstore.Store
	asker *mail.Asker
	post  *post
	opts  *mail.Options
	smtp  mail.SMTP
	send  mail.Sender // if nil, that of smtp
}

func newFixture(t *testing.T, policy approval.Policy) *fixture {
	t.Helper()
	log, err := audit.Open(t.Context(), audittest.NewMemory(t), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	store, err := sqlstore.Open(t.Context(), "sqlite://"+filepath.ToSlash(filepath.Join(t.TempDir(), "q.db")), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	q, err := approval.NewQueue(store, log, policy, nil)
	require.NoError(t, err)
	require.NoError(t, approval.Register(q, approval.Executor[thanks, string]{
		Execute: func(context.Context, approval.Execution, thanks) (string, error) { return "", nil },
	}))
	require.NoError(t, q.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, q.Stop(context.Background())) })
	f := &fixture{Queue: q, store: store}
	f.post, f.smtp = startServer(t)
	f.opts = &mail.Options{
		People: func(context.Context, *approval.Request) ([]mail.Recipient, error) {
			return []mail.Recipient{
				{Person: manager, Address: "mia@example.com"},
				{Person: boss, Address: "bo@example.com"},
				{Person: clerk, Address: "cy@example.com"},
				{Person: manager},
			}, nil
		},
		Link: func(p approval.Principal, path string) (string, error) {
			return "https://pos.example.com/approvals/sign-in?for=" + p.ID + "&next=" + path, nil
		},
		LocationName: func(string) string { return "Main Street" },
		TimeZone:     time.UTC, RetryMin: 10 * time.Millisecond, RetryMax: 20 * time.Millisecond,
	}
	return f
}

func (f *fixture) start(t *testing.T) {
	t.Helper()
	send := f.send
	if send == nil {
		send = f.smtp.Sender()
	}
	var err error
	f.asker, err = mail.New(f.Queue, f.store, send, f.opts)
	require.NoError(t, err)
	require.NoError(t, f.asker.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, f.asker.Stop(context.Background())) })
}

func (f *fixture) propose(t *testing.T, key, title string) *approval.Request {
	t.Helper()
	r, err := f.Propose(t.Context(), thanks{title}, approval.Proposal{
		Key: key, Location: "gid://shopify/Location/1", Amount: approval.Money{Amount: "612.50", Currency: "USD"},
		Proposer: approval.Principal{ID: "model", Name: "Assistant", Type: approval.AI},
		Evidence: []approval.Evidence{{Label: "Customer", Text: "secret-of-the-customer"}},
	})
	require.NoError(t, err)
	return r
}

func (f *fixture) gets(t *testing.T, to ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(f.post.got()) >= len(to) }, patience, 5*time.Millisecond)
	assert.Equal(t, to, f.post.got())
}

var askManager = approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "above 500.00")})

func TestAsksWhoCanDecide(t *testing.T) {
	f := newFixture(t, askManager)
	f.start(t)
	r := f.propose(t, "1", "Thank the\u2028\u0085Bcc: all@example.com customer "+strings.Repeat("é", 60))
	f.gets(t, "mia@example.com")
	f.post.mu.Lock()
	m, body := f.post.mails[0], f.post.bodies[0]
	f.post.mu.Unlock()
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(subject, "Please decide: Thank the Bcc: all@example.com customer é"), subject)
	assert.Empty(t, m.Header.Get("Bcc"), "a title makes no header")
	assert.Equal(t, "auto-generated", m.Header.Get("Auto-Submitted"))
	text, err := io.ReadAll(quoted(m, body))
	require.NoError(t, err)
	assert.Contains(t, string(text), "Why you are asked: above 500.00")
	assert.Contains(t, string(text), "At stake: 612.50 USD")
	assert.Contains(t, string(text), "Where: Main Street")
	assert.Contains(t, string(text), "https://pos.example.com/approvals/sign-in?for=manager&next=requests/"+r.ID)
	assert.NotContains(t, string(text), "secret-of-the-customer")
	assert.NotContains(t, string(text), "what the customer reads")
}

// quoted decodes the body as its header says.
func quoted(m *netmail.Message, body string) io.Reader {
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		return quotedprintable.NewReader(strings.NewReader(body))
	}
	return strings.NewReader(body)
}

func TestNobodyIsAskedTwice(t *testing.T) {
	f := newFixture(t, askManager)
	f.start(t)
	f.propose(t, "1", "First")
	f.gets(t, "mia@example.com")
	require.NoError(t, f.asker.Stop(t.Context()))
	f.start(t) // as after a restart
	second, err := mail.New(f.Queue, f.store, f.smtp.Sender(), f.opts)
	require.NoError(t, err)
	require.NoError(t, second.Start(t.Context())) // and another process
	t.Cleanup(func() { assert.NoError(t, second.Stop(context.Background())) })
	f.propose(t, "2", "Second")
	f.gets(t, "mia@example.com", "mia@example.com")
	f.propose(t, "3", "Third")
	f.gets(t, "mia@example.com", "mia@example.com", "mia@example.com")
}

func TestAServerThatRefusesForAWhile(t *testing.T) {
	f := newFixture(t, askManager)
	f.post.refuse = 3
	f.start(t)
	f.propose(t, "1", "First")
	f.gets(t, "mia@example.com")
}

func TestEscalationAsksMore(t *testing.T) {
	f := newFixture(t, approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "").WithEscalation(
		approval.Escalation{After: 300 * time.Millisecond, Need: approval.Role("boss")})}))
	f.start(t)
	f.propose(t, "1", "First")
	f.gets(t, "mia@example.com", "bo@example.com")
}

func TestWhatIsSettledIsNotAsked(t *testing.T) {
	f := newFixture(t, askManager)
	r := f.propose(t, "1", "First")
	_, err := f.Decide(t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Reject, By: manager})
	require.NoError(t, err)
	f.start(t)
	f.propose(t, "2", "Second")
	f.gets(t, "mia@example.com")
	f.post.mu.Lock()
	defer f.post.mu.Unlock()
	assert.Contains(t, f.post.mails[0].Header.Get("Subject"), "Second")
}

func TestErrorsNameNobody(t *testing.T) {
	p, server := startServer(t)
	p.refuse = 1
	err := server.Sender()(t.Context(), mail.Message{To: "mia@example.com", Subject: "s", Text: "t"})
	_, ok := errors.AsType[*mail.SendError](err)
	require.True(t, ok, "%v", err)
	assert.NotContains(t, err.Error(), "mia")
	err = server.Sender()(t.Context(), mail.Message{To: "mia@example.com\r\nRCPT TO:<eve@example.com>", Subject: "s", Text: "t"})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "mia")
	assert.Empty(t, p.got())

	server.Plaintext = false // the server has no TLS
	require.Error(t, server.Sender()(t.Context(), mail.Message{To: "mia@example.com", Subject: "s", Text: "t"}))
	assert.Empty(t, p.got(), "nothing is sent unencrypted by accident")
}

func TestAServerPrintsWithoutItsPassword(t *testing.T) {
	const secret = "correct-horse-battery"
	server := mail.SMTP{Host: "mail.example.com", User: "approvals", Password: secret}
	secrettest.CheckSelf(t, secret, server, &server)
	assert.Equal(t, "[SMTP server] [SMTP server]", fmt.Sprintf("%v %d", server, &server))
}

func TestNewRefuses(t *testing.T) {
	f := newFixture(t, askManager)
	_, err := mail.New(f.Queue, f.store, f.smtp.Sender(), nil)
	require.Error(t, err)
	_, err = mail.New(nil, f.store, f.smtp.Sender(), f.opts)
	require.Error(t, err)
	f.opts.RetryMin = -1
	_, err = mail.New(f.Queue, f.store, f.smtp.Sender(), f.opts)
	require.Error(t, err)
}
