package testpg

import "testing"

// Server is a PostgreSQL server of the test's own, which the test may stop and
// start.
type Server struct{ cluster *cluster }

// NewServer starts a server that waits for the disk at each commit, unless
// settings, such as "fsync=off", say otherwise. It is stopped when the test
// ends. Where PostgreSQL is not on the machine the test is skipped, as by
// [URL].
func NewServer(t testing.TB, settings ...string) *Server {
	t.Helper()
	c, err := newCluster(settings...)
	skip(t, err)
	t.Cleanup(func() {
		if err := c.remove(); err != nil {
			t.Errorf("remove the test's PostgreSQL server: %v", err)
		}
	})
	return &Server{c}
}

// URL returns the URL of a fresh, empty database. The server must run when the
// test ends, so that it can be dropped.
func (s *Server) URL(t testing.TB) string {
	t.Helper()
	return fresh(t, s.cluster.url())
}

// Stop ends the server at once, as a crash of it would.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.cluster.stop(); err != nil {
		t.Fatalf("stop the test's PostgreSQL server: %v", err)
	}
}

// Start starts the server again, at the same address, with what it had
// committed.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.cluster.run(); err != nil {
		t.Fatalf("start the test's PostgreSQL server: %v", err)
	}
}
