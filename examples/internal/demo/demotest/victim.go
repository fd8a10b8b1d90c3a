package demotest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// Victim is an example's service in a process of its own, to be killed at any
// moment. It keeps its address and its folder over all starts.
type Victim struct {
	Dir   string // of the service's data
	Kills int

	t            *testing.T
	sim          *shopifytest.Shop
	binary, addr string
	args         []string
	process      *exec.Cmd
	log          *strings.Builder // of the process
}

// NewVictim builds the program in the current folder, which works for sim and
// is given args beside. The test's end kills it.
func NewVictim(t *testing.T, sim *shopifytest.Shop, args ...string) *Victim {
	t.Helper()
	v := &Victim{Dir: t.TempDir(), t: t, sim: sim, addr: freeAddr(t), args: args}
	v.binary = filepath.Join(t.TempDir(), "service.exe")
	out, err := exec.Command("go", "build", "-o", v.binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(v.Kill)
	return v
}

// URL is where the service listens, without a slash at the end.
func (v *Victim) URL() string { return "http://" + v.addr }

// Start returns when the service answers.
func (v *Victim) Start() {
	args := append([]string{
		"-serve", "-shop", v.sim.Domain(), "-shop-url", v.sim.URL(),
		"-public-url", v.URL(), "-addr", v.addr, "-data", v.Dir,
	}, v.args...)
	v.process = exec.Command(v.binary, args...)
	v.process.Env = append(os.Environ(), "POSAI_TOKEN="+v.sim.Token(), "POSAI_SECRET="+v.sim.Secret())
	v.log = &strings.Builder{}
	v.process.Stderr, v.process.Stdout = v.log, v.log
	require.NoError(v.t, v.process.Start())
	client := &http.Client{Timeout: 10 * time.Second}
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		resp, err := client.Get(v.URL() + "/healthz")
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	v.Kill()
	require.FailNow(v.t, "the service did not come up", "%s", v.log)
}

// Kill ends the process without warning.
func (v *Victim) Kill() {
	if v.process != nil {
		v.Kills++
		_ = v.process.Process.Kill()
		_ = v.process.Wait()
		v.process = nil
	}
}

// Stop ends the process as Ctrl-C does, and checks that it ends well.
func (v *Victim) Stop() {
	require.NoError(v.t, v.process.Process.Signal(os.Interrupt))
	assert.NoError(v.t, v.process.Wait(), "an interrupted service ends well: %s", v.log)
	v.process = nil
}

// freeAddr is an address that nobody has, below the ports that systems give to whoever
// asks for any: while the service is dead nobody else gets it.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 20_000+rand.IntN(10_000)))
		if err == nil {
			defer func() { _ = l.Close() }()
			return l.Addr().String()
		}
	}
	require.FailNow(t, "no free port")
	return ""
}
