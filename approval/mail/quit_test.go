package mail_test

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval/mail"
)

// listen answers each line of whoever connects, until answer says to hang up.
func listen(t *testing.T, answer func(line string) (reply string, more bool)) mail.SMTP {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { assert.NoError(t, listener.Close()); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			hangUp := context.AfterFunc(t.Context(), func() { _ = conn.Close() })
			_, _ = conn.Write([]byte("220 ready\r\n"))
			lines := bufio.NewScanner(conn)
			for more := true; more && lines.Scan(); {
				var reply string
				if reply, more = answer(lines.Text()); reply != "" {
					_, _ = conn.Write([]byte(reply + "\r\n"))
				}
			}
			hangUp()
			_ = conn.Close()
		}
	}()
	return mail.SMTP{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "approvals@example.com", Plaintext: true, Timeout: patience}
}

// A mail that the server took is sent, also where it hears nothing more.
func TestAServerThatHangsUpOnceItHasTheMail(t *testing.T) {
	inside, taken := false, 0
	server := listen(t, func(line string) (string, bool) {
		switch {
		case inside && line == ".":
			inside = false
			taken++
			return "250 taken", false
		case inside:
			return "", true
		case strings.HasPrefix(line, "DATA"):
			inside = true
			return "354 go on", true
		}
		return "250 fine", true
	})
	require.NoError(t, server.Sender()(t.Context(), mail.Message{To: "mia@example.com", Subject: "s", Text: "t"}))
	assert.Equal(t, 1, taken)
}

// What the caller gives a mail bounds it, also where the server falls silent.
func TestAServerThatFallsSilent(t *testing.T) {
	server := listen(t, func(line string) (string, bool) {
		if strings.HasPrefix(line, "MAIL") {
			return "", true
		}
		return "250 fine", true
	})
	server.Timeout = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- server.Sender()(ctx, mail.Message{To: "mia@example.com", Subject: "s", Text: "t"}) }()
	select {
	case err := <-sent:
		require.Error(t, err)
	case <-time.After(patience):
		t.Error("nobody bounds it")
	}
}
