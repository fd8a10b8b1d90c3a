//go:build unix

package testpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// cluster is a database cluster in a temporary folder.
type cluster struct {
	dir, bin, port string
	cred           *syscall.Credential
	settings       []string

	keeper *exec.Cmd
	stdin  io.WriteCloser // of the keeper; kept, because the keeper ends when it is closed
}

// start makes a database cluster and runs a server on it.
func start() (running, error) {
	c, err := newCluster("fsync=off", "full_page_writes=off")
	if err != nil {
		return running{}, err
	}
	return running{url: c.url(), keeper: c}, nil
}

// newCluster makes a cluster and runs a server on it.
func newCluster(settings ...string) (*cluster, error) {
	c := &cluster{settings: settings}
	var err error
	if c.bin, err = binaries(); err != nil {
		return nil, err
	}
	if c.cred, err = credential(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "testpg"); err != nil {
		return nil, err
	}
	if c.cred != nil {
		err = os.Chown(c.dir, int(c.cred.Uid), int(c.cred.Gid))
	}
	if err == nil {
		err = c.initdb()
	}
	if err == nil {
		err = c.runSomewhere()
	}
	if err != nil {
		_ = os.RemoveAll(c.dir)
		return nil, err
	}
	return c, nil
}

func (c *cluster) url() string {
	return "postgres://posai@127.0.0.1:" + c.port + "/postgres?sslmode=disable"
}

func (c *cluster) initdb() error {
	initdb := exec.Command(filepath.Join(c.bin, "initdb"), "-D", filepath.Join(c.dir, "data"), "-U", "posai", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir = c.dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: c.cred}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// runSomewhere runs a server at a port that is free, and stays so.
func (c *cluster) runSomewhere() (err error) {
	for range 10 {
		if c.port, err = freePort(); err != nil {
			return err
		}
		if err = c.run(); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// run starts the server. A shell stays beside it as its keeper: it ends when
// this process does, however it does, and takes server and folder with it.
func (c *cluster) run() error {
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	// The keeper's standard input is a pipe that only we hold: the kernel
	// closes it when we are gone, and "read" returns.
	const script = `"$@" & pid=$!; read order; kill -QUIT $pid; wait $pid; [ "$order" = stop ] || rm -rf "$PWD"`
	args := []string{
		"-c", script, "keeper", filepath.Join(c.bin, "postgres"), "-D", filepath.Join(c.dir, "data"),
		"-c", "listen_addresses=127.0.0.1", "-c", "port=" + c.port, "-c", "unix_socket_directories=",
		"-c", "max_connections=200", "-c", "shared_buffers=64MB", "-c", "timezone=UTC",
	}
	for _, s := range c.settings {
		args = append(args, "-c", s)
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.cred, Setpgid: true}
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.keeper = cmd
	if err := c.ready(log.Name()); err != nil {
		text, _ := os.ReadFile(log.Name())
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		return fmt.Errorf("the server does not answer: %w\n%s", err, text)
	}
	return nil
}

// errPortTaken says that another program listens where the server was to.
var errPortTaken = errors.New("the port is taken")

// ready waits until the server answers: this one, and not one of another process
// that was quicker to take the port.
func (c *cluster) ready(log string) error {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		dir, err := dataDirectory(c.url())
		switch {
		case err == nil && dir == filepath.Join(c.dir, "data"):
			return nil
		case err == nil:
			return errPortTaken
		}
		if text, _ := os.ReadFile(log); strings.Contains(string(text), "could not create any TCP/IP sockets") {
			return errPortTaken
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// dataDirectory asks the server at a URL where its data is.
func dataDirectory(url string) (dir string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	err = conn.QueryRow(ctx, `SHOW data_directory`).Scan(&dir)
	return dir, errors.Join(err, conn.Close(ctx))
}

// stop ends the server at once, without a shutdown: what it was about to
// answer is never answered.
func (c *cluster) stop() error {
	_, err := io.WriteString(c.stdin, "stop\n")
	_ = c.keeper.Wait() // with the status of the server
	return err
}

// remove ends the server and removes its folder.
func (c *cluster) remove() error {
	err := c.stdin.Close()
	_ = c.keeper.Wait()
	return errors.Join(err, os.RemoveAll(c.dir))
}

// binaries returns the folder of initdb and postgres, newest version first.
func binaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	for _, dir := range append(dirs, filepath.SplitList(os.Getenv("PATH"))...) {
		_, err1 := os.Stat(filepath.Join(dir, "initdb"))
		_, err2 := os.Stat(filepath.Join(dir, "postgres"))
		if err1 == nil && err2 == nil {
			return dir, nil
		}
	}
	return "", errors.New("POSAI_TEST_POSTGRES is not set, and initdb is neither in /usr/lib/postgresql/*/bin nor in PATH")
}

func version(dir string) int {
	n, _ := strconv.Atoi(strings.Split(dir, "/")[4])
	return n
}

// credential is whom the server runs as: PostgreSQL refuses to run as root.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

// freePort returns a port that nobody listens at. It is below those that systems
// give to outgoing connections and to listeners without a wish: a server that is
// restarted finds its port free.
func freePort() (port string, err error) {
	for range 100 {
		port = strconv.Itoa(10_000 + rand.IntN(20_000))
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			return port, l.Close()
		}
	}
	return "", err
}
