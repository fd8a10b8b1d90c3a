package audittest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/mldsa"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/posai-go/posai/audit"
)

// Witness is a witness (https://c2sp.org/tlog-witness) as an [http.Handler] that
// remembers in memory what it has cosigned. It is safe for concurrent use.
type Witness struct {
	name  string
	logs  note.Verifiers
	keys  []cosigner
	mu    sync.Mutex
	known map[string]audit.Checkpoint // latest cosigned, by origin
	fault func(http.ResponseWriter, *http.Request) bool
}

type cosigner struct {
	vkey string
	id   [4]byte
	sign func(c audit.Checkpoint, text []byte, at uint64) []byte
}

// NewWitness returns a witness with a new Ed25519 key and a new ML-DSA-44 key
// that knows the logs by their keys.
func NewWitness(t testing.TB, name string, logs note.Verifiers) *Witness {
	t.Helper()
	w := &Witness{name: name, logs: logs, known: map[string]audit.Checkpoint{}}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	w.add(0x04, public, func(_ audit.Checkpoint, text []byte, at uint64) []byte {
		return ed25519.Sign(private, append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), text...))
	})
	quantum, err := mldsa.GenerateKey(mldsa.MLDSA44())
	require.NoError(t, err)
	w.add(0x06, quantum.PublicKey().Bytes(), func(c audit.Checkpoint, _ []byte, at uint64) []byte {
		b := []byte("subtree/v1\n\x00")
		b = append(append(b, byte(len(name))), name...)
		b = binary.BigEndian.AppendUint64(b, at)
		b = append(append(b, byte(len(c.Origin))), c.Origin...)
		b = append(b, make([]byte, 8)...)
		b = binary.BigEndian.AppendUint64(b, uint64(c.Size))
		sig, err := quantum.Sign(nil, append(b, c.Root[:]...), nil)
		require.NoError(t, err)
		return sig
	})
	return w
}

func (w *Witness) add(alg byte, public []byte, sign func(audit.Checkpoint, []byte, uint64) []byte) {
	key := append([]byte{alg}, public...)
	sum := sha256.Sum256(append([]byte(w.name+"\n"), key...))
	w.keys = append(w.keys, cosigner{
		vkey: fmt.Sprintf("%s+%x+%s", w.name, sum[:4], base64.StdEncoding.EncodeToString(key)),
		id:   [4]byte(sum[:4]), sign: sign,
	})
}

// Ed25519Key returns the verifier key of the witness's Ed25519 cosignatures.
func (w *Witness) Ed25519Key() string { return w.keys[0].vkey }

// MLDSAKey returns the verifier key of the witness's ML-DSA-44 cosignatures.
func (w *Witness) MLDSAKey() string { return w.keys[1].vkey }

// Size returns the number of entries that the witness has cosigned last.
func (w *Witness) Size(origin string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known[origin].Size
}

// SetFault makes fault see each request first; where it returns true, it has
// answered. nil ends that.
func (w *Witness) SetFault(fault func(http.ResponseWriter, *http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = fault
}

// ServeHTTP answers add-checkpoint.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	fault := w.fault
	w.mu.Unlock()
	if fault != nil && fault(rw, r) {
		return
	}
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/add-checkpoint") {
		http.NotFound(rw, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, 64<<10))
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	status, contentType, answer := w.addCheckpoint(string(body))
	if contentType != "" {
		rw.Header().Set("Content-Type", contentType)
	}
	rw.WriteHeader(status)
	_, _ = rw.Write(answer)
}

func (w *Witness) addCheckpoint(body string) (status int, contentType string, answer []byte) {
	head, msg, ok := strings.Cut(body, "\n\n")
	lines := strings.Split(head, "\n")
	number, isOld := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(number, 10, 64)
	if !ok || !isOld || err != nil || old < 0 || strconv.FormatInt(old, 10) != number || len(lines) > 64 {
		return http.StatusBadRequest, "", nil
	}
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return http.StatusBadRequest, "", nil
		}
		proof = append(proof, h)
	}
	claimed, err := audit.UnverifiedCheckpoint([]byte(msg))
	if err != nil {
		return http.StatusBadRequest, "", nil
	}
	c, err := audit.ParseCheckpoint([]byte(msg), w.logs)
	if err != nil {
		return http.StatusForbidden, "", nil
	}
	if old > claimed.Size {
		return http.StatusBadRequest, "", nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.known[c.Origin]
	switch {
	case old != last.Size:
		return http.StatusConflict, "text/x.tlog.size", fmt.Appendf(nil, "%d\n", last.Size)
	case old == c.Size && old > 0 && c.Root != last.Root:
		return http.StatusConflict, "", nil
	case old == 0 && len(proof) > 0,
		old > 0 && old < c.Size && tlog.CheckTree(proof, c.Size, c.Root, old, last.Root) != nil:
		return http.StatusUnprocessableEntity, "", nil
	}
	w.known[c.Origin] = c
	return http.StatusOK, "", w.cosign(c, []byte(msg))
}

func (w *Witness) cosign(c audit.Checkpoint, msg []byte) []byte {
	text, _, _ := bytes.Cut(msg, []byte("\n\n"))
	at := uint64(time.Now().Unix())
	var out []byte
	for _, k := range w.keys {
		sig := binary.BigEndian.AppendUint64(bytes.Clone(k.id[:]), at)
		sig = append(sig, k.sign(c, append(bytes.Clone(text), '\n'), at)...)
		out = fmt.Appendf(out, "— %s %s\n", w.name, base64.StdEncoding.EncodeToString(sig))
	}
	return out
}
